/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A copy of some bytes that ends where an unreadable page begins: a parser that reads one byte past
 * its input dies at once, under any compiler and without a sanitizer.
 *
 *     struct guard g = {0};
 *     reply_parse(guard_span(&g, cases[i].in), &got);
 *     guard_free(&g);
 *
 * One guard may be used again and again; each call moves the bytes of the next input in place of
 * the last. For tests only: what fails here is the machine, so it aborts.
 */
#ifndef POSTERN_TESTS_GUARD_H
#define POSTERN_TESTS_GUARD_H

#include "base/span.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guard {
    char *map;
    size_t room; /* readable bytes; the unreadable page stands behind them */
};

static inline void guard_free(struct guard *g)
{
    if (g->map)
        munmap(g->map, g->room + (size_t)sysconf(_SC_PAGESIZE));
    *g = (struct guard){0};
}

static inline struct span guard_span(struct guard *g, struct span s)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    if (g->room < s.n || !g->map) {
        guard_free(g);
        g->room = (s.n / page + 1) * page;
        g->map =
            mmap(NULL, g->room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (g->map == MAP_FAILED || mprotect(g->map + g->room, page, PROT_NONE) < 0) {
            perror("guard_span");
            abort();
        }
    }
    if (s.n)
        memcpy(g->map + g->room - s.n, s.p, s.n);
    return span_of(g->map + g->room - s.n, s.n);
}

/* The same for a string literal or a C string; the NUL is not copied. */
static inline struct span guard_str(struct guard *g, const char *s)
{
    return guard_span(g, span_str(s));
}

#endif
