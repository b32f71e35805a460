/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names, patterns, records. The keys of a table are sorted, so that all that lies under a name
 * stands behind it in one piece; each has a link to the nearest key above it, which spares a
 * look-up one search for every label. Exclusions that take nothing away are dropped, and with them
 * a promise is kept that zone_image_below_name() relies on: where there is a key, something is
 * listed at or under the wildcard it takes away from, or at the key.
 */
#include "zone/build_priv.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

/* One key of a table, with what the name and what is under it say. */
struct node {
    struct span key;
    bool has_plain, has_wild;
    struct zone_says plain, wild;
};

static int cmp_names(const void *a, const void *b, void *cookie)
{
    const uint32_t *x = a, *y = b;
    const struct zone_table *t = cookie;
    const struct zone_entry_name *p = &t->e.names[*x], *q = &t->e.names[*y];
    const uint8_t *bytes = (const uint8_t *)t->bytes.p;
    int r = zone_rname_cmp(bytes + p->key, p->key_len, bytes + q->key, q->key_len);

    return r ? r : (*x > *y) - (*x < *y);
}

static int cmp_records(const void *a, const void *b, void *cookie)
{
    const uint32_t *x = a, *y = b;
    const struct zone_table *t = cookie;
    const struct zone_entry_record *p = &t->e.records[*x], *q = &t->e.records[*y];
    const uint8_t *bytes = (const uint8_t *)t->bytes.p;
    int r = zone_rname_cmp(bytes + p->key, p->key_len, bytes + q->key, q->key_len);

    if (r == 0)
        r = (p->type > q->type) - (p->type < q->type);
    return r ? r : (*x > *y) - (*x < *y);
}

/* The entries' numbers in order; NULL when out of memory. The caller frees it. */
static uint32_t *sorted(const struct zone_table *t, int (*cmp)(const void *, const void *, void *))
{
    uint32_t *order = malloc((t->count + 1) * sizeof(*order));

    if (!order)
        return NULL;
    for (size_t i = 0; i < t->count; i++)
        order[i] = (uint32_t)i;
    qsort_r(order, t->count, sizeof(*order), cmp, (void *)(uintptr_t)t);
    return order;
}

static int put_together(struct zone_builder *b, const struct zone_table *t, const uint32_t *order,
                        size_t n, enum zone_span_of_name span, bool *ret_has, struct zone_says *ret)
{
    *ret_has = false;
    zone_lists_begin(&b->lists);
    for (size_t i = 0; i < n; i++) {
        const struct zone_entry_name *e = &t->e.names[order[i]];

        if (!(e->spans & span) || (*ret_has && t->rule == ZONE_TRIE))
            continue;
        zone_lists_add(&b->lists, (struct zone_says){e->value, e->evidence});
        *ret_has = true;
    }
    return zone_lists_end(&b->lists, ret);
}

/* Takes the entries of the first key off the front; returns how many, or an errno. */
static ssize_t next_node(struct zone_builder *b, const struct zone_table *t, const uint32_t *order,
                         size_t n, struct node *ret)
{
    const struct zone_entry_name *first = &t->e.names[order[0]];
    size_t same = 1;
    int r;

    ret->key = span_slice(buf_span(&t->bytes), first->key, (size_t)first->key + first->key_len);
    while (same < n) {
        const struct zone_entry_name *e = &t->e.names[order[same]];

        if (!span_eq(ret->key,
                     span_slice(buf_span(&t->bytes), e->key, (size_t)e->key + e->key_len)))
            break;
        same++;
    }
    r = put_together(b, t, order, same, ZONE_PLAIN, &ret->has_plain, &ret->plain);
    if (r == 0)
        r = put_together(b, t, order, same, ZONE_WILD, &ret->has_wild, &ret->wild);
    return r < 0 ? r : (ssize_t)same;
}

/* The keys above the one at hand that were kept. */
struct chain {
    struct {
        struct span key;
        uint32_t number; /* plus one */
        bool listed;     /* what is under it is */
    } above[DNS_LABELS_MAX + 2];
    unsigned depth;
};

static void drop_useless(const struct chain *c, struct node *node)
{
    bool covered = c->depth && c->above[c->depth - 1].listed;

    if (covered)
        return;
    if (node->has_plain && node->plain.ref == SAYS_EXCLUDED)
        node->has_plain = false;
    if (node->has_wild && node->wild.ref == SAYS_EXCLUDED)
        node->has_wild = false;
}

static void enter(struct chain *c, const struct node *node, uint32_t number)
{
    bool listed = c->depth && c->above[c->depth - 1].listed;

    if (node->has_wild)
        listed = node->wild.ref != SAYS_EXCLUDED;
    assert(c->depth < DNS_LABELS_MAX + 2);
    c->above[c->depth].key = node->key;
    c->above[c->depth].number = number;
    c->above[c->depth++].listed = listed;
}

/* The sections at work: sized for all entries, cut to what came of them. */
struct names_out {
    struct disk_name *names;
    struct disk_name_evidence *evidence;
    uint32_t count;
    bool with_evidence;
};

