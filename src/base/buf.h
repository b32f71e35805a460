/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A buffer owns its bytes and is born with the most it may ever hold. Adding past that, or out of
 * memory, sets a sticky error and leaves the bytes as they were: callers add freely and look at
 * `err` once, at the end.
 */
#ifndef POSTERN_BASE_BUF_H
#define POSTERN_BASE_BUF_H

#include "base/span.h"

#include <stdarg.h>
#include <stdint.h>

struct buf {
    char *p;      /* always NUL-ended once anything was added; the NUL is not counted */
    uint32_t n;   /* bytes held */
    uint32_t cap; /* bytes allocated */
    uint32_t max; /* bytes that may ever be held */
    int err;      /* 0, -ENOMEM, or -EMSGSIZE when max was reached */
};

/* No buffer holds more, whatever its max says: a session has many, and they are to be small. */
enum { BUF_MAX = INT32_MAX - 1 };

/* clang-format off */
#define BUF_INIT(limit) {.max = (size_t)(limit) < BUF_MAX ? (uint32_t)(limit) : BUF_MAX}
/* clang-format on */

void buf_init(struct buf *b, size_t max);
/* Safe on a zeroed buffer, and twice. */
void buf_deinit(struct buf *b);
/* Forgets the bytes and the error, keeps the memory. */
void buf_clear(struct buf *b);
/* Gives the memory back where nothing is held: for thousands of idle connections. */
void buf_shrink(struct buf *b);
/* Gives back what is allocated beyond what is held. */
void buf_fit(struct buf *b);

/*
 * Makes room for n bytes in all, or for max, at once; nothing happens when memory is short. For
 * whoever knows what is coming: growing there step by step copies it all several times.
 */
void buf_reserve(struct buf *b, size_t n);

/* The bytes added must not be the buffer's own: it may move while it grows. */
void buf_add(struct buf *b, struct span s);
void buf_add_str(struct buf *b, const char *s);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_addv(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Drops n bytes (at most what is there) from the front. */
void buf_consume(struct buf *b, size_t n);
void buf_truncate(struct buf *b, size_t n);

struct span buf_span(const struct buf *b);
/* The bytes as a C string, "" when empty. Valid until the next change. */
const char *buf_str(const struct buf *b);
/* Moves the bytes out: the caller frees them, the buffer is empty again. NULL on error. */
char *buf_take(struct buf *b);

/*
 * Grows an array to hold at least `want` elements of `size` bytes, doubling, new room zeroed.
 * *cap is in elements. 0, or -ENOMEM with the array as it was.
 */
int array_grow(void *array, size_t *cap, size_t size, size_t want);

#endif
