/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The receiving half is a table of five states times five kinds of octet:
 *
 *              .          CR             LF            NUL, other
 *     LINE     DOT        CR, give       TEXT, give    TEXT, give
 *     DOT      TEXT,give  DOT_CR         TEXT, give    TEXT, give
 *     DOT_CR   TEXT       CR             END           TEXT        (the held CR is given out first)
 *     TEXT     give       CR, give       give          give
 *     CR       TEXT,give  give           LINE, give    TEXT, give
 *
 * A dot at the start of a line is dropped with whatever follows it (RFC 5321 §4.5.2). What is
 * held back is at most one CR, so pieces are slices of the input and nothing is copied. LF is a
 * line end in the state CR alone: a lone LF leads to TEXT, not to LINE, and a dot behind it is
 * just a dot.
 */
#include "smtp/dot.h"
#include "smtp/limits.h"

#include <assert.h>

static void count_line_end(struct smtp_text_seen *seen)
{
    if (seen->line > SMTP_TEXT_MAX)
        seen->long_lines++;
    seen->line = 0;
}

static uint64_t count_high(struct span text)
{
    const uint64_t tops = UINT64_C(0x8080808080808080);
    uint64_t high = 0, word;
    size_t i = 0;

    for (; i + sizeof(word) <= text.n; i += sizeof(word)) {
        memcpy(&word, text.p + i, sizeof(word));
        /* Each of the eight top bits moved to the bottom of its octet, and those summed up. */
        if (word & tops)
            high += (((word & tops) >> 7) * UINT64_C(0x0101010101010101)) >> 56;
    }
    for (; i < text.n; i++)
        high += (unsigned char)text.p[i] >> 7;
    return high;
}

static uint64_t count_nul(struct span text)
{
    uint64_t count = 0;

    for (size_t i = span_find(text, '\0'); i < text.n; count++) {
        text = span_slice(text, i + 1, text.n);
        i = span_find(text, '\0');
    }
    return count;
}

/* Octets of one line, without the LF that may be behind them. */
static void look_in_line(struct smtp_text_seen *seen, struct span part)
{
    if (part.n == 0)
        return;
    seen->line += part.n;
    seen->bare_cr += seen->cr; /* of the piece before: no LF came behind it */
    seen->cr = false;
    for (size_t cr = span_find(part, '\r'); cr < part.n; cr = span_find(part, '\r')) {
        part = span_slice(part, cr + 1, part.n);
        if (part.n == 0)
            seen->cr = true;
        else
            seen->bare_cr++;
    }
}

/* By memchr() and not octet by octet: all mail comes through here. */
void smtp_text_look(struct smtp_text_seen *seen, struct span text)
{
    seen->octets += text.n;
    seen->high += count_high(text);
    seen->nul += count_nul(text);
    while (text.n) {
        size_t lf = span_find(text, '\n');

        look_in_line(seen, span_slice(text, 0, lf));
        if (lf < text.n) {
            seen->line++;
            seen->bare_lf += !seen->cr;
            seen->cr = false;
            count_line_end(seen);
        }
        text = span_slice(text, lf + 1, text.n);
    }
}

void smtp_text_end(struct smtp_text_seen *seen)
{
    if (seen->cr)
        seen->bare_cr++;
    seen->cr = false;
    count_line_end(seen);
}

bool smtp_text_foul(const struct smtp_text_seen *seen)
{
    return seen->bare_cr || seen->bare_lf || seen->nul;
}

static enum smtp_dot_at after(enum smtp_dot_at at, char c)
{
    switch (at) {
    case SMTP_DOT_LINE:
        if (c == '.')
            return SMTP_DOT_DOT;
        break;
    case SMTP_DOT_DOT:
        if (c == '\r')
            return SMTP_DOT_DOT_CR;
        break;
    case SMTP_DOT_DOT_CR:
        if (c == '\n')
            return SMTP_DOT_END;
        break;
    case SMTP_DOT_CR:
        if (c == '\n')
            return SMTP_DOT_LINE;
        break;
    case SMTP_DOT_TEXT:
    case SMTP_DOT_END:
        break;
    }
    return c == '\r' ? SMTP_DOT_CR : SMTP_DOT_TEXT;
}

static bool is_held(enum smtp_dot_at at)
{
    return at == SMTP_DOT_DOT || at == SMTP_DOT_DOT_CR;
}

enum smtp_dot_got smtp_dot_read(struct smtp_dot_in *d, struct span *in, struct span *ret_piece)
{
    size_t n = 0;

    assert(d->at != SMTP_DOT_END);
    *ret_piece = SPAN_NULL;
    while (in->n) {
        enum smtp_dot_at now = after(d->at, in->p[0]);

        if (d->at == SMTP_DOT_DOT_CR && now != SMTP_DOT_END) {
            /* The CR was text after all. The octet that says so is looked at again, behind it. */
            d->at = SMTP_DOT_CR;
            *ret_piece = SPAN_LIT("\r");
            smtp_text_look(&d->seen, *ret_piece);
            return SMTP_DOT_PIECE;
        }
        if (!is_held(now) && now != SMTP_DOT_END)
            break;
        d->at = now;
        *in = span_slice(*in, 1, in->n);
        if (now == SMTP_DOT_END)
            return SMTP_DOT_DONE;
    }
    for (; n < in->n; n++) {
        enum smtp_dot_at now;

        if (d->at == SMTP_DOT_TEXT) { /* only a CR leads out of there */
            n += span_find(span_slice(*in, n, in->n), '\r');
            if (n == in->n)
                break;
        }
        now = after(d->at, in->p[n]);

        if (is_held(now))
            break;
        d->at = now;
    }
    *ret_piece = span_slice(*in, 0, n);
    *in = span_slice(*in, n, in->n);
    smtp_text_look(&d->seen, *ret_piece);
    return n ? SMTP_DOT_PIECE : SMTP_DOT_MORE;
}

static void end_line(struct smtp_dot_out *d, struct buf *out)
{
    buf_add(out, SPAN_LIT("\r\n"));
    d->in_line = d->cr = false;
}

void smtp_dot_write(struct smtp_dot_out *d, struct span text, struct buf *out)
{
    while (text.n) {
        size_t n = 0;

        if (text.p[0] == '\n') {
            end_line(d, out);
            text = span_slice(text, 1, text.n);
            continue;
        }
        if (d->cr)
            end_line(d, out);
        n = span_find(text, '\r');
        n = span_find(span_slice(text, 0, n), '\n');
        if (n && !d->in_line && text.p[0] == '.')
            buf_add_char(out, '.');
        if (n + 1 < text.n && text.p[n] == '\r' && text.p[n + 1] == '\n') {
            buf_add(out, span_slice(text, 0, n + 2)); /* a whole line, as most are */
            d->in_line = false;
            text = span_slice(text, n + 2, text.n);
            continue;
        }
        buf_add(out, span_slice(text, 0, n));
        d->in_line |= n > 0;
        d->cr = n < text.n && text.p[n] == '\r';
        text = span_slice(text, n + d->cr, text.n);
    }
}

void smtp_dot_close(struct smtp_dot_out *d, struct buf *out)
{
    if (d->in_line || d->cr)
        end_line(d, out);
    buf_add(out, SPAN_LIT(".\r\n"));
}
