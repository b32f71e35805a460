/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The bytes of an image: what zone/build.c writes and zone/image.c reads. All numbers are
 * little-endian; a section begins at a multiple of 64.
 *
 * What is said is a `ref`: the number of a value; or, with REF_LIST set, the place in LISTS of a
 * count and that many pairs of value and evidence. For a value the evidence stands beside the ref.
 */
#ifndef POSTERN_ZONE_IMAGE_PRIV_H
#define POSTERN_ZONE_IMAGE_PRIV_H

#include "zone/image.h"

#include <assert.h>
#include <endian.h>

#define IMAGE_MAGIC  "PSTNZONE"
#define REF_LIST     UINT32_C(0x80000000)
#define REF_EXCLUDED UINT32_C(0xfffffffe) /* in names and patterns */
#define REF_ABSENT   UINT32_C(0xffffffff)

enum {
    IMAGE_VERSION = 1,
    IMAGE_ALIGN = 64,
    IMAGE_TOP = 65537,      /* entries of a top table: where each /16 begins, and the end */
    IMAGE_CLASS_SIDE = 255, /* class octet: the evidence column holds a ref */
    IMAGE_SMALL = 16384, /* fewer single addresses are kept as ranges, fewer ranges without top */
    IMAGE_COUNTS = sizeof(struct zone_image_counts) / sizeof(uint64_t),
};

struct disk_section {
    uint64_t at, size, sum;
};

struct disk_header {
    char magic[8];
    uint32_t version, sections;
    uint64_t sum; /* of the header, with zero here */
    uint64_t size;
    uint64_t counts[IMAGE_COUNTS];
    struct disk_section sec[ZONE_SECTIONS];
};

struct disk_value {
    uint32_t a, ttl;
    uint32_t text; /* in STRINGS */
    uint16_t text_len, class_id;
};

struct disk_range4 {
    uint32_t from, to, ref, evidence;
};

struct disk_says {
    uint32_t ref, evidence;
};

struct disk_ip6 {
    uint64_t hi, lo;
};

struct disk_range6 {
    struct disk_ip6 from, to;
    uint32_t ref, evidence;
};

struct disk_name_table {
    uint32_t first, count; /* in NAMES */
};

struct disk_name {
    uint32_t key; /* in STRINGS: a length octet and the key */
    uint32_t up;  /* the nearest key above: its number in the table plus one; 0 none */
    uint32_t plain, wild;
};

struct disk_name_evidence {
    uint32_t plain, wild;
};

struct disk_pattern {
    uint32_t source, source_len; /* in STRINGS */
    uint32_t ref, evidence;
};

struct disk_record_name {
    uint32_t key, first, count; /* key as in disk_name; records in RECORDS */
};

struct disk_record {
    uint32_t ttl, rdata; /* in STRINGS */
    uint16_t type, rdata_len;
};

static_assert(sizeof(struct disk_header) == 32 + 8 * IMAGE_COUNTS + 24 * ZONE_SECTIONS, "packed");
static_assert(sizeof(struct disk_value) == 16 && sizeof(struct disk_range6) == 40, "packed");
static_assert(sizeof(struct disk_record) == 12 && sizeof(struct disk_name) == 16, "packed");

/* The octets of one element of a section; 1 where it is bytes. */
size_t zone_image_unit(enum zone_section s);

/* Elements of a section, and its first one. */
static inline size_t image_count(const struct zone_image *im, enum zone_section s, size_t unit)
{
    return im->sec[s].n / unit;
}

static inline const void *image_at(const struct zone_image *im, enum zone_section s)
{
    return im->sec[s].p;
}

/* Bytes of STRINGS, or an empty span where they are not all inside. */
static inline struct span image_string(const struct zone_image *im, uint32_t at, uint32_t n)
{
    size_t size = im->sec[ZONE_SEC_STRINGS].n;

    if (at > size || n > size - at)
        return SPAN_NULL;
    return span_of(im->sec[ZONE_SEC_STRINGS].p + at, n);
}

/*
 * The key of a length octet and bytes at `at`; false, and an empty one, when it is not all inside.
 */
static inline bool image_key_of(const struct zone_image *im, uint32_t at, struct span *ret)
{
    struct span size = image_string(im, at, 1);
    uint8_t n = size.n ? (uint8_t)size.p[0] : 0;

    *ret = size.n && at < UINT32_MAX ? image_string(im, at + 1, n) : SPAN_NULL;
    if (ret->p)
        return true;
    *ret = SPAN_LIT("");
    return false;
}

static inline struct span image_key(const struct zone_image *im, uint32_t at)
{
    struct span key;

    (void)image_key_of(im, at, &key);
    return key;
}

#endif
