/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The words of rbldnsd's special lines: times, time stamps, names. Each takes its word and the
 * blanks behind it off *s, and leaves *s as it was when it returns false.
 */
#ifndef POSTERN_LISTFILE_RBL_WORD_H
#define POSTERN_LISTFILE_RBL_WORD_H

#include "base/span.h"
#include "zone/rname.h"

#include <stdint.h>

/* Blank: space and tab, no other. */
void rbl_blanks(struct span *s);
/* Is the first word of *s this one, without case, with a blank behind it? */
bool rbl_keyword(struct span *s, const char *word);

bool rbl_u32(struct span *s, uint32_t *ret);
/* Seconds, or a number with s, m, h, d or w behind it; below 2^32 in all. */
bool rbl_time(struct span *s, uint32_t *ret);
/*
 * yyyy mm dd [hh [mi [ss]]], each with an optional ':' or '-' behind it; or a lone 0, '-' or ':'
 * for "not given", which is 0. UTC, 1970 to 2105.
 */
bool rbl_stamp(struct span *s, int64_t *ret_wall);

/*
 * A word as a name, its case kept; a dot at either end is nothing, as in rbldnsd. False when it is
 * no name; "." is the root.
 */
bool rbl_name(struct span *s, struct dns_name *ret);
/* A word as a name below the zone's. */
bool rbl_rname(struct span *s, struct zone_rname *ret);

#endif
