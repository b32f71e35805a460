/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of zone/build.c among themselves. */
#ifndef POSTERN_ZONE_BUILD_PRIV_H
#define POSTERN_ZONE_BUILD_PRIV_H

#include "zone/build.h"
#include "zone/flatten.h"
#include "zone/image_priv.h"
#include "zone/says.h"

struct zone_builder {
    struct zone_data *data;
    struct zone_lists lists;
    uint32_t *order; /* a value's number in the image, by its number in the data */
    struct buf strings;
    struct zone_image_counts counts;
    uint8_t *out; /* the image so far */
    size_t size, room;
    struct disk_section sec[ZONE_SECTIONS];
};

/* Puts a zeroed section of n octets at the end. What section_at() gave before is void then. */
int zone_builder_section(struct zone_builder *b, enum zone_section s, size_t n);
static inline void *section_at(struct zone_builder *b, enum zone_section s)
{
    return b->out + b->sec[s].at;
}

/* With the image's numbers; an exclusion gives REF_EXCLUDED. */
struct disk_says zone_builder_says(const struct zone_builder *b, struct zone_says says);
/* Adds to STRINGS and tells where: the bytes, or a length octet and the bytes. */
int zone_builder_string(struct zone_builder *b, struct span s, uint32_t *ret);
int zone_builder_key(struct zone_builder *b, struct span key, uint32_t *ret);

/* The pieces of all IPv4 tables; may borrow one table's entries. */
int zone_build_pieces4(struct zone_builder *b, struct zone_pieces *ret);
int zone_build_sections4(struct zone_builder *b, struct zone_pieces *pieces);
/* As the pieces of ranks: rank r begins at borders[r]. */
struct zone_ranks6 {
    struct zone_pieces pieces;
    struct zone_ip6 *borders;
    size_t count;
};
int zone_build_pieces6(struct zone_builder *b, struct zone_ranks6 *ret);
int zone_build_sections6(struct zone_builder *b, const struct zone_ranks6 *ranks);
int zone_build_names(struct zone_builder *b);
int zone_build_patterns(struct zone_builder *b);
int zone_build_records(struct zone_builder *b);
int zone_build_meta(struct zone_builder *b);

#endif
