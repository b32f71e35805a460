/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a set of zones is made of: for the files of this folder that answer from it. */
#ifndef POSTERN_ZONE_SET_PRIV_H
#define POSTERN_ZONE_SET_PRIV_H

#include "zone/set.h"

/* One code, with the text of its test entry written out. */
struct zone_test {
    uint32_t a;
    struct span text;
};

/* The zone itself, or a sub-zone without a SOA: what is asked with the labels before `sub`. */
struct zone_branch {
    uint8_t sub[DNS_NAME_MAX]; /* labels, wire, no root */
    uint8_t sub_n, labels;
    struct zone_rname rsub;           /* the same from the right */
    bool tests4, tests6, tests_names; /* kinds with test entries */
    bool look4, look6, look_names;    /* kinds that any source has */
    bool look_records, look_patterns;
    struct zone_source *sources; /* its own: pointers into the zone's array */
    size_t source_count;
    const struct zone_test *tests; /* at least one; the first is its own */
    size_t test_count;
};

struct zone {
    size_t index;
    struct dns_name name;
    unsigned labels;
    char *title;
    enum zone_state state;
    bool has_soa, data_tests, key_required, has_steps;
    uint32_t raised, steps_since;
    struct dns_soa soa;
    struct dns_soa_laid laid_soa;
    uint32_t soa_ttl, negative_ttl, ns_ttl, ttl;
    struct dns_name *ns;
    size_t ns_count;
    struct ip apex[ZONE_APEX_MAX];
    size_t apex_count;
    char *apex_txt;              /* NULL: none */
    struct zone_source *sources; /* sorted by branch */
    struct zone_branch *branches;
    size_t branch_count;
    const struct zone_acl *acl;
    const struct zone_keys *keys;
    struct zone_transfer *transfers;
    size_t transfer_count;
    struct zone_test *tests; /* of all branches */
    char *test_texts;
};

/* A name at which a zone begins, or which is empty but for a zone below it. */
struct zone_place {
    uint64_t hash;
    const struct dns_name *name; /* whose last octets, from `from` on, are the place's name */
    uint8_t from;
    const struct zone *zone; /* NULL: empty */
    bool used;
};

struct zone_set {
    struct zone *zones;
    size_t count;
    struct zone_place *places; /* open addressing, at most half full */
    size_t place_mask;
    unsigned labels_max;
    const struct zone_acl *acl;
    bool any_acl;
    char *nsid, *version;
    size_t nsid_n, version_n;
    uint16_t udp_max;
    struct dns_cookie_keys cookie_keys;
    bool has_cookies, cookie_required;
};

/* Fills a zeroed zone; -EINVAL says why. zone_deinit() in any case. */
int zone_of_spec(struct zone *z, const struct zone_spec *spec, char *why, size_t n);
void zone_deinit(struct zone *z);

/*
 * As zone_set_find(); *ret_below is set when the question's own name is empty, but has a zone
 * below.
 */
const struct zone *zone_set_look(const struct zone_set *set, const struct dns_query *q,
                                 unsigned *ret_label, bool *ret_below);
/* The zone around this one, or NULL. */
const struct zone *zone_set_parent(const struct zone_set *set, const struct zone *zone);

#endif
