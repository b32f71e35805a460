/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/span.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void compare(void **state)
{
    static const struct {
        const char *name, *a, *b;
        bool eq, eq_nocase, starts, starts_nocase, ends_nocase;
    } cases[] = {
        {"both empty", "", "", true, true, true, true, true},
        {"empty prefix", "ab", "", false, false, true, true, true},
        {"longer prefix", "ab", "abc", false, false, false, false, false},
        {"same", "MAIL", "MAIL", true, true, true, true, true},
        {"case", "MAIL", "mail", false, true, false, true, true},
        {"start", "mail FROM", "MAIL", false, false, false, true, false},
        {"end", "rcpt.MAIL", "mail", false, false, false, false, true},
        {"only letters fold", "[", "{", false, false, false, false, false},
        {"at sign is no grave", "@", "`", false, false, false, false, false},
    };
    struct guard ga = {0}, gb = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span a = guard_str(&ga, cases[i].a), b = guard_str(&gb, cases[i].b);

        print_message("# %s\n", cases[i].name);
        assert_int_equal(span_eq(a, b), cases[i].eq);
        assert_int_equal(span_eq_nocase(a, b), cases[i].eq_nocase);
        assert_int_equal(span_starts(a, b), cases[i].starts);
        assert_int_equal(span_starts_nocase(a, b), cases[i].starts_nocase);
        assert_int_equal(span_ends_nocase(a, b), cases[i].ends_nocase);
    }
    guard_free(&ga);
    guard_free(&gb);
}

static void null_is_empty(void **state)
{
    struct span null = SPAN_NULL, empty = SPAN_LIT(""), piece;

    assert_true(span_eq(null, empty));
    assert_true(span_eq(span_str(NULL), null));
    assert_true(span_starts(null, null));
    assert_true(span_ends_nocase(null, empty));
    assert_int_equal(span_find(null, 'x'), 0);
    assert_int_equal(span_rfind(null, 'x'), 0);
    assert_null(span_slice(null, 0, 5).p);
    assert_int_equal(span_trim(null).n, 0);
    assert_true(span_is_utf8(null));
    assert_false(span_cut(&null, ',', &piece));
    assert_false(span_word(&null, &piece));
}

static void find(void **state)
{
    static const struct {
        const char *name, *in;
        char c;
        size_t first, last;
    } cases[] = {
        {"none", "abc", 'x', 3, 3},  {"empty", "", 'x', 0, 0},   {"one", "a@b", '@', 1, 1},
        {"two", "a@b@c", '@', 1, 3}, {"ends", "@b@", '@', 0, 2},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span s = guard_str(&g, cases[i].in);

        print_message("# %s\n", cases[i].name);
        assert_int_equal(span_find(s, cases[i].c), cases[i].first);
        assert_int_equal(span_rfind(s, cases[i].c), cases[i].last);
    }
    guard_free(&g);
}

static void find_nocase(void **state)
{
    static const struct {
        const char *name, *in, *needle;
        size_t at;
        bool has;
    } cases[] = {
        {"middle", "550 Relay ACCESS denied", "access", 10, true},
        {"at the end", "relaying", "ING", 5, true},
        {"one past the end", "relayin", "ing", 7, false},
        {"needle longer", "ab", "abc", 2, false},
        {"empty needle", "ab", "", 0, true},
        {"empty needle in nothing", "", "", 0, true},
        {"second try", "aab", "ab", 1, true},
    };
    struct guard gs = {0}, gn = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span s = guard_str(&gs, cases[i].in), needle = guard_str(&gn, cases[i].needle);

        print_message("# %s\n", cases[i].name);
        assert_int_equal(span_find_nocase(s, needle), cases[i].at);
        assert_int_equal(span_has_nocase(s, needle), cases[i].has);
    }
    guard_free(&gs);
    guard_free(&gn);
}

static void slice_cuts_to_fit(void **state)
{
    struct span s = SPAN_LIT("abcdef");

    assert_true(span_eq(span_slice(s, 0, 6), s));
    assert_true(span_eq(span_slice(s, 0, 7), s));
    assert_true(span_eq(span_slice(s, 2, 4), SPAN_LIT("cd")));
    assert_int_equal(span_slice(s, 6, 6).n, 0);
    assert_int_equal(span_slice(s, 9, 12).n, 0);
    assert_int_equal(span_slice(s, 4, 2).n, 0);
    assert_ptr_equal(span_slice(s, 9, 12).p, s.p + 6);
}

static void trim(void **state)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"", ""},
        {" \t\r\n", ""},
        {"a", "a"},
        {"  a b \r\n", "a b"},
        {"\ta\t", "a"},
        {"a\v", "a\v"},
        {"\xc2\xa0"
         "a",
         "\xc2\xa0"
         "a"},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++)
        assert_true(span_eq(span_trim(guard_str(&g, cases[i].in)), span_str(cases[i].want)));
    guard_free(&g);
}

