/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the journal changes over an image. An overlay is made once and not changed: a further step
 * makes a new one out of it, which is swapped in as an image is. It holds the last assignment for
 * every prefix and name, and drops those that a later, wider one covers; so the longest prefix that
 * holds an address is also the latest word on it. An overlay without entries is NULL everywhere.
 */
#ifndef POSTERN_ZONE_OVERLAY_H
#define POSTERN_ZONE_OVERLAY_H

#include "zone/image.h"
#include "zone/journal.h"

enum {
    ZONE_OVERLAY_MAX = 65536, /* entries: compile before that */
    ZONE_OVERLAY_SHARE = 100, /* and when an image of a million has a hundredth of it changed */
};

enum zone_overlay_got {
    ZONE_OVERLAY_OK = 0,
    ZONE_OVERLAY_FULL,   /* more than ZONE_OVERLAY_MAX */
    ZONE_OVERLAY_CLASS,  /* a class that the image does not know: compile first */
    ZONE_OVERLAY_TABLES, /* a name, and the image has several tables of names: compile */
};

struct zone_overlay;

/*
 * *ret is `old` (NULL: none) with the journal's whole steps from j->at on; j is read to its end.
 * zone_journal_seek() it to the image's serial, or to the old overlay's, before. Free each
 * overlay. -ENOMEM or an outcome, and then *ret is NULL.
 */
int zone_overlay_new(const struct zone_image *im, const struct zone_overlay *old,
                     struct zone_journal *j, struct zone_overlay **ret);
void zone_overlay_free(struct zone_overlay *o);
size_t zone_overlay_count(const struct zone_overlay *o);
uint32_t zone_overlay_serial(const struct zone_overlay *o);
/*
 * True when a compile is due: at a hundredth of the image's entries (1,000 at least) or half full.
 */
bool zone_overlay_due(const struct zone_overlay *o, const struct zone_image *im);

/*
 * Pieces and names for zone/view.h. Addresses are IPv6; an IPv4 address is ::a.b.c.d, and `four`
 * tells which are meant.
 */
struct zone_overlay_piece {
    struct zone_ip6 from, to;
    struct zone_hit hit;
    bool listed; /* false: nothing is said there any more */
};

struct zone_overlay_name {
    const uint8_t *key;
    uint8_t key_len;
    bool wild, listed;
    struct zone_hit hit;
};

/* Pieces rise and do not overlap. */
const struct zone_overlay_piece *zone_overlay_pieces(const struct zone_overlay *o, bool four,
                                                     size_t *ret_count);
/* How many of them begin at ip or before: the one that may hold it is the last of them. */
size_t zone_overlay_until(const struct zone_overlay *o, bool four, struct zone_ip6 ip);
size_t zone_overlay_name_count(const struct zone_overlay *o);
/* By key, the name itself before what is under it. */
struct zone_overlay_name zone_overlay_name_at(const struct zone_overlay *o, size_t i);
/* The number of the first that is not before (key, wild). */
size_t zone_overlay_name_seek(const struct zone_overlay *o, const uint8_t *key, size_t n,
                              bool wild);

/*
 * The changes between two serials of a journal, as IXFR sends them: for each prefix or name that
 * differs, what it said and what it says now; what came and went in between is left out. In the
 * order of first change. *ret is an array for free(); reasons and keys point into the journal's
 * bytes. -ENOMEM, -ERANGE when the journal does not know one of the two (older than it, newer, or
 * none that the zone ever had), or they are the wrong way round.
 */
int zone_overlay_diff(struct zone_journal j, uint32_t from, uint32_t to, struct zone_change **ret,
                      size_t *ret_count);

#endif
