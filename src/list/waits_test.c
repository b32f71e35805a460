/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "list/precision.h"
#include "list/retire.h"
#include "list/waits.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { HOUR = 3600 };

static void retests_wait_longer_each_time(void **state)
{
    static const struct {
        unsigned failed, before;
        int64_t wait;
    } cases[] = {
        {0, 0, 0},
        {1, 0, HOUR},
        {2, 0, 2 * HOUR},
        {3, 0, 4 * HOUR},
        {0, 1, HOUR},
        {1, 1, 2 * HOUR},
        {0, 3, 4 * HOUR},
        {8, 0, 128 * HOUR},
        {9, 0, 7 * 86400},
        {99, 99, 7 * 86400},
        {4294967295U, 4294967295U, 7 * 86400},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(
            list_wait_retest(cases[i].failed, cases[i].before, LIST_RETEST_WAIT, LIST_RETEST_MAX),
            cases[i].wait);
}

static void undecided_tests_too(void **state)
{
    static const int64_t days[] = {1, 1, 2, 4, 8, 8, 8};

    for (unsigned i = 0; i < sizeof(days) / sizeof(days[0]); i++)
        assert_int_equal(list_wait_undecided(i), days[i] * LIST_DAY);
    /* Never sooner than what is promised to hosts. */
    for (unsigned i = 0; i < 100; i++)
        assert_true(list_wait_undecided(i) >= LIST_TEST_GAP);
}

static void listed_hosts_are_due(void **state)
{
    const int64_t tested = 1000000, expires = tested + LIST_EXPIRE_AFTER;

    assert_int_equal(list_due_listed(true, tested, expires), tested + LIST_DAY);
    assert_int_equal(list_due_listed(false, tested, expires), expires - 3 * LIST_DAY);
    /* With a short life left, a day lies between two tests all the same. */
    assert_int_equal(list_due_listed(false, tested, tested + LIST_DAY), tested + LIST_DAY);
}

static void soon(void **state)
{
    int64_t until;

    assert_true(list_soon(1000 + LIST_DAY - 1, 1000, LIST_DAY, &until));
    assert_int_equal(until, 1000 + LIST_DAY);
    assert_false(list_soon(1000 + LIST_DAY, 1000, LIST_DAY, &until));
    assert_false(list_soon(1000, 0, LIST_DAY, &until));
    assert_false(list_soon(1000, 1001, LIST_DAY, &until)); /* a clock that was set back */
    assert_true(list_soon(1000, 1000, 1, &until));
    assert_false(list_soon(1000, 1000, 0, &until));
}

static void no_step_of_a_shutdown_is_skipped(void **state)
{
    enum { T = 1000000 };
    static const struct {
        enum list_retire now, want;
        int64_t after;
        enum list_retire_answer answer;
    } cases[] = {
        {LIST_IN_SERVICE, LIST_ANNOUNCED, 0, LIST_RETIRE_GO},
        {LIST_IN_SERVICE, LIST_EMPTY, 99 * LIST_RETIRE_WAIT, LIST_RETIRE_SKIPS},
        {LIST_IN_SERVICE, LIST_DEAD, 99 * LIST_RETIRE_WAIT, LIST_RETIRE_SKIPS},
        {LIST_IN_SERVICE, LIST_IN_SERVICE, 0, LIST_RETIRE_SKIPS},
        {LIST_ANNOUNCED, LIST_ANNOUNCED, LIST_RETIRE_WAIT, LIST_RETIRE_SKIPS},
        {LIST_ANNOUNCED, LIST_EMPTY, LIST_RETIRE_WAIT - 1, LIST_RETIRE_EARLY},
        {LIST_ANNOUNCED, LIST_EMPTY, LIST_RETIRE_WAIT, LIST_RETIRE_GO},
        {LIST_ANNOUNCED, LIST_DEAD, 99 * LIST_RETIRE_WAIT, LIST_RETIRE_SKIPS},
        {LIST_ANNOUNCED, LIST_IN_SERVICE, 0, LIST_RETIRE_GO},
        {LIST_EMPTY, LIST_ANNOUNCED, LIST_RETIRE_WAIT, LIST_RETIRE_SKIPS},
        {LIST_EMPTY, LIST_DEAD, LIST_RETIRE_WAIT - 1, LIST_RETIRE_EARLY},
        {LIST_EMPTY, LIST_DEAD, LIST_RETIRE_WAIT, LIST_RETIRE_GO},
        {LIST_EMPTY, LIST_IN_SERVICE, 0, LIST_RETIRE_GO},
        {LIST_DEAD, LIST_IN_SERVICE, LIST_RETIRE_WAIT, LIST_RETIRE_OVER},
        {LIST_DEAD, LIST_EMPTY, LIST_RETIRE_WAIT, LIST_RETIRE_OVER},
        {LIST_DEAD, LIST_DEAD, LIST_RETIRE_WAIT, LIST_RETIRE_OVER},
    };
    enum list_retire got;
    int64_t from;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (list_retire_step(cases[i].now, T, cases[i].want, T + cases[i].after, &from) !=
            cases[i].answer)
            fail_msg("%s to %s", list_retire_name(cases[i].now), list_retire_name(cases[i].want));
    assert_int_equal(list_retire_step(LIST_EMPTY, T, LIST_DEAD, T, &from), LIST_RETIRE_EARLY);
    assert_int_equal(from, T + LIST_RETIRE_WAIT);
    assert_true(list_retire_of(SPAN_LIT("dead"), &got));
    assert_int_equal(got, LIST_DEAD);
    assert_false(list_retire_of(SPAN_LIT("world"), &got));
}

static void precision(void **state)
{
    struct list_precision p = {0};
    static const struct {
        const char *event, *was, *became, *who;
        unsigned n;
    } records[] = {
        {"nominate", "none", "nominated", "gate", 10},
        {"nominate", "nominated", "nominated", "gate", 5},
        {"nominate", "delisted", "nominated", "gate", 1},
        {"close", "testing", "dismissed", "queue", 4},
        {"prove", "testing", "confirmed", "tester", 6},
        {"admit-one", "confirmed", "provisional", "rules", 5},
        {"prove", "provisional", "provisional", "tester", 3},
        {"admit", "provisional", "listed", "rules", 3},
        {"close", "listed", "delisted", "queue", 2},
        {"close", "provisional", "delisted", "anna", 1},
        {"expire", "listed", "expired", "rules", 1},
        {"appeal", "listed", "delisted", "anna", 1},
        {"delist", "provisional", "delisted", "anna", 1},
        {"delist", "nominated", "dismissed", "anna", 1},
    };

    for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
        list_precision_add(&p, span_str(records[i].event), span_str(records[i].was),
                           span_str(records[i].became), span_str(records[i].who), records[i].n);
    assert_int_equal(p.nominated, 11);
    assert_int_equal(p.dismissed, 5);
    assert_int_equal(p.proved, 6);
    assert_int_equal(p.admitted, 5);
    assert_int_equal(p.renewed, 3);
    assert_int_equal(p.closed, 3);
    assert_int_equal(p.closed_asked, 1);
    assert_int_equal(p.expired, 1);
    assert_int_equal(p.delisted, 2);
    assert_int_equal(p.appeals, 1);
    assert_int_equal(list_permille(1, 3), 333);
    assert_int_equal(list_permille(2, 3), 667);
    assert_int_equal(list_permille(0, 0), 0);
    assert_int_equal(list_permille(7, 7), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retests_wait_longer_each_time),
        cmocka_unit_test(undecided_tests_too),
        cmocka_unit_test(listed_hosts_are_due),
        cmocka_unit_test(soon),
        cmocka_unit_test(no_step_of_a_shutdown_is_skipped),
        cmocka_unit_test(precision),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
