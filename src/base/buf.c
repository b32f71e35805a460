/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The limit belongs to the buffer, not to each caller, so that no path can forget it. A failed
 * addition adds nothing: half a line is worse than none when the line is a command.
 */
#include "base/buf.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST = 128 }; /* most command and reply lines fit */

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf)BUF_INIT(max);
}

void buf_deinit(struct buf *b)
{
    free(b->p);
    *b = (struct buf)BUF_INIT(b->max);
}

void buf_clear(struct buf *b)
{
    b->n = 0;
    b->err = 0;
    if (b->p)
        b->p[0] = '\0';
}

void buf_shrink(struct buf *b)
{
    if (b->n == 0 && b->p) {
        free(b->p);
        b->p = NULL;
        b->cap = 0;
    }
}

void buf_fit(struct buf *b)
{
    char *p;

    buf_shrink(b);
    if (!b->p || b->n + 1 == b->cap)
        return;
    p = realloc(b->p, b->n + 1);
    if (p) {
        b->p = p;
        b->cap = b->n + 1;
    }
}

static bool buf_room(struct buf *b, size_t more)
{
    size_t want, cap;
    char *p;

    if (b->err)
        return false;
    if (more > b->max || b->n > b->max - more) {
        b->err = -EMSGSIZE;
        return false;
    }
    want = (size_t)b->n + more + 1;
    if (want <= b->cap)
        return true;
    for (cap = b->cap > BUF_FIRST ? b->cap : BUF_FIRST; cap < want; cap *= 2)
        ;
    /* Never more than the limit may use: a session's memory is the sum of its limits. */
    if (cap > b->max)
        cap = (size_t)b->max + 1;
    p = realloc(b->p, cap);
    if (!p) {
        b->err = -ENOMEM;
        return false;
    }
    b->p = p;
    b->cap = (uint32_t)cap;
    return true;
}

void buf_reserve(struct buf *b, size_t n)
{
    size_t cap = (n < b->max ? n : b->max) + 1;
    char *p;

    if (b->err || cap <= b->cap)
        return;
    p = realloc(b->p, cap);
    if (!p)
        return;
    p[b->n] = '\0';
    b->p = p;
    b->cap = cap;
}

void buf_add(struct buf *b, struct span s)
{
    if (!buf_room(b, s.n))
        return;
    if (s.n)
        memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
    b->p[b->n] = '\0';
}

void buf_add_str(struct buf *b, const char *s)
{
    buf_add(b, span_str(s));
}

void buf_add_char(struct buf *b, char c)
{
    if (!buf_room(b, 1))
        return;
    b->p[b->n++] = c;
    b->p[b->n] = '\0';
}

void buf_addv(struct buf *b, const char *fmt, va_list ap)
{
    size_t spare = b->cap - b->n;
    va_list again;
    int n;

    if (b->err)
        return;
    /* Most additions fit into what is there, and then one pass does. */
    va_copy(again, ap);
    n = vsnprintf(spare ? b->p + b->n : NULL, spare, fmt, ap);
    if (n < 0)
        b->err = -EMSGSIZE; /* the text would be longer than an int can say */
    else if (buf_room(b, (size_t)n)) {
        if ((size_t)n >= spare)
            vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    if (b->p)
        b->p[b->n] = '\0';
    va_end(again);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    buf_addv(b, fmt, ap);
    va_end(ap);
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->n) {
        b->n = 0;
        if (b->p)
            b->p[0] = '\0';
        return;
    }
    memmove(b->p, b->p + n, b->n - n + 1);
    b->n -= n;
}

void buf_truncate(struct buf *b, size_t n)
{
    if (n < b->n) {
        b->n = n;
        b->p[n] = '\0';
    }
}

struct span buf_span(const struct buf *b)
{
    return (struct span){b->p, b->n};
}

const char *buf_str(const struct buf *b)
{
    return b->p ? b->p : "";
}

char *buf_take(struct buf *b)
{
    char *p = b->p;

    if (b->err)
        return NULL;
    if (!p)
        return span_dup(SPAN_NULL);
    b->p = NULL;
    b->n = b->cap = 0;
    return p;
}

int array_grow(void *array, size_t *cap, size_t size, size_t want)
{
    void **slot = array;
    size_t more = *cap ? *cap : 8;
    char *p;

    if (want <= *cap)
        return 0;
    if (want > SIZE_MAX / 2 / size)
        return -ENOMEM;
    while (more < want)
        more *= 2;
    p = realloc(*slot, more * size);
    if (!p)
        return -ENOMEM;
    memset(p + *cap * size, 0, (more - *cap) * size);
    *slot = p;
    *cap = more;
    return 0;
}
