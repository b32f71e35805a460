/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which names there are comes from blocks.c (addresses) and nodes.c (names); what each has is asked
 * of zone_say(), by which questions are answered: so a secondary says what we say.
 *
 * But for what DNS's wildcards can't say. A wildcard stands for every name below it that is not
 * there itself (RFC 4592), thus
 *
 * - the empty names within a listed range have the range's records at a secondary, NODATA here;
 * - one text stands for all of a range: its subject is the prefix, 192.0.2.0/24, not the address;
 * - a name taken out of a listed domain must be there to be hidden: `_excluded` below it makes it
 *   an empty non-terminal. It gets NODATA at a secondary, NXDOMAIN here.
 *
 * Each is "not listed" or "listed" for a mail server all the same.
 */
#include "zone/contents.h"

#include "dns/blname.h"
#include "dns/xfr.h"
#include "zone/batch.h"
#include "zone/blocks.h"
#include "zone/nodes.h"
#include "zone/steps.h"

#include <errno.h>
#include <stdlib.h>

enum phase {
    PHASE_SOA,
    PHASE_NS,
    PHASE_APEX, /* A, AAAA, TXT as configured */
    PHASE_CUTS, /* zones below this one */
    PHASE_IPV4,
    PHASE_IPV6,
    PHASE_NAMES,
    PHASE_LAST_SOA,
    PHASE_END,
};

struct zone_contents {
    const struct zone_set *set;
    const struct zone *zone;
    enum phase phase;
    size_t at, sub_at; /* within the phase */
    size_t branch;
    struct part {
        struct zone_blocks *four, *six;
        struct zone_nodes *nodes;
    } * parts; /* of each branch, made at once: later there is no way to say that memory is short */
    struct zone_steps *steps; /* an IXFR: these and nothing else */
    struct zone_batch batch;
    uint8_t data[ZONE_BATCH_DATA];
    uint8_t labels[DNS_NAME_MAX];
};

static const char *const ok_names[] = {"ok", "patterns", "no-soa", "no-data", "whole"};

const char *zone_contents_ok_name(enum zone_contents_ok ok)
{
    return ok_names[ok];
}

int zone_contents_new(const struct zone_set *set, const struct zone *zone,
                      struct zone_contents **ret)
{
    struct zone_contents *c;

    if (zone->state == ZONE_BROKEN)
        return ZONE_CONTENTS_NO_DATA;
    if (!zone->has_soa)
        return ZONE_CONTENTS_NO_SOA;
    for (size_t i = 0; i < zone->branch_count; i++)
        if (zone->branches[i].look_patterns)
            return ZONE_CONTENTS_PATTERNS;
    c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->set = set;
    c->zone = zone;
    c->parts = calloc(zone->branch_count, sizeof(*c->parts));
    for (size_t i = 0; c->parts && i < zone->branch_count; i++) {
        struct part *p = &c->parts[i];

        p->four = zone_blocks_new(zone, &zone->branches[i], false);
        p->six = zone_blocks_new(zone, &zone->branches[i], true);
        if (!p->four || !p->six || zone_nodes_new(zone, &zone->branches[i], &p->nodes) < 0) {
            zone_contents_free(c);
            return -ENOMEM;
        }
    }
    if (!c->parts) {
        free(c);
        return -ENOMEM;
    }
    *ret = c;
    return ZONE_CONTENTS_OK;
}

int zone_contents_steps(const struct zone *zone, struct zone_change *changes, size_t count,
                        uint32_t from, struct zone_contents **ret)
{
    struct zone_contents *c;
    int r;

    if (zone->state == ZONE_BROKEN)
        return ZONE_CONTENTS_NO_DATA;
    if (!zone->has_soa)
        return ZONE_CONTENTS_NO_SOA;
    c = calloc(1, sizeof(*c));
    if (!c)
        return -ENOMEM;
    c->zone = zone;
    r = zone_steps_new(zone, changes, count, from, &c->steps);
    if (r != ZONE_CONTENTS_OK) {
        free(c);
        return r;
    }
    *ret = c;
    return ZONE_CONTENTS_OK;
}

void zone_contents_free(struct zone_contents *c)
{
    if (!c)
        return;
    zone_steps_free(c->steps);
    for (size_t i = 0; c->parts && i < c->zone->branch_count; i++) {
        zone_blocks_free(c->parts[i].four);
        zone_blocks_free(c->parts[i].six);
        zone_nodes_free(c->parts[i].nodes);
    }
    free(c->parts);
    free(c);
}

static bool own(struct zone_contents *c, uint16_t type, uint32_t ttl, struct span data,
                struct zone_rr *rr)
{
    *rr = (struct zone_rr){.labels = c->labels, .type = type, .ttl = ttl, .data = data};
    return true;
}

