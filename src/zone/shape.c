/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Summed piece by piece, each with its length, so that nothing need be put together first: this is
 * done at every change of a journal. What depends on the listings stays out (which kinds of data an
 * overlay has, how many entries there are), or each of them would shape the zone anew.
 *
 * Another program may lay the same data down otherwise: then SHAPE_LAID rises.
 */
#include "zone/shape.h"

#include "zone/set_priv.h"
#include "zone/sum.h"

#include <endian.h>

enum { SHAPE_LAID = 1 /* how zone/contents.c and zone/steps.c make records of data */ };

static void put(uint64_t *sum, const void *p, size_t n)
{
    uint64_t pair[2] = {htole64(*sum), htole64(zone_sum(p, n))};

    *sum = zone_sum(pair, sizeof(pair));
}

static void put_number(uint64_t *sum, uint64_t v)
{
    v = htole64(v);
    put(sum, &v, sizeof(v));
}

static void put_span(uint64_t *sum, struct span s)
{
    put(sum, s.n ? s.p : "", s.n);
}

static void put_name(uint64_t *sum, const struct dns_name *n)
{
    put(sum, n->wire, n->n);
}

uint64_t zone_shape_image(const struct zone_image *im)
{
    uint64_t sum = im->meta.ttl;
    struct zone_said said;

    /* A value's number is a hit that has it and nothing more. */
    for (uint32_t i = 0; zone_image_said(im, (struct zone_hit){i, 0}, 0, &said); i++) {
        if (!said.class_id)
            continue; /* of a file: a listing's own */
        put_number(&sum, (uint64_t)said.class_id << 32 | said.a);
        put_number(&sum, said.ttl);
        put_span(&sum, said.text);
    }
    return sum;
}

static void put_soa(uint64_t *sum, const struct zone *z)
{
    put_number(sum, z->has_soa);
    if (!z->has_soa)
        return;
    put_name(sum, &z->soa.mname);
    put_name(sum, &z->soa.rname);
    put_number(sum, (uint64_t)z->soa.refresh << 32 | z->soa.retry);
    put_number(sum, (uint64_t)z->soa.expire << 32 | z->soa.minimum);
    put_number(sum, z->soa_ttl);
}

static void put_ns(uint64_t *sum, const struct zone *z)
{
    put_number(sum, z->ns_count);
    for (size_t i = 0; i < z->ns_count; i++)
        put_name(sum, &z->ns[i]);
    put_number(sum, z->ns_ttl);
}

static void put_apex(uint64_t *sum, const struct zone *z)
{
    put_number(sum, z->apex_count);
    for (size_t i = 0; i < z->apex_count; i++)
        put(sum, z->apex[i].b, z->apex[i].family == IP_V6 ? 16 : 4);
    put_span(sum, z->apex_txt ? span_str(z->apex_txt) : SPAN_NULL);
}

static void put_cuts(uint64_t *sum, const struct zone_set *set, const struct zone *zone)
{
    for (size_t i = 0; i < set->count; i++) {
        const struct zone *z = &set->zones[i];

        if (z->labels <= zone->labels || zone_set_parent(set, z) != zone)
            continue;
        put_name(sum, &z->name);
        put_ns(sum, z);
    }
}

static void put_branch(uint64_t *sum, const struct zone_branch *b)
{
    put(sum, b->sub, b->sub_n);
    put_number(sum, (unsigned)b->tests4 | (unsigned)b->tests6 << 1 | (unsigned)b->tests_names << 2);
    for (size_t i = 0; i < b->test_count; i++) {
        put_number(sum, b->tests[i].a);
        put_span(sum, b->tests[i].text);
    }
    for (size_t i = 0; i < b->source_count; i++)
        put_number(sum, zone_shape_image(b->sources[i].view.image));
}

uint64_t zone_shape(const struct zone_set *set, const struct zone *zone)
{
    uint64_t sum = SHAPE_LAID;

    put_number(&sum, zone->state == ZONE_RETIRED);
    put_number(&sum, zone->data_tests);
    put_number(&sum, zone->ttl);
    put_soa(&sum, zone);
    put_ns(&sum, zone);
    put_apex(&sum, zone);
    put_cuts(&sum, set, zone);
    for (size_t i = 0; i < zone->branch_count; i++)
        put_branch(&sum, &zone->branches[i]);
    return sum;
}
