/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static json_t *doc(const char *text)
{
    json_t *d = json_loads(text, 0, NULL);

    assert_non_null(d);
    return d;
}

static int add(struct report_set *s, const char *text)
{
    json_t *d = doc(text);
    int rc = report_set_add(s, d);

    json_decref(d);
    return rc;
}

static void test_sorted(void **state)
{
    struct report_set s;

    (void)state;
    report_set_init(&s);
    assert_int_equal(add(&s, "{\"type\":\"probe\",\"target\":\"a\",\"probe\":\"1\"}"),
                     REPORT_ADDED);
    assert_int_equal(add(&s, "{\"type\":\"probe\",\"target\":\"b\",\"probe\":\"1\"}"),
                     REPORT_ADDED);
    assert_int_equal(add(&s, "{\"type\":\"probe\",\"target\":\"a\",\"probe\":\"2\"}"),
                     REPORT_ADDED);
    assert_int_equal(add(&s, "{\"type\":\"verdict\",\"target\":\"b\",\"verdict\":\"open\"}"),
                     REPORT_ADDED);
    assert_int_equal(s.count, 2);
    assert_int_equal(json_array_size(s.targets[0].probes), 2);
    assert_null(s.targets[0].verdict);
    assert_int_equal(json_array_size(s.targets[1].probes), 1);
    assert_int_equal(report_verdict_of(s.targets[1].verdict), REPORT_OPEN);
    report_set_deinit(&s);
    report_set_deinit(&s);
}

static void test_not_ours(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"type\":\"probe\"}",
        "{\"type\":\"probe\",\"target\":\"\"}",
        "{\"type\":\"probe\",\"target\":7}",
        "{\"type\":\"other\",\"target\":\"a\"}",
        "{\"type\":5,\"target\":\"a\"}",
        "{\"target\":\"a\"}",
    };
    struct report_set s;

    (void)state;
    report_set_init(&s);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(add(&s, texts[i]), REPORT_NOT_OURS);
    assert_int_equal(report_set_add(&s, NULL), REPORT_NOT_OURS);
    assert_int_equal(s.count, 0);
    report_set_deinit(&s);
}

static void test_replaced(void **state)
{
    struct report_set s;

    (void)state;
    report_set_init(&s);
    add(&s, "{\"type\":\"verdict\",\"target\":\"a\",\"verdict\":\"open\"}");
    add(&s, "{\"type\":\"verdict\",\"target\":\"a\",\"verdict\":\"closed\"}");
    assert_int_equal(report_verdict_of(s.targets[0].verdict), REPORT_CLOSED);
    add(&s, "{\"type\":\"door\",\"target\":\"a\",\"address\":\"x\",\"port\":25,\"tls\":\"none\"}");
    add(&s, "{\"type\":\"door\",\"target\":\"a\",\"address\":\"x\",\"port\":26,\"tls\":\"none\"}");
    add(&s, "{\"type\":\"door\",\"target\":\"a\",\"address\":\"x\",\"port\":25,\"tls\":\"none\","
            "\"verdict\":\"closed\"}");
    assert_int_equal(json_array_size(s.targets[0].doors), 2);
    assert_int_equal(report_verdict_of(json_array_get(s.targets[0].doors, 0)), REPORT_CLOSED);
    report_set_deinit(&s);
}

static void test_many_targets(void **state)
{
    struct report_set s;

    (void)state;
    report_set_init(&s);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 3000; i++) {
            json_t *d = json_pack("{ss so}", "type", "probe", "target", json_sprintf("t%d", i));

            assert_int_equal(report_set_add(&s, d), REPORT_ADDED);
            json_decref(d);
        }
    }
    assert_int_equal(s.count, 3000);
    assert_int_equal(json_array_size(s.targets[2999].probes), 2);
    report_set_deinit(&s);
}

static void test_exit_codes(void **state)
{
    static const struct {
        const char *verdicts[4];
        enum report_exit want;
    } cases[] = {
        {{NULL}, REPORT_EXIT_UNDECIDED},
        {{"closed"}, REPORT_EXIT_CLOSED},
        {{"closed", "closed"}, REPORT_EXIT_CLOSED},
        {{"closed", "accepts"}, REPORT_EXIT_ACCEPTS},
        {{"accepts", "open", "unreachable"}, REPORT_EXIT_OPEN},
        {{"accepts", "blocked"}, REPORT_EXIT_ACCEPTS},
        {{"closed", "blocked"}, REPORT_EXIT_UNDECIDED},
        {{"inconclusive"}, REPORT_EXIT_UNDECIDED},
        {{"unreachable"}, REPORT_EXIT_UNDECIDED},
        {{"OPEN"}, REPORT_EXIT_UNDECIDED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct report_summary sum = {0};

        for (size_t k = 0; k < 4 && cases[i].verdicts[k]; k++) {
            json_t *d = json_pack("{ss}", "verdict", cases[i].verdicts[k]);

            report_summary_add(&sum, d);
            json_decref(d);
        }
        if (report_summary_exit(&sum) != cases[i].want)
            fail_msg("case %zu", i);
    }
}

static void test_names(void **state)
{
    (void)state;
    for (unsigned v = 0; v < REPORT_VERDICTS; v++) {
        json_t *d = json_pack("{ss}", "verdict", report_verdict_name((enum report_verdict)v));

        assert_int_equal(report_verdict_of(d), v);
        json_decref(d);
    }
    assert_string_equal(report_verdict_name(REPORT_VERDICTS), "unknown");
    assert_int_equal(report_verdict_of(NULL), REPORT_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sorted),     cmocka_unit_test(test_not_ours),
        cmocka_unit_test(test_replaced),   cmocka_unit_test(test_many_targets),
        cmocka_unit_test(test_exit_codes), cmocka_unit_test(test_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
