/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An overlay keeps the assignments themselves, sorted, each with its turn, and made from them the
 * pieces that look-ups use. Assignments are prefixes, so they lie within each other or apart; what
 * lies within a later one is forgotten, and so of two that hold an address the inner one is the
 * later one: one pass with a stack, wider ones first, makes the pieces.
 *
 * A step copies what was there and merges the few new ones in: some 100 us for a full overlay, and
 * no reader waits for it. IPv4 is kept as IPv6 in a set of its own, so that all of it is had once.
 */
#include "zone/overlay.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 130, DUE_LEAST = 1000 };

struct assignment {
    struct zone_ip6 from;
    uint32_t turn;
    struct zone_hit hit;
    uint8_t len;
    bool listed;
};

struct set {
    struct assignment *a;
    size_t count, room;
    struct zone_overlay_piece *pieces;
    size_t piece_count, piece_room;
};

struct name {
    uint32_t key; /* in keys */
    uint32_t turn;
    struct zone_hit hit;
    uint8_t key_len;
    bool wild, listed;
};

struct zone_overlay {
    uint32_t serial, turn;
    struct set six, four;
    struct name *names;
    size_t name_count, name_room;
    struct buf keys;
};

void zone_overlay_free(struct zone_overlay *o)
{
    if (!o)
        return;
    free(o->six.a);
    free(o->six.pieces);
    free(o->four.a);
    free(o->four.pieces);
    free(o->names);
    buf_deinit(&o->keys);
    free(o);
}

size_t zone_overlay_count(const struct zone_overlay *o)
{
    return o ? o->six.count + o->four.count + o->name_count : 0;
}

uint32_t zone_overlay_serial(const struct zone_overlay *o)
{
    return o->serial;
}

bool zone_overlay_due(const struct zone_overlay *o, const struct zone_image *im)
{
    const struct zone_image_counts *c = &im->counts;
    uint64_t all = c->v4_single + c->v4_range + c->v6_half + c->v6_full + c->v6_range + c->names;
    uint64_t due = all / ZONE_OVERLAY_SHARE;

    if (due < DUE_LEAST)
        due = DUE_LEAST;
    if (due > ZONE_OVERLAY_MAX / 2)
        due = ZONE_OVERLAY_MAX / 2;
    return zone_overlay_count(o) >= due;
}

static int cmp_assignment(const void *x, const void *y)
{
    const struct assignment *a = x, *b = y;
    int r = zone_ip6_cmp(a->from, b->from);

    if (r == 0)
        r = (a->len > b->len) - (a->len < b->len);
    return r ? r : (a->turn > b->turn) - (a->turn < b->turn);
}

static int cmp_name(const struct zone_overlay *o, const struct name *a, const uint8_t *key,
                    size_t n, bool wild)
{
    int r = zone_rname_cmp((const uint8_t *)o->keys.p + a->key, a->key_len, key, n);

    return r ? r : a->wild - wild;
}

static int cmp_names(const void *x, const void *y, void *cookie)
{
    const struct name *a = x, *b = y;
    const struct zone_overlay *o = cookie;
    int r = cmp_name(o, a, (const uint8_t *)o->keys.p + b->key, b->key_len, b->wild);

    return r ? r : (a->turn > b->turn) - (a->turn < b->turn);
}

/*
 * Forgets what lies within a later one, or has the same prefix as one. The open ones' turns rise
 * inwards, so the innermost is the latest of all that hold the next.
 */
static void forget_covered(struct set *s)
{
    size_t open[DEPTH_MAX], depth = 0, kept = 0;

    for (size_t i = 0; i < s->count; i++) {
        const struct assignment a = s->a[i];

        if (i + 1 < s->count && a.len == s->a[i + 1].len &&
            zone_ip6_cmp(a.from, s->a[i + 1].from) == 0)
            continue;
        while (depth &&
               zone_ip6_cmp(zone_ip6_last(s->a[open[depth - 1]].from, s->a[open[depth - 1]].len),
                            a.from) < 0)
            depth--;
        if (depth && s->a[open[depth - 1]].turn > a.turn)
            continue;
        assert(depth < DEPTH_MAX);
        open[depth++] = kept;
        s->a[kept++] = a;
    }
    s->count = kept;
}

static int add_piece(struct set *s, struct zone_ip6 from, struct zone_ip6 to,
                     const struct assignment *a)
{
    if (array_grow(&s->pieces, &s->piece_room, sizeof(*s->pieces), s->piece_count + 1) < 0)
        return -ENOMEM;
    s->pieces[s->piece_count++] = (struct zone_overlay_piece){from, to, a->hit, a->listed};
    return 0;
}

