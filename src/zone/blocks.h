/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The addresses of a branch as blocks that a name of the DNS can stand for: a single address, or
 * all of an octet's (IPv6: a nibble's) prefix where every address in it says the same. In rising
 * order, each as large as it goes, so that they hang on what is listed and not on how. For this
 * folder.
 */
#ifndef POSTERN_ZONE_BLOCKS_H
#define POSTERN_ZONE_BLOCKS_H

#include "zone/set_priv.h"

/* An address of either family as a number. */
__extension__ typedef unsigned __int128 zone_wide;

struct zone_block {
    zone_wide first;
    unsigned len; /* in eights or fours; 32 or 128 is a single address */
};

struct zone_blocks;

struct ip zone_wide_ip(zone_wide w, bool six);
zone_wide zone_ip_wide(const struct ip *ip);
/* Addresses of a prefix less one: what is to be added to the first to get the last. */
zone_wide zone_wide_rest(unsigned len, bool six);
/* The largest block that begins at `from` and ends at `to` or before. */
struct zone_block zone_block_at(zone_wide from, zone_wide to, bool six);

/* NULL when out of memory. The zone outlives it. */
struct zone_blocks *zone_blocks_new(const struct zone *zone, const struct zone_branch *branch,
                                    bool six);
void zone_blocks_free(struct zone_blocks *b);
bool zone_blocks_next(struct zone_blocks *b, struct zone_block *ret);

#endif
