/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "list/nominate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <guard.h>

static const struct {
    const char *name, *line;
    int got;
    const char *ip, *source, *reason;
    enum list_witness witness;
    int64_t wall;
} lines[] = {
    {"the gate's",
     "{\"type\":\"nomination\",\"time\":\"2026-03-01T12:00:00Z\",\"wall\":1772366400,"
     "\"ip\":\"192.0.2.1\",\"source\":\"gate\",\"reason\":\"relay-attempt\",\"session\":\"x\","
     "\"helo\":\"\\\\x00\",\"mail\":\"<>\",\"rcpt\":\"<a@b>\",\"count\":3}",
     LIST_NOMINATION, "192.0.2.1", "gate", "relay-attempt", LIST_WITNESS_OWN, 1772366400},
    {"the tracer's, seen by others only",
     "{\"type\":\"nomination\",\"ip\":\"2001:db8::1\",\"source\":\"trace\",\"reason\":\"relayed\","
     "\"witness\":\"chain\"}",
     LIST_NOMINATION, "2001:db8::1", "trace", "relayed", LIST_WITNESS_CHAIN, 0},
    {"the tracer's, seen by its own",
     "{\"ip\":\"::ffff:192.0.2.9\",\"source\":\"trace\",\"witness\":\"own\"}", LIST_NOMINATION,
     "192.0.2.9", "trace", "nominated", LIST_WITNESS_OWN, 0},
    {"somebody's, the least", "{\"ip\":\"192.0.2.1\"}", LIST_NOMINATION, "192.0.2.1", "file",
     "nominated", LIST_WITNESS_UNTOLD, 0},
    {"words that are none", "{\"ip\":\"192.0.2.1\",\"source\":\"a b\",\"reason\":7,\"wall\":-5}",
     LIST_NOMINATION, "192.0.2.1", "file", "nominated", LIST_WITNESS_UNTOLD, 0},
    {"of another type", "{\"type\":\"verdict\",\"ip\":\"192.0.2.1\"}", LIST_NOMINATION_OTHER, NULL,
     NULL, NULL, 0, 0},
    {"no address", "{\"type\":\"nomination\"}", LIST_NOMINATION_BAD, NULL, NULL, NULL, 0, 0},
    {"a name for an address", "{\"ip\":\"mail.example\"}", LIST_NOMINATION_BAD, NULL, NULL, NULL, 0,
     0},
    {"a network", "{\"ip\":\"192.0.2.0/24\"}", LIST_NOMINATION_BAD, NULL, NULL, NULL, 0, 0},
    {"an address twice", "{\"ip\":\"192.0.2.1\",\"ip\":\"192.0.2.2\"}", LIST_NOMINATION_BAD, NULL,
     NULL, NULL, 0, 0},
    {"an array", "[1]", LIST_NOMINATION_BAD, NULL, NULL, NULL, 0, 0},
    {"cut off", "{\"ip\":\"192.0.2.1\"", LIST_NOMINATION_BAD, NULL, NULL, NULL, 0, 0},
    {"nothing", "", LIST_NOMINATION_BAD, NULL, NULL, NULL, 0, 0},
};

static void each(void **state)
{
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct guard g = {0};
        struct list_nomination n;
        char ip[IP_TEXT_MAX];
        const char *why;

        if (list_nomination_read(guard_span(&g, span_str(lines[i].line)), &n, &why) != lines[i].got)
            fail_msg("%s: %s", lines[i].name, why);
        if (lines[i].got == LIST_NOMINATION) {
            assert_string_equal(ip_text(n.ip, ip), lines[i].ip);
            assert_string_equal(n.source, lines[i].source);
            assert_string_equal(n.reason, lines[i].reason);
            assert_int_equal(n.witness, lines[i].witness);
            assert_int_equal(n.wall, lines[i].wall);
            assert_int_equal(n.text.n, strlen(lines[i].line));
        }
        guard_free(&g);
    }
}

static void too_long(void **state)
{
    static const char head[] = "{\"ip\":\"192.0.2.1\",\"x\":\"";
    char *text = malloc(LIST_LINE_MAX + 1);
    struct list_nomination n;
    const char *why;

    memset(text, 'x', LIST_LINE_MAX + 1);
    memcpy(text, head, sizeof(head) - 1);
    memcpy(text + LIST_LINE_MAX - 2, "\"}", 2);
    assert_int_equal(list_nomination_read(span_of(text, LIST_LINE_MAX), &n, &why), LIST_NOMINATION);
    memcpy(text + LIST_LINE_MAX - 2, "x\"}", 3);
    assert_int_equal(list_nomination_read(span_of(text, LIST_LINE_MAX + 1), &n, &why),
                     LIST_NOMINATION_BAD);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each),
        cmocka_unit_test(too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
