/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "listfile/rbl_word.h"

#include "guard.h"

#include "base/buf.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void times(void **state)
{
    static const struct {
        const char *in;
        bool good;
        uint32_t want;
        const char *rest;
    } cases[] = {
        {"0", true, 0, ""},           {"35m x", true, 2100, "x"},
        {"1w", true, 604800, ""},     {"2D\t ns1", true, 172800, "ns1"},
        {"3600s", true, 3600, ""},    {"4294967295", true, 4294967295, ""},
        {"4294967296", false, 0, ""}, {"7101w", true, 4294684800, ""},
        {"7102w", false, 0, ""},      {"1x", false, 0, ""},
        {"m", false, 0, ""},          {"", false, 0, ""},
        {"-1", false, 0, ""},         {"1 m", true, 1, "m"},
    };
    struct guard guard = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span s = guard_str(&guard, cases[i].in);
        uint32_t got = 0;
        bool good = rbl_time(&s, &got);

        if (good != cases[i].good)
            print_error("case \"%s\"\n", cases[i].in);
        assert_int_equal(good, cases[i].good);
        assert_int_equal(got, cases[i].want);
        assert_true(span_eq(s, span_str(good ? cases[i].rest : cases[i].in)));
    }
    guard_free(&guard);
}

/* Against `date -u -d ... +%s`. */
static void stamps(void **state)
{
    static const struct {
        const char *in;
        bool good;
        int64_t want;
    } cases[] = {
        {"1970:01:01", true, 0},
        {"2026:11:21:21:03:20", true, 1795295000},
        {"2026-11-21-21:03", true, 1795294980},
        {"20261121", true, 1795219200},
        {"20261121210320", true, 1795295000},
        {"2000:02:29", true, 951782400},
        {"2100:02:28:23:59:59", true, 4107542399},
        {"2100:03:01", true, 4107542400},
        {"2105:12:31", true, 4291660800},
        {"0", true, 0},
        {"-", true, 0},
        {"2100:02:29", false, 0},
        {"2001:02:29", false, 0},
        {"2026:13:01", false, 0},
        {"2026:00:01", false, 0},
        {"2026:01:32", false, 0},
        {"1969:12:31", false, 0},
        {"2106:01:01", false, 0},
        {"2026:01:01:24", false, 0},
        {"2026:01:01:00:60", false, 0},
        {"2026:01:01:00:00:00:00", false, 0},
        {"2026:01", false, 0},
        {"", false, 0},
        {"x", false, 0},
    };
    struct guard guard = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span s = guard_str(&guard, cases[i].in);
        int64_t got = 0;
        bool good = rbl_stamp(&s, &got);

        if (good != cases[i].good || got != cases[i].want)
            print_error("case \"%s\": %d %" PRId64 "\n", cases[i].in, good, got);
        assert_int_equal(good, cases[i].good);
        assert_true(got == cases[i].want);
    }
    guard_free(&guard);
}

static void names(void **state)
{
    static const struct {
        const char *in, *want, *key; /* NULL: none */
    } cases[] = {
        {"Example.COM x", "Example.COM", "example.com"},
        {".example.com", "example.com", "example.com"},
        {"example.com.", "example.com", "example.com"},
        {"..example.com", "example.com", "example.com"},
        {".", ".", ""},
        {"a..b", NULL, NULL},
        {"", NULL, NULL},
        {"x\\065.c", "xA.c", "xa.c"},
        {"x\\256", NULL, NULL},
    };
    struct guard guard = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span s = guard_str(&guard, cases[i].in), t = s;
        struct dns_name name;
        struct zone_rname key;
        char text[DNS_NAME_TEXT_MAX];
        bool good = rbl_name(&s, &name);

        if (good != (cases[i].want != NULL))
            print_error("case \"%s\"\n", cases[i].in);
        assert_int_equal(good, cases[i].want != NULL);
        assert_int_equal(rbl_rname(&t, &key), cases[i].want != NULL);
        if (good) {
            assert_string_equal(dns_name_text(name.wire, text), cases[i].want);
            assert_string_equal(zone_rname_text(key.b, key.n, text), cases[i].key);
        }
    }
    guard_free(&guard);
}

static void words(void **state)
{
    struct span s = SPAN_LIT("SoA  x"), lone = SPAN_LIT("soa"), other = SPAN_LIT("soap x");
    uint32_t v;

    assert_true(rbl_keyword(&s, "soa"));
    assert_true(span_eq(s, SPAN_LIT("x")));
    assert_false(rbl_keyword(&lone, "soa"));
    assert_false(rbl_keyword(&other, "soa"));
    s = SPAN_LIT("4294967295 y");
    assert_true(rbl_u32(&s, &v));
    assert_int_equal(v, 4294967295);
    assert_true(span_eq(s, SPAN_LIT("y")));
    s = SPAN_LIT("4294967296");
    assert_false(rbl_u32(&s, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(stamps),
        cmocka_unit_test(names),
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
