/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several images and what they were made from, as one run of bytes: what a server keeps of a zone
 * whose sources take long to compile, so that its next start finds the work done.
 *
 *   header   magic "PSTNKEPT", version, sizes, its own checksum over itself, texts and parts
 *   texts    of the writer; here only bytes
 *   parts    for each image the sub-zone, its place, its size, its checksum
 *   images   as zone/image.h has them, each aligned to 8
 *
 * zone_bundle_open() checks all but the images, zone_bundle_part_ok() one image whole. On any bytes
 * whatever neither reads outside.
 */
#ifndef POSTERN_ZONE_BUNDLE_H
#define POSTERN_ZONE_BUNDLE_H

#include "base/buf.h"
#include "zone/image.h"

enum {
    ZONE_BUNDLE_VERSION = 1,
    ZONE_BUNDLE_PARTS_MAX = 4096,
    ZONE_BUNDLE_HEAD_MAX = 16 << 20, /* octets before the first image */
};

enum zone_bundle_text {
    ZONE_BUNDLE_KEY,      /* what else but the files' bytes decides about the images */
    ZONE_BUNDLE_STAMPS,   /* of the files */
    ZONE_BUNDLE_REMARKS,  /* about lines of the files */
    ZONE_BUNDLE_ACCEPTED, /* why it was found insane, where it was served all the same */
    ZONE_BUNDLE_TEXTS
};

struct zone_bundle_part {
    struct zone_rname sub; /* n 0: the zone itself */
    struct span image;
    uint64_t sum; /* zone_sum() of it */
};

/* A view of bytes that outlive it. */
struct zone_bundle {
    struct span bytes;
    int64_t made_wall;
    uint64_t skipped; /* lines of the files that were left out */
    struct span texts[ZONE_BUNDLE_TEXTS];
    size_t count;
};

/*
 * The bytes before the first image; behind them each image in turn, with zeros to a multiple of 8
 * (zone_bundle_pad). `sum` of the parts is filled in. 0, -ENOMEM, or -E2BIG over a limit.
 */
int zone_bundle_head(const struct zone_bundle *b, struct zone_bundle_part *parts, size_t count,
                     struct buf *ret);
static inline size_t zone_bundle_pad(size_t n)
{
    return -n & 7;
}

/* Are these bytes one of ours, of whatever version? Eight octets are enough to tell. */
bool zone_bundle_is(struct span bytes);
/* bytes.p aligned to 8. */
enum zone_image_got zone_bundle_open(struct span bytes, struct zone_bundle *ret);
/* i < b->count. */
void zone_bundle_part(const struct zone_bundle *b, size_t i, struct zone_bundle_part *ret);
/* Reads all of it. */
bool zone_bundle_part_ok(const struct zone_bundle_part *p);

#endif
