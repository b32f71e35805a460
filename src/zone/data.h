/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The common model: what every reader of a list makes, and what an image is compiled from.
 *
 * A zone's data is some facts about the zone, a pool of values, and tables in order. A question is
 * put to every table; what they say is put together in their order (so does rbldnsd). A table holds
 * entries of one kind, each with a value, or with ZONE_EXCLUDED in its place.
 *
 * Which entries of a table count for an address is the table's rule:
 *   LONGEST  those of the longest prefix that holds it; several of one prefix all count, in order
 *   TRIE     the same, but of one prefix only the first counts (rbldnsd's ip4trie and ip6trie)
 *   OCTETS   an entry is cut into blocks of /8, /16, /24 and single addresses, as large as they go;
 *            all entries of the smallest block that holds the address (rbldnsd's ip4set); those
 *            that overlap without the same borders are in the order of their first addresses
 * An exclusion among them hides them all, and what is wider with them. ip4tset and ip6tset are
 * LONGEST tables whose entries have one value.
 *
 * Names: an entry is PLAIN (the name itself), WILD (everything under it, not itself: "*.x") or both
 * (".x"). A name's PLAIN entries come first; without any, the WILD ones of the nearest name above.
 * Again all of that one name count, and an exclusion there hides the rest (rbldnsd's dnset).
 *
 * Patterns: PCRE2 sources, tried in order; the first that matches gives its value, or hides the
 * name. Records: other RRs by name, no wildcards; all of the name and type count (rbldnsd's
 * generic).
 *
 * A data set is of one zone. Sub-zones of a combined file ($DATASET type name sub.zone) are data
 * sets of their own, one for each sub-zone: the server finds the most specific zone, as rbldnsd
 * does.
 *
 * Adders copy what they are given. They return 0, -ENOMEM, or -E2BIG over a limit below; then the
 * data is as it was.
 */
#ifndef POSTERN_ZONE_DATA_H
#define POSTERN_ZONE_DATA_H

#include "base/buf.h"
#include "dns/reply.h"
#include "zone/ip6.h"
#include "zone/rname.h"
#include "zone/serial.h"

enum zone_kind {
    ZONE_IPV4,
    ZONE_IPV6,
    ZONE_NAME,
    ZONE_PATTERN,
    ZONE_RECORDS,
};

enum zone_rule {
    ZONE_LONGEST,
    ZONE_TRIE,
    ZONE_OCTETS, /* IPv4 only */
};

enum zone_span_of_name {
    ZONE_PLAIN = 1,
    ZONE_WILD = 2,
};

#define ZONE_EXCLUDED UINT32_MAX /* in place of a value */

enum {
    ZONE_SAYS_MAX = 1000, /* values of one address or name; more are left out */
    ZONE_TABLES_MAX = 64, /* in one zone */
    ZONE_NAME_TABLES_MAX = 16,
    ZONE_META_NS_MAX = 32,
    ZONE_FACTS_MAX = 64,
    ZONE_FACT_NAME_MAX = 32,
    ZONE_FACT_MAX = 4096, /* octets */
    ZONE_PATTERNS_MAX = 4096,
    ZONE_PATTERN_LEN_MAX = 4096, /* octets of one source */
    ZONE_RDATA_MAX = 4096,
    ZONE_TEMPLATE_MAX = 1024,   /* octets of a compiled text */
    ZONE_VALUES_MAX = 1 << 27,  /* different values */
    ZONE_ENTRIES_MAX = 1 << 30, /* in one table */
};

struct zone_value {
    uint32_t a;        /* the A record, 127.0.0.2 is 0x7f000002; 0: no A */
    uint32_t ttl;      /* seconds; 0: the zone's */
    uint16_t class_id; /* the class of our own list, known to the journal; 0: none */
    struct span text;  /* template of zone/text.h; empty: no TXT */
};

struct zone_meta {
    struct dns_name zone; /* n 0 where the data serve several zones */
    uint32_t serial;      /* of the data; the SOA's own serial may differ where a file sets it */
    uint32_t ttl;         /* of A and TXT without their own; 0: the server's default */
    int64_t created_wall; /* 0: not told */
    int64_t expires_wall; /* 0: never */
    bool has_soa;
    struct dns_soa soa;
    uint32_t soa_ttl;
    uint32_t ns_ttl;
    unsigned ns_count;
    struct dns_name ns[ZONE_META_NS_MAX];
};

struct zone_entry4 {
    uint32_t from, to; /* both are in; LONGEST and TRIE want one prefix */
    uint32_t value;    /* or ZONE_EXCLUDED */
    uint32_t evidence; /* 0: none */
};

struct zone_entry6 {
    struct zone_ip6 from;
    uint32_t value, evidence;
    uint8_t len; /* 0 to 128 */
};

struct zone_entry_name {
    uint32_t key; /* offset into the table's bytes */
    uint32_t value, evidence;
    uint8_t key_len;
    uint8_t spans; /* of ZONE_PLAIN and ZONE_WILD */
};

struct zone_entry_pattern {
    uint32_t source, source_len; /* into the table's bytes */
    uint32_t value, evidence;
};

struct zone_entry_record {
    uint32_t key, rdata; /* into the table's bytes */
    uint32_t ttl;        /* 0: the zone's */
    uint16_t type, rdata_len;
    uint8_t key_len;
};

struct zone_table {
    enum zone_kind kind;
    enum zone_rule rule;
    size_t count, room;
    union {
        struct zone_entry4 *v4;
        struct zone_entry6 *v6;
        struct zone_entry_name *names;
        struct zone_entry_pattern *patterns;
        struct zone_entry_record *records;
        void *any;
    } e;
    struct buf bytes; /* keys, sources, rdata */
};

struct zone_fact {
    char *name;
    struct buf value;
};

struct zone_text_block;

struct zone_data {
    struct zone_meta meta;
    struct zone_value *values;
    size_t value_count, value_room;
    uint32_t *value_slots; /* hash table, so that one value is kept once */
    size_t slot_count;
    struct zone_text_block *text; /* where the values' texts are kept */
    struct zone_table *tables[ZONE_TABLES_MAX];
    size_t table_count;
    struct zone_fact facts[ZONE_FACTS_MAX];
    size_t fact_count;
};

const char *zone_kind_name(enum zone_kind kind); /* "ipv4" */
const char *zone_rule_name(enum zone_rule rule); /* "longest" */

void zone_data_init(struct zone_data *d);
void zone_data_deinit(struct zone_data *d);

/* The number of the value, the same for the same one. */
int zone_data_value(struct zone_data *d, const struct zone_value *v, uint32_t *ret);
/* A fact by name for whoever needs one in the image: "url", "contact"; the later of two holds. */
int zone_data_fact(struct zone_data *d, const char *name, struct span value);
/* The table lives as long as d; *ret may be kept. */
int zone_data_table(struct zone_data *d, enum zone_kind kind, enum zone_rule rule,
                    struct zone_table **ret);

/* -EINVAL: from above to, or no prefix where the rule wants one. */
int zone_table_add4(struct zone_table *t, uint32_t from, uint32_t to, uint32_t value,
                    uint32_t evidence);
/* -EINVAL: bits below the length are set. */
int zone_table_add6(struct zone_table *t, struct zone_ip6 from, unsigned len, uint32_t value,
                    uint32_t evidence);
/* -EINVAL: no span of ZONE_PLAIN and ZONE_WILD. The empty key is the zone itself: WILD under it. */
int zone_table_add_name(struct zone_table *t, const struct zone_rname *key, unsigned spans,
                        uint32_t value, uint32_t evidence);
int zone_table_add_pattern(struct zone_table *t, struct span source, uint32_t value,
                           uint32_t evidence);
/* rdata as on the wire, names in it in full. */
int zone_table_add_record(struct zone_table *t, const struct zone_rname *key, uint16_t type,
                          uint32_t ttl, struct span rdata);
/* Room for n entries in all, at once; nothing happens when memory is short. */
void zone_table_reserve(struct zone_table *t, size_t n);

#endif
