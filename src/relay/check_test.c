/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "relay/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct relay_fact fact(enum relay_fact_kind kind, const char *ip, const char *interface)
{
    struct relay_fact f = {.kind = kind};

    assert_true(ip_parse(span_str(ip), &f.ip));
    assert_true(span_copy(span_str(interface), f.interface, sizeof(f.interface)));
    return f;
}

/* Domains stand before the '|', networks behind it; each is a line. */
static struct relay_policy *policy_of(const char *text)
{
    struct relay_policy *p = relay_policy_new(NULL);
    struct span rest = span_str(text), domains, entry;
    struct relay_fault fault;
    unsigned line = 0;

    span_cut(&rest, '|', &domains);
    while (span_cut(&domains, ',', &entry) && entry.n)
        assert_int_equal(
            relay_policy_add_domain(p, entry, (struct relay_place){"c", ++line}, &fault), 0);
    while (span_cut(&rest, ',', &entry))
        assert_int_equal(
            relay_policy_add_network(p, entry, (struct relay_place){"c", ++line}, &fault), 0);
    return p;
}

static void check(struct relay_policy *p, const char *name, const char *want)
{
    const struct relay_fact facts[] = {
        fact(RELAY_FACT_GATEWAY, "192.0.2.1", "eth0"),
        fact(RELAY_FACT_GATEWAY, "fe80::1", "eth0"),
        fact(RELAY_FACT_BRIDGE, "172.17.0.1", "docker0"),
        fact(RELAY_FACT_ADDRESS, "198.51.100.25", "eth0"),
    };
    struct buf got = BUF_INIT(2000);
    struct relay_findings found;

    assert_int_equal(relay_policy_seal(p), 0);
    assert_int_equal(relay_check(p, facts, sizeof(facts) / sizeof(facts[0]), &found), 0);
    for (size_t i = 0; i < found.count; i++) {
        buf_addf(&got, "%s%u %s", i ? "; " : "", found.v[i].place.line,
                 relay_finding_name(found.v[i].kind));
        assert_true(strlen(found.v[i].text) > 20);
        assert_true(strlen(found.v[i].text) < sizeof(found.v[i].text) - 1);
    }
    if (strcmp(buf_str(&got), want) != 0)
        fail_msg("%s: %s", name, buf_str(&got));
    relay_findings_deinit(&found);
    relay_findings_deinit(&found);
    buf_deinit(&got);
    relay_policy_free(&p);
}