/* Pieces are written joined by '|', with '.' behind the last. */
static void cut(void **state)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"", "."}, {"a", "a."}, {"a,", "a|."}, {",", "|."}, {",a", "|a."}, {"a,b,,c", "a|b||c."},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span s = span_str(cases[i].in), piece;
        char got[32] = "";
        size_t n = 0;

        while (span_cut(&s, ',', &piece)) {
            assert_true(span_copy(piece, got + n, sizeof(got) - n));
            n += piece.n;
            got[n++] = s.p ? '|' : '.';
            got[n] = '\0';
        }
        assert_string_equal(got, cases[i].want);
        assert_false(span_cut(&s, ',', &piece));
    }
}

static void words(void **state)
{
    struct guard g = {0};
    struct span s = guard_str(&g, " \tXCLIENT  ADDR=192.0.2.1\tNAME=[X] "), w;

    assert_true(span_word(&s, &w));
    assert_true(span_eq(w, SPAN_LIT("XCLIENT")));
    assert_true(span_word(&s, &w));
    assert_true(span_eq(w, SPAN_LIT("ADDR=192.0.2.1")));
    assert_true(span_word(&s, &w));
    assert_true(span_eq(w, SPAN_LIT("NAME=[X]")));
    assert_false(span_word(&s, &w));
    guard_free(&g);
}

static void copy_fits_with_its_nul(void **state)
{
    char dst[4] = "xyz";
    char *dup;

    assert_true(span_copy(SPAN_LIT("abc"), dst, sizeof(dst)));
    assert_string_equal(dst, "abc");
    assert_false(span_copy(SPAN_LIT("abcd"), dst, sizeof(dst)));
    assert_string_equal(dst, "");
    assert_false(span_copy(SPAN_LIT(""), dst, 0));
    assert_true(span_copy(SPAN_NULL, dst, 1));
    dup = span_dup(SPAN_LIT("a\0b"));
    assert_memory_equal(dup, "a\0b", 4);
    free(dup);
}

static void ascii(void **state)
{
    for (int c = -128; c < 128; c++) {
        bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z',
             digit = c >= '0' && c <= '9';

        assert_int_equal(ascii_lower((char)c), upper ? c + 32 : (char)c);
        assert_int_equal(ascii_is_alpha((char)c), upper || lower);
        assert_int_equal(ascii_is_digit((char)c), digit);
        assert_int_equal(ascii_is_alnum((char)c), upper || lower || digit);
    }
}

static void utf8(void **state)
{
    static const struct {
        const char *name, *in;
        bool ok;
    } cases[] = {
        {"ascii", "abc\x7f", true},
        {"least of two", "\xc2\x80", true},
        {"overlong of two", "\xc1\xbf", false},
        {"last of two", "\xdf\xbf", true},
        {"last of three", "\xef\xbf\xbf", true},
        {"lead past the last", "\xf5\x80\x80\x80", false},
        {"least of three", "\xe0\xa0\x80", true},
        {"overlong of three", "\xe0\x9f\xbf", false},
        {"last before surrogates", "\xed\x9f\xbf", true},
        {"first surrogate", "\xed\xa0\x80", false},
        {"first after surrogates", "\xee\x80\x80", true},
        {"least of four", "\xf0\x90\x80\x80", true},
        {"overlong of four", "\xf0\x8f\xbf\xbf", false},
        {"last of all", "\xf4\x8f\xbf\xbf", true},
        {"one past the last", "\xf4\x90\x80\x80", false},
        {"first of five", "\xf8\x88\x80\x80\x80", false},
        {"lone continuation", "a\x80", false},
        {"cut", "a\xe2\x82", false},
        {"cut by ascii",
         "\xe2\x82"
         "a",
         false},
        {"continuation too high", "\xc2\xc0", false},
        {"third byte wrong", "\xe0\xa0\xc0", false},
        {"latin-1", "caf\xe9", false},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        assert_int_equal(span_is_utf8(guard_str(&g, cases[i].in)), cases[i].ok);
    }
    guard_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compare),
        cmocka_unit_test(null_is_empty),
        cmocka_unit_test(find),
        cmocka_unit_test(find_nocase),
        cmocka_unit_test(slice_cuts_to_fit),
        cmocka_unit_test(trim),
        cmocka_unit_test(cut),
        cmocka_unit_test(words),
        cmocka_unit_test(copy_fits_with_its_nul),
        cmocka_unit_test(ascii),
        cmocka_unit_test(utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
