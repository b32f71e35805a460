/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * IXFR (RFC 1995) must take away just the records that the secondary has, and give it those it
 * would have got by AXFR. A change assigns one word to a whole prefix, so both are the prefix's
 * blocks, before and after. That is all of the difference unless the change makes, or breaks, a
 * larger block with what stands around it: the first hole in a listed /24 turns one wildcard into
 * 255 names. The octet's block around a prefix is none as soon as one address in it, which no
 * change touches, says something else than the prefix did and does: for a single address among
 * unlisted ones the first look shows that. Where none is found the answer is WHOLE: a transfer of
 * all the zone is always right (RFC 1995 §4).
 */
#include "zone/steps.h"

#include <errno.h>
#include <stdlib.h>

enum phase { NOW_FIRST, FROM_SOA, GOING, NOW_SECOND, COMING, NOW_LAST, END };

struct zone_steps {
    const struct zone *zone;
    const struct zone_view *view;
    struct zone_change *v;
    size_t count, at;
    uint32_t from;
    enum phase phase;
    bool inside; /* `cut` is within the prefix of v[at] */
    zone_wide cut;
    struct zone_batch batch;
};

static bool is_six(const struct zone_change *c)
{
    return c->kind == ZONE_IPV6;
}

static zone_wide first_of(const struct zone_change *c)
{
    return is_six(c) ? (zone_wide)c->ip.hi << 64 | c->ip.lo : c->ip4;
}

static zone_wide last_of(const struct zone_change *c)
{
    return first_of(c) | zone_wide_rest(c->len, is_six(c));
}

static bool same_word(struct zone_word a, struct zone_word b)
{
    return a.class_id && a.class_id == b.class_id && a.evidence == b.evidence;
}

/* What is said of one address now. */
static struct zone_word word_at(const struct zone_view *v, zone_wide w, bool six)
{
    struct zone_ip6 ip = {(uint64_t)(w >> 64), (uint64_t)w};
    struct zone_word word = {0};
    struct zone_said said;
    struct zone_hit hit;

    if ((six ? zone_view_find6(v, ip, &hit) : zone_view_find4(v, (uint32_t)w, &hit)) &&
        zone_image_said(v->image, hit, 0, &said))
        word = (struct zone_word){said.class_id, said.evidence};
    return word;
}

static int by_address(const void *pa, const void *pb)
{
    const struct zone_change *a = pa, *b = pb;
    zone_wide x, y;

    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->kind == ZONE_NAME)
        return zone_rname_cmp(a->key.b, a->key.n, b->key.b, b->key.n);
    x = first_of(a);
    y = first_of(b);
    if (x != y)
        return x < y ? -1 : 1;
    return (a->len > b->len) - (a->len < b->len);
}

/* Is the address in a prefix that changes? The changes are in order and do not overlap. */
static bool covered(const struct zone_change *v, size_t count, enum zone_kind kind, zone_wide w)
{
    size_t from = 0;

    while (count > 1) { /* the last that begins at w or before */
        size_t half = count / 2;
        const struct zone_change *c = &v[from + half];

        if (c->kind < kind || (c->kind == kind && first_of(c) <= w))
            from += half;
        count -= half;
    }
    return v[from].kind == kind && first_of(&v[from]) <= w && w <= last_of(&v[from]);
}

/* May the octet's (nibble's) block around the change be of one kind, before or after? */
static bool larger(const struct zone_view *view, const struct zone_change *v, size_t count,
                   const struct zone_change *c)
{
    bool six = is_six(c), was = c->was.class_id, now = c->now.class_id;
    unsigned step = six ? 4 : 8, len = (c->len - 1) / step * step;
    zone_wide rest = zone_wide_rest(len, six), first = first_of(c) & ~rest;
    /* One address in each 256th part: no block is uniform whose parts are not. */
    zone_wide looks = rest < 255 ? rest : 255, stride = (rest >> 8) + 1;

    if (len < step)
        return false; /* there is no such block: blocks.c makes none */
    for (zone_wide i = 0; i <= looks && (was || now); i++) {
        zone_wide w = first + stride * i;
        struct zone_word word;

        if (covered(v, count, c->kind, w))
            continue;
        word = word_at(view, w, six);
        was = was && same_word(word, c->was);
        now = now && same_word(word, c->now);
    }
    return was || now;
}

/* Of two changes in order: the same name, or prefixes one in the other. */
static bool overlap(const struct zone_change *a, const struct zone_change *b)
{
    if (a->kind != b->kind)
        return false;
    return a->kind == ZONE_NAME ? by_address(a, b) == 0 : first_of(b) <= last_of(a);
}

/* A name's change is simple where no wildcard is: else names between come and go with it. */
static bool wild_name(const struct zone_view *v, const struct zone_change *c)
{
    struct zone_name_hit hits[ZONE_NAME_TABLES_MAX];
    struct zone_rname under;

    for (size_t at = 0;; at += 1u + c->key.b[at]) {
        unsigned n;

        under.n = (uint8_t)at;
        memcpy(under.b, c->key.b, at);
        if (at + 3 > sizeof(under.b))
            return true;
        memcpy(under.b + at, "\2\1\1", 3); /* a name that is not in the data */
        under.n += 3;
        under.labels = zone_rname_labels(under.b, under.n);
        n = zone_view_find_name(v, &under, hits);
        if (n || c->wild)
            return true;
        if (at >= c->key.n)
            return false;
    }
}

