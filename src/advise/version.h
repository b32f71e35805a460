/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Versions as makers write them: "8.12.6", "5.5.2653.13", "3.03E", "5.0.4a", "8.11.6p2",
 * "8.12.0.Beta6", "v3.5 release 215", "6.5.3FP1", "V04R03M00". They are compared piece by piece;
 * what cannot be compared (is build 3.03.0014 before or after 3.03E?) is said to be unsure, never
 * guessed.
 *
 * Ranges are lists of items with commas between them:
 *
 *     all            every version
 *     8.8            8.8 and what begins with it: 8.8.8, 8.8.8p1
 *     < 8.9.3        also <=, >, >=; two of them may stand in one item: ">= 8.9 < 8.9.3"
 *     8.8 to 8.11.1  both ends belong to it
 */
#ifndef POSTERN_ADVISE_VERSION_H
#define POSTERN_ADVISE_VERSION_H

#include "base/span.h"

enum {
    ADVISE_VERSION_MAX = 80, /* octets of a version */
    ADVISE_RANGE_ITEMS = 16,
};

enum advise_order {
    ADVISE_LESS = -1,
    ADVISE_EQUAL = 0,
    ADVISE_GREATER = 1,
    ADVISE_UNSURE = 2, /* a letter against a number, and the like */
};

/*
 * `decimal`: the second number counts as a fraction (3.10 is 3.1 and less than 3.2), as some makers
 * of the 1990s counted.
 */
enum advise_order advise_version_compare(struct span a, struct span b, bool decimal);
/* Whether `v` begins with all pieces of `head`: 8.8.8 with 8.8. */
bool advise_version_begins(struct span v, struct span head, bool decimal);

enum advise_within {
    ADVISE_OUT = 0,
    ADVISE_IN,
    ADVISE_MAYBE, /* the version that is shown does not tell */
};

/* An item that is bad counts as not there: advise_range_check() has seen it before. */
enum advise_within advise_range_has(struct span range, struct span v, bool decimal);
/* NULL, or what is wrong with a range (static text). */
const char *advise_range_check(struct span range);

#endif
