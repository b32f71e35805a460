/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/num.h"

#include "guard.h"

#include <limits.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void u64(void **state)
{
    static const struct {
        const char *in;
        uint64_t min, max;
        bool ok;
        uint64_t want;
    } cases[] = {
        {"0", 0, 9, true, 0},
        {"9", 0, 9, true, 9},
        {"10", 0, 9, false, 0},
        {"1", 2, 9, false, 0},
        {"007", 0, 9, true, 7},
        {"18446744073709551615", 0, UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", 0, UINT64_MAX, false, 0},
        {"99999999999999999999999999", 0, UINT64_MAX, false, 0},
        {"", 0, 9, false, 0},
        {" 1", 0, 9, false, 0},
        {"1 ", 0, 9, false, 0},
        {"+1", 0, 9, false, 0},
        {"-1", 0, UINT64_MAX, false, 0},
        {"0x1", 0, 9, false, 0},
        {"1.0", 0, 9, false, 0},
        {"\xb2", 0, 9, false, 0},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t v = 12345;

        print_message("# \"%s\"\n", cases[i].in);
        assert_int_equal(num_u64(guard_str(&g, cases[i].in), cases[i].min, cases[i].max, &v),
                         cases[i].ok);
        assert_int_equal(v, cases[i].ok ? cases[i].want : 12345);
    }
    guard_free(&g);
}

static void narrow(void **state)
{
    unsigned v = 1;

    assert_true(num_uint(SPAN_LIT("4294967295"), 0, UINT_MAX, &v));
    assert_int_equal(v, UINT_MAX);
    assert_false(num_uint(SPAN_LIT("4294967296"), 0, UINT_MAX, &v));
    assert_int_equal(v, UINT_MAX);
}

static void duration(void **state)
{
    static const struct {
        const char *in;
        bool ok;
        int64_t ms;
    } cases[] = {
        {"0", true, 0},
        {"10", true, 10000},
        {"10s", true, 10000},
        {"5m", true, 300000},
        {"2H", true, 7200000},
        {"1d", true, 86400000},
        {"1w", true, 604800000},
        {"", false, 0},
        {"s", false, 0},
        {"1x", false, 0},
        {"1ms", false, 0},
        {"-1s", false, 0},
        {"1 s", false, 0},
        {"36525d", true, NUM_DURATION_MAX},
        {"36526d", false, 0},
        {"3155760000", true, NUM_DURATION_MAX},
        {"3155760001", false, 0},
        {"5218w", false, 0},
        {"18446744073709551615w", false, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = -1;

        print_message("# \"%s\"\n", cases[i].in);
        assert_int_equal(num_duration(span_str(cases[i].in), &ms), cases[i].ok);
        assert_int_equal(ms, cases[i].ok ? cases[i].ms : -1);
    }
}

static void size(void **state)
{
    static const struct {
        const char *in;
        bool ok;
        uint64_t bytes;
    } cases[] = {
        {"0", true, 0},
        {"1000", true, 1000},
        {"4k", true, 4096},
        {"1M", true, 1 << 20},
        {"3g", true, UINT64_C(3) << 30},
        {"k", false, 0},
        {"1t", false, 0},
        {"1kb", false, 0},
        {"1048576g", true, NUM_SIZE_MAX},
        {"1048577g", false, 0},
        {"1125899906842624", true, NUM_SIZE_MAX},
        {"1125899906842625", false, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t bytes = 7;

        print_message("# \"%s\"\n", cases[i].in);
        assert_int_equal(num_size(span_str(cases[i].in), &bytes), cases[i].ok);
        assert_int_equal(bytes, cases[i].ok ? cases[i].bytes : 7);
    }
}

static void wire(void **state)
{
    uint8_t p[4];

    num_put32(p, 0x80ff01feu);
    assert_memory_equal(p, "\x80\xff\x01\xfe", 4);
    assert_int_equal(num_get32(p), 0x80ff01feu);
    assert_int_equal(num_get16(p), 0x80ff);
    num_put16(p, 0x1234);
    assert_memory_equal(p, "\x12\x34\x01\xfe", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(u64),  cmocka_unit_test(narrow), cmocka_unit_test(duration),
        cmocka_unit_test(size), cmocka_unit_test(wire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
