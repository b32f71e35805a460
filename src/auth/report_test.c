/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/report.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define REST "\"login\":\"joe\",\"protocol\":\"imap\",\"remote\":\"192.0.2.7\""

static const struct {
    const char *name, *json;
    enum auth_report_got got;
} reports[] = {
    {"dovecot 2.3",
     "{\"device_id\":\"\",\"login\":\"joe\",\"protocol\":\"imap\",\"pwhash\":\"00\",\"remote\":"
     "\"192.0.2.7\",\"tls\":false,\"success\":true,\"policy_reject\":false}",
     AUTH_REPORT_GRANT},
    {"no policy_reject", "{\"success\":true," REST "}", AUTH_REPORT_GRANT},
    {"pop3", "{\"success\":true,\"login\":\"joe\",\"protocol\":\"pop3\",\"remote\":\"192.0.2.7\"}",
     AUTH_REPORT_GRANT},
    {"more than we know", "{\"success\":true,\"x\":{\"y\":[1,2]}," REST "}", AUTH_REPORT_GRANT},
    {"failed", "{\"success\":false," REST "}", AUTH_REPORT_NOTHING},
    {"refused by a policy", "{\"success\":true,\"policy_reject\":true," REST "}",
     AUTH_REPORT_NOTHING},
    {"refused in another way", "{\"success\":true,\"policy_reject\":1," REST "}",
     AUTH_REPORT_NOTHING},
    {"allow", "{" REST "}", AUTH_REPORT_NOTHING},
    {"empty", "{}", AUTH_REPORT_NOTHING},
    {"smtp", "{\"success\":true,\"login\":\"joe\",\"protocol\":\"smtp\",\"remote\":\"192.0.2.7\"}",
     AUTH_REPORT_NOTHING},
    {"no protocol", "{\"success\":true,\"login\":\"joe\",\"remote\":\"192.0.2.7\"}",
     AUTH_REPORT_NOTHING},
    {"a long protocol",
     "{\"success\":true,\"login\":\"joe\",\"protocol\":\"imapimapimapimap\",\"remote\":"
     "\"192.0.2.7\"}",
     AUTH_REPORT_NOTHING},
    {"success by number", "{\"success\":1," REST "}", AUTH_REPORT_BAD},
    {"success by word", "{\"success\":\"true\"," REST "}", AUTH_REPORT_BAD},
    {"success twice", "{\"success\":false,\"success\":true," REST "}", AUTH_REPORT_BAD},
    {"no remote", "{\"success\":true,\"login\":\"joe\",\"protocol\":\"imap\"}", AUTH_REPORT_BAD},
    {"a network",
     "{\"success\":true,\"login\":\"joe\",\"protocol\":\"imap\",\"remote\":\"192.0.2.0/24\"}",
     AUTH_REPORT_BAD},
    {"no login", "{\"success\":true,\"protocol\":\"imap\",\"remote\":\"192.0.2.7\"}",
     AUTH_REPORT_BAD},
    {"a line end in the login",
     "{\"success\":true,\"login\":\"a\\nb\",\"protocol\":\"imap\",\"remote\":\"192.0.2.7\"}",
     AUTH_REPORT_BAD},
    {"a NUL in the login",
     "{\"success\":true,\"login\":\"a\\u0000b\",\"protocol\":\"imap\",\"remote\":\"192.0.2.7\"}",
     AUTH_REPORT_BAD},
    {"an array", "[{\"success\":true," REST "}]", AUTH_REPORT_BAD},
    {"no JSON", "login=joe", AUTH_REPORT_BAD},
    {"nothing", "", AUTH_REPORT_BAD},
    {"something behind", "{\"success\":true," REST "}x", AUTH_REPORT_BAD},
};

static void test_reports(void **state)
{
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++) {
        struct auth_report r;
        enum auth_report_got got = auth_report_read(guard_str(&g, reports[i].json), &r);
        char ip[IP_TEXT_MAX];

        if (got != reports[i].got)
            fail_msg("%s: %d %s", reports[i].name, got, r.why);
        if (got == AUTH_REPORT_GRANT &&
            (strcmp(r.login, "joe") || strcmp(ip_text(r.ip, ip), "192.0.2.7")))
            fail_msg("%s: %s %s", reports[i].name, r.login, ip_text(r.ip, ip));
        assert_int_equal(got == AUTH_REPORT_GRANT, r.why[0] == '\0');
    }
    guard_free(&g);
}

#define EVENT(fields) "{\"event\":\"auth_request_finished\",\"fields\":{" fields "}}"
#define WHO           "\"user\":\"joe\",\"remote_ip\":\"192.0.2.7\""

