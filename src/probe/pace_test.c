/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/pace.h"

#include "probe/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { BEGIN = 5000000, WHOLE = PACE_WINDOW_MS + PACE_MARGIN_MS };

static void test_no_limit(void **state)
{
    struct pace p;
    int64_t until = 7;

    pace_init(&p, false);
    for (int i = 0; i < 1000; i++)
        pace_refused(&p, BEGIN);
    assert_int_equal(pace_left(&p, BEGIN, &until), BUDGET_NONE);
    assert_int_equal(until, 7);
}

static void test_first_session(void **state)
{
    struct pace p;
    int64_t until = 7;

    pace_init(&p, true);
    assert_int_equal(pace_left(&p, 0, &until), PACE_REFUSALS);
    assert_int_equal(pace_left(&p, BEGIN, &until), PACE_REFUSALS);
    assert_int_equal(until, 7);
}

/* One refusal closes the window as four do: what is left of it would hold costly probes back. */
static void test_window(void **state)
{
    struct pace p;
    int64_t until = 0;

    pace_init(&p, true);
    pace_refused(&p, BEGIN);
    assert_int_equal(pace_left(&p, BEGIN, &until), 0);
    assert_int_equal(until, BEGIN + WHOLE);
    assert_int_equal(pace_left(&p, BEGIN + WHOLE - 1, &until), 0);
    assert_int_equal(pace_left(&p, BEGIN + WHOLE, &until), PACE_REFUSALS);
}

static void test_newest_counts(void **state)
{
    struct pace p;
    int64_t until = 0;

    pace_init(&p, true);
    for (int i = 0; i < PACE_REFUSALS; i++)
        pace_refused(&p, BEGIN + 1000 * i);
    assert_int_equal(pace_left(&p, BEGIN + WHOLE, &until), 0);
    assert_int_equal(until, BEGIN + 1000 * (PACE_REFUSALS - 1) + WHOLE);
    assert_int_equal(pace_left(&p, until, &until), PACE_REFUSALS);
}

/* Whoever obeys is never seen with five refusals in any ten minutes, whenever he looks. */
static void test_never_five_in_ten_minutes(void **state)
{
    int64_t at[200], now = BEGIN, until = 0;
    struct pace p;
    unsigned n = 0;

    pace_init(&p, true);
    while (n + PACE_REFUSALS <= 200) {
        unsigned left = pace_left(&p, now, &until);

        if (left == 0) {
            assert_true(until > now);
            now = until;
            continue;
        }
        for (unsigned i = 0; i < left; i++) {
            now += 1 + (n * 37) % 900; /* a session takes its time */
            at[n++] = now;
            pace_refused(&p, now);
        }
    }
    for (unsigned i = 4; i < n; i++)
        assert_true(at[i] - at[i - 4] > PACE_WINDOW_MS);
}

/* A monotonic clock may begin at nought: the time itself is no sign of a refusal. */
static void test_time_nought(void **state)
{
    struct pace p;
    int64_t until = 0;

    pace_init(&p, true);
    pace_refused(&p, 0);
    assert_int_equal(pace_left(&p, 1, &until), 0);
    assert_int_equal(until, WHOLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_first_session),
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_newest_counts),
        cmocka_unit_test(test_never_five_in_ten_minutes),
        cmocka_unit_test(test_time_nought),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