/* The data of a SOA on the wire. */
static struct span soa_data(const struct dns_soa *soa, uint8_t *out)
{
    size_t n = soa->mname.n;

    memcpy(out, soa->mname.wire, n);
    memcpy(out + n, soa->rname.wire, soa->rname.n);
    n += soa->rname.n;
    dns_wire_put32(out + n, soa->serial);
    dns_wire_put32(out + n + 4, soa->refresh);
    dns_wire_put32(out + n + 8, soa->retry);
    dns_wire_put32(out + n + 12, soa->expire);
    dns_wire_put32(out + n + 16, soa->minimum);
    return span_of(out, n + 20);
}

bool zone_contents_soa(const struct zone *zone, uint32_t serial, uint8_t *data, struct zone_rr *rr)
{
    struct dns_soa soa = zone->soa;

    soa.serial = serial;
    *rr = (struct zone_rr){.type = DNS_TYPE_SOA, .ttl = zone->soa_ttl};
    rr->data = soa_data(&soa, data);
    return true;
}

static bool next_ns(struct zone_contents *c, const struct zone *zone, size_t labels_n,
                    struct zone_rr *rr)
{
    if (c->sub_at == zone->ns_count)
        return false;
    *rr = (struct zone_rr){c->labels, labels_n, DNS_TYPE_NS, zone->ns_ttl,
                           span_of(zone->ns[c->sub_at].wire, zone->ns[c->sub_at].n)};
    c->sub_at++;
    return true;
}

static bool next_apex(struct zone_contents *c, struct zone_rr *rr)
{
    const struct zone *z = c->zone;

    if (c->at < z->apex_count) {
        const struct ip *ip = &z->apex[c->at++];
        bool six = ip->family == IP_V6;

        return own(c, six ? DNS_TYPE_AAAA : DNS_TYPE_A, z->ttl, span_of(ip->b, six ? 16 : 4), rr);
    }
    if (c->at++ == z->apex_count && z->apex_txt) {
        size_t n = dns_xfr_txt(span_str(z->apex_txt), c->data);

        return own(c, DNS_TYPE_TXT, z->ttl, span_of(c->data, n), rr);
    }
    return false;
}

static bool next_cut(struct zone_contents *c, struct zone_rr *rr)
{
    for (; c->at < c->set->count; c->at++, c->sub_at = 0) {
        const struct zone *z = &c->set->zones[c->at];
        size_t n = (size_t)(z->name.n - c->zone->name.n);

        if (z->labels <= c->zone->labels || zone_set_parent(c->set, z) != c->zone)
            continue;
        memcpy(c->labels, z->name.wire, n);
        if (next_ns(c, z, n, rr))
            return true;
    }
    return false;
}

static bool next_address(struct zone_contents *c, bool six, struct zone_rr *rr)
{
    const struct zone_branch *b = &c->zone->branches[c->branch];
    struct zone_block block;

    if (c->zone->state == ZONE_RETIRED || (six ? !b->look6 && !b->tests6 : !b->look4 && !b->tests4))
        return false;
    while (!zone_batch_next(&c->batch, c->data, rr)) {
        struct part *p = &c->parts[c->branch];

        if (!zone_blocks_next(six ? p->six : p->four, &block))
            return false;
        zone_batch_block(&c->batch, c->zone, b, &block, six);
        zone_batch_ask(&c->batch);
    }
    return true;
}

static bool next_name(struct zone_contents *c, struct zone_rr *rr)
{
    while (!zone_batch_next(&c->batch, c->data, rr))
        if (!zone_nodes_next(c->parts[c->branch].nodes, &c->batch))
            return false;
    return true;
}

/* What is left of the phase; false when it is over. */
static bool in_phase(struct zone_contents *c, struct zone_rr *rr)
{
    switch (c->phase) {
    case PHASE_SOA:
    case PHASE_LAST_SOA:
        return c->at++ == 0 && zone_contents_soa(c->zone, c->zone->soa.serial, c->data, rr);
    case PHASE_NS:
        return next_ns(c, c->zone, 0, rr);
    case PHASE_APEX:
        return next_apex(c, rr);
    case PHASE_CUTS:
        return next_cut(c, rr);
    case PHASE_IPV4:
        return next_address(c, false, rr);
    case PHASE_IPV6:
        return next_address(c, true, rr);
    case PHASE_NAMES:
        return next_name(c, rr);
    case PHASE_END:
        break;
    }
    return false;
}

bool zone_contents_next(struct zone_contents *c, struct zone_rr *rr)
{
    if (c->steps)
        return zone_steps_next(c->steps, c->data, rr);
    while (c->phase != PHASE_END) {
        if (in_phase(c, rr))
            return true;
        c->at = c->sub_at = 0;
        if (c->phase == PHASE_NAMES && ++c->branch < c->zone->branch_count)
            c->phase = PHASE_IPV4;
        else
            c->phase++;
    }
    return false;
}
