/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "advise/version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard.h"

static void compares(void **state)
{
    static const struct {
        const char *a, *b;
        enum advise_order want;
        bool decimal;
    } cases[] = {
        {"8.12.6", "8.12.7", ADVISE_LESS, false},
        {"8.12.10", "8.12.9", ADVISE_GREATER, false},
        {"8.12", "8.12.0", ADVISE_EQUAL, false},
        {"8.12", "8.12.0.0", ADVISE_EQUAL, false},
        {"8.12", "8.12.1", ADVISE_LESS, false},
        {"8.012.6", "8.12.06", ADVISE_EQUAL, false},
        {"8.11.6p2", "8.11.6", ADVISE_GREATER, false},
        {"8.11.6p2", "8.11.6p10", ADVISE_LESS, false},
        {"8.11.6p2", "8.11.7", ADVISE_LESS, false},
        {"8.11.6p2", "8.11.6.1", ADVISE_LESS, false},
        {"8.12.0.Beta6", "8.12.0", ADVISE_LESS, false},
        {"8.12.0.Beta6", "8.11.9", ADVISE_GREATER, false},
        {"8.12.0.Beta6", "8.12.0.Beta10", ADVISE_LESS, false},
        {"8.12.0.Beta6", "8.12.0rc1", ADVISE_LESS, false},
        {"8.12.0alpha9", "8.12.0beta1", ADVISE_LESS, false},
        {"8.8.8+Sun", "8.8.8", ADVISE_EQUAL, false},
        {"5.5.2653.13", "5.5.2650.21", ADVISE_GREATER, false},
        {"5.5.2653.13", "5.5.2653", ADVISE_GREATER, false},
        {"5.5.2448.0", "5.5.2448", ADVISE_EQUAL, false},
        {"3.03E", "3.03", ADVISE_GREATER, false},
        {"3.03E", "3.04", ADVISE_LESS, false},
        {"3.03e", "3.03E", ADVISE_EQUAL, false},
        {"3.03D", "3.03E", ADVISE_LESS, false},
        {"3.03.0014", "3.03E", ADVISE_UNSURE, false},
        {"5.0.4a", "5.0.4", ADVISE_GREATER, false},
        {"5.0.4a", "5.0.4b", ADVISE_LESS, false},
        {"5.0.4a", "5.0.8", ADVISE_LESS, false},
        {"6.5.3FP1", "6.5.3", ADVISE_GREATER, false},
        {"6.5.3FP1", "6.5.4", ADVISE_LESS, false},
        {"v3.5 release 215", "3.5", ADVISE_GREATER, false},
        {"v3.5 release 215", "3.5 release 223", ADVISE_LESS, false},
        {"v3.5 release 215", "3.5.3", ADVISE_LESS, false},
        {"9.2.5 patch 3", "9.2.5", ADVISE_GREATER, false},
        {"v3.2", "3.2", ADVISE_EQUAL, false},
        {"Version 3.2", "3.2", ADVISE_EQUAL, false},
        {"V04R03M00", "4R2", ADVISE_GREATER, false},
        {"3.10.11", "3.2", ADVISE_GREATER, false},
        {"3.10.11", "3.2", ADVISE_LESS, true},
        {"3.20", "3.2", ADVISE_EQUAL, true},
        {"4.15", "4.05", ADVISE_GREATER, true},
        {"4.1", "4.15", ADVISE_LESS, true},
        {"10.1", "9.2", ADVISE_GREATER, true},
        {"99999999999999999999999", "99999999999999999999998", ADVISE_GREATER, false},
        {"99999999999999999999999", "1", ADVISE_GREATER, false},
        {"", "1", ADVISE_LESS, false},
        {"", "", ADVISE_EQUAL, false},
        {"1.foo", "1.bar", ADVISE_UNSURE, false},
    };
    struct guard a = {0}, b = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum advise_order got = advise_version_compare(guard_str(&a, cases[i].a),
                                                       guard_str(&b, cases[i].b), cases[i].decimal);
        enum advise_order back = advise_version_compare(
            guard_str(&b, cases[i].b), guard_str(&a, cases[i].a), cases[i].decimal);

        if (got != cases[i].want)
            fail_msg("%s against %s: %d, not %d", cases[i].a, cases[i].b, got, cases[i].want);
        if (back != (got == ADVISE_UNSURE ? ADVISE_UNSURE : (enum advise_order) - got))
            fail_msg("%s against %s: other way round", cases[i].a, cases[i].b);
    }
    guard_free(&a);
    guard_free(&b);
}

