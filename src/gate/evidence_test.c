/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/evidence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_due(void **state)
{
    unsigned told = 0;

    for (unsigned i = 0; i <= 1000; i++)
        told += evidence_due(i);
    assert_int_equal(told, 10); /* 1, 2, 4 … 512 */
    assert_false(evidence_due(0));
    assert_true(evidence_due(1));
    assert_false(evidence_due(3));
}

static void test_line(void **state)
{
    struct evidence e = {.wall = 1772366400,
                         .reason = "relay-attempt",
                         .session = "a1b2",
                         .helo = SPAN_LIT("a\"b"),
                         .mail = SPAN_LIT("<\\x\r\n{>"),
                         .rcpt = SPAN_LIT("<\xff@c>"),
                         .count = 4};
    struct buf out = BUF_INIT(EVIDENCE_LINE_MAX);

    assert_true(ip_parse(SPAN_LIT("192.0.2.1"), &e.client));
    evidence_line(&e, &out);
    assert_int_equal(out.err, 0);
    assert_string_equal(
        buf_str(&out),
        "{\"type\":\"nomination\",\"time\":\"2026-03-01T12:00:00Z\",\"wall\":1772366400,"
        "\"ip\":\"192.0.2.1\",\"source\":\"gate\",\"reason\":\"relay-attempt\","
        "\"session\":\"a1b2\",\"helo\":\"a\\\"b\",\"mail\":\"<\\\\\\\\x\\\\r\\\\n{>\","
        "\"rcpt\":\"<\\\\xff@c>\",\"count\":4}\n");
    buf_deinit(&out);
}

/* The worst texts fit. */
static void test_longest(void **state)
{
    char bytes[2000] = "";
    struct span worst = span_of(bytes, sizeof(bytes));
    struct evidence e = {.wall = INT64_C(253402300799),
                         .reason = "relay-attempt",
                         .session = "x",
                         .helo = worst,
                         .mail = worst,
                         .rcpt = worst,
                         .count = 4000000000U};
    struct buf out = BUF_INIT(EVIDENCE_LINE_MAX);

    assert_true(ip_parse(SPAN_LIT("2001:db8:1111:2222:3333:4444:5555:6666"), &e.client));
    for (int c = 0; c < 256; c += 51) {
        memset(bytes, c, sizeof(bytes));
        buf_clear(&out);
        evidence_line(&e, &out);
        assert_int_equal(out.err, 0);
    }
    buf_deinit(&out);
}

static void test_files(void **state)
{
    static const struct {
        const char *name;
        bool stale;
    } cases[] = {
        {"2026-03-01.jsonl", false}, {"2026-01-31.jsonl", false}, {"2026-01-30.jsonl", true},
        {"2025-12-31.jsonl", true},  {"2030-01-01.jsonl", false}, {"notes.txt", false},
        {"2026-13-01.jsonl", false}, {"2020-01-01.json", false},  {"2020-01-01.jsonl~", false},
        {"2020x01-01.jsonl", false}, {"../../../../../x", false}, {"", false},
    };
    char name[EVIDENCE_NAME_MAX];

    evidence_file(1772366400, name);
    assert_string_equal(name, "2026-03-01.jsonl");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (evidence_stale(span_str(cases[i].name), 1772366400) != cases[i].stale)
            fail_msg("%s", cases[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_due), cmocka_unit_test(test_line),
                                       cmocka_unit_test(test_longest),
                                       cmocka_unit_test(test_files)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
