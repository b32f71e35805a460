/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The shape of a zone: what of its records no journal tells. SOA, NS, TTLs, what stands at the
 * apex, the zones below it, test entries, and what each class of listings says (code, TTL, text).
 * As one number, to be held against that of another time. When it has changed, the serial must
 * rise, for a secondary looks at nothing else, and steps (IXFR) from before must not be told, for
 * they would leave the secondary with what has not stepped.
 */
#ifndef POSTERN_ZONE_SHAPE_H
#define POSTERN_ZONE_SHAPE_H

#include "zone/set.h"

uint64_t zone_shape(const struct zone_set *set, const struct zone *zone);
/* The part of it that an image has: the classes of our own list, whatever is listed. */
uint64_t zone_shape_image(const struct zone_image *im);

#endif
