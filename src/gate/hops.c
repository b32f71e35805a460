/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The state is how far the line in hand has matched "received:"; blanks may stand before the colon
 * (RFC 5322 §4.5.8). The section ends at the empty line.
 *
 *     0 … 7   so many letters of "received" have matched at the line's begin
 *     WORD    all of them: blanks, then a colon
 *     PASS    in a line that is none, or was counted
 *     CR      at the line's begin, a CR was seen: an LF makes it the empty line
 *     BODY    over
 */
#include "gate/hops.h"

enum { WORD = 8, PASS, CR, BODY };

void hops_init(struct hops *h)
{
    *h = (struct hops){0};
}

static unsigned step(struct hops *h, char c)
{
    static const char word[] = "received";

    switch (h->state) {
    case BODY:
        return BODY;
    case PASS:
        return c == '\n' ? 0 : PASS;
    case CR:
        return c == '\n' ? BODY : PASS;
    case WORD:
        if (c == ':')
            h->count++;
        else if (c == ' ' || c == '\t')
            return WORD;
        return c == '\n' ? 0 : PASS;
    default:
        break;
    }
    if (h->state == 0 && (c == '\n' || c == '\r'))
        return c == '\n' ? BODY : CR;
    if (c == '\n')
        return 0;
    return ascii_lower(c) == word[h->state] ? h->state + 1U : PASS;
}

bool hops_feed(struct hops *h, struct span text, unsigned max)
{
    for (size_t i = 0; i < text.n && h->state != BODY; i++) {
        /* Long lines are passed over at the speed of memchr. */
        if (h->state == PASS) {
            i += span_find(span_slice(text, i, text.n), '\n');
            if (i == text.n)
                break;
        }
        h->state = (uint8_t)step(h, text.p[i]);
        if (max && h->count > max)
            return false;
    }
    return !max || h->count <= max;
}
