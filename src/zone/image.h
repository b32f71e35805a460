/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The image of a zone's data: one run of bytes, as they stand in a file, little-endian, references
 * as offsets. It is compiled once (zone/build.h), mapped read-only by every worker, never changed.
 *
 *   header    magic "PSTNZONE", version, section table, facts, counts, its own checksum
 *   IPv4      top[65537] -> sorted 16-bit tails, class octet, evidence; intervals for what is wider
 *   IPv6      whole /64 (8 octets), single addresses (16), intervals
 *   names     sorted keys, a link to the nearest key above, what the name and what is under it say
 *   patterns  sources in order        records  sorted keys with their RRs
 *   values    A, TTL, class, template  strings, facts
 * Addresses are flattened: every one lies in one entry or in none; no rule is left to apply.
 *
 * What is checked when. zone_image_open() checks the header's checksum, each section's place, size
 * and alignment, and the two tables of 65,537 offsets: under a millisecond and 600 kB, whatever the
 * size, so that a server answers at once. Every look-up bounds the rest of what it follows with one
 * comparison, so on any bytes whatever it gives an answer and reads nothing outside: a damaged
 * image may say wrong things, never crash. zone_image_verify() reads everything against the
 * checksums and the order that look-ups rely on; run it before a swap of an image that another
 * machine made, or behind the first answers of a start, and take the image down when it fails.
 * The bytes must not change or shrink below a reader: replace the file by rename, never write it.
 */
#ifndef POSTERN_ZONE_IMAGE_H
#define POSTERN_ZONE_IMAGE_H

#include "zone/data.h"

enum zone_image_got {
    ZONE_IMAGE_OK = 0,
    ZONE_IMAGE_SHORT,   /* cut off, or larger than it says */
    ZONE_IMAGE_FOREIGN, /* no image of ours */
    ZONE_IMAGE_VERSION, /* an image of another version */
    ZONE_IMAGE_DAMAGED, /* a checksum, an offset or the order is wrong */
};

enum zone_section {
    ZONE_SEC_META,
    ZONE_SEC_FACTS,
    ZONE_SEC_VALUES,
    ZONE_SEC_STRINGS,
    ZONE_SEC_LISTS,
    ZONE_SEC_V4_TOP,
    ZONE_SEC_V4_TAIL,
    ZONE_SEC_V4_CLASS,
    ZONE_SEC_V4_EVIDENCE,
    ZONE_SEC_V4_RANGE_TOP,
    ZONE_SEC_V4_RANGE,
    ZONE_SEC_V6_HALF,
    ZONE_SEC_V6_HALF_SAYS,
    ZONE_SEC_V6_FULL,
    ZONE_SEC_V6_FULL_SAYS,
    ZONE_SEC_V6_RANGE,
    ZONE_SEC_NAME_TABLES,
    ZONE_SEC_NAMES,
    ZONE_SEC_NAME_EVIDENCE,
    ZONE_SEC_PATTERNS,
    ZONE_SEC_RECORD_NAMES,
    ZONE_SEC_RECORDS,
    ZONE_SECTIONS,
};

struct zone_image_counts {
    uint64_t v4_single, v4_range; /* entries */
    uint64_t v4_addresses;        /* all addresses that are listed */
    uint64_t v6_half, v6_full, v6_range;
    uint64_t names, patterns, records;
    uint64_t values;
};

/* A view of bytes that outlive it. Look at it with the functions below. */
struct zone_image {
    const uint8_t *p;
    size_t n;
    struct {
        const uint8_t *p;
        size_t n;
    } sec[ZONE_SECTIONS];
    struct zone_meta meta; /* unpacked, names checked */
    struct zone_image_counts counts;
};

/* What is said of an address or a name: one value or several. Only for the image that gave it. */
struct zone_hit {
    uint32_t ref;
    uint32_t evidence;
};

/* One value of a hit; `text` points into the image. */
struct zone_said {
    uint32_t a;        /* 0: no A */
    uint32_t ttl;      /* 0: the zone's */
    uint32_t evidence; /* 0: none */
    uint16_t class_id;
    struct span text; /* empty: no TXT */
};

/* A hit among names: the entry is made of the rightmost `labels` of the question. */
struct zone_name_hit {
    struct zone_hit hit;
    uint8_t labels;
    uint8_t key_len; /* the same in octets of the key */
    bool wild;
};

/* One RR of a record table. */
struct zone_record {
    uint16_t type;
    uint32_t ttl; /* 0: the zone's */
    struct span rdata;
};

