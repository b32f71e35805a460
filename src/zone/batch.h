/* SPDX-License-Identifier: GPL-3.0-or-later */
/* All records of one name, one after the other. For this folder. */
#ifndef POSTERN_ZONE_BATCH_H
#define POSTERN_ZONE_BATCH_H

#include "zone/blocks.h"
#include "zone/contents.h"
#include "zone/say.h"

enum { ZONE_BATCH_DATA = ZONE_RDATA_MAX };

struct zone_batch {
    const struct zone *zone;
    struct dns_query q; /* as if somebody had asked for the name */
    struct zone_say say;
    char subject[IP_TEXT_MAX + 4];
    size_t subject_n;
    uint8_t owner[DNS_NAME_MAX];
    size_t owner_n;
    unsigned stage, at, run; /* A, then TXT, then records */
    bool apex;               /* leave out what the zone itself has there */
};

/* Begins with a name (labels before the zone's, wire, no root) of which nothing is said yet. */
void zone_batch_name(struct zone_batch *b, const struct zone *zone, const uint8_t *labels,
                     size_t n);
/*
 * The same with a block of addresses: its first address is asked for, the owner has a "*" before it
 * where it is more than one, and the subject of texts is then the prefix.
 */
void zone_batch_block(struct zone_batch *b, const struct zone *zone,
                      const struct zone_branch *branch, const struct zone_block *block, bool six);
/* What is said: all that the zone does, or one hit of an image. */
void zone_batch_ask(struct zone_batch *b);
void zone_batch_hit(struct zone_batch *b, const struct zone_image *im, struct zone_hit hit,
                    enum zone_say_of of);
/* The records are to be owned by another name. */
void zone_batch_rename(struct zone_batch *b, const uint8_t *labels, size_t n);
static inline bool zone_batch_empty(const struct zone_batch *b)
{
    return b->say.count == 0 && b->say.run_count == 0;
}
/* False at the end; data[ZONE_BATCH_DATA] is written to. */
bool zone_batch_next(struct zone_batch *b, uint8_t *data, struct zone_rr *rr);

/* A SOA of the zone with this serial; data as above. */
bool zone_contents_soa(const struct zone *zone, uint32_t serial, uint8_t *data, struct zone_rr *rr);

#endif
