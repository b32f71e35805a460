/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who adds a product to the range, or a persona to the decoy, writes a row and no code. What a
 * client said goes into a line of ours cut and cleaned: a reply must stay one.
 */
#include "smtp/template.h"

#include <assert.h>

void smtp_template_fill(struct span text, smtp_template_fn fn, const void *cookie, struct buf *out)
{
    while (text.n) {
        size_t end = text.p[0] == '{' ? span_find(text, '}') : text.n;

        if (span_starts(text, SPAN_LIT("\\n"))) {
            buf_add_char(out, '\n');
            text = span_slice(text, 2, text.n);
        } else if (end < text.n && fn(cookie, span_slice(text, 1, end), out)) {
            text = span_slice(text, end + 1, text.n);
        } else {
            buf_add_char(out, text.p[0]);
            text = span_slice(text, 1, text.n);
        }
    }
}

/* "5.7.1" at the front of s, with a blank behind it: its length, or 0. */
static size_t enhanced_length(struct span s)
{
    size_t n = span_find(s, ' '), dots = 0;

    if (n < 5 || n > 9 || n == s.n)
        return 0;
    for (size_t i = 0; i < n; i++) {
        if (s.p[i] == '.')
            dots++;
        else if (!ascii_is_digit(s.p[i]))
            return 0;
    }
    return dots == 2 ? n : 0;
}

unsigned smtp_template_split(struct span *text, char ret_enhanced[SMTP_TEMPLATE_ENHANCED])
{
    const char *p = text->p;
    struct span rest;
    size_t n;

    assert(text->n >= 4 && ascii_is_digit(p[0]) && ascii_is_digit(p[1]) && ascii_is_digit(p[2]));
    rest = span_slice(*text, 4, text->n);
    n = enhanced_length(rest);
    span_copy(span_slice(rest, 0, n), ret_enhanced, SMTP_TEMPLATE_ENHANCED);
    *text = span_slice(rest, n ? n + 1 : 0, rest.n);
    return (unsigned)((p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
}

void smtp_template_said(struct span said, size_t max, struct buf *out)
{
    for (size_t i = 0; i < said.n && i < max; i++)
        buf_add_char(out, said.p[i] > ' ' && said.p[i] < 0x7f ? said.p[i] : '?');
}
