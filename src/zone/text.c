/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A template is a run of pieces. A piece of text is an octet of 1 to 127, its length, and that many
 * octets; a mark is one octet over 127. So a literal may hold any octet, and to put a TXT together
 * is a few copies, fast enough for every answer.
 */
#include "zone/text.h"

#include <string.h>

enum {
    PIECE_MAX = 127,
    MARK_SUBJECT = 0x80,
    MARK_EVIDENCE = 0x81,
    MARK_ZONE = 0x82,
    DIGITS_MAX = 10, /* of 32 bits */
};

struct piece {
    uint8_t mark; /* 0: text */
    struct span text;
};

/* Takes the next piece off *s: 1, 0 at the end, -1 for what is none. */
static int next_piece(struct span *s, struct piece *ret)
{
    uint8_t head;

    if (!s->n)
        return 0;
    head = (uint8_t)s->p[0];
    ret->mark = head > PIECE_MAX ? head : 0;
    if (head > MARK_ZONE || !head || (!ret->mark && head > s->n - 1))
        return -1;
    ret->text = ret->mark ? SPAN_NULL : span_slice(*s, 1, 1u + head);
    *s = span_slice(*s, 1 + ret->text.n, s->n);
    return 1;
}

void zone_text_add(struct buf *t, struct span literal)
{
    while (literal.n) {
        struct span piece = span_slice(literal, 0, PIECE_MAX);

        buf_add_char(t, (char)piece.n);
        buf_add(t, piece);
        literal = span_slice(literal, piece.n, literal.n);
    }
}

void zone_text_add_subject(struct buf *t)
{
    buf_add_char(t, (char)MARK_SUBJECT);
}

void zone_text_add_evidence(struct buf *t)
{
    buf_add_char(t, (char)MARK_EVIDENCE);
}

void zone_text_add_zone(struct buf *t)
{
    buf_add_char(t, (char)MARK_ZONE);
}

static struct span decimal(uint32_t v, char digits[DIGITS_MAX])
{
    char *p = digits + DIGITS_MAX;

    do {
        *--p = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    return span_of(p, (size_t)(digits + DIGITS_MAX - p));
}

size_t zone_text_put(struct span text, const struct zone_text_args *args, char *out, size_t max)
{
    struct piece piece;
    char digits[DIGITS_MAX];
    size_t n = 0;

    while (n < max && next_piece(&text, &piece) > 0) {
        struct span s = piece.mark == MARK_SUBJECT    ? args->subject
                        : piece.mark == MARK_ZONE     ? args->zone
                        : piece.mark == MARK_EVIDENCE ? decimal(args->evidence, digits)
                                                      : piece.text;

        if (s.n > max - n)
            s.n = max - n;
        if (s.n)
            memcpy(out + n, s.p, s.n);
        n += s.n;
    }
    return n;
}

bool zone_text_ok(struct span text)
{
    struct piece piece;
    int r;

    while ((r = next_piece(&text, &piece)) > 0)
        continue;
    return r == 0;
}

void zone_text_write(struct span text, const char *subject, const char *evidence, const char *zone,
                     struct buf *out)
{
    struct piece piece;

    while (next_piece(&text, &piece) > 0) {
        if (piece.mark)
            buf_add_str(out, piece.mark == MARK_SUBJECT ? subject
                             : piece.mark == MARK_ZONE  ? zone
                                                        : evidence);
        else
            buf_add(out, piece.text);
    }
}