static void ranges(void **state)
{
    static const struct {
        const char *range, *version;
        enum advise_within want;
        bool decimal;
    } cases[] = {
        {"all", "x", ADVISE_IN, false},
        {"8.8", "8.8.8", ADVISE_IN, false},
        {"8.8", "8.8", ADVISE_IN, false},
        {"8.8", "8.80", ADVISE_OUT, false},
        {"8.8", "8.9", ADVISE_OUT, false},
        {"< 8.9.3", "8.9.2", ADVISE_IN, false},
        {"< 8.9.3", "8.9.3", ADVISE_OUT, false},
        {"<8.9.3", "8.9.3.Beta1", ADVISE_IN, false},
        {"<= 3.1.10", "3.1.10", ADVISE_IN, false},
        {"<= 3.1.10", "3.1.10.5", ADVISE_IN, false},
        {"<= 3.1.10", "3.1.11", ADVISE_OUT, false},
        {"> 3.1.10", "3.1.10", ADVISE_OUT, false},
        {"> 3.1.10", "3.1.10.5", ADVISE_OUT, false},
        {"> 3.1.10", "3.1.11", ADVISE_IN, false},
        {">= 5.5 < 5.5.2448", "5.5.2232.9", ADVISE_IN, false},
        {">= 5.5 < 5.5.2448", "5.5.2448.0", ADVISE_OUT, false},
        {">= 5.5 < 5.5.2448", "5.0.1458", ADVISE_OUT, false},
        {"8.8 to 8.11.1", "8.7.9", ADVISE_OUT, false},
        {"8.8 to 8.11.1", "8.8", ADVISE_IN, false},
        {"8.8 to 8.11.1", "8.11.1", ADVISE_IN, false},
        {"8.8 to 8.11.1", "8.11.1p1", ADVISE_IN, false},
        {"8.8 to 8.11.1", "8.11.2", ADVISE_OUT, false},
        {"< 1.43, 2.0 to 2.10", "2.05", ADVISE_IN, false},
        {"< 1.43, 2.0 to 2.10", "1.21", ADVISE_IN, false},
        {"< 1.43, 2.0 to 2.10", "1.47", ADVISE_OUT, false},
        {"< 3.03E", "3.03.0014", ADVISE_MAYBE, false},
        {"< 3.03E", "3.02.13", ADVISE_IN, false},
        {"< 3.03E", "3.03E", ADVISE_OUT, false},
        {">= 8.9.3", "8", ADVISE_MAYBE, false},
        {"< 5.5.2448", "5.5", ADVISE_IN, false},
        {"< 3.2", "v3.10.11", ADVISE_IN, true},
        {"5.5 release 1", "5.5 release 1", ADVISE_IN, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_null(advise_range_check(span_str(cases[i].range)));
        if (advise_range_has(span_str(cases[i].range), span_str(cases[i].version),
                             cases[i].decimal) != cases[i].want)
            fail_msg("%s in \"%s\"", cases[i].version, cases[i].range);
    }
}

static void bad_ranges(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        ",",
        "8.8,",
        "< ",
        "8.8 to ",
        "to 8.8",
        "< 1 < 2 < 3",
        "< 8.8 to 8.9",
        "every",
        "8.8, , 8.9",
        "> x",
        "1.2 < 1.3 to 1.4",
        "1111111111111111111111111111111111111111111111111111111111111111111111111111111111",
        "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17",
    };
    char edge[ADVISE_VERSION_MAX + 2];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (!advise_range_check(span_str(cases[i])))
            fail_msg("taken: \"%s\"", cases[i]);
    memset(edge, '1', sizeof(edge));
    assert_null(advise_range_check(span_of(edge, ADVISE_VERSION_MAX)));
    assert_non_null(advise_range_check(span_of(edge, ADVISE_VERSION_MAX + 1)));
    assert_null(advise_range_check(SPAN_LIT("1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(ranges),
        cmocka_unit_test(bad_ranges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
