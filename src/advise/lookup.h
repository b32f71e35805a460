/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rows by the names that people use: an id, a product, another name, each with a version or not. */
#ifndef POSTERN_ADVISE_LOOKUP_H
#define POSTERN_ADVISE_LOOKUP_H

#include "advise/advice.h"

enum { ADVISE_NEAR_MAX = 5, ADVISE_NAME_MAX = 200 };

struct advise_named {
    const struct advise_row *row;     /* one row was named, or NULL */
    const char *product;              /* a whole product was, or NULL */
    const struct advise_class *klass; /* a class of envelopes was, or NULL */
    char version[ADVISE_VERSION_MAX + 1];
};

/*
 * Blanks, hyphens and case do not matter. False when nothing has that name: no near one is taken
 * for it.
 */
bool advise_lookup(const struct advise_book *b, struct span name, struct advise_named *ret);
/* Names that somebody may have meant; how many. The texts are the book's. */
size_t advise_near(const struct advise_book *b, struct span name, const char *ret[ADVISE_NEAR_MAX]);

#endif