/* What is still to be made of an open one: from `at`, unless it is done. */
struct open_one {
    const struct assignment *a;
    struct zone_ip6 at;
    bool done;
};

/* Makes the innermost one's piece up to `end`, which is in it. */
static int cut(struct set *s, struct open_one *o, struct zone_ip6 end)
{
    int r = 0;

    if (!o->done && zone_ip6_cmp(o->at, end) <= 0)
        r = add_piece(s, o->at, end, o->a);
    return r;
}

/* Behind an inner one that ends at `end` the outer one goes on. */
static void go_on(struct open_one *outer, struct zone_ip6 end)
{
    outer->done = zone_ip6_is_max(end);
    outer->at = zone_ip6_next(end);
}

static int make_pieces(struct set *s)
{
    struct open_one open[DEPTH_MAX];
    size_t depth = 0;
    int r = 0;

    s->piece_count = 0;
    for (size_t i = 0; i <= s->count && r == 0; i++) {
        const struct assignment *a = i < s->count ? &s->a[i] : NULL;

        while (depth && r == 0) {
            struct open_one *top = &open[depth - 1];
            struct zone_ip6 last = zone_ip6_last(top->a->from, top->a->len);

            if (a && zone_ip6_cmp(last, a->from) >= 0)
                break;
            r = cut(s, top, last);
            if (--depth)
                go_on(&open[depth - 1], last);
        }
        if (!a || r < 0)
            break;
        if (depth && zone_ip6_cmp(open[depth - 1].at, a->from) < 0)
            r = cut(s, &open[depth - 1], zone_ip6_prev(a->from));
        open[depth++] = (struct open_one){a, a->from, false};
    }
    return r;
}

/* Sorts the last `fresh` assignments, merges them with those before, and makes the pieces. */
static int settle(struct set *s, size_t fresh)
{
    size_t old = s->count - fresh, i = 0, j = 0, n = 0;
    struct assignment *merged;

    if (!fresh)
        return s->piece_count || !s->count ? 0 : make_pieces(s);
    qsort(s->a + old, fresh, sizeof(*s->a), cmp_assignment);
    merged = malloc(s->count * sizeof(*merged));
    if (!merged)
        return -ENOMEM;
    while (i < old || j < fresh) {
        bool first = j == fresh || (i < old && cmp_assignment(&s->a[i], &s->a[old + j]) <= 0);

        merged[n++] = first ? s->a[i++] : s->a[old + j++];
    }
    free(s->a);
    s->a = merged;
    s->room = n;
    forget_covered(s);
    return make_pieces(s);
}

/* Names are few beside addresses: they are sorted as a whole. The last of one key stays. */
static void settle_names(struct zone_overlay *o)
{
    size_t kept = 0;

    if (o->name_count)
        qsort_r(o->names, o->name_count, sizeof(*o->names), cmp_names, o);
    for (size_t i = 0; i < o->name_count; i++) {
        const struct name *n = &o->names[i];

        if (i + 1 < o->name_count &&
            cmp_name(o, n + 1, (const uint8_t *)o->keys.p + n->key, n->key_len, n->wild) == 0)
            continue;
        o->names[kept++] = *n;
    }
    o->name_count = kept;
}

static int add_address(struct zone_overlay *o, const struct zone_change *c, struct zone_hit hit)
{
    bool four = c->kind == ZONE_IPV4;
    struct set *s = four ? &o->four : &o->six;

    if (array_grow(&s->a, &s->room, sizeof(*s->a), s->count + 1) < 0)
        return -ENOMEM;
    s->a[s->count++] = (struct assignment){
        .from = four ? (struct zone_ip6){0, c->ip4} : c->ip,
        .turn = ++o->turn,
        .hit = hit,
        .len = (uint8_t)(four ? c->len + 96 : c->len),
        .listed = c->now.class_id,
    };
    return 0;
}

static int add_name(struct zone_overlay *o, const struct zone_change *c, struct zone_hit hit)
{
    struct name n = {o->keys.n, ++o->turn, hit, c->key.n, c->wild, c->now.class_id != 0};

    buf_add(&o->keys, span_of(c->key.b, c->key.n));
    if (o->keys.err ||
        array_grow(&o->names, &o->name_room, sizeof(*o->names), o->name_count + 1) < 0)
        return -ENOMEM;
    o->names[o->name_count++] = n;
    return 0;
}

