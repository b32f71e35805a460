/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/template.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool one_word(const void *cookie, struct span word, struct buf *out)
{
    if (!span_eq(word, SPAN_LIT("who")))
        return false;
    buf_add_str(out, cookie);
    return true;
}

static void test_fill(void **state)
{
    static const struct {
        const char *name;
        struct span text;
        const char *want;
    } cases[] = {
        {"nothing", SPAN_LIT(""), ""},
        {"a word", SPAN_LIT("<{who}>, {who}!"), "<me>, me!"},
        {"another word", SPAN_LIT("{whom} {} {who"), "{whom} {} {who"},
        {"braces in braces", SPAN_LIT("{{who}}"), "{me}"},
        {"line ends", SPAN_LIT("a\\nb\\"), "a\nb\\"},
        {"no word over a line end", SPAN_LIT("{who\\n}"), "{who\n}"},
    };
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out = BUF_INIT(100);

        smtp_template_fill(guard_span(&g, cases[i].text), one_word, "me", &out);
        if (strcmp(buf_str(&out), cases[i].want))
            fail_msg("%s: %s", cases[i].name, buf_str(&out));
        buf_deinit(&out);
    }
    guard_free(&g);
}

static void test_split(void **state)
{
    static const struct {
        struct span text;
        unsigned code;
        const char *enhanced, *rest;
    } cases[] = {
        {SPAN_LIT("550 5.7.1 no relay"), 550, "5.7.1", "no relay"},
        {SPAN_LIT("250 ok"), 250, "", "ok"},
        {SPAN_LIT("250 "), 250, "", ""},
        {SPAN_LIT("450 4.7.1"), 450, "", "4.7.1"},
        {SPAN_LIT("450 4.7.100 x"), 450, "4.7.100", "x"},
        {SPAN_LIT("250 2.1 x"), 250, "", "2.1 x"},
        {SPAN_LIT("250 1.2.3.4 x"), 250, "", "1.2.3.4 x"},
        {SPAN_LIT("220 a.b.c x"), 220, "", "a.b.c x"},
    };
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span text = guard_span(&g, cases[i].text);
        char enhanced[SMTP_TEMPLATE_ENHANCED];

        assert_int_equal(smtp_template_split(&text, enhanced), cases[i].code);
        assert_string_equal(enhanced, cases[i].enhanced);
        assert_true(span_eq(text, span_str(cases[i].rest)));
    }
    guard_free(&g);
}

static void test_said(void **state)
{
    struct buf out = BUF_INIT(100);

    smtp_template_said(SPAN_LIT("a b\r\n\xc3\xa4~"), 100, &out);
    assert_string_equal(buf_str(&out), "a?b????~");
    buf_clear(&out);
    smtp_template_said(SPAN_LIT("abcdef"), 3, &out);
    assert_string_equal(buf_str(&out), "abc");
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill),
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
