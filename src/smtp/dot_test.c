/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/dot.h"
#include "smtp/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct dot_case {
    const char *name;
    struct span in;
    struct span text;
    bool done;
    struct span rest;
    unsigned cr, lf, nul;
};

#define S SPAN_LIT

static const struct dot_case cases[] = {
    {"empty message", S(".\r\n"), S(""), true, S("")},
    {"one line", S("a\r\n.\r\n"), S("a\r\n"), true, S("")},
    {"what follows is left", S("a\r\n.\r\nQUIT\r\n"), S("a\r\n"), true, S("QUIT\r\n")},
    {"stuffed dot", S("..a\r\n.\r\n"), S(".a\r\n"), true, S("")},
    {"two dots alone", S("..\r\n.\r\n"), S(".\r\n"), true, S("")},
    {"dot not stuffed is dropped", S(".a\r\n.\r\n"), S("a\r\n"), true, S("")},
    {"dot in the line", S("a.\r\n.\r\n"), S("a.\r\n"), true, S("")},
    {"LF.LF", S("a\n.\nb\r\n.\r\n"), S("a\n.\nb\r\n"), true, S(""), 0, 2, 0},
    {"LF.CRLF", S("a\n.\r\nb\r\n.\r\n"), S("a\n.\r\nb\r\n"), true, S(""), 0, 1, 0},
    {"LF.CR", S("a\n.\rb\r\n.\r\n"), S("a\n.\rb\r\n"), true, S(""), 1, 1, 0},
    {"CR.CR", S("a\r.\rb\r\n.\r\n"), S("a\r.\rb\r\n"), true, S(""), 2, 0, 0},
    {"CR.LF", S("a\r.\nb\r\n.\r\n"), S("a\r.\nb\r\n"), true, S(""), 1, 1, 0},
    {"CR.CRLF", S("a\r.\r\nb\r\n.\r\n"), S("a\r.\r\nb\r\n"), true, S(""), 1, 0, 0},
    {"CRLF.LF", S("a\r\n.\nb\r\n.\r\n"), S("a\r\n\nb\r\n"), true, S(""), 0, 1, 0},
    {"CRLF.CR", S("a\r\n.\rb\r\n.\r\n"), S("a\r\n\rb\r\n"), true, S(""), 1, 0, 0},
    {"CRLF.CRCRLF", S("a\r\n.\r\r\nb\r\n.\r\n"), S("a\r\n\r\r\nb\r\n"), true, S(""), 1, 0, 0},
    {"CRLF.CR.CRLF", S("a\r\n.\r.\r\nb\r\n.\r\n"), S("a\r\n\r.\r\nb\r\n"), true, S(""), 1, 0, 0},
    {"CRLF NUL . CRLF", S("a\r\n\0.\r\nb\r\n.\r\n"), S("a\r\n\0.\r\nb\r\n"), true, S(""), 0, 0, 1},
    {"CRLF . NUL CRLF", S("a\r\n.\0\r\nb\r\n.\r\n"), S("a\r\n\0\r\nb\r\n"), true, S(""), 0, 0, 1},
    {"CRCRLF.CRLF", S("a\r\r\n.\r\n"), S("a\r\r\n"), true, S(""), 1, 0, 0},
    {"LF at the start", S("\n.\r\n.\r\n"), S("\n.\r\n"), true, S(""), 0, 1, 0},
    {"open line", S("abc"), S("abc"), false, S("")},
    {"open dot", S("a\r\n."), S("a\r\n"), false, S("")},
    {"open dot and CR", S("a\r\n.\r"), S("a\r\n"), false, S("")},
    {"nothing", S(""), S(""), false, S("")},
};

/* Feeds `in` cut at `a` and `b`; what it reads is added to *text. Returns what was left unread. */
static struct span read_all(struct smtp_dot_in *d, struct span in, size_t a, size_t b,
                            struct buf *text, bool *ret_done)
{
    struct span cuts[3] = {span_slice(in, 0, a), span_slice(in, a, b), span_slice(in, b, in.n)};

    for (unsigned i = 0; i < 3; i++) {
        enum smtp_dot_got got;
        struct span piece;

        while ((got = smtp_dot_read(d, &cuts[i], &piece)) == SMTP_DOT_PIECE)
            buf_add(text, piece);
        if (got == SMTP_DOT_DONE) {
            *ret_done = true;
            return span_slice(in, (size_t)(cuts[i].p - in.p), in.n);
        }
        assert_int_equal(cuts[i].n, 0);
    }
    *ret_done = false;
    return span_slice(in, in.n, in.n);
}