static int add_change(struct zone_overlay *o, const struct zone_image *im,
                      const struct zone_change *c)
{
    struct zone_hit hit = {0, 0};

    if (c->now.class_id && !zone_image_class(im, c->now.class_id, c->now.evidence, &hit))
        return ZONE_OVERLAY_CLASS;
    if (c->kind == ZONE_NAME && zone_image_name_tables(im) > 1)
        return ZONE_OVERLAY_TABLES;
    o->serial = c->serial;
    return c->kind == ZONE_NAME ? add_name(o, c, hit) : add_address(o, c, hit);
}

static void *copy(const void *p, size_t n)
{
    void *q = malloc(n ? n : 1);

    return q && n ? memcpy(q, p, n) : q;
}

static int copy_set(struct set *to, const struct set *from)
{
    *to = (struct set){.count = from->count, .room = from->count};
    to->piece_count = to->piece_room = from->piece_count;
    to->a = copy(from->a, from->count * sizeof(*from->a));
    to->pieces = copy(from->pieces, from->piece_count * sizeof(*from->pieces));
    return to->a && to->pieces ? 0 : -ENOMEM;
}

/* A fresh overlay with what the old one has; keys of forgotten names are left behind. */
static int copy_overlay(struct zone_overlay *o, const struct zone_overlay *old)
{
    int r = copy_set(&o->six, &old->six);

    if (r == 0)
        r = copy_set(&o->four, &old->four);
    o->serial = old->serial;
    o->turn = old->turn;
    for (size_t i = 0; i < old->name_count && r == 0; i++) {
        struct name n = old->names[i];
        struct span key = span_slice(buf_span(&old->keys), n.key, (size_t)n.key + n.key_len);

        n.key = o->keys.n;
        buf_add(&o->keys, key);
        r = array_grow(&o->names, &o->name_room, sizeof(*o->names), o->name_count + 1);
        if (r == 0)
            o->names[o->name_count++] = n;
    }
    return r ? r : o->keys.err;
}

int zone_overlay_new(const struct zone_image *im, const struct zone_overlay *old,
                     struct zone_journal *j, struct zone_overlay **ret)
{
    struct zone_overlay *o = calloc(1, sizeof(*o));
    struct zone_change c;
    size_t six, four;
    int r = o ? 0 : -ENOMEM;

    *ret = NULL;
    if (r == 0) {
        buf_init(&o->keys, BUF_MAX);
        buf_add_char(&o->keys, '\0'); /* so that a key of no octets has a place too */
        o->serial = im->meta.serial;
        r = old ? copy_overlay(o, old) : o->keys.err;
    }
    if (r < 0) {
        zone_overlay_free(o);
        return r;
    }
    six = o->six.count;
    four = o->four.count;
    while (r == 0 && zone_journal_next(j, &c) == ZONE_JOURNAL_CHANGE)
        r = add_change(o, im, &c);
    if (r == 0)
        r = settle(&o->six, o->six.count - six);
    if (r == 0)
        r = settle(&o->four, o->four.count - four);
    if (r == 0) {
        settle_names(o);
        r = zone_overlay_count(o) > ZONE_OVERLAY_MAX ? ZONE_OVERLAY_FULL : 0;
    }
    if (r != 0) {
        zone_overlay_free(o);
        return r;
    }
    *ret = o;
    return 0;
}

const struct zone_overlay_piece *zone_overlay_pieces(const struct zone_overlay *o, bool four,
                                                     size_t *ret_count)
{
    const struct set *s = four ? &o->four : &o->six;

    *ret_count = s->piece_count;
    return s->pieces;
}

size_t zone_overlay_until(const struct zone_overlay *o, bool four, struct zone_ip6 ip)
{
    const struct set *s = four ? &o->four : &o->six;
    size_t from = 0, end = s->piece_count;

    while (from < end) {
        size_t middle = from + (end - from) / 2;

        if (zone_ip6_cmp(s->pieces[middle].from, ip) <= 0)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

size_t zone_overlay_name_count(const struct zone_overlay *o)
{
    return o->name_count;
}

struct zone_overlay_name zone_overlay_name_at(const struct zone_overlay *o, size_t i)
{
    const struct name *n = &o->names[i];

    return (struct zone_overlay_name){(const uint8_t *)o->keys.p + n->key, n->key_len, n->wild,
                                      n->listed, n->hit};
}

size_t zone_overlay_name_seek(const struct zone_overlay *o, const uint8_t *key, size_t n, bool wild)
{
    size_t from = 0, end = o->name_count;

    while (from < end) {
        size_t middle = from + (end - from) / 2;

        if (cmp_name(o, &o->names[middle], key, n, wild) < 0)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}
