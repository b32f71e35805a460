/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/rows.h"

#include "guard.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Rows written back as "line:name=value;" with '/' behind each; at the end '!' and the error. */
static void dump(struct span text, struct buf *out)
{
    struct rows_reader r;
    struct rows_error err = {0};
    struct row row = {0};
    int got;

    buf_clear(out);
    rows_open(&r, text);
    while ((got = rows_next(&r, &row, &err)) == 1) {
        for (size_t i = 0; i < row.count; i++)
            buf_addf(out, "%u:%.*s=%s;", row.fields[i].line, SPAN_ARG(row.fields[i].name),
                     row.fields[i].value);
        assert_int_equal(row.line, row.fields[0].line);
        buf_add_char(out, '/');
    }
    if (got < 0) {
        assert_int_equal(got, -EINVAL);
        buf_addf(out, "!%u: %s", err.line, err.why);
    }
    row_deinit(&row);
    row_deinit(&row);
    assert_int_equal(out->err, 0);
}

static void reading(void **state)
{
    static const struct {
        const char *name, *in, *want;
    } cases[] = {
        {"nothing", "", ""},
        {"only blanks and comments", "\n \t\n# a\n\n", ""},
        {"one row", "Id: a\nForm: b\n", "1:Id=a;2:Form=b;/"},
        {"no line end at the end", "Id: a", "1:Id=a;/"},
        {"two rows", "Id: a\n\n\nId: b\n", "1:Id=a;/4:Id=b;/"},
        {"a line of blanks ends a row too", "Id: a\n \t\nId: b", "1:Id=a;/3:Id=b;/"},
        {"line ends of another system", "Id: a\r\n\r\nId: b\r\n", "1:Id=a;/3:Id=b;/"},
        {"comment inside", "Id: a\n# x: y\nForm: b", "1:Id=a;3:Form=b;/"},
        {"no blank behind the colon", "Id:a", "1:Id=a;/"},
        {"blanks around the value", "Id:\t a b \t", "1:Id=a b;/"},
        {"colons in the value", "Id: a:b: c", "1:Id=a:b: c;/"},
        {"empty value", "Id:\nX: y", "1:Id=;2:X=y;/"},
        {"continued", "Id: a\n b\n\tc", "1:Id=a b c;/"},
        {"continued from nothing", "Id:\n a", "1:Id=a;/"},
        {"continued over a comment", "Id: a\n# x\n b", "1:Id=a b;/"},
        {"hash in a value", "Id: a # b\n #c", "1:Id=a # b #c;/"},
        {"signs of addresses", "Rcpt: \"a%b!c\"@[192.0.2.1]", "1:Rcpt=\"a%b!c\"@[192.0.2.1];/"},
        {"utf-8", "Name: Zo\xc3\xab", "1:Name=Zo\xc3\xab;/"},
        {"continued at the start", " a\n", "!1: a continued line with nothing before it"},
        {"continued after the row's end", "Id: a\n\n b",
         "1:Id=a;/!3: a continued line with nothing before it"},
        {"no colon", "Id: a\nb\n", "!2: expected \"Field: value\""},
        {"no name", ": a", "!1: expected \"Field: value\""},
        {"blank in the name", "I d: a", "!1: expected \"Field: value\""},
        {"sign in the name", "I_d: a", "!1: expected \"Field: value\""},
        {"twice", "Id: a\nX: y\nid: b", "!3: field \"id\" stands twice (first in line 1)"},
        {"control character", "Id: a\x1b[2J", "!1: control character \\x1b"},
        {"delete", "Id: a\x7f", "!1: control character \\x7f"},
        {"carriage return inside", "Id: a\rb\n", "!1: control character \\x0d"},
        {"C1 control character",
         "Id: \xc2\x9b"
         "2J",
         "!1: control character \\xc2\\x9b"},
        {"C1 control character at the end", "Id: \xc2\x9b", "!1: control character \\xc2\\x9b"},
        {"no-break space is none", "Id: \xc2\xa0x", "1:Id=\xc2\xa0x;/"},
        {"latin-1", "Id: caf\xe9", "!1: not UTF-8"},
        {"in a comment too", "# \x01\nId: a", "!1: control character \\x01"},
    };
    struct guard g = {0};
    struct buf out = BUF_INIT(10000);

    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        dump(guard_str(&g, cases[i].in), &out);
        assert_string_equal(buf_str(&out), cases[i].want);
    }
    dump(span_of("Id: a\0b", 7), &out);
    assert_string_equal(buf_str(&out), "!1: control character \\x00");
    guard_free(&g);
    buf_deinit(&out);
}

/* "Id: xxx" of n bytes altogether. */
static void add_line(struct buf *b, const char *start, size_t n)
{
    size_t from = b->n;

    buf_add_str(b, start);
    while (b->n < from + n)
        buf_add_char(b, 'x');
    buf_add_char(b, '\n');
}

static void line_at_the_limit(void **state)
{
    struct buf in = BUF_INIT(10000), out = BUF_INIT(10000);

    add_line(&in, "Id: ", ROWS_LINE_MAX);
    dump(buf_span(&in), &out);
    assert_int_equal(out.n, ROWS_LINE_MAX - strlen("Id: ") + strlen("1:Id=;/"));
    buf_clear(&in);
    add_line(&in, "Id: ", ROWS_LINE_MAX + 1);
    dump(buf_span(&in), &out);
    assert_string_equal(buf_str(&out), "!1: line is longer than 2000 bytes");
    buf_deinit(&in);
    buf_deinit(&out);
}