static void check(const struct dot_case *c, size_t a, size_t b)
{
    struct buf text = BUF_INIT(1000);
    struct smtp_dot_in d = {0};
    bool done;
    struct span rest = read_all(&d, c->in, a, b, &text, &done);

    if (done != c->done || !span_eq(buf_span(&text), c->text) || !span_eq(rest, c->rest))
        fail_msg("%s cut at %zu %zu: done %d, text %zu octets", c->name, a, b, done,
                 (size_t)text.n);
    if (d.seen.bare_cr != c->cr || d.seen.bare_lf != c->lf || d.seen.nul != c->nul)
        fail_msg("%s cut at %zu %zu: cr %u lf %u nul %u", c->name, a, b, (unsigned)d.seen.bare_cr,
                 (unsigned)d.seen.bare_lf, (unsigned)d.seen.nul);
    assert_int_equal(smtp_text_foul(&d.seen), c->cr || c->lf || c->nul);
    assert_int_equal(d.seen.octets, c->text.n);
    buf_deinit(&text);
}

/* Every case in every two cuts: whole, at each prefix, and each octet alone are among them. */
static void dots_in_any_cut(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t a = 0; a <= cases[i].in.n; a++)
            for (size_t b = a; b <= cases[i].in.n; b++)
                check(&cases[i], a, b);
}

static void dots_byte_by_byte(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct smtp_dot_in d = {0};
        struct buf text = BUF_INIT(1000);
        enum smtp_dot_got got = SMTP_DOT_MORE;

        for (size_t n = 0; n < cases[i].in.n && got != SMTP_DOT_DONE; n++) {
            struct span in = span_slice(cases[i].in, n, n + 1), piece;

            while ((got = smtp_dot_read(&d, &in, &piece)) == SMTP_DOT_PIECE)
                buf_add(&text, piece);
        }
        assert_int_equal(got == SMTP_DOT_DONE, cases[i].done);
        assert_true(span_eq(buf_span(&text), cases[i].text));
        buf_deinit(&text);
    }
}

static void long_lines_counted(void **state)
{
    static char line[SMTP_TEXT_MAX + 1];
    struct smtp_text_seen seen = {0};

    memset(line, 'x', sizeof(line));
    smtp_text_look(&seen, span_of(line, SMTP_TEXT_MAX - 2));
    smtp_text_look(&seen, S("\r\n"));
    assert_int_equal(seen.long_lines, 0);
    smtp_text_look(&seen, span_of(line, SMTP_TEXT_MAX - 1));
    smtp_text_look(&seen, S("\r\n"));
    assert_int_equal(seen.long_lines, 1);
    smtp_text_look(&seen, S("\xff\r"));
    assert_int_equal(seen.bare_cr, 0);
    smtp_text_end(&seen);
    assert_int_equal(seen.bare_cr, 1);
    assert_int_equal(seen.high, 1);
}

struct out_case {
    const char *name;
    struct span in;
    struct span out;
};

static const struct out_case outs[] = {
    {"nothing", S(""), S(".\r\n")},
    {"a line", S("a\r\n"), S("a\r\n.\r\n")},
    {"no line end", S("a"), S("a\r\n.\r\n")},
    {"dot", S("."), S("..\r\n.\r\n")},
    {"dot line", S("a\r\n.\r\nb\r\n"), S("a\r\n..\r\nb\r\n.\r\n")},
    {"dot behind LF", S("a\n.\nb"), S("a\r\n..\r\nb\r\n.\r\n")},
    {"dot behind CR", S("a\r.\rb"), S("a\r\n..\r\nb\r\n.\r\n")},
    {"CR CR LF", S("a\r\r\nb"), S("a\r\n\r\nb\r\n.\r\n")},
    {"CR at the end", S("a\r"), S("a\r\n.\r\n")},
    {"empty lines", S("\r\n\n\r"), S("\r\n\r\n\r\n.\r\n")},
    {"NUL is an octet", S("\0."), S("\0.\r\n.\r\n")},
};

static void dots_out_in_any_cut(void **state)
{
    for (size_t i = 0; i < sizeof(outs) / sizeof(outs[0]); i++)
        for (size_t a = 0; a <= outs[i].in.n; a++)
            for (size_t b = a; b <= outs[i].in.n; b++) {
                struct smtp_dot_out d = {0};
                struct buf out = BUF_INIT(1000);

                smtp_dot_write(&d, span_slice(outs[i].in, 0, a), &out);
                smtp_dot_write(&d, span_slice(outs[i].in, a, b), &out);
                smtp_dot_write(&d, span_slice(outs[i].in, b, outs[i].in.n), &out);
                smtp_dot_close(&d, &out);
                if (!span_eq(buf_span(&out), outs[i].out))
                    fail_msg("%s cut at %zu %zu", outs[i].name, a, b);
                buf_deinit(&out);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dots_in_any_cut),
        cmocka_unit_test(dots_byte_by_byte),
        cmocka_unit_test(long_lines_counted),
        cmocka_unit_test(dots_out_in_any_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