static int put_node(struct zone_builder *b, struct names_out *out, const struct node *node,
                    uint32_t up)
{
    struct disk_says absent = {htole32(REF_ABSENT), 0};
    struct disk_says plain = node->has_plain ? zone_builder_says(b, node->plain) : absent;
    struct disk_says wild = node->has_wild ? zone_builder_says(b, node->wild) : absent;
    uint32_t key;
    int r = zone_builder_key(b, node->key, &key);

    out->names[out->count] = (struct disk_name){htole32(key), htole32(up), plain.ref, wild.ref};
    out->evidence[out->count++] = (struct disk_name_evidence){plain.evidence, wild.evidence};
    out->with_evidence |= plain.evidence || wild.evidence;
    return r;
}

static int build_table(struct zone_builder *b, const struct zone_table *t, struct names_out *out)
{
    struct chain chain = {.depth = 0};
    uint32_t *order = sorted(t, cmp_names), first = out->count;
    int r = order ? 0 : -ENOMEM;

    for (size_t i = 0; i < t->count && r == 0;) {
        struct node node = {.has_plain = false};
        ssize_t took = next_node(b, t, order + i, t->count - i, &node);

        if (took < 0) {
            r = (int)took;
            break;
        }
        i += (size_t)took;
        while (chain.depth && !span_starts(node.key, chain.above[chain.depth - 1].key))
            chain.depth--;
        drop_useless(&chain, &node);
        if (!node.has_plain && !node.has_wild)
            continue;
        r = put_node(b, out, &node, chain.depth ? chain.above[chain.depth - 1].number : 0);
        enter(&chain, &node, out->count - first);
    }
    free(order);
    return r;
}

static int put_names(struct zone_builder *b, const struct names_out *out,
                     const struct disk_name_table *tables, size_t table_count)
{
    size_t n = out->count;
    int r = zone_builder_section(b, ZONE_SEC_NAME_TABLES, table_count * sizeof(*tables));

    if (r == 0 && table_count)
        memcpy(section_at(b, ZONE_SEC_NAME_TABLES), tables, table_count * sizeof(*tables));
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_NAMES, n * sizeof(*out->names));
    if (r == 0 && n)
        memcpy(section_at(b, ZONE_SEC_NAMES), out->names, n * sizeof(*out->names));
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_NAME_EVIDENCE,
                                 out->with_evidence ? n * sizeof(*out->evidence) : 0);
    if (r == 0 && n && out->with_evidence)
        memcpy(section_at(b, ZONE_SEC_NAME_EVIDENCE), out->evidence, n * sizeof(*out->evidence));
    b->counts.names = n;
    return r;
}

int zone_build_names(struct zone_builder *b)
{
    struct disk_name_table tables[ZONE_NAME_TABLES_MAX];
    struct names_out out = {.count = 0};
    size_t entries = 0, table_count = 0;
    int r = 0;

    for (size_t t = 0; t < b->data->table_count; t++)
        entries += b->data->tables[t]->kind == ZONE_NAME ? b->data->tables[t]->count : 0;
    if (entries > UINT32_MAX / 2)
        return -E2BIG;
    if (entries) {
        out.names = malloc(entries * sizeof(*out.names));
        out.evidence = malloc(entries * sizeof(*out.evidence));
        r = out.names && out.evidence ? 0 : -ENOMEM;
    }
    for (size_t t = 0; t < b->data->table_count && r == 0; t++) {
        const struct zone_table *table = b->data->tables[t];
        uint32_t first = out.count;

        if (table->kind != ZONE_NAME || !table->count)
            continue;
        r = build_table(b, table, &out);
        tables[table_count++] =
            (struct disk_name_table){htole32(first), htole32(out.count - first)};
    }
    if (r == 0)
        r = put_names(b, &out, tables, table_count);
    free(out.names);
    free(out.evidence);
    return r;
}

int zone_build_patterns(struct zone_builder *b)
{
    size_t n = 0, at = 0;
    int r;

    for (size_t t = 0; t < b->data->table_count; t++)
        n += b->data->tables[t]->kind == ZONE_PATTERN ? b->data->tables[t]->count : 0;
    b->counts.patterns = n;
    r = zone_builder_section(b, ZONE_SEC_PATTERNS, n * sizeof(struct disk_pattern));
    for (size_t t = 0; t < b->data->table_count && r == 0; t++) {
        const struct zone_table *table = b->data->tables[t];
        struct disk_pattern *out = section_at(b, ZONE_SEC_PATTERNS);

        for (size_t i = 0; table->kind == ZONE_PATTERN && i < table->count && r == 0; i++) {
            const struct zone_entry_pattern *e = &table->e.patterns[i];
            struct disk_says says = zone_builder_says(b, (struct zone_says){e->value, e->evidence});
            uint32_t source;

            r = zone_builder_string(
                b,
                span_slice(buf_span(&table->bytes), e->source, (size_t)e->source + e->source_len),
                &source);
            out[at++] = (struct disk_pattern){htole32(source), htole32(e->source_len), says.ref,
                                              says.evidence};
        }
    }
    return r;
}

