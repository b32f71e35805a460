/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A span borrows bytes: it never owns, never ends in NUL, and may hold any byte. Comparisons fold
 * ASCII case only, because SMTP and DNS fold nothing else (RFC 5321 §2.4, RFC 4343). What every
 * parser calls for each byte or piece is inline: they are a good part of what a bulk run costs.
 */
#ifndef POSTERN_BASE_SPAN_H
#define POSTERN_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *p;
    size_t n;
};

#define SPAN_NULL     ((struct span){NULL, 0})
#define SPAN_LIT(lit) ((struct span){(lit), sizeof(lit) - 1})
/* For printf("%.*s", SPAN_ARG(s)): only for bytes that are known to be printable. */
#define SPAN_ARG(s)   (int)(s).n, (s).p

static inline struct span span_of(const void *p, size_t n)
{
    return (struct span){(const char *)p, n};
}

/* A NULL string is the empty span. */
static inline struct span span_str(const char *s)
{
    return (struct span){s, s ? strlen(s) : 0};
}

bool span_eq(struct span a, struct span b);
bool span_eq_nocase(struct span a, struct span b);
bool span_starts(struct span s, struct span prefix);
bool span_starts_nocase(struct span s, struct span prefix);
bool span_ends_nocase(struct span s, struct span suffix);
/* Offset of the first match, or s.n when there is none. */
size_t span_find(struct span s, char c);
size_t span_rfind(struct span s, char c);
size_t span_find_nocase(struct span s, struct span needle);
bool span_has_nocase(struct span s, struct span needle);

/* The bytes [from, to), cut to what is there. */
static inline struct span span_slice(struct span s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    /* A null span stays one: adding even zero to NULL is undefined. */
    return s.p ? (struct span){s.p + from, to - from} : SPAN_NULL;
}
/* Without leading and trailing space, tab, CR and LF. */
struct span span_trim(struct span s);
/*
 * Takes the bytes before the next `sep` off the front of *s, and the separator with them. The last
 * piece has no separator behind it; false when nothing is left at all.
 */
bool span_cut(struct span *s, char sep, struct span *ret_piece);
/* Takes the next run of non-blank bytes (blank: space, tab); false when only blanks are left. */
bool span_word(struct span *s, struct span *ret_word);

/* Copies into dst[cap] with a closing NUL; false (and an empty string) when it does not fit. */
bool span_copy(struct span s, char *dst, size_t cap);
/* A heap copy with a closing NUL, or NULL. The caller frees it. */
char *span_dup(struct span s);

/* Well-formed UTF-8 of RFC 3629 §4: no overlong form, no surrogate, nothing over U+10FFFF. */
bool span_is_utf8(struct span s);

/* ASCII only, whatever the locale. */
static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_alpha(char c)
{
    return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

static inline bool ascii_is_alnum(char c)
{
    return ascii_is_digit(c) || ascii_is_alpha(c);
}

#endif
