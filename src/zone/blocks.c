/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each source gives its runs in order. They are laid over each other: at every point where a run of
 * any source begins or ends a new region begins, in which each source says one thing or nothing.
 * Regions that touch and say the same are one again, for a list compiled from two halves must look
 * like the one compiled from the whole, or IXFR and AXFR would differ. The region is then cut at
 * the borders of octets, from the left, greedily: that is the only way to cut it into the fewest
 * aligned blocks.
 *
 * The test network is its own matter: there the codes stand, 127.0.0.1 never does, and the data
 * count only where the zone lets them.
 */
#include "zone/blocks.h"

#include <stdlib.h>

struct run {
    zone_wide from, to;
    struct zone_hit hit;
};

struct feed {
    struct zone_view_cursor cursor;
    struct run run;
    bool have;
};

/* What all sources say from `from` to `to`; hits[i] counts where here[i]. */
struct region {
    zone_wide from, to;
    bool have;
    struct zone_hit *hits;
    bool *here;
};

struct zone_blocks {
    const struct zone *zone;
    const struct zone_branch *branch;
    bool six, done;
    zone_wide at;       /* the next address not yet looked at */
    zone_wide loop;     /* 127.0.0.0, or its mapped twin */
    struct feed *feeds; /* of each source */
    struct region now, next;
    zone_wide tests[ZONE_CODES_MAX + 1]; /* rising, each once */
    size_t test_count, test_at;
    zone_wide cut; /* of `now`, what is not yet given */
};

struct ip zone_wide_ip(zone_wide w, bool six)
{
    struct ip ip = {.family = six ? IP_V6 : IP_V4};

    for (int i = six ? 15 : 3; i >= 0; i--, w >>= 8)
        ip.b[i] = (uint8_t)w;
    return ip;
}

zone_wide zone_ip_wide(const struct ip *ip)
{
    zone_wide w = 0;

    for (int i = 0; i < (ip->family == IP_V6 ? 16 : 4); i++)
        w = w << 8 | ip->b[i];
    return w;
}

zone_wide zone_wide_rest(unsigned len, bool six)
{
    unsigned bits = (six ? 128 : 32) - len;

    return bits == 128 ? ~(zone_wide)0 : ((zone_wide)1 << bits) - 1;
}

struct zone_block zone_block_at(zone_wide from, zone_wide to, bool six)
{
    unsigned step = six ? 4 : 8, len = six ? 128 : 32;

    while (len > step) { /* a block of length 0 would be the zone's own name */
        zone_wide rest = zone_wide_rest(len - step, six);

        if (from & rest || to - from < rest)
            break;
        len -= step;
    }
    return (struct zone_block){from, len};
}

static bool feed_next(struct zone_blocks *b, size_t i)
{
    const struct zone_view *v = &b->branch->sources[i].view;
    struct feed *f = &b->feeds[i];
    struct zone_piece4 four;
    struct zone_piece6 six;

    if (b->six) {
        f->have = b->branch->look6 && zone_view_next6(v, &f->cursor, &six);
        if (f->have)
            f->run = (struct run){(zone_wide)six.from.hi << 64 | six.from.lo,
                                  (zone_wide)six.to.hi << 64 | six.to.lo, six.hit};
    } else {
        f->have = b->branch->look4 && zone_view_next4(v, &f->cursor, &four);
        if (f->have)
            f->run = (struct run){four.from, four.to, four.hit};
    }
    return f->have;
}

static void add_test(struct zone_blocks *b, uint32_t a)
{
    zone_wide w = b->loop | (a & 0xffffff);
    size_t i = 0;

    while (i < b->test_count && b->tests[i] < w)
        i++;
    if (i < b->test_count && b->tests[i] == w)
        return;
    memmove(&b->tests[i + 1], &b->tests[i], (b->test_count - i) * sizeof(b->tests[0]));
    b->tests[i] = w;
    b->test_count++;
}

struct zone_blocks *zone_blocks_new(const struct zone *zone, const struct zone_branch *branch,
                                    bool six)
{
    struct zone_blocks *b = calloc(1, sizeof(*b));
    size_t n = branch->source_count + 1;

    if (!b)
        return NULL;
    b->zone = zone;
    b->branch = branch;
    b->six = six;
    b->loop = (six ? (zone_wide)0xffff << 32 : 0) | 0x7f000000;
    b->feeds = calloc(n, sizeof(*b->feeds));
    b->now.hits = calloc(n, sizeof(*b->now.hits));
    b->now.here = calloc(n, sizeof(*b->now.here));
    b->next.hits = calloc(n, sizeof(*b->next.hits));
    b->next.here = calloc(n, sizeof(*b->next.here));
    if (!b->feeds || !b->now.hits || !b->now.here || !b->next.hits || !b->next.here) {
        zone_blocks_free(b);
        return NULL;
    }
    if (six ? branch->tests6 : branch->tests4) {
        add_test(b, 0x7f000002);
        for (size_t i = 0; i < branch->test_count; i++)
            add_test(b, branch->tests[i].a);
    }
    for (size_t i = 0; i < branch->source_count; i++)
        feed_next(b, i);
    return b;
}

