/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tokens are struck out by their shape, not by looking them up: relays fold their case and wrap
 * them in words of their own, and a run of 24 letters and digits is nothing that the reader of a
 * notice would miss. Of AUTH and of the lines that answer its challenges only the verb is left.
 */
#include "list/notice.h"

#include <string.h>

#define STRUCK "[token]"

static void add_struck(struct buf *out, struct span line)
{
    size_t i = 0;

    while (i < line.n) {
        size_t run = 0;

        while (i + run < line.n && ascii_is_alnum(line.p[i + run]))
            run++;
        if (run >= NOTICE_TOKEN_MIN)
            buf_add_str(out, STRUCK);
        else if (run)
            buf_add(out, span_slice(line, i, i + run));
        i += run;
        if (!run)
            buf_add_char(out, line.p[i++]);
    }
}

static struct span cut_line(struct span *text)
{
    struct span line = SPAN_NULL;

    span_cut(text, '\n', &line);
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line;
}

static void add_line(struct buf *out, struct span line, bool *secret)
{
    bool client = span_starts(line, SPAN_LIT("C: "));
    struct span said = client ? span_slice(line, 3, line.n) : line;

    if (client && span_starts_nocase(said, SPAN_LIT("AUTH "))) {
        buf_add_str(out, "C: AUTH [struck out]");
        *secret = true;
    } else if (client && *secret) {
        buf_add_str(out, "C: [struck out]");
    } else {
        /* The server's challenge (334) keeps the dialogue open, any other answer ends it. */
        if (span_starts(line, SPAN_LIT("S: ")) && !span_starts(line, SPAN_LIT("S: 334")))
            *secret = false;
        add_struck(out, line);
    }
}

void notice_redact(struct span text, size_t max, struct buf *out)
{
    size_t from = out->n;
    unsigned left = 0;
    bool secret = false;

    while (text.n) {
        struct span line = cut_line(&text);

        if (left || out->n - from + line.n + 2 > max) {
            left++;
            continue;
        }
        add_line(out, line, &secret);
        buf_add_str(out, "\n");
    }
    if (left)
        buf_addf(out, "[%u more lines]\n", left);
}