static const struct {
    const char *name, *json;
    enum auth_report_got got;
} events[] = {
    {"dovecot 2.3",
     "{\"event\":\"auth_request_finished\",\"hostname\":\"imap\",\"start_time\":"
     "\"2026-11-21T18:26:03.841914Z\",\"end_time\":\"2026-11-21T18:26:03.842103Z\","
     "\"categories\":[\"service:auth\",\"auth\"],\"fields\":{\"duration\":139,\"success\":"
     "\"yes\",\"policy_result\":\"ok\",\"mechanism\":\"PLAIN\",\"transport\":\"trusted\","
     "\"service\":\"imap\",\"session\":\"OZ1Nfs1gTMV/AAAB\",\"local_ip\":\"192.0.2.1\","
     "\"real_local_ip\":\"192.0.2.1\",\"remote_ip\":\"192.0.2.7\",\"real_remote_ip\":"
     "\"192.0.2.8\",\"local_port\":143,\"remote_port\":50508,\"original_user\":\"Joe\","
     "\"user\":\"joe\",\"translated_user\":\"joe\"}}",
     AUTH_REPORT_GRANT},
    {"the same of 2.4", EVENT("\"success\":\"yes\",\"protocol\":\"pop3\"," WHO), AUTH_REPORT_GRANT},
    {"another event",
     "{\"event\":\"auth_passdb_request_finished\",\"fields\":{\"success\":\"yes\",\"service\":"
     "\"imap\"," WHO "}}",
     AUTH_REPORT_NOTHING},
    {"failed", EVENT("\"service\":\"imap\"," WHO), AUTH_REPORT_NOTHING},
    {"failed in a word", EVENT("\"success\":\"no\",\"service\":\"imap\"," WHO),
     AUTH_REPORT_NOTHING},
    {"success, but true", EVENT("\"success\":true,\"service\":\"imap\"," WHO), AUTH_REPORT_NOTHING},
    {"refused by a policy",
     EVENT("\"success\":\"yes\",\"policy_result\":\"disallowed\",\"service\":\"imap\"," WHO),
     AUTH_REPORT_NOTHING},
    {"for sending", EVENT("\"success\":\"yes\",\"service\":\"smtp\"," WHO), AUTH_REPORT_NOTHING},
    {"no service", EVENT("\"success\":\"yes\"," WHO), AUTH_REPORT_NOTHING},
    {"two services, one for sending",
     EVENT("\"success\":\"yes\",\"service\":\"smtp\",\"protocol\":\"imap\"," WHO),
     AUTH_REPORT_NOTHING},
    {"success twice", EVENT("\"success\":\"no\",\"success\":\"yes\",\"service\":\"imap\"," WHO),
     AUTH_REPORT_BAD},
    {"nobody", EVENT("\"success\":\"yes\",\"service\":\"imap\",\"remote_ip\":\"192.0.2.7\""),
     AUTH_REPORT_BAD},
    {"from nowhere", EVENT("\"success\":\"yes\",\"service\":\"imap\",\"user\":\"joe\""),
     AUTH_REPORT_BAD},
    {"from a Unix socket",
     EVENT("\"success\":\"yes\",\"service\":\"imap\",\"user\":\"joe\",\"remote_ip\":\"\""),
     AUTH_REPORT_BAD},
    {"no fields", "{\"event\":\"auth_request_finished\"}", AUTH_REPORT_BAD},
    {"fields that are none", "{\"event\":\"auth_request_finished\",\"fields\":[]}",
     AUTH_REPORT_BAD},
    {"a report in its place", "{\"success\":true," REST "}", AUTH_REPORT_BAD},
    {"an array", "[" EVENT("\"success\":\"yes\",\"service\":\"imap\"," WHO) "]", AUTH_REPORT_BAD},
    {"no JSON", "user=joe", AUTH_REPORT_BAD},
};

static void test_events(void **state)
{
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        struct auth_report r;
        char ip[IP_TEXT_MAX];

        if (auth_event_read(span_str(events[i].json), &r) != events[i].got)
            fail_msg("%s: %s", events[i].name, r.why);
        if (events[i].got != AUTH_REPORT_GRANT)
            continue;
        assert_string_equal(r.login, "joe");
        assert_string_equal(ip_text(r.ip, ip), "192.0.2.7");
    }
}

static void test_size(void **state)
{
    static char json[AUTH_REPORT_MAX + 1];
    static const char end[] = "\",\"success\":true," REST "}";
    struct auth_report r;

    for (size_t n = AUTH_REPORT_MAX; n <= AUTH_REPORT_MAX + 1; n++) {
        memset(json, 'x', sizeof(json));
        memcpy(json, "{\"a\":\"", 6);
        memcpy(json + n - (sizeof(end) - 1), end, sizeof(end) - 1);
        assert_int_equal(auth_report_read(span_of(json, n), &r),
                         n == AUTH_REPORT_MAX ? AUTH_REPORT_GRANT : AUTH_REPORT_BAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reports),
                                       cmocka_unit_test(test_events), cmocka_unit_test(test_size)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
