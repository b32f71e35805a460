/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A zone as resource records, for AXFR and IXFR, so that any DNS server can be its secondary: SOA,
 * NS, apex, test entries, and of each listing A and TXT. The order is that of the image and hangs
 * on nothing else: the same data give the same octets.
 *
 * A range becomes wildcards at octet borders (nibbles for IPv6), taken apart where something inside
 * it differs, down to single addresses where it must be; see contents.c for what DNS's own wildcard
 * rules cost. Customer keys and ACLs don't travel, nor do patterns: a zone with those is served by
 * Postern alone, and zone_contents_init() says so.
 */
#ifndef POSTERN_ZONE_CONTENTS_H
#define POSTERN_ZONE_CONTENTS_H

#include "zone/set.h"

enum zone_contents_ok {
    ZONE_CONTENTS_OK = 0,
    ZONE_CONTENTS_PATTERNS, /* has patterns: no set of records says the same */
    ZONE_CONTENTS_NO_SOA,   /* nothing to begin a transfer with */
    ZONE_CONTENTS_NO_DATA,  /* BROKEN */
    ZONE_CONTENTS_WHOLE,    /* these steps can't be told as steps: send the whole zone */
};

/* One record: the owner's labels before the zone's name, no root, as for dns_xfr_add(). */
struct zone_rr {
    const uint8_t *labels;
    size_t labels_n;
    uint16_t type;
    uint32_t ttl;
    struct span data; /* wire; both are valid until the next call */
};

struct zone_contents;

const char *zone_contents_ok_name(enum zone_contents_ok ok);

/* *ret is on the heap. An outcome, or -ENOMEM. The zone and its set outlive it. */
int zone_contents_new(const struct zone_set *set, const struct zone *zone,
                      struct zone_contents **ret);
/*
 * The same for an IXFR: the changes since the serial `from`, as zone_overlay_diff() gives them, up
 * to the serial that the zone has now. On OK it owns the array `changes` (free()); it is sorted in
 * any case. WHOLE: take zone_contents_new(), whose records answer an IXFR as well.
 */
int zone_contents_steps(const struct zone *zone, struct zone_change *changes, size_t count,
                        uint32_t from, struct zone_contents **ret);
void zone_contents_free(struct zone_contents *c);
/*
 * The next record: first the SOA, last the SOA again, as AXFR and IXFR want it. False behind that.
 */
bool zone_contents_next(struct zone_contents *c, struct zone_rr *rr);

#endif
