/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Everything that reads text in Postern reads it through a span, so that no parser depends on a NUL
 * which a stranger may put in or leave out.
 */
#include "base/span.h"

#include <stdlib.h>
#include <string.h>

bool span_eq(struct span a, struct span b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool span_eq_nocase(struct span a, struct span b)
{
    return a.n == b.n && span_starts_nocase(a, b);
}

bool span_starts(struct span s, struct span prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool span_starts_nocase(struct span s, struct span prefix)
{
    if (s.n < prefix.n)
        return false;
    for (size_t i = 0; i < prefix.n; i++)
        if (ascii_lower(s.p[i]) != ascii_lower(prefix.p[i]))
            return false;
    return true;
}

bool span_ends_nocase(struct span s, struct span suffix)
{
    return s.n >= suffix.n && span_eq_nocase(span_slice(s, s.n - suffix.n, s.n), suffix);
}

size_t span_find(struct span s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

    return at ? (size_t)(at - s.p) : s.n;
}

size_t span_rfind(struct span s, char c)
{
    const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

    return at ? (size_t)(at - s.p) : s.n;
}

size_t span_find_nocase(struct span s, struct span needle)
{
    char first = needle.n ? ascii_lower(needle.p[0]) : '\0';

    for (size_t i = 0; i + needle.n <= s.n; i++)
        if ((!needle.n || ascii_lower(s.p[i]) == first) &&
            span_starts_nocase(span_slice(s, i, s.n), needle))
            return i;
    return s.n;
}

bool span_has_nocase(struct span s, struct span needle)
{
    return needle.n == 0 || span_find_nocase(s, needle) < s.n;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct span span_trim(struct span s)
{
    while (s.n && (is_blank(s.p[0]) || s.p[0] == '\r' || s.p[0] == '\n'))
        s = span_slice(s, 1, s.n);
    while (s.n && (is_blank(s.p[s.n - 1]) || s.p[s.n - 1] == '\r' || s.p[s.n - 1] == '\n'))
        s.n--;
    return s;
}

bool span_cut(struct span *s, char sep, struct span *ret_piece)
{
    size_t at = span_find(*s, sep);

    if (!s->p)
        return false;
    *ret_piece = span_slice(*s, 0, at);
    /* A null rest tells "no separator behind this piece" from "an empty piece follows". */
    *s = at < s->n ? span_slice(*s, at + 1, s->n) : SPAN_NULL;
    return true;
}

bool span_word(struct span *s, struct span *ret_word)
{
    size_t from = 0, to;

    while (from < s->n && is_blank(s->p[from]))
        from++;
    for (to = from; to < s->n && !is_blank(s->p[to]); to++)
        ;
    if (from == to)
        return false;
    *ret_word = span_slice(*s, from, to);
    *s = span_slice(*s, to, s->n);
    return true;
}

bool span_copy(struct span s, char *dst, size_t cap)
{
    if (cap == 0)
        return false;
    dst[0] = '\0';
    if (s.n >= cap)
        return false;
    if (s.n)
        memcpy(dst, s.p, s.n);
    dst[s.n] = '\0';
    return true;
}

char *span_dup(struct span s)
{
    char *copy = malloc(s.n + 1);

    if (copy)
        span_copy(s, copy, s.n + 1);
    return copy;
}

/*
 * RFC 3629 §4: the second byte's range depends on the first one, and that alone keeps overlong
 * forms, surrogates and what is past U+10FFFF out.
 */
static size_t utf8_length(unsigned char first, unsigned char *ret_low, unsigned char *ret_high)
{
    *ret_low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    *ret_high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

bool span_is_utf8(struct span s)
{
    unsigned char low, high;

    for (size_t i = 0, len; i < s.n; i += len) {
        len = utf8_length((unsigned char)s.p[i], &low, &high);
        if (len == 0 || len > s.n - i)
            return false;
        for (size_t k = 1; k < len; k++) {
            unsigned char c = (unsigned char)s.p[i + k];

            if (c < low || c > high)
                return false;
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}
