/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "mail/header.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "name|body unfolded|line;" for each field, then how it ended and what the body is. */
static const char *show(struct span message, struct buf *out)
{
    static const char *const ends[] = {[HEADER_END] = "end", [HEADER_LIMIT] = "limit"};
    struct header_iter it;
    struct header_field field;
    enum header_got got;

    buf_clear(out);
    header_open(&it, message);
    while ((got = header_next(&it, &field)) == HEADER_FIELD) {
        buf_add(out, field.name);
        buf_add_char(out, '|');
        header_unfold(out, field.body);
        buf_addf(out, "|%u;", field.line);
    }
    buf_add_str(out, ends[got]);
    assert_int_equal(header_next(&it, &field), got);
    buf_addf(out, "+%zu", header_body(message).n);
    return buf_str(out);
}

static void fields(void **state)
{
    static const struct {
        const char *name, *in, *want;
    } cases[] = {
        {"empty", "", "end+0"},
        {"only an empty line", "\r\n", "end+0"},
        {"CRLF", "A: 1\r\nB: 2\r\n\r\nbody", "A|1|1;B|2|2;end+4"},
        {"LF", "A: 1\nB: 2\n\nbody", "A|1|1;B|2|2;end+4"},
        {"mixed", "A: 1\nB: 2\r\n\nbody", "A|1|1;B|2|2;end+4"},
        {"no body", "A: 1\r\nB: 2", "A|1|1;B|2|2;end+0"},
        {"no empty line", "A: 1\r\n", "A|1|1;end+0"},
        {"fold", "A: 1\r\n 2\r\n\t3\r\nB: 4\r\n\r\n", "A|1 2 3|1;B|4|4;end+0"},
        {"fold of blanks only", "A: 1\r\n \t\r\n 2\r\n\r\nx", "A|1 2|1;end+1"},
        {"blank at the fold", "A: 1 \r\n   2\r\n\r\n", "A|1 2|1;end+0"},
        {"empty first line of a fold", "A:\r\n 1\r\n\r\n", "A|1|1;end+0"},
        {"blank before the colon", "A : 1\r\nB\t: 2\r\n\r\n", "A|1|1;B|2|2;end+0"},
        {"no blank after it", "A:1\r\n\r\n", "A|1|1;end+0"},
        {"empty value", "A:\r\nB: \r\n\r\n", "A||1;B||2;end+0"},
        {"colons in the value", "A: b: c\r\n\r\n", "A|b: c|1;end+0"},
        {"mbox line", "From a@b Mon Oct  8 12:00:00 2001\nA: 1\n\nx", "A|1|2;end+1"},
        {"quoted mbox line", ">From a@b\r\nA: 1\r\n\r\nx", "A|1|2;end+1"},
        {"From: is no mbox line", "From: a@b\n\nx", "From|a@b|1;end+1"},
        {"a line that is no field starts the body", "A: 1\nhello world\nB: 2\n", "A|1|1;end+17"},
        {"a fold of nothing is no field", " x\nA: 1\n\n", "end+9"},
        {"no name", ": x\r\n\r\n", "end+7"},
        {"bytes over 127 in the value", "A: \xc3\xa4\r\n\r\n", "A|\xc3\xa4|1;end+0"},
        {"and in the name", "\xc3\xa4: 1\r\n\r\n", "end+9"},
        {"bare CR is text", "A: 1\rB: 2\r\n\r\n", "A|1\rB: 2|1;end+0"},
        {"line without colon at the very end", "A: 1\nB", "A|1|1;end+1"},
    };
    struct guard g = {0};
    struct buf out = BUF_INIT(10000);
    unsigned wrong = 0;

    for (size_t i = 0; i < COUNT(cases); i++) {
        if (strcmp(show(guard_str(&g, cases[i].in), &out), cases[i].want) != 0) {
            print_error("%s:\n  got  %s\n  want %s\n", cases[i].name, buf_str(&out), cases[i].want);
            wrong++;
        }
    }
    buf_deinit(&out);
    guard_free(&g);
    assert_int_equal(wrong, 0);
}

static void nul_is_text(void **state)
{
    struct span m = SPAN_LIT("A: 1\0002\r\nB\000: 2\r\n\r\n");
    struct header_field f;

    assert_true(header_first(m, "a", &f));
    assert_true(span_eq(f.body, SPAN_LIT("1\0002")));
    assert_int_equal(header_body_offset(m), 8);
}

static void by_name(void **state)
{
    struct span m = SPAN_LIT("Received: one\nX: y\nRECEIVED: two\nReceived-SPF: no\nreceived : "
                             "three\n\nReceived: body\n");
    struct header_field f;

    assert_int_equal(header_count(m, "Received"), 3);
    assert_true(header_first(m, "received", &f));
    assert_true(span_eq(f.body, SPAN_LIT("one")));
    assert_true(header_last(m, "received", &f));
    assert_true(span_eq(f.body, SPAN_LIT("three")));
    assert_true(span_eq(f.raw, SPAN_LIT("received : three\n")));
    assert_int_equal(f.line, 5);
    assert_false(header_first(m, "Subject", &f));
    assert_int_equal(header_value(m, "Subject").n, 0);
    assert_true(span_eq(header_value(m, "x"), SPAN_LIT("y")));
}

