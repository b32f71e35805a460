/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a zone says of one name below it, before anything is written. For this folder. */
#ifndef POSTERN_ZONE_SAY_H
#define POSTERN_ZONE_SAY_H

#include "zone/set_priv.h"

enum {
    ZONE_SAY_MAX = 64,     /* values of one name; what more there are is left out */
    ZONE_SAY_RECORDS = 16, /* runs of records, one of each source */
    ZONE_SUBJECT_MAX = DNS_NAME_TEXT_MAX,
};

enum zone_say_mode {
    ZONE_SAY_ALL,
    ZONE_SAY_RECORDS_ONLY, /* for whom the list is empty */
};

enum zone_say_of {
    ZONE_OF_TEST, /* a test entry: the text is no template */
    ZONE_OF_IPV4,
    ZONE_OF_IPV6,
    ZONE_OF_NAME,
};

/* One value, and what its text is about. */
struct zone_saying {
    enum zone_say_of of;
    uint8_t from, to; /* ZONE_OF_NAME: labels of the question that are the subject */
    uint32_t a;       /* 0: no A */
    uint32_t ttl;     /* the zone's where the data have none */
    uint32_t evidence;
    struct span text; /* empty: no TXT */
};

struct zone_say {
    bool exists; /* the name is there: listed, with records, or empty with something below */
    bool test;   /* a test entry, made by us or by the data */
    bool around; /* belongs to these: it is one, is above one, or is 127.0.0.1 or INVALID */
    uint8_t count, run_count;
    uint32_t ip4;
    struct zone_ip6 ip6;
    struct span subject; /* of texts, in place of the address; n 0: the address */
    struct zone_saying v[ZONE_SAY_MAX];
    struct {
        const struct zone_image *image;
        size_t first, count;
    } runs[ZONE_SAY_RECORDS];
};

/*
 * The first `labels` labels of the question, those before the zone's name (and a key's). No label
 * is the zone itself: then only records are looked for. `matcher` may be NULL.
 */
void zone_say(const struct zone *zone, const struct dns_query *q, unsigned labels,
              enum zone_say_mode mode, struct zone_matcher *matcher, struct zone_say *ret);
/* Whether value i makes an A, or a TXT: it has one, and none before it has the same. */
bool zone_say_has_a(const struct zone_say *say, unsigned i);
bool zone_say_has_txt(const struct zone_say *say, unsigned i);
/* Records of one name and type have one life, RFC 2181 §5.2: the shortest of them. */
uint32_t zone_say_ttl(const struct zone *zone, const struct zone_say *say, uint16_t type);
/* The TXT of a saying, put together in out[ZONE_TXT_MAX]; its length. */
size_t zone_say_text(const struct zone *zone, const struct dns_query *q, const struct zone_say *say,
                     const struct zone_saying *v, char out[ZONE_TXT_MAX]);
/* An IPv4 address as text; the octets written, at most 15, no NUL. */
size_t zone_say_ip4(uint32_t ip, char *out);

#endif
