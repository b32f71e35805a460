/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct reply_case {
    const char *name;
    const char *in; /* one reply, or what is no reply */
    int got;
    unsigned code;
    const char *enhanced;
    const char *text;
    bool bare_lf;
};

static const struct reply_case cases[] = {
    {"one line", "250 Ok\r\n", SMTP_REPLY_DONE, 250, "", "Ok", false},
    {"code alone", "250\r\n", SMTP_REPLY_DONE, 250, "", "", false},
    {"code and space", "354 \r\n", SMTP_REPLY_DONE, 354, "", "", false},
    {"enhanced", "554 5.7.1 <a@b>: Relay access denied\r\n", SMTP_REPLY_DONE, 554, "5.7.1",
     "5.7.1 <a@b>: Relay access denied", false},
    {"enhanced of another class is text", "250 5.7.1 Ok\r\n", SMTP_REPLY_DONE, 250, "", "5.7.1 Ok",
     false},
    {"four numbers are an address", "550 5.7.1.1 no\r\n", SMTP_REPLY_DONE, 550, "", "5.7.1.1 no",
     false},
    {"many lines", "250-a.example\r\n250-SIZE 1\r\n250 HELP\r\n", SMTP_REPLY_DONE, 250, "",
     "a.example\nSIZE 1\nHELP", false},
    {"bare LF", "220 hello\n", SMTP_REPLY_DONE, 220, "", "hello", true},
    {"the last line decides", "250-a\r\n550 b\r\n", SMTP_REPLY_DONE, 550, "", "a\nb", false},
    {"not a number", "hello\r\n", SMTP_REPLY_BAD, 0, "", "", false},
    {"code too low", "150 x\r\n", SMTP_REPLY_BAD, 0, "", "", false},
    {"code too high", "600 x\r\n", SMTP_REPLY_BAD, 0, "", "", false},
    {"four digits", "2500 x\r\n", SMTP_REPLY_BAD, 0, "", "", false},
    {"empty line", "\r\n", SMTP_REPLY_BAD, 0, "", "", false},
    {"no end yet", "250-a\r\n250 b", SMTP_REPLY_MORE, 0, "", "", false},
};

static void expect(const struct reply_case *c, int got, const struct smtp_reply *r)
{
    char enhanced[16];

    if (got != c->got)
        fail_msg("%s: got %d", c->name, got);
    if (got != SMTP_REPLY_DONE)
        return;
    assert_int_equal(r->code, c->code);
    assert_string_equal(smtp_reply_enhanced(r, enhanced), c->enhanced);
    assert_true(span_eq(r->text, span_str(c->text)));
    assert_int_equal(r->bare_lf, c->bare_lf);
}

/* Every case whole, byte by byte, and cut at each place: the same reply. */
static void reply_in_any_cut(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n = strlen(cases[i].in);

        for (size_t cut = 0; cut <= n; cut++) {
            struct smtp_reply_parser p;
            struct smtp_reply r = {0};
            struct span a = {cases[i].in, cut}, b = {cases[i].in + cut, n - cut};
            int got;

            smtp_reply_parser_init(&p);
            got = smtp_reply_feed(&p, &a, &r);
            if (got == SMTP_REPLY_MORE)
                got = smtp_reply_feed(&p, &b, &r);
            expect(&cases[i], got, &r);
            smtp_reply_parser_deinit(&p);
        }
        struct smtp_reply_parser p;
        struct smtp_reply r = {0};
        int got = SMTP_REPLY_MORE;

        smtp_reply_parser_init(&p);
        for (size_t k = 0; k < n && got == SMTP_REPLY_MORE; k++) {
            struct span one = {cases[i].in + k, 1};

            got = smtp_reply_feed(&p, &one, &r);
        }
        expect(&cases[i], got, &r);
        smtp_reply_parser_deinit(&p);
    }
}

