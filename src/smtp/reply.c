/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One line is gathered at a time; each whole line is read once and its text moved to the reply. The
 * final line decides the code, as it does for every mail client. Text beyond SMTP_REPLY_KEPT is
 * read and forgotten: a long HELP is not a fault, a line or a reply without end is.
 *
 *     state            byte        next
 *     in a line        not LF      in a line, or BAD past SMTP_REPLY_LINE_TAKEN
 *     in a line        LF          read the line: "250-" start of line, "250 " DONE, else BAD
 *     reply handed out any         forget it, in a line
 */
#include "smtp/reply.h"

#include "base/num.h"

#include <errno.h>
#include <string.h>

void smtp_reply_parser_init(struct smtp_reply_parser *p)
{
    *p = (struct smtp_reply_parser){
        .line = BUF_INIT(SMTP_REPLY_LINE_TAKEN),
        .text = BUF_INIT(SMTP_REPLY_KEPT),
    };
}

void smtp_reply_parser_deinit(struct smtp_reply_parser *p)
{
    buf_deinit(&p->line);
    buf_deinit(&p->text);
    smtp_reply_parser_init(p);
}

/* "5.7.1 text": class 2, 4 or 5, then two numbers of at most three digits (RFC 3463 §2). */
static size_t enhanced_parse(struct span text, unsigned code, uint16_t ret[3])
{
    struct span word = SPAN_NULL, rest = text, part;
    uint16_t got[3];

    if (!span_word(&rest, &word))
        return 0;
    size_t used = (size_t)(word.p + word.n - text.p);
    for (int i = 0; i < 3; i++) {
        unsigned v;

        if (!span_cut(&word, '.', &part) || part.n > 3 || !num_uint(part, 0, 999, &v))
            return 0;
        got[i] = (uint16_t)v;
    }
    if (word.p || got[0] != code / 100 || (got[0] != 2 && got[0] != 4 && got[0] != 5))
        return 0;
    memcpy(ret, got, sizeof(got));
    return used;
}

static void text_add(struct smtp_reply_parser *p, struct span s)
{
    size_t room = SMTP_REPLY_KEPT - p->text.n;

    if (p->reply.lines > 0 && room > 0) {
        buf_add_char(&p->text, '\n');
        room--;
    }
    buf_add(&p->text, span_slice(s, 0, room));
}

/* Reads one line, its CR and LF taken off. */
static int line_read(struct smtp_reply_parser *p, struct span line)
{
    unsigned code;
    bool last;

    if (!num_uint(span_slice(line, 0, 3), 200, 599, &code))
        return SMTP_REPLY_BAD;
    last = line.n == 3 || line.p[3] != '-';
    if (line.n > 3 && line.p[3] != '-' && line.p[3] != ' ')
        return SMTP_REPLY_BAD;
    line = span_slice(line, 4, line.n);
    if (p->reply.lines == 0)
        enhanced_parse(line, code, p->reply.enhanced);
    if (line.n && memchr(line.p, '\0', line.n))
        p->reply.has_nul = true;
    text_add(p, line);
    p->reply.code = (uint16_t)code;
    p->reply.lines++;
    if (last)
        return SMTP_REPLY_DONE;
    return p->reply.lines < SMTP_REPLY_LINES_TAKEN ? SMTP_REPLY_MORE : SMTP_REPLY_BAD;
}

static int line_end(struct smtp_reply_parser *p, struct span line)
{
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    else
        p->reply.bare_lf = true;
    return line_read(p, line);
}

int smtp_reply_feed(struct smtp_reply_parser *p, struct span *in, struct smtp_reply *ret)
{
    int got = SMTP_REPLY_MORE;

    if (p->done) {
        buf_clear(&p->text);
        p->reply = (struct smtp_reply){0};
        p->done = false;
    }
    while (in->n && got == SMTP_REPLY_MORE) {
        size_t lf = span_find(*in, '\n');
        struct span piece = span_slice(*in, 0, lf);

        if (p->line.n + piece.n > SMTP_REPLY_LINE_TAKEN)
            return SMTP_REPLY_BAD;
        if (lf == in->n || p->line.n) {
            buf_add(&p->line, piece);
            piece = buf_span(&p->line);
        }
        if (lf < in->n) {
            got = line_end(p, piece);
            buf_clear(&p->line);
        }
        *in = span_slice(*in, lf + 1, in->n);
        if (p->line.err || p->text.err)
            return -ENOMEM;
    }
    if (got == SMTP_REPLY_DONE) {
        buf_shrink(&p->line);
        p->reply.text = buf_span(&p->text);
        p->done = true;
        *ret = p->reply;
    }
    return got;
}

const char *smtp_reply_enhanced(const struct smtp_reply *r, char out[16])
{
    struct buf text = BUF_INIT(15);

    out[0] = '\0';
    if (r->enhanced[0]) {
        buf_addf(&text, "%u.%u.%u", r->enhanced[0] % 10u, r->enhanced[1] % 1000u,
                 r->enhanced[2] % 1000u);
        span_copy(buf_span(&text), out, 16);
        buf_deinit(&text);
    }
    return out;
}
