/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The set of zones that a server answers for: immutable once made, shared by all threads, replaced
 * as a whole by another. It owns what it is told here (names, SOA, NS, codes) and borrows the
 * images, overlays, patterns, ACLs and keys: they must outlive it. Making one costs a few
 * microseconds a zone, so that every change of a journal may make a new one.
 *
 * A zone may stand under another: the most specific one answers, and the parent's contents show it
 * as a delegation. A zone may also have sub-zones of its own without a SOA (rbldnsd's $DATASET):
 * these are sources with a `sub`.
 */
#ifndef POSTERN_ZONE_SET_H
#define POSTERN_ZONE_SET_H

#include "dns/cookie.h"
#include "dns/reply.h"
#include "zone/acl.h"
#include "zone/keys.h"
#include "zone/pattern.h"
#include "zone/view.h"

enum {
    ZONE_SET_MAX = 10000,   /* zones in one set */
    ZONE_SOURCES_MAX = 256, /* of one zone */
    ZONE_NS_MAX = ZONE_META_NS_MAX,
    ZONE_CODES_MAX = 64,      /* codes with a test entry */
    ZONE_APEX_MAX = 8,        /* addresses at the apex */
    ZONE_TXT_MAX = 1000,      /* octets of one TXT: four strings, and still within a UDP answer */
    ZONE_TTL_MAX = 604800,    /* a week: no listing may live longer in a cache */
    ZONE_TTL_USUAL = 600,     /* where neither data nor configuration say */
    ZONE_RETIRED_TTL = 86400, /* of a dead zone's negative answers: the questions are to end */
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

/* Data that a zone, or a sub-zone of it, is answered from. Several are asked in turn. */
struct zone_source {
    struct zone_rname sub; /* "outputs": below the zone's name; n 0: the zone itself */
    struct zone_view view;
    const struct zone_patterns *patterns; /* or NULL */
    /*
     * Kinds that test entries are had for, beside those that the image has; and the kinds that the
     * overlay may have (none told: any).
     */
    bool has4, has6, has_names;
    /* The first is the sub-zone's own, of 127.0.0.2 and TEST; none: those of the zone. */
    const struct zone_code *codes;
    size_t code_count;
};

/* Who may transfer: from this network, and signing with this key where one is told. */
struct zone_transfer {
    struct ip_prefix net;
    struct dns_name key; /* lower case; n 0: none */
};

/* All that is told of a zone. */
struct zone_spec {
    struct dns_name name; /* any case */
    enum zone_state state;
    const struct zone_source *sources; /* none where RETIRED or BROKEN, else at least one */
    size_t source_count;
    /*
     * A zone whose data have a journal, which steps (IXFR) are told from: how much the SOA's serial
     * is above the journal's, and the serial of the SOA that the first step may begin at.
     */
    bool has_steps;
    uint32_t raised, steps_since;
    bool has_soa;       /* without one (rbldnsd allows it) negative answers can't be cached */
    struct dns_soa soa; /* minimum is also the life of negative answers (RFC 2308 §5) */
    uint32_t soa_ttl;   /* 0: ttl */
    const struct dns_name *ns;
    size_t ns_count;
    uint32_t ns_ttl;       /* 0: ttl */
    uint32_t ttl;          /* of all that has none of its own; 0: ZONE_TTL_USUAL */
    const struct ip *apex; /* the web server that explains the list (RFC 5782 §5) */
    size_t apex_count;
    struct span apex_txt;          /* empty: none, or our words where ANNOUNCED or RETIRED */
    const struct zone_code *codes; /* the first is the zone's own; none: 127.0.0.2 alone */
    size_t code_count;
    bool data_tests;            /* what the data say of a test address stands: rbldnsd's files */
    bool key_required;          /* questions without a good key are refused */
    const struct zone_acl *acl; /* who may ask; NULL all */
    const struct zone_transfer *transfers; /* who may: whom one of them fits; copied */
    size_t transfer_count;
    const struct zone_keys *keys; /* NULL: no label is a key */
};

struct zone_set_options {
    const struct zone_acl *acl; /* for all zones, beside the zone's own; or NULL */
    struct span nsid;           /* RFC 5001; empty: not told */
    struct span version;        /* CH TXT version.bind and version.server; empty: refused */
    uint16_t udp_max;           /* DNS_UDP_MIN to 4096; 0 is DNS_UDP_USUAL */
    const struct dns_cookie_keys *cookie_keys; /* copied; NULL: cookies are not answered */
    /*
     * UDP is answered only with a good cookie or a good TSIG: else BADCOOKIE, or TC for who sends
     * no cookie at all (RFC 7873 §5.2.3).
     */
    bool cookie_required;
};

struct zone_set_error {
    size_t zone; /* index of the spec, SIZE_MAX for the options */
    char why[200];
};

struct zone_set;
struct zone;

/*
 * SOA, NS, TTL and serial of a zone as its data tell them, where the spec has none yet; the
 * spec->ns must have room for ZONE_NS_MAX names at `ns`.
 */
void zone_spec_fill(struct zone_spec *spec, const struct zone_view *view,
                    struct dns_name ns[ZONE_NS_MAX]);

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
 * question's labels the zone's name begins at.
 */
const struct zone *zone_set_find(const struct zone_set *set, const struct dns_query *q,
                                 unsigned *ret_label);

size_t zone_index(const struct zone *zone);
const struct dns_name *zone_wire(const struct zone *zone); /* lower case */
const char *zone_title(const struct zone *zone);           /* as text, without the last dot */
uint32_t zone_serial(const struct zone *zone);             /* 0 without a SOA */
/*
 * The journal's serial behind one that the SOA had. False when no step may be told from there:
 * there is no journal, or what the zone's records share was another then (zone/shape.h).
 */
bool zone_journal_serial(const struct zone *zone, uint32_t serial, uint32_t *ret);
/* What NOTIFY sends along; NULL without one. */
const struct dns_soa *zone_soa(const struct zone *zone);
enum zone_state zone_state(const struct zone *zone);
const char *zone_state_name(enum zone_state state);

#endif
