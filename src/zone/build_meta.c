/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The zone's own facts, packed: read once at open, so there is no need for fixed places. Numbers
 * little-endian, a name as a length octet and that many octets of its wire form. Facts by name
 * follow in a section of their own: name and value, each with its length before it.
 */
#include "zone/build_priv.h"

#include <string.h>

static void put16(struct buf *out, uint16_t v)
{
    v = htole16(v);
    buf_add(out, span_of(&v, sizeof(v)));
}

static void put32(struct buf *out, uint32_t v)
{
    v = htole32(v);
    buf_add(out, span_of(&v, sizeof(v)));
}

static void put64(struct buf *out, int64_t v)
{
    uint64_t u = htole64((uint64_t)v);

    buf_add(out, span_of(&u, sizeof(u)));
}

static void put_name(struct buf *out, const struct dns_name *name)
{
    buf_add_char(out, (char)name->n);
    buf_add(out, span_of(name->wire, name->n));
}

static void put_meta(struct buf *out, const struct zone_meta *m)
{
    put32(out, m->serial);
    put32(out, m->ttl);
    put64(out, m->created_wall);
    put64(out, m->expires_wall);
    put_name(out, &m->zone);
    buf_add_char(out, m->has_soa);
    if (m->has_soa) {
        put_name(out, &m->soa.mname);
        put_name(out, &m->soa.rname);
        put32(out, m->soa.serial);
        put32(out, m->soa.refresh);
        put32(out, m->soa.retry);
        put32(out, m->soa.expire);
        put32(out, m->soa.minimum);
        put32(out, m->soa_ttl);
    }
    put32(out, m->ns_ttl);
    put16(out, (uint16_t)m->ns_count);
    for (unsigned i = 0; i < m->ns_count; i++)
        put_name(out, &m->ns[i]);
}

static int put_section(struct zone_builder *b, enum zone_section s, struct buf *bytes)
{
    int r = bytes->err ? bytes->err : zone_builder_section(b, s, bytes->n);

    if (r == 0 && bytes->n)
        memcpy(section_at(b, s), bytes->p, bytes->n);
    buf_deinit(bytes);
    return r;
}

int zone_build_meta(struct zone_builder *b)
{
    struct buf meta = BUF_INIT(BUF_MAX), facts = BUF_INIT(BUF_MAX);
    int r;

    put_meta(&meta, &b->data->meta);
    r = put_section(b, ZONE_SEC_META, &meta);
    if (r < 0)
        return r;
    for (size_t i = 0; i < b->data->fact_count; i++) {
        const struct zone_fact *f = &b->data->facts[i];

        buf_add_char(&facts, (char)strlen(f->name));
        buf_add_str(&facts, f->name);
        put16(&facts, (uint16_t)f->value.n);
        buf_add(&facts, buf_span(&f->value));
    }
    return put_section(b, ZONE_SEC_FACTS, &facts);
}