static void value_at_the_limit(void **state)
{
    struct buf in = BUF_INIT(20000), out = BUF_INIT(20000);

    /* Five lines of 1599 bytes and the four spaces that join them; the rest comes last. */
    for (size_t over = 0; over < 2; over++) {
        buf_clear(&in);
        buf_add_str(&in, "Id:\n");
        for (int i = 0; i < 4; i++)
            add_line(&in, " ", 1600);
        add_line(&in, " ", ROWS_VALUE_MAX - 4 * 1600 + 1 + over);
        dump(buf_span(&in), &out);
        if (over == 0)
            assert_int_equal(out.n, ROWS_VALUE_MAX + strlen("1:Id=;/"));
        else
            assert_string_equal(buf_str(&out), "!6: value is longer than 8000 bytes");
    }
    buf_deinit(&in);
    buf_deinit(&out);
}

static void fields_at_the_limit(void **state)
{
    struct buf in = BUF_INIT(10000), out = BUF_INIT(10000);

    for (int i = 0; i < ROWS_FIELDS_MAX; i++)
        buf_addf(&in, "F%d: v\n", i);
    dump(buf_span(&in), &out);
    assert_int_equal(out.p[out.n - 1], '/');
    buf_add_str(&in, "One-more: v\n");
    dump(buf_span(&in), &out);
    assert_string_equal(buf_str(&out), "!41: more than 40 fields in one row");
    buf_deinit(&in);
    buf_deinit(&out);
}

static void lookup(void **state)
{
    static const char *const known[] = {"id", "FORM", NULL}, *const few[] = {"id", NULL};
    struct rows_reader r;
    struct rows_error err;
    struct row row = {0};

    rows_open(&r, SPAN_LIT("\nId: a\nForm: b\n"));
    assert_int_equal(rows_next(&r, &row, &err), 1);
    assert_string_equal(row_get(&row, "ID"), "a");
    assert_string_equal(row_get(&row, "form"), "b");
    assert_null(row_get(&row, "For"));
    assert_int_equal(row_line(&row, "form"), 3);
    assert_int_equal(row_line(&row, "absent"), 2);
    assert_null(row_unknown(&row, known));
    assert_true(span_eq(row_unknown(&row, few)->name, SPAN_LIT("Form")));
    assert_int_equal(rows_next(&r, &row, &err), 0);
    assert_int_equal(row.count, 0);
    assert_int_equal(rows_next(&r, &row, &err), 0);
    row_deinit(&row);
}

/* Counts, and refuses a row that says so. */
static int counted(void *cookie, const struct row *row, struct rows_error *err)
{
    unsigned *n = cookie;

    if (row_get(row, "Refuse")) {
        rows_fail(err, row_line(row, "Refuse"), "refused");
        return -EINVAL;
    }
    ++*n;
    return 0;
}

static void each_row(void **state)
{
    struct rows_error err = {0};
    unsigned n = 0;

    assert_int_equal(rows_each(SPAN_LIT("A: 1\n\nA: 2\nB: 3\n"), counted, &n, &err), 0);
    assert_int_equal(n, 2);
    n = 0;
    assert_int_equal(rows_each(SPAN_LIT("A: 1\n\nA: 2\nRefuse: x\n\nA: 3\n"), counted, &n, &err),
                     -EINVAL);
    assert_int_equal(n, 1);
    assert_int_equal(err.line, 4);
    assert_string_equal(err.why, "refused");
    n = 0;
    assert_int_equal(rows_each(SPAN_LIT("A: 1\n\nno field\n"), counted, &n, &err), -EINVAL);
    assert_int_equal(n, 1);
    assert_int_equal(err.line, 3);
    assert_int_equal(rows_each(SPAN_NULL, counted, &n, &err), 0);
}

static void what_values_hold(void **state)
{
    static const char *const words[] = {"yes", "no", NULL};

    assert_true(rows_slug_ok("a-1", "-", 3));
    assert_false(rows_slug_ok("a-12", "-", 3));
    assert_false(rows_slug_ok("", "-", 3));
    assert_false(rows_slug_ok("-a", "-", 3));
    assert_false(rows_slug_ok("aB", "-", 3));
    assert_false(rows_slug_ok("a.b", "-", 3));
    assert_true(rows_slug_ok("a.b", "-.", 3));
    assert_true(rows_cves_ok(SPAN_LIT("")));
    assert_true(rows_cves_ok(SPAN_LIT("CVE-1999-0512 CVE-2024-123456")));
    assert_false(rows_cves_ok(SPAN_LIT("CVE-1999-051")));
    assert_false(rows_cves_ok(SPAN_LIT("CVE-1999-0512,")));
    assert_false(rows_cves_ok(SPAN_LIT("CVE-19990512-1")));
    assert_int_equal(rows_word_of(SPAN_LIT("No"), words), 1);
    assert_int_equal(rows_word_of(SPAN_LIT("n"), words), -1);
    assert_int_equal(rows_word_of(SPAN_NULL, words), -1);
}

static void long_error_is_cut(void **state)
{
    struct rows_error err;
    char name[500];

    memset(name, 'n', sizeof(name));
    rows_fail(&err, 7, "field \"%.*s\"", 500, name);
    assert_int_equal(err.line, 7);
    assert_int_equal(strlen(err.why), sizeof(err.why) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(line_at_the_limit),
        cmocka_unit_test(value_at_the_limit),
        cmocka_unit_test(fields_at_the_limit),
        cmocka_unit_test(lookup),
        cmocka_unit_test(each_row),
        cmocka_unit_test(what_values_hold),
        cmocka_unit_test(long_error_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
