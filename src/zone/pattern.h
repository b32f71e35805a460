/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The patterns of an image, compiled once at load. A name is matched as text in lower case, its
 * labels in the usual order, no dot at the end; the first pattern that matches counts. Patterns are
 * written by the operator or by whoever runs the list, names by strangers: every match is held to
 * a number of steps, and one that runs out of them counts as no match and is counted.
 */
#ifndef POSTERN_ZONE_PATTERN_H
#define POSTERN_ZONE_PATTERN_H

#include "zone/image.h"

enum {
    ZONE_MATCH_STEPS = 20000, /* of PCRE2, for one pattern and one name */
    ZONE_MATCH_DEPTH = 1000,
    ZONE_MATCH_KIB = 512, /* memory of one match */
};

struct zone_patterns; /* shared by all workers */
struct zone_matcher;  /* one for each worker */

enum zone_patterns_got {
    ZONE_PATTERNS_OK = 0,
    ZONE_PATTERNS_BAD, /* *ret_at and why tell which and what */
};

/* *ret is NULL where the image has none. -ENOMEM or an outcome. The image must outlive it. */
int zone_patterns_new(const struct zone_image *im, struct zone_patterns **ret, size_t *ret_at,
                      char why[128]);
void zone_patterns_free(struct zone_patterns *p);
size_t zone_patterns_count(const struct zone_patterns *p);
/* Is one source fit to be a pattern? For readers, before zone_table_add_pattern(). */
bool zone_pattern_ok(struct span source, char why[128]);

int zone_matcher_new(struct zone_matcher **ret);
void zone_matcher_free(struct zone_matcher *m);
/* Matches that ran out of steps, since it was made. */
uint64_t zone_matcher_exhausted(const struct zone_matcher *m);

/* False: no pattern matches, or an exclusion does. */
bool zone_patterns_find(const struct zone_patterns *p, struct zone_matcher *m, struct span name,
                        struct zone_hit *ret);

#endif