/* What a class of an older image said is not known any more, so neither is what is to go. */
static bool known(const struct zone_view *view, struct zone_word word)
{
    struct zone_hit hit;

    return !word.class_id || zone_image_class(view->image, word.class_id, word.evidence, &hit);
}

static bool simple(const struct zone *zone, struct zone_change *v, size_t count)
{
    const struct zone_branch *b = &zone->branches[0];

    if (zone->state == ZONE_RETIRED || zone->branch_count != 1 || b->source_count != 1 ||
        b->look_records || zone->data_tests)
        return false;
    if (count)
        qsort(v, count, sizeof(*v), by_address);
    for (size_t i = 1; i < count; i++)
        if (overlap(&v[i - 1], &v[i]))
            return false;
    for (size_t i = 0; i < count; i++) {
        if (!known(&b->sources[0].view, v[i].was) || !known(&b->sources[0].view, v[i].now))
            return false;
        if (v[i].kind == ZONE_NAME) {
            if (wild_name(&b->sources[0].view, &v[i]))
                return false;
        } else if (v[i].len < 8 || larger(&b->sources[0].view, v, count, &v[i])) {
            return false;
        }
    }
    return true;
}

/* In the test network, TEST and INVALID nothing comes and goes. */
static bool is_test(const struct zone_change *c)
{
    static const uint8_t test[] = "\4test", invalid[] = "\7invalid";
    zone_wide mapped = (zone_wide)0xffff << 32 | 0x7f000000;

    if (c->kind == ZONE_IPV4)
        return c->ip4 >> 24 == 127;
    if (c->kind == ZONE_IPV6)
        return first_of(c) >> 24 == mapped >> 24;
    return (c->key.n == 5 && memcmp(c->key.b, test, 5) == 0) ||
           (c->key.n >= 8 && memcmp(c->key.b, invalid, 8) == 0);
}

int zone_steps_new(const struct zone *zone, struct zone_change *changes, size_t count,
                   uint32_t from, struct zone_steps **ret)
{
    struct zone_steps *s;
    size_t kept = 0;

    if (!simple(zone, changes, count))
        return ZONE_CONTENTS_WHOLE;
    s = calloc(1, sizeof(*s));
    if (!s)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (!is_test(&changes[i]))
            changes[kept++] = changes[i];
    s->zone = zone;
    s->view = &zone->branches[0].sources[0].view;
    s->v = changes;
    s->count = kept;
    s->from = from;
    *ret = s;
    return ZONE_CONTENTS_OK;
}

void zone_steps_free(struct zone_steps *s)
{
    if (!s)
        return;
    free(s->v);
    free(s);
}

/* The next name of what a change says, before or now. False when the change says no more. */
static bool next_name(struct zone_steps *s, const struct zone_change *c, struct zone_word word)
{
    bool six = is_six(c), begun = s->inside;
    uint8_t labels[DNS_NAME_MAX];
    struct zone_block block;
    struct zone_hit hit;

    if (!word.class_id || !zone_image_class(s->view->image, word.class_id, word.evidence, &hit))
        return false;
    s->inside = true;
    if (c->kind == ZONE_NAME) {
        if (begun)
            return false;
        zone_batch_name(&s->batch, s->zone, labels, zone_rname_wire(c->key.b, c->key.n, labels));
    } else {
        if (!begun)
            s->cut = first_of(c);
        else if (s->cut > last_of(c) || s->cut == 0)
            return false; /* 0: beyond the last address of all */
        block = zone_block_at(s->cut, last_of(c), six);
        zone_batch_block(&s->batch, s->zone, &s->zone->branches[0], &block, six);
        s->cut = block.first + zone_wide_rest(block.len, six) + 1;
    }
    zone_batch_hit(&s->batch, s->view->image, hit,
                   c->kind == ZONE_NAME ? ZONE_OF_NAME
                   : six                ? ZONE_OF_IPV6
                                        : ZONE_OF_IPV4);
    return true;
}

static bool next_record(struct zone_steps *s, bool going, uint8_t *data, struct zone_rr *rr)
{
    for (; s->at < s->count; s->at++, s->inside = false) {
        const struct zone_change *c = &s->v[s->at];

        do
            if (s->inside && zone_batch_next(&s->batch, data, rr))
                return true;
        while (next_name(s, c, going ? c->was : c->now));
    }
    return false;
}

bool zone_steps_next(struct zone_steps *s, uint8_t *data, struct zone_rr *rr)
{
    while (s->phase != END) {
        enum phase phase = s->phase;

        if (phase == GOING || phase == COMING) {
            if (next_record(s, phase == GOING, data, rr))
                return true;
            s->at = 0;
            s->phase++;
            continue;
        }
        s->phase++;
        return zone_contents_soa(s->zone, phase == FROM_SOA ? s->from : s->zone->soa.serial, data,
                                 rr);
    }
    return false;
}
