/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests: the knowledge base as shipped, and files of the source tree. */
#ifndef POSTERN_ADVISE_SHIPPED_TEST_H
#define POSTERN_ADVISE_SHIPPED_TEST_H

#include "advise/book.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const shipped_files[] = {"classes", "gateways", "lotus",        "microsoft",
                                            "modern",  "netscape", "novell-apple", "sendmail",
                                            "unix",    "windows"};

/* A file of the source tree; good until the next call. */
static inline struct span shipped_text(const char *name)
{
    static char text[1 << 20];
    const char *source = getenv("POSTERN_SOURCE");
    char path[1000];
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), "%s/%s", source ? source : ".", name);
    f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "%s: cannot open (POSTERN_SOURCE is the source tree)\n", path);
        abort();
    }
    n = fread(text, 1, sizeof(text), f);
    fclose(f);
    return span_of(text, n);
}

static inline void shipped_load(struct advise_book *b)
{
    struct advise_error err = {0};

    advise_book_init(b);
    for (size_t i = 0; i < sizeof(shipped_files) / sizeof(shipped_files[0]); i++) {
        char path[100];

        snprintf(path, sizeof(path), "data/products/%s.rows", shipped_files[i]);
        if (advise_book_load(b, shipped_text(path), path, &err) != 0) {
            fprintf(stderr, "%s\n", err.text);
            abort();
        }
    }
}

#endif
