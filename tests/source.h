/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A file of the source tree, for unit tests that hold shipped data or samples against the code:
 *
 *     struct span rows = source_text("data/servers/budgets.rows");
 *
 * Good until the next call; a NUL stands behind it. POSTERN_SOURCE says where the tree is. A test
 * without its file can say nothing: it aborts.
 */
#ifndef POSTERN_TESTS_SOURCE_H
#define POSTERN_TESTS_SOURCE_H

#include "base/span.h"

#include <stdio.h>
#include <stdlib.h>

static inline struct span source_text(const char *name)
{
    static char text[2 << 20];
    const char *top = getenv("POSTERN_SOURCE");
    char path[4096];
    size_t n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", top ? top : ".", name);
    f = fopen(path, "rb");
    if (f) {
        n = fread(text, 1, sizeof(text), f);
        fclose(f);
    }
    if (n == 0 || n == sizeof(text)) {
        fprintf(stderr, "%s: %s (POSTERN_SOURCE is the source tree)\n", path,
                n ? "too large" : "cannot be read");
        abort();
    }
    text[n] = '\0';
    return span_of(text, n);
}

#endif