/* The records of all tables as one, so that one order and one set of names is had. */
static int all_records(const struct zone_data *d, struct zone_table *ret)
{
    *ret = (struct zone_table){.kind = ZONE_RECORDS, .bytes = BUF_INIT(BUF_MAX)};
    for (size_t t = 0; t < d->table_count; t++) {
        const struct zone_table *table = d->tables[t];

        for (size_t i = 0; table->kind == ZONE_RECORDS && i < table->count; i++) {
            struct zone_entry_record e = table->e.records[i];

            e.key += ret->bytes.n;
            e.rdata += ret->bytes.n;
            if (array_grow(&ret->e.any, &ret->room, sizeof(e), ret->count + 1) < 0)
                return -ENOMEM;
            ret->e.records[ret->count++] = e;
        }
        if (table->kind == ZONE_RECORDS)
            buf_add(&ret->bytes, buf_span(&table->bytes));
    }
    return ret->bytes.err == -EMSGSIZE ? -E2BIG : ret->bytes.err;
}

static bool same_rrset(const struct zone_table *t, const struct zone_entry_record *p,
                       const struct zone_entry_record *q)
{
    return p->type == q->type && p->key_len == q->key_len &&
           memcmp(t->bytes.p + p->key, t->bytes.p + q->key, p->key_len) == 0;
}

/* The shorter of two; 0 is the zone's, which only the server knows: ten minutes is usual. */
static uint32_t shorter(uint32_t a, uint32_t b)
{
    return (a ? a : 600) < (b ? b : 600) ? a : b;
}

/* An RRset has a record once (RFC 2181 §5); the first of two stays. Returns how many are left. */
static size_t unique_records(struct zone_table *t, uint32_t *order)
{
    size_t kept = 0, run = 0;

    for (size_t i = 0; i < t->count; i++) {
        const struct zone_entry_record *e = &t->e.records[order[i]];
        size_t k;

        if (kept && !same_rrset(t, &t->e.records[order[run]], e))
            run = kept;
        for (k = run; k < kept; k++) {
            struct zone_entry_record *other = &t->e.records[order[k]];

            if (other->rdata_len == e->rdata_len &&
                memcmp(t->bytes.p + other->rdata, t->bytes.p + e->rdata, e->rdata_len) == 0) {
                other->ttl = shorter(other->ttl, e->ttl);
                break;
            }
        }
        if (k == kept)
            order[kept++] = order[i];
    }
    return kept;
}

static int put_records(struct zone_builder *b, const struct zone_table *t, const uint32_t *order,
                       struct disk_record_name *names, struct disk_record *records)
{
    struct span bytes = buf_span(&t->bytes), last = SPAN_NULL;
    size_t name_count = 0;
    int r = 0;

    for (size_t i = 0; i < t->count && r == 0; i++) {
        const struct zone_entry_record *e = &t->e.records[order[i]];
        struct span key = span_slice(bytes, e->key, (size_t)e->key + e->key_len);
        uint32_t at;

        if (!i || !span_eq(key, last)) {
            r = zone_builder_key(b, key, &at);
            names[name_count++] = (struct disk_record_name){htole32(at), htole32((uint32_t)i), 0};
            last = key;
        }
        names[name_count - 1].count =
            htole32((uint32_t)i + 1 - le32toh(names[name_count - 1].first));
        if (r == 0)
            r = zone_builder_string(b, span_slice(bytes, e->rdata, (size_t)e->rdata + e->rdata_len),
                                    &at);
        records[i] = (struct disk_record){htole32(e->ttl), htole32(at), htole16(e->type),
                                          htole16(e->rdata_len)};
    }
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_RECORD_NAMES, name_count * sizeof(*names));
    if (r == 0 && name_count)
        memcpy(section_at(b, ZONE_SEC_RECORD_NAMES), names, name_count * sizeof(*names));
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_RECORDS, t->count * sizeof(*records));
    if (r == 0 && t->count)
        memcpy(section_at(b, ZONE_SEC_RECORDS), records, t->count * sizeof(*records));
    return r;
}

int zone_build_records(struct zone_builder *b)
{
    struct zone_table all;
    struct disk_record_name *names = NULL;
    struct disk_record *records = NULL;
    uint32_t *order = NULL;
    int r = all_records(b->data, &all);

    if (r == 0) {
        order = sorted(&all, cmp_records);
        if (order)
            all.count = unique_records(&all, order);
        names = malloc((all.count + 1) * sizeof(*names));
        records = malloc((all.count + 1) * sizeof(*records));
        r = order && names && records ? put_records(b, &all, order, names, records) : -ENOMEM;
    }
    b->counts.records = all.count;
    free(order);
    free(names);
    free(records);
    free(all.e.any);
    buf_deinit(&all.bytes);
    return r;
}