static void addresses(void **state)
{
    static const struct {
        const char *name, *in, *want;
    } cases[] = {
        {"bare", "a@b", "a@b"},
        {"angle", "<a@b>", "a@b"},
        {"name", "A B <a@b>", "a@b"},
        {"null", "<>", ""},
        {"null beats a name with an @", "x@y <>", ""},
        {"quoted name with an angle", "\"A <x@y>\" <a@b>", "a@b"},
        {"comment with an angle", "(<x@y>) <a@b>", "a@b"},
        {"nested comment", "(a (<x@y>) b) a@b", "a@b"},
        {"comment behind", "a@b (Name)", "a@b"},
        {"quoted local part", "<\"a>b\"@c>", "\"a>b\"@c"},
        {"quoted local part, bare", "\"a b\"@c", "\"a b\"@c"},
        {"escaped quote", "\"a\\\" <x@y>\" <a@b>", "a@b"},
        {"route", "<@r:a@b>", "@r:a@b"},
        {"list: the first bare", "a@b, c@d", "a@b"},
        {"last angle", "<a@b>, <c@d>", "c@d"},
        {"folded", "A\r\n <a@b>", "a@b"},
        {"unclosed angle", "<a@b", "a@b"},
        {"unclosed quote", "\"a <x@y>", ""},
        {"unclosed comment", "(a@b", ""},
        {"none", "nobody", ""},
        {"empty", "", ""},
        {"an @ alone", "@", "@"},
        {"backslash at the end", "\"\\", ""},
    };
    struct guard g = {0};
    unsigned wrong = 0;

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span got = header_address(guard_str(&g, cases[i].in));

        if (!span_eq(got, span_str(cases[i].want))) {
            print_error("%s: got \"%.*s\"\n", cases[i].name, SPAN_ARG(got));
            wrong++;
        }
    }
    guard_free(&g);
    assert_int_equal(wrong, 0);
}

static void fill(struct buf *b, size_t to)
{
    while (b->n < to)
        buf_add_char(b, 'x');
}

static enum header_got last_got(struct guard *g, struct buf *m, unsigned *ret_fields)
{
    struct header_iter it;
    struct header_field f;
    enum header_got got;

    *ret_fields = 0;
    header_open(&it, guard_span(g, buf_span(m)));
    while ((got = header_next(&it, &f)) == HEADER_FIELD)
        ++*ret_fields;
    return got;
}

/* Each limit at its edge and one past it. */
static void limits(void **state)
{
    struct buf m = BUF_INIT(1 << 22);
    struct guard g = {0};
    unsigned n;

    for (int more = 0; more < 2; more++) {
        enum header_got want = more ? HEADER_LIMIT : HEADER_END;

        buf_clear(&m);
        buf_add_str(&m, "A: ");
        fill(&m, HEADER_FIELD_MAX - 2 + (size_t)more);
        buf_add_str(&m, "\r\n\r\nbody");
        assert_int_equal(last_got(&g, &m, &n), want);
        assert_int_equal(n, !more);
        assert_int_equal(header_body(buf_span(&m)).n, 4);

        buf_clear(&m);
        fill(&m, HEADER_NAME_MAX + (size_t)more);
        buf_add_str(&m, ": 1\r\n\r\n");
        assert_int_equal(last_got(&g, &m, &n), want);

        buf_clear(&m);
        for (int i = 0; i < HEADER_FIELDS_MAX + more; i++)
            buf_add_str(&m, "A: 1\n");
        buf_add_str(&m, "\nbody");
        assert_int_equal(last_got(&g, &m, &n), want);
        assert_int_equal(n, HEADER_FIELDS_MAX);

        buf_clear(&m);
        while (m.n < HEADER_BLOCK_MAX) {
            size_t from = m.n;

            buf_add_str(&m, "A: ");
            fill(&m, from + 1023 + (size_t)(more && from == 0));
            buf_add_char(&m, '\n');
        }
        buf_add_str(&m, "\nbody");
        assert_int_equal(last_got(&g, &m, &n), want);
        assert_int_equal(header_body(buf_span(&m)).n, 4);
    }
    buf_deinit(&m);
    guard_free(&g);
}

static void prefixes(void **state)
{
    struct span whole =
        SPAN_LIT("From x\r\nA : 1\r\n 2\r\n\t\r\nB: <\"a(\\\"\"@c> (x\\\r\n)\r\n\r\nbody");
    struct buf out = BUF_INIT(1000);
    struct guard g = {0};

    for (size_t n = 0; n <= whole.n; n++) {
        struct span m = guard_span(&g, span_slice(whole, 0, n));
        struct header_field f;

        show(m, &out);
        if (header_last(m, "B", &f))
            header_address(f.body);
        assert_true(header_body_offset(m) <= n);
    }
    buf_deinit(&out);
    guard_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields),    cmocka_unit_test(nul_is_text), cmocka_unit_test(by_name),
        cmocka_unit_test(addresses), cmocka_unit_test(limits),      cmocka_unit_test(prefixes),
    };

    return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
