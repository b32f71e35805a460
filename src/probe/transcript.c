/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines are kept escaped, in one buffer with an index: a bulk run holds thousands of transcripts,
 * and each result cites its lines by number.
 */
#include "probe/transcript.h"

#include "base/escape.h"

#include <stdlib.h>

void transcript_init(struct transcript *t)
{
    *t = (struct transcript){.text = BUF_INIT(TRANSCRIPT_MAX)};
}

void transcript_deinit(struct transcript *t)
{
    buf_deinit(&t->text);
    free(t->starts);
    transcript_init(t);
}

uint16_t transcript_add(struct transcript *t, const char *who, struct span bytes)
{
    size_t before = t->text.n;

    if (t->text.err || t->count >= TRANSCRIPT_LINES_MAX ||
        array_grow(&t->starts, &t->cap, sizeof(t->starts[0]), t->count + 1) < 0) {
        t->dropped++;
        return TRANSCRIPT_NONE;
    }
    buf_add_str(&t->text, who);
    escape_text(&t->text, span_slice(bytes, 0, TRANSCRIPT_LINE_MAX));
    if (bytes.n > TRANSCRIPT_LINE_MAX)
        buf_addf(&t->text, " [%zu bytes more]", bytes.n - TRANSCRIPT_LINE_MAX);
    buf_add_char(&t->text, '\n');
    if (t->text.err) {
        buf_truncate(&t->text, before);
        t->dropped++;
        return TRANSCRIPT_NONE;
    }
    t->starts[t->count] = (uint32_t)before;
    return (uint16_t)t->count++;
}

uint16_t transcript_add_reply(struct transcript *t, unsigned code, struct span text)
{
    struct span line, rest = text;
    uint16_t first = TRANSCRIPT_NONE;
    char who[] = "S: 000 ";

    for (unsigned i = 5, left = code; i >= 3; i--, left /= 10)
        who[i] = (char)('0' + left % 10);
    if (text.n == 0)
        rest = SPAN_LIT("");
    while (span_cut(&rest, '\n', &line)) {
        uint16_t at;

        who[6] = rest.p ? '-' : ' ';
        at = transcript_add(t, who, line);
        if (first == TRANSCRIPT_NONE)
            first = at;
    }
    return first;
}

struct span transcript_line(const struct transcript *t, uint16_t n)
{
    size_t from, to;

    if (n >= t->count)
        return SPAN_NULL;
    from = t->starts[n];
    to = n + 1u < t->count ? t->starts[n + 1] : t->text.n;
    return span_slice(buf_span(&t->text), from, to - 1);
}

void transcript_trim(struct transcript *t, size_t lines)
{
    void *smaller;

    if (lines < t->count) {
        t->dropped += (unsigned)(t->count - lines);
        buf_truncate(&t->text, t->starts[lines]);
        t->count = lines;
    }
    buf_fit(&t->text);
    smaller = realloc(t->starts, (t->count ? t->count : 1) * sizeof(t->starts[0]));
    if (smaller) {
        t->starts = smaller;
        t->cap = t->count ? t->count : 1;
    }
}
