/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The set of zones that a server answers for: immutable once made, shared by all threads, replaced
 * as a whole by another. It owns what it is told here (names, SOA, NS, codes) and borrows the
 * images, overlays, ACLs and keys: they must outlive it. Making one costs a few microseconds a
 * zone, so that every change of a journal may make a new one.
 *
 * A zone may stand under another: the most specific one answers, and the parent's contents show it
 * as a delegation. Sub-zones inside one zone (rbldnsd's $DATASET) are the image's affair.
 */
#ifndef POSTERN_ZONE_SET_H
#define POSTERN_ZONE_SET_H

#include "dns/cookie.h"
#include "dns/reply.h"
#include "zone/acl.h"
#include "zone/keys.h"

struct zone_image;
struct zone_overlay;

enum {
    ZONE_SET_MAX = 10000,          /* zones in one set */
    ZONE_NS_MAX = 32,              /* as rbldnsd */
    ZONE_CODES_MAX = 64,           /* codes with a test entry */
    ZONE_APEX_MAX = 8,             /* addresses at the apex, of each family */
    ZONE_TXT_MAX = 1000,           /* bytes of one TXT that we write */
    ZONE_TTL_MAX = 604800,         /* a week: no listing may live longer in a cache */
    ZONE_NEGATIVE_RETIRED = 86400, /* of a dead zone: RFC 6471 §3.4 wants the questions to end */
};

enum zone_state {
    ZONE_SERVED,
    ZONE_ANNOUNCED, /* served; the apex TXT says that it will end (RFC 6471 §3.4: a month before) */
    ZONE_RETIRED,   /* empty, test entries not listed, negative answers live long */
    ZONE_BROKEN,    /* no good data: SERVFAIL with an EDE, for it is not known what is not listed */
};

/* One return code: its value, and what its test entry says. */
struct zone_code {
    uint32_t a;       /* 127.0.0.2 as 0x7f000002 */
    struct span text; /* of the test entry's TXT; empty: a text of our own */
};

/* All that a zone is beside its data. */
struct zone_spec {
    struct span name; /* "bl.example.org", any case, with or without the last dot */
    enum zone_state state;
    const struct zone_image *image;     /* NULL: no data (a zone that is RETIRED or BROKEN) */
    const struct zone_overlay *overlay; /* or NULL */
    bool has_soa;       /* without one (rbldnsd allows it) negative answers can't be cached */
    struct dns_soa soa; /* minimum is also the life of negative answers (RFC 2308 §5) */
    uint32_t soa_ttl;
    const struct dns_name *ns;
    size_t ns_count;
    uint32_t ns_ttl;
    uint32_t ttl;          /* of listings whose data give none, of test entries and the apex */
    const struct ip *apex; /* the web server that explains the list (RFC 5782 §5) */
    size_t apex_count;
    struct span apex_txt; /* empty: none; RETIRED and ANNOUNCED ones should say what happens */
    const struct zone_code *codes; /* the first is the zone's own, that of 127.0.0.2 and TEST */
    size_t code_count;             /* none: 127.0.0.2 alone */
    bool has4, has6, has_names; /* kinds that the test entries are had for, beside the data's own */
    bool data_tests;   /* values that the data give a test address stand: rbldnsd's files */
    bool key_required; /* questions without a good key are refused */
    const struct zone_acl *acl; /* who may ask; NULL all */
    /*
     * Who may transfer: an address that has a PASS rule (NULL: any, if there are keys; else nobody),
     * and, where there are keys, a question signed with one of these.
     */
    const struct zone_acl *transfer_acl;
    const struct dns_name *transfer_keys;
    size_t transfer_key_count;
    const struct zone_keys *keys; /* NULL: no label is a key */
};

struct zone_set_options {
    const struct zone_acl *acl; /* for all zones, beside the zone's own; or NULL */
    struct span nsid;           /* RFC 5001; empty: not told */
    struct span version;        /* CH TXT version.bind and version.server; empty: refused */
    uint16_t udp_max;           /* DNS_UDP_MIN to 4096; 0 is DNS_UDP_USUAL */
    const struct dns_cookie_keys *cookie_keys; /* copied; NULL: cookies are not answered */
    bool cookie_required; /* UDP without a good server cookie: BADCOOKIE (RFC 7873 §5.2.3) */
};

struct zone_set_error {
    size_t zone; /* index of the spec, SIZE_MAX for the options */
    char why[200];
};

struct zone_set;
struct zone;

/* 0; -EINVAL with *err filled; -ENOMEM. */
int zone_set_new(const struct zone_spec *specs, size_t count,
                 const struct zone_set_options *options, struct zone_set **ret,
                 struct zone_set_error *err);
void zone_set_free(struct zone_set *set);

size_t zone_set_count(const struct zone_set *set);
/* By index, in the order of the specs. */
const struct zone *zone_set_at(const struct zone_set *set, size_t i);
/* By its very name, or NULL. */
const struct zone *zone_set_by_name(const struct zone_set *set, const struct dns_name *name);
/*
 * The most specific zone that holds the question's name, or NULL; *ret_label is which of the
 * question's labels its name begins at.
 */
const struct zone *zone_set_find(const struct zone_set *set, const struct dns_query *q,
                                 unsigned *ret_label);

size_t zone_index(const struct zone *zone);
const struct dns_name *zone_name(const struct zone *zone); /* lower case */
const char *zone_text(const struct zone *zone);            /* without the last dot */
uint32_t zone_serial(const struct zone *zone);
enum zone_state zone_state(const struct zone *zone);
const char *zone_state_name(enum zone_state state);

#endif
