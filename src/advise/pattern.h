/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Patterns by which a server shows itself: words, and places where something stands. Letters are
 * compared without case, a blank stands for one or more blanks, and
 *
 *     {v}     a version: a digit, with "v" before it or not, and what hangs on it
 *     {r}     a number that belongs to the version: "3.5 release 215" is matched by "{v} release
 *     {r}" {cf}    a version of Sendmail's configuration, or the name that stands in its place
 *     {host}  a host name or an address
 *     {n}     digits; {x} hexadecimal digits; {x32} 32 of them
 *     {w}     anything without a blank, up to what follows in the pattern
 *     {*}     anything
 *     ^       in front: only at the beginning of a line
 *     {$}     at the end: only at the end of a line
 *
 * A pattern that begins or ends with a letter or digit matches whole words only, so that a
 * product's name inside a host name is no match.
 */
#ifndef POSTERN_ADVISE_PATTERN_H
#define POSTERN_ADVISE_PATTERN_H

#include "base/span.h"

enum {
    ADVISE_PATTERN_MAX = 300, /* octets of a pattern */
    ADVISE_LINE_MAX = 2000,   /* octets of a line that are looked at */
};

struct advise_match {
    struct span all;     /* what was matched */
    struct span version; /* null: the pattern has none */
    struct span cf;
};

/* NULL, or what is wrong with a pattern (static text). */
const char *advise_pattern_check(struct span pattern);
/* One line of text. *ret is set only on a match. */
bool advise_pattern_match(struct span pattern, struct span line, struct advise_match *ret);
/* How much of it is fixed text: of two patterns that match, the one with more says more. */
unsigned advise_pattern_weight(struct span pattern);

#endif