static void test_settings(void **state)
{
    static const struct {
        const char *policy, *want;
    } cases[] = {
        {"a.example|198.51.100.0/24", ""},
        {"a.example|0.0.0.0/0", "2 world; 2 gateway; 2 bridge"},
        {"a.example|0.0.0.0/0 deliberate", ""},
        {"a.example|::/0", "2 world; 2 gateway"},
        {"a.example|::/0 deliberate", ""},
        {"|203.0.0.0/16", ""},
        {"|203.0.0.0/15", "1 wide"},
        {"|203.0.0.0/15 deliberate", ""},
        {"|2001:db8::/32", ""},
        {"|2001:db8::/31", "1 wide"},
        {"|10.0.0.0/8,192.168.0.0/16,127.0.0.0/8,::1,fd00::/8", ""},
        {"|172.16.0.0/12", "1 bridge"},
        {"|8.0.0.0/7", "1 wide"},
        {"|172.17.0.0/16", "1 bridge"},
        {"|172.17.0.1", "1 bridge"},
        {"|!172.17.0.1,172.17.0.0/16", ""},
        {"|172.17.0.0/16,!172.17.0.1", ""},
        {"|172.17.0.0/16 deliberate", ""},
        {"|192.0.2.0/24", "1 gateway"},
        {"|192.0.2.0/24,!192.0.2.1", ""},
        {"|fe80::/64", "1 gateway"},
        {"|198.51.100.25", ""},
        {"*", "1 every-domain"},
        {".", "1 every-domain"},
        {"* deliberate", ""},
        {".example", "1 top-domain"},
        {"example", ""},
        {".a.example", ""},
        {"a.example,*,.org|0.0.0.0/0",
         "2 every-domain; 3 top-domain; 4 world; 4 gateway; 4 bridge"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check(policy_of(cases[i].policy), cases[i].policy, cases[i].want);
}

static void test_files(void **state)
{
    static const struct {
        enum relay_read kind;
        const char *text, *want;
    } cases[] = {
        {RELAY_READ_TCPRULES, "10.:allow,RELAYCLIENT=\"\"\n:allow\n", ""},
        {RELAY_READ_TCPRULES, "10.:allow,RELAYCLIENT=\"\"\n:allow,RELAYCLIENT=\"\"\n",
         "2 world; 2 gateway; 2 bridge"},
        {RELAY_READ_TCPRULES, "0-255.:allow,RELAYCLIENT=\"\"\n", "1 world; 1 gateway; 1 bridge"},
        {RELAY_READ_TCPRULES, "1-126.:allow,RELAYCLIENT=\"\"\n", "1 wide"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: ALL: setenv = RELAYCLIENT\n",
         "1 world; 1 gateway; 1 bridge"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: ALL EXCEPT 10. : setenv = RELAYCLIENT\n",
         "1 world; 1 wide; 1 gateway; 1 bridge"},
        {RELAY_READ_HOSTS_ALLOW, "tcp-env: ALL: deny\ntcp-env: ALL: setenv = RELAYCLIENT\n", ""},
        {RELAY_READ_ACCESS, "Connect:0 RELAY\nConnect:11 RELAY\n", "1 wide; 2 wide"},
        {RELAY_READ_ACCESS, "To:org RELAY\n", "1 top-domain"},
        {RELAY_READ_CIDR, "!10.0.0.0/8 RELAY\n", "1 world; 1 wide; 1 gateway; 1 bridge"},
        {RELAY_READ_CIDR, "0.0.0.0/0 OK\n", ""},
        {RELAY_READ_NETWORKS, "0.0.0.0/1\n128.0.0.0/1\n", "1 wide; 2 wide; 2 gateway; 2 bridge"},
        {RELAY_READ_RELAY_DOMAINS, "*\n", "1 every-domain"},
        {RELAY_READ_RELAY_DOMAINS, "com\n", "1 top-domain"},
        {RELAY_READ_RCPTHOSTS, "com\n", ""},
        {RELAY_READ_RCPTHOSTS, ".com\n.org deliberate\n", "1 top-domain"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct relay_policy *p = relay_policy_new(NULL);
        struct relay_fault fault = {0};

        if (relay_policy_read(p, cases[i].kind, span_str(cases[i].text), "c", &fault) != 0)
            fail_msg("%s: %u: %s", cases[i].text, fault.line, fault.why);
        check(p, cases[i].text, cases[i].want);
    }
}

/* So many of the widest, and one address more; what lies in others is not counted twice. */
static void test_total(void **state)
{
    for (unsigned extra = 0; extra < 3; extra++) {
        struct relay_policy *p = relay_policy_new(NULL);
        struct relay_fault fault;
        char text[40];

        for (unsigned i = 0; i < RELAY_WIDE_TOTAL; i++) {
            snprintf(text, sizeof(text), "44.%u.0.0/%d", i, RELAY_WIDE_V4);
            assert_int_equal(
                relay_policy_add_network(p, span_str(text), (struct relay_place){"c", 1}, &fault),
                0);
            snprintf(text, sizeof(text), "2a00:%x::/%d", i, RELAY_WIDE_V6);
            assert_int_equal(
                relay_policy_add_network(p, span_str(text), (struct relay_place){"c", 1}, &fault),
                0);
        }
        if (extra)
            assert_int_equal(
                relay_policy_add_network(p, span_str(extra == 1 ? "44.7.0.0/24" : "45.0.0.1"),
                                         (struct relay_place){"c", 9}, &fault),
                0);
        check(p, "total", extra == 2 ? "9 total" : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_total),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