static void replies_one_behind_the_other(void **state)
{
    struct smtp_reply_parser p;
    struct smtp_reply r;
    struct span in = SPAN_LIT("250 a\r\n550 5.1.1 b\r\n2");

    smtp_reply_parser_init(&p);
    assert_int_equal(smtp_reply_feed(&p, &in, &r), SMTP_REPLY_DONE);
    assert_int_equal(r.code, 250);
    assert_int_equal(smtp_reply_feed(&p, &in, &r), SMTP_REPLY_DONE);
    assert_int_equal(r.code, 550);
    assert_int_equal(r.enhanced[1], 1);
    assert_int_equal(smtp_reply_feed(&p, &in, &r), SMTP_REPLY_MORE);
    assert_int_equal(in.n, 0);
    smtp_reply_parser_deinit(&p);
}

static int feed_line_of(size_t n)
{
    static char line[SMTP_REPLY_LINE_TAKEN + 16];
    struct smtp_reply_parser p;
    struct smtp_reply r;
    struct span in = {line, n + 1};
    int got;

    memset(line, 'x', sizeof(line));
    memcpy(line, "250 ", 4);
    line[n - 1] = '\r';
    line[n] = '\n';
    smtp_reply_parser_init(&p);
    got = smtp_reply_feed(&p, &in, &r);
    if (got == SMTP_REPLY_DONE)
        assert_true(r.text.n <= SMTP_REPLY_KEPT);
    smtp_reply_parser_deinit(&p);
    return got;
}

static void line_at_the_limit(void **state)
{
    assert_int_equal(feed_line_of(SMTP_REPLY_LINE_TAKEN), SMTP_REPLY_DONE);
    assert_int_equal(feed_line_of(SMTP_REPLY_LINE_TAKEN + 1), SMTP_REPLY_BAD);
}

static int feed_lines(unsigned count)
{
    struct smtp_reply_parser p;
    struct smtp_reply r;
    int got = SMTP_REPLY_MORE;

    smtp_reply_parser_init(&p);
    for (unsigned i = 1; i < count && got == SMTP_REPLY_MORE; i++) {
        struct span more = SPAN_LIT("250-x\r\n");

        got = smtp_reply_feed(&p, &more, &r);
    }
    if (got == SMTP_REPLY_MORE) {
        struct span last = SPAN_LIT("250 x\r\n");

        got = smtp_reply_feed(&p, &last, &r);
    }
    smtp_reply_parser_deinit(&p);
    return got;
}

static void lines_at_the_limit(void **state)
{
    assert_int_equal(feed_lines(SMTP_REPLY_LINES_TAKEN), SMTP_REPLY_DONE);
    assert_int_equal(feed_lines(SMTP_REPLY_LINES_TAKEN + 1), SMTP_REPLY_BAD);
}

static void endless_line_without_end(void **state)
{
    struct smtp_reply_parser p;
    struct smtp_reply r;
    int got = SMTP_REPLY_MORE;

    smtp_reply_parser_init(&p);
    for (int i = 0; i < 10000 && got == SMTP_REPLY_MORE; i++) {
        struct span in = SPAN_LIT("220 aaaaaaaaaaaaaaa");

        got = smtp_reply_feed(&p, &in, &r);
        assert_true(p.line.n <= SMTP_REPLY_LINE_TAKEN);
    }
    assert_int_equal(got, SMTP_REPLY_BAD);
    smtp_reply_parser_deinit(&p);
}

static void nul_is_noted(void **state)
{
    static const char in[] = "250 a\0b\r\n";
    struct smtp_reply_parser p;
    struct smtp_reply r;
    struct span s = {in, sizeof(in) - 1};

    smtp_reply_parser_init(&p);
    assert_int_equal(smtp_reply_feed(&p, &s, &r), SMTP_REPLY_DONE);
    assert_true(r.has_nul);
    assert_int_equal(r.text.n, 3);
    smtp_reply_parser_deinit(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reply_in_any_cut),         cmocka_unit_test(replies_one_behind_the_other),
        cmocka_unit_test(line_at_the_limit),        cmocka_unit_test(lines_at_the_limit),
        cmocka_unit_test(endless_line_without_end), cmocka_unit_test(nul_is_noted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
