/* SPDX-License-Identifier: GPL-3.0-or-later */
/* For the tests: the knowledge base as shipped. */
#ifndef POSTERN_ADVISE_SHIPPED_TEST_H
#define POSTERN_ADVISE_SHIPPED_TEST_H

#include "advise/book.h"
#include "source.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const shipped_files[] = {"classes", "gateways", "lotus",        "microsoft",
                                            "modern",  "netscape", "novell-apple", "sendmail",
                                            "unix",    "windows"};

static inline void shipped_load(struct advise_book *b)
{
    struct advise_error err = {0};

    advise_book_init(b);
    for (size_t i = 0; i < sizeof(shipped_files) / sizeof(shipped_files[0]); i++) {
        char path[100];

        snprintf(path, sizeof(path), "data/products/%s.rows", shipped_files[i]);
        if (advise_book_load(b, source_text(path), path, &err) != 0) {
            fprintf(stderr, "%s\n", err.text);
            abort();
        }
    }
}

#endif
