/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/text.h"

#include "report/doc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_numbers(void **state)
{
    static const struct {
        uint64_t n;
        const char *want;
    } cases[] = {{0, "0 probes"},
                 {1, "1 probe"},
                 {999, "999 probes"},
                 {1000, "1,000 probes"},
                 {1002003, "1,002,003 probes"},
                 {UINT64_MAX, "18,446,744,073,709,551,615 probes"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b = BUF_INIT(100);

        report_text_plural(&b, cases[i].n, "probe");
        assert_string_equal(buf_str(&b), cases[i].want);
        buf_deinit(&b);
    }
}

static void test_durations(void **state)
{
    static const struct {
        int64_t ms;
        const char *want;
    } cases[] = {{-1, ""},
                 {0, "0 ms"},
                 {99, "99 ms"},
                 {100, "0.1 s"},
                 {59999, "59.9 s"},
                 {60000, "1 min 0 s"},
                 {3599999, "59 min 59 s"},
                 {3600000, "1 h 0 min"},
                 {90061000, "25 h 1 min"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b = BUF_INIT(100);

        report_text_duration(&b, cases[i].ms);
        assert_string_equal(buf_str(&b), cases[i].want);
        buf_deinit(&b);
    }
}

static void test_wrap(void **state)
{
    static const struct {
        const char *name, *in, *want;
        unsigned first, rest, width;
    } cases[] = {
        {"one line", "a b c", "  a b c\n", 2, 4, 40},
        {"nothing", "", "\n", 0, 0, 40},
        {"just fits", "aaa bbb", "aaa bbb\n", 0, 0, 7},
        {"one too many", "aaa bbbb", "aaa\n bbbb\n", 0, 1, 7},
        {"long word stays whole", "a bbbbbbbbbb c", "a\n  bbbbbbbbbb\n  c\n", 0, 2, 6},
        {"blanks fold", "  a \t b  ", "a b\n", 0, 0, 10},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b = BUF_INIT(1000);

        report_text_wrap(&b, cases[i].first, cases[i].rest, cases[i].width, span_str(cases[i].in));
        if (strcmp(buf_str(&b), cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].name, buf_str(&b));
        buf_deinit(&b);
    }
}

static void test_show(void **state)
{
    char longer[REPORT_DOC_TEXT_MAX + 2];
    static const struct {
        const char *in, *text, *markup;
    } cases[] = {
        {"plain", "plain", "plain"},
        {"kept \\x1b \\\\", "kept \\x1b \\\\", "kept \\x1b \\\\"},
        {"\033[2J\r\n\t", "\\x1b[2J\\r\\n\\t", "\\x1b[2J\\r\\n\\t"},
        {"<a href=\"'&\">", "<a href=\"'&\">", "&lt;a href=&quot;&#39;&amp;&quot;&gt;"},
        {"\xc3\xa9\x7f", "\\xc3\\xa9\\x7f", "\\xc3\\xa9\\x7f"},
        {"\\", "\\", "\\"},
        {"", "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b = BUF_INIT(1000);

        report_doc_show(&b, span_str(cases[i].in));
        assert_string_equal(buf_str(&b), cases[i].text);
        buf_clear(&b);
        report_doc_markup(&b, span_str(cases[i].in));
        assert_string_equal(buf_str(&b), cases[i].markup);
        buf_deinit(&b);
    }
    memset(longer, 'a', sizeof(longer));
    for (size_t n = REPORT_DOC_TEXT_MAX; n <= REPORT_DOC_TEXT_MAX + 1; n++) {
        struct buf b = BUF_INIT(REPORT_DOC_TEXT_MAX * 2);

        report_doc_show(&b, span_of(longer, n));
        assert_int_equal(b.n, n == REPORT_DOC_TEXT_MAX ? n : REPORT_DOC_TEXT_MAX + 3);
        buf_deinit(&b);
    }
}

static void test_times(void **state)
{
    static const struct {
        const char *in;
        int64_t want;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:01.999Z", 1},
        {"2000-02-29T12:00:00Z", 951825600},
        {"2026-11-21T12:00:00.123Z", 1795262400},
        {"2100-03-01T00:00:00Z", 4107542400},
        {"9999-12-31T23:59:59Z", 253402300799},
        {"2026-11-21T12:00:00", -1},
        {"2026-11-21T12:00:00+00:00", -1},
        {"2026-13-21T12:00:00Z", -1},
        {"2026-11-21 12:00:00Z", -1},
        {"1969-12-31T23:59:59Z", -1},
        {"Z", -1},
        {"", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t got = report_doc_wall(span_str(cases[i].in));

        if (got != cases[i].want)
            fail_msg("%s: %lld", cases[i].in, (long long)got);
    }
    assert_int_equal(report_doc_wall(SPAN_NULL), -1);
}

static void test_numbers_of_documents(void **state)
{
    static const struct {
        const char *in;
        uint64_t count;
        int64_t milli;
    } cases[] = {
        {"{\"n\":0}", 0, 0},
        {"{\"n\":25}", 25, 25000},
        {"{\"n\":1.4}", 0, 1400},
        {"{\"n\":-1}", 0, -1},
        {"{\"n\":1e300}", 0, -1},
        {"{\"n\":\"5\"}", 0, -1},
        {"{\"n\":null}", 0, -1},
        {"{}", 0, -1},
        {"[]", 0, -1},
        {"{\"n\":0.0004}", 0, 0},
        {"{\"n\":9223372036854775807}", INT64_MAX, -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *d = json_loads(cases[i].in, 0, NULL);

        assert_int_equal(report_doc_count(d, "n"), cases[i].count);
        assert_int_equal(report_doc_milli(d, "n"), cases[i].milli);
        json_decref(d);
    }
}

static void test_width(void **state)
{
    struct report_style s = {0};

    (void)state;
    assert_int_equal(report_text_width(&s), 80);
    s.width = REPORT_WIDTH_MIN - 1;
    assert_int_equal(report_text_width(&s), REPORT_WIDTH_MIN);
    s.width = 200;
    assert_int_equal(report_text_width(&s), 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_durations),
        cmocka_unit_test(test_wrap),    cmocka_unit_test(test_show),
        cmocka_unit_test(test_times),   cmocka_unit_test(test_numbers_of_documents),
        cmocka_unit_test(test_width),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
