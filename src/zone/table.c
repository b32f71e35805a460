/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Filling the tables of zone/data.h. An entry that could not be what its rule wants is turned away
 * here, so that the compiler need not look again. An entry is added whole or not at all.
 */
#include "zone/data.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t entry_size(const struct zone_table *t)
{
    switch (t->kind) {
    case ZONE_IPV4:
        return sizeof(*t->e.v4);
    case ZONE_IPV6:
        return sizeof(*t->e.v6);
    case ZONE_NAME:
        return sizeof(*t->e.names);
    case ZONE_PATTERN:
        return sizeof(*t->e.patterns);
    case ZONE_RECORDS:
        return sizeof(*t->e.records);
    }
    return 1;
}

static int grow(struct zone_table *t)
{
    if (t->count < t->room)
        return 0;
    if (t->count >= ZONE_ENTRIES_MAX)
        return -E2BIG;
    return array_grow(&t->e.any, &t->room, entry_size(t), t->count + 1);
}

void zone_table_reserve(struct zone_table *t, size_t n)
{
    if (n <= ZONE_ENTRIES_MAX)
        (void)array_grow(&t->e.any, &t->room, entry_size(t), n);
}

/* Adds bytes and tells where they are. */
static int keep(struct zone_table *t, const void *p, size_t n, uint32_t *ret_at)
{
    *ret_at = t->bytes.n;
    buf_add(&t->bytes, span_of(p, n));
    if (t->bytes.err) {
        int r = t->bytes.err == -EMSGSIZE ? -E2BIG : t->bytes.err;

        t->bytes.err = 0;
        return r;
    }
    return 0;
}

/* From `from` to `to` it is all the addresses that begin with some bits, and no others. */
static bool is_prefix(uint32_t from, uint32_t to)
{
    uint32_t host = from ^ to;

    return (host & (host + 1)) == 0 && (from & host) == 0;
}

int zone_table_add4(struct zone_table *t, uint32_t from, uint32_t to, uint32_t value,
                    uint32_t evidence)
{
    int r;

    assert(t->kind == ZONE_IPV4);
    if (from > to || (t->rule != ZONE_OCTETS && !is_prefix(from, to)))
        return -EINVAL;
    r = grow(t);
    if (r == 0)
        t->e.v4[t->count++] = (struct zone_entry4){from, to, value, evidence};
    return r;
}

int zone_table_add6(struct zone_table *t, struct zone_ip6 from, unsigned len, uint32_t value,
                    uint32_t evidence)
{
    struct zone_ip6 first;
    int r;

    assert(t->kind == ZONE_IPV6);
    if (len > 128)
        return -EINVAL;
    first = zone_ip6_first(from, len);
    if (zone_ip6_cmp(first, from) != 0)
        return -EINVAL;
    r = grow(t);
    if (r == 0)
        t->e.v6[t->count++] = (struct zone_entry6){from, value, evidence, (uint8_t)len};
    return r;
}

int zone_table_add_name(struct zone_table *t, const struct zone_rname *key, unsigned spans,
                        uint32_t value, uint32_t evidence)
{
    struct zone_entry_name e = {
        .value = value, .evidence = evidence, .key_len = key->n, .spans = (uint8_t)spans};
    int r;

    assert(t->kind == ZONE_NAME);
    if (!spans || spans & ~(unsigned)(ZONE_PLAIN | ZONE_WILD) || (!key->n && spans != ZONE_WILD))
        return -EINVAL;
    r = grow(t);
    if (r == 0)
        r = keep(t, key->b, key->n, &e.key);
    if (r == 0)
        t->e.names[t->count++] = e;
    return r;
}

int zone_table_add_pattern(struct zone_table *t, struct span source, uint32_t value,
                           uint32_t evidence)
{
    struct zone_entry_pattern e = {
        .source_len = (uint32_t)source.n, .value = value, .evidence = evidence};
    int r;

    assert(t->kind == ZONE_PATTERN);
    if (t->count >= ZONE_PATTERNS_MAX || source.n > ZONE_PATTERN_LEN_MAX)
        return -E2BIG;
    r = grow(t);
    if (r == 0)
        r = keep(t, source.p, source.n, &e.source);
    if (r == 0)
        t->e.patterns[t->count++] = e;
    return r;
}

int zone_table_add_record(struct zone_table *t, const struct zone_rname *key, uint16_t type,
                          uint32_t ttl, struct span rdata)
{
    struct zone_entry_record e = {
        .ttl = ttl, .type = type, .rdata_len = (uint16_t)rdata.n, .key_len = key->n};
    int r;

    assert(t->kind == ZONE_RECORDS);
    if (rdata.n > ZONE_RDATA_MAX)
        return -E2BIG;
    r = grow(t);
    if (r == 0)
        r = keep(t, key->b, key->n, &e.key);
    if (r == 0)
        r = keep(t, rdata.p, rdata.n, &e.rdata);
    if (r == 0)
        t->e.records[t->count++] = e;
    return r;
}