/* bytes.p must be aligned to 8, as what mmap and malloc give is. -errno never happens. */
enum zone_image_got zone_image_open(struct span bytes, struct zone_image *ret);
enum zone_image_got zone_image_verify(const struct zone_image *im);
const char *zone_image_got_name(enum zone_image_got got);
/* Of all that it says, as its header sums it up; what it says of itself (meta) is left out. */
uint64_t zone_image_sum(const struct zone_image *im);
/* The value of zone_data_fact(); an empty span where there is none. */
struct span zone_image_fact(const struct zone_image *im, const char *name);

/* Look-ups; false: not listed. About 20 ns in 1 M IPv4 listings, no allocation. */
bool zone_image_find4(const struct zone_image *im, uint32_t ip, struct zone_hit *ret);
bool zone_image_find6(const struct zone_image *im, struct zone_ip6 ip, struct zone_hit *ret);
/* Each table of names may give one hit, in the tables' order; returns how many. */
unsigned zone_image_find_name(const struct zone_image *im, const struct zone_rname *key,
                              struct zone_name_hit ret[ZONE_NAME_TABLES_MAX]);
/* Tables of names, and what one of them says at this very key: for zone/view.h. */
unsigned zone_image_name_tables(const struct zone_image *im);
/*
 * *ret_said: the table has the key, with something to say or as an exclusion. True: it lists it.
 */
bool zone_image_name_at(const struct zone_image *im, unsigned table, const struct zone_rname *key,
                        bool wild, struct zone_name_hit *ret, bool *ret_said);
/*
 * The RRs of a name: *ret_first and how many; 0 when the name has none. Several names may lie below
 * one without any. zone_image_record() gives the one at `first` + 0 .. count - 1.
 */
size_t zone_image_find_records(const struct zone_image *im, const struct zone_rname *key,
                               size_t *ret_first);
bool zone_image_record(const struct zone_image *im, size_t at, struct zone_record *ret);

/* The values of a hit, in order. 1 in nearly all cases, 0 only in a damaged image. */
unsigned zone_image_said_count(const struct zone_image *im, struct zone_hit hit);
bool zone_image_said(const struct zone_image *im, struct zone_hit hit, unsigned i,
                     struct zone_said *ret);
/* The hit that says what a class of our own list says; false when the image does not know it. */
bool zone_image_class(const struct zone_image *im, uint16_t class_id, uint32_t evidence,
                      struct zone_hit *ret);

/*
 * Is anything listed within the prefix, or for names strictly under the name? What RFC 8020 needs
 * to tell NODATA from NXDOMAIN. len 0 is all of it; host bits are not looked at.
 */
bool zone_image_below4(const struct zone_image *im, uint32_t ip, unsigned len);
bool zone_image_below6(const struct zone_image *im, struct zone_ip6 ip, unsigned len);
/* The same from one address to another, both in. */
bool zone_image_any4(const struct zone_image *im, uint32_t from, uint32_t to);
bool zone_image_any6(const struct zone_image *im, struct zone_ip6 from, struct zone_ip6 to);
/* Names and records. */
bool zone_image_below_name(const struct zone_image *im, const struct zone_rname *key);

/* Records alone. */
bool zone_image_records_below(const struct zone_image *im, const struct zone_rname *key);

/* In rising order, each address once. Start with a zeroed cursor; false at the end. */
struct zone_cursor {
    size_t a, b, c;
};

struct zone_piece4 {
    uint32_t from, to;
    struct zone_hit hit;
};

struct zone_piece6 {
    struct zone_ip6 from, to;
    struct zone_hit hit;
};

/* A key of one table of names; `excluded` hides what a wider one says. */
struct zone_piece_name {
    unsigned table;
    const uint8_t *key; /* a zone_rname; key_len octets, in the image */
    uint8_t key_len;
    bool wild, excluded;
    struct zone_hit hit;
};

struct zone_piece_pattern {
    struct span source;
    bool excluded;
    struct zone_hit hit;
};

struct zone_piece_record {
    const uint8_t *key;
    uint8_t key_len;
    struct zone_record record;
};

bool zone_image_next4(const struct zone_image *im, struct zone_cursor *c, struct zone_piece4 *ret);
bool zone_image_next6(const struct zone_image *im, struct zone_cursor *c, struct zone_piece6 *ret);
/* Table by table, keys in their order, PLAIN before WILD. */
bool zone_image_next_name(const struct zone_image *im, struct zone_cursor *c,
                          struct zone_piece_name *ret);
/* Puts the cursor on the first key of the table that is not before `key`. */
void zone_image_seek_name(const struct zone_image *im, unsigned table, const struct zone_rname *key,
                          struct zone_cursor *ret);
bool zone_image_next_pattern(const struct zone_image *im, struct zone_cursor *c,
                             struct zone_piece_pattern *ret);
bool zone_image_next_record(const struct zone_image *im, struct zone_cursor *c,
                            struct zone_piece_record *ret);

#endif