void zone_blocks_free(struct zone_blocks *b)
{
    if (!b)
        return;
    free(b->feeds);
    free(b->now.hits);
    free(b->now.here);
    free(b->next.hits);
    free(b->next.here);
    free(b);
}

/* `what` is a border behind which another region begins: the region ends before it. */
static void end_before(struct region *r, zone_wide what)
{
    if (what > r->from && what - 1 < r->to)
        r->to = what - 1;
}

/* Where the next region begins, at or behind b->at; false when nothing is left. */
static bool region_start(struct zone_blocks *b, zone_wide *ret)
{
    bool any = false;

    for (size_t i = 0; i < b->branch->source_count; i++) {
        struct feed *f = &b->feeds[i];

        while (f->have && f->run.to < b->at)
            feed_next(b, i);
        if (f->have) {
            zone_wide from = f->run.from < b->at ? b->at : f->run.from;

            *ret = any && *ret < from ? *ret : from;
            any = true;
        }
    }
    while (b->test_at < b->test_count && b->tests[b->test_at] < b->at)
        b->test_at++;
    if (b->test_at < b->test_count && (!any || b->tests[b->test_at] < *ret)) {
        *ret = b->tests[b->test_at];
        any = true;
    }
    return any;
}

static bool in_loop(const struct zone_blocks *b, zone_wide w)
{
    return w >= b->loop && w <= b->loop + 0xffffff;
}

/* The region that begins at r->from: as far as nothing changes. */
static void region_end(struct zone_blocks *b, struct region *r)
{
    bool test = b->test_at < b->test_count && b->tests[b->test_at] == r->from;

    r->to = zone_wide_rest(0, b->six);
    for (size_t i = 0; i < b->branch->source_count; i++) {
        const struct feed *f = &b->feeds[i];

        r->here[i] = f->have && f->run.from <= r->from;
        if (r->here[i]) {
            r->hits[i] = f->run.hit;
            r->to = f->run.to < r->to ? f->run.to : r->to;
        } else if (f->have) {
            end_before(r, f->run.from);
        }
    }
    end_before(r, b->loop);
    end_before(r, b->loop + 0x1000000);
    if (!in_loop(b, r->from))
        return;
    end_before(r, b->loop + 1);
    end_before(r, b->loop + 2);
    if (test)
        end_before(r, r->from + 1);
    else if (b->test_at < b->test_count)
        end_before(r, b->tests[b->test_at]);
    /* Hidden parts: nobody is here. A test entry stands by itself. */
    if (r->from == b->loop + 1 || (!b->zone->data_tests && !test))
        memset(r->here, 0, b->branch->source_count * sizeof(*r->here));
    r->have = test;
}

/* The next region in which anything is said, into b->next. */
static void read_region(struct zone_blocks *b)
{
    struct region *r = &b->next;

    r->have = false;
    while (!b->done && !r->have) {
        if (!region_start(b, &r->from)) {
            b->done = true;
            return;
        }
        region_end(b, r);
        for (size_t i = 0; i < b->branch->source_count; i++)
            r->have |= r->here[i];
        b->done = r->to == zone_wide_rest(0, b->six);
        b->at = r->to + 1;
    }
}

static bool same_said(const struct zone_image *im, struct zone_hit a, struct zone_hit b)
{
    unsigned n = zone_image_said_count(im, a);
    struct zone_said x, y;

    if (a.ref == b.ref && a.evidence == b.evidence)
        return true;
    if (a.evidence != b.evidence || n != zone_image_said_count(im, b))
        return false;
    for (unsigned i = 0; i < n; i++)
        if (!zone_image_said(im, a, i, &x) || !zone_image_said(im, b, i, &y) || x.a != y.a ||
            x.ttl != y.ttl || x.evidence != y.evidence || !span_eq(x.text, y.text))
            return false;
    return true;
}

static bool same_region(const struct zone_blocks *b, const struct region *x, const struct region *y)
{
    /* A test entry and its neighbours are never one block. */
    if (in_loop(b, x->from) || in_loop(b, y->from))
        return false;
    for (size_t i = 0; i < b->branch->source_count; i++)
        if (x->here[i] != y->here[i] ||
            (x->here[i] && !same_said(b->branch->sources[i].view.image, x->hits[i], y->hits[i])))
            return false;
    return true;
}

/* The next whole region into b->now. */
static bool whole_region(struct zone_blocks *b)
{
    struct region swap = b->now;

    if (!b->next.have)
        read_region(b);
    if (!b->next.have)
        return false;
    b->now = b->next;
    b->next = swap;
    b->next.have = false;
    for (read_region(b);
         b->next.have && b->now.to + 1 == b->next.from && same_region(b, &b->now, &b->next);
         read_region(b)) {
        b->now.to = b->next.to;
        b->next.have = false;
    }
    return true;
}

bool zone_blocks_next(struct zone_blocks *b, struct zone_block *ret)
{
    zone_wide rest;

    if (!b->now.have) {
        if (!whole_region(b))
            return false;
        b->cut = b->now.from;
    }
    *ret = zone_block_at(b->cut, b->now.to, b->six);
    rest = zone_wide_rest(ret->len, b->six);
    if (b->cut + rest == b->now.to)
        b->now.have = false;
    else
        b->cut += rest + 1;
    return true;
}
