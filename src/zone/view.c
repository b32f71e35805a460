/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The overlay is asked first: where it has a piece or a key, its word stands, listed or not;
 * elsewhere the image's. "Is anything below?" looks at the gaps between the overlay's pieces; a
 * prefix with very many of them, nearly all delisted, is answered with yes before all are looked
 * at: the client then asks on for what lies below and hears no there, which costs it a question and
 * nobody a wrong answer.
 */
#include "zone/view.h"

#include <string.h>

enum { GAPS_MAX = 1000 };

uint32_t zone_view_serial(const struct zone_view *v)
{
    return v->overlay ? zone_overlay_serial(v->overlay) : v->image->meta.serial;
}

/* The overlay's piece that holds ip, or NULL. */
static const struct zone_overlay_piece *piece_at(const struct zone_overlay *o, bool four,
                                                 struct zone_ip6 ip)
{
    size_t count, at = zone_overlay_until(o, four, ip);
    const struct zone_overlay_piece *p = zone_overlay_pieces(o, four, &count);

    return at && zone_ip6_cmp(p[at - 1].to, ip) >= 0 ? &p[at - 1] : NULL;
}

static struct zone_ip6 of4(uint32_t ip)
{
    return (struct zone_ip6){0, ip};
}

bool zone_view_find4(const struct zone_view *v, uint32_t ip, struct zone_hit *ret)
{
    const struct zone_overlay_piece *p = v->overlay ? piece_at(v->overlay, true, of4(ip)) : NULL;

    if (!p)
        return zone_image_find4(v->image, ip, ret);
    *ret = p->hit;
    return p->listed;
}

bool zone_view_find6(const struct zone_view *v, struct zone_ip6 ip, struct zone_hit *ret)
{
    const struct zone_overlay_piece *p = v->overlay ? piece_at(v->overlay, false, ip) : NULL;

    if (!p)
        return zone_image_find6(v->image, ip, ret);
    *ret = p->hit;
    return p->listed;
}

static bool image_any(const struct zone_image *im, bool four, struct zone_ip6 from,
                      struct zone_ip6 to)
{
    return four ? zone_image_any4(im, (uint32_t)from.lo, (uint32_t)to.lo)
                : zone_image_any6(im, from, to);
}

/* Is anything listed from `from` to `to`? */
static bool any(const struct zone_view *v, bool four, struct zone_ip6 from, struct zone_ip6 to)
{
    size_t count, at = zone_overlay_until(v->overlay, four, from);
    const struct zone_overlay_piece *p = zone_overlay_pieces(v->overlay, four, &count);

    if (at && zone_ip6_cmp(p[at - 1].to, from) >= 0)
        at--;
    for (unsigned gaps = 0; at < count && zone_ip6_cmp(p[at].from, to) <= 0; at++, gaps++) {
        if (p[at].listed || gaps == GAPS_MAX)
            return true;
        if (zone_ip6_cmp(from, p[at].from) < 0 &&
            image_any(v->image, four, from, zone_ip6_prev(p[at].from)))
            return true;
        if (zone_ip6_cmp(p[at].to, to) >= 0)
            return false;
        from = zone_ip6_next(p[at].to);
    }
    return image_any(v->image, four, from, to);
}

bool zone_view_below4(const struct zone_view *v, uint32_t ip, unsigned len)
{
    uint32_t host = len >= 32 ? 0 : UINT32_MAX >> len;

    if (!v->overlay)
        return zone_image_below4(v->image, ip, len);
    return any(v, true, of4(ip & ~host), of4(ip | host));
}

bool zone_view_below6(const struct zone_view *v, struct zone_ip6 ip, unsigned len)
{
    if (!v->overlay)
        return zone_image_below6(v->image, ip, len);
    return any(v, false, zone_ip6_first(ip, len), zone_ip6_last(ip, len));
}

/* What the overlay has at this very key; false when it has not. */
static bool name_in_overlay(const struct zone_overlay *o, const struct zone_rname *key, bool wild,
                            struct zone_overlay_name *ret)
{
    size_t at = zone_overlay_name_seek(o, key->b, key->n, wild);

    if (at >= zone_overlay_name_count(o))
        return false;
    *ret = zone_overlay_name_at(o, at);
    return ret->wild == wild && ret->key_len == key->n &&
           (!key->n || memcmp(ret->key, key->b, key->n) == 0);
}

/* At this very key: *ret_end when somebody has a word on it; true when that lists it. */
static bool name_at(const struct zone_view *v, const struct zone_rname *key, bool wild,
                    struct zone_name_hit *ret, bool *ret_end)
{
    struct zone_overlay_name name;

    if (!name_in_overlay(v->overlay, key, wild, &name))
        return zone_image_name_at(v->image, 0, key, wild, ret, ret_end);
    /* A name that was delisted has no word any more: a wildcard above it may have one. */
    *ret_end = name.listed;
    *ret = (struct zone_name_hit){name.hit, key->labels, key->n, wild};
    return name.listed;
}

/* Without its leftmost label. */
static void cut_label(struct zone_rname *key)
{
    uint8_t n = 0;

    for (unsigned i = 1; i < key->labels; i++)
        n = (uint8_t)(n + key->b[n] + 1);
    key->n = n;
    key->labels--;
}

/* The nearest wildcard at `key` or above. */
static bool find_wild(const struct zone_view *v, struct zone_rname key, struct zone_name_hit *ret)
{
    for (;;) {
        bool end, found = name_at(v, &key, true, ret, &end);

        if (end || !key.labels)
            return found;
        cut_label(&key);
    }
}

static bool has_names(const struct zone_view *v)
{
    return v->overlay && zone_overlay_name_count(v->overlay);
}

unsigned zone_view_find_name(const struct zone_view *v, const struct zone_rname *key,
                             struct zone_name_hit ret[ZONE_NAME_TABLES_MAX])
{
    struct zone_rname above = *key;
    bool end, found;

    if (!has_names(v))
        return zone_image_find_name(v->image, key, ret);
    if (!key->labels)
        return 0;
    found = name_at(v, key, false, &ret[0], &end);
    if (end)
        return found;
    cut_label(&above);
    return find_wild(v, above, &ret[0]);
}

static bool is_below(const uint8_t *p, size_t n, const struct zone_rname *key)
{
    return n > key->n && memcmp(p, key->b, key->n) == 0;
}

/* Does the overlay list a key below, or change one? */
static bool overlay_below(const struct zone_overlay *o, const struct zone_rname *key)
{
    size_t at = zone_overlay_name_seek(o, key->b, key->n, true);

    for (; at < zone_overlay_name_count(o); at++) {
        struct zone_overlay_name name = zone_overlay_name_at(o, at);

        if (name.key_len == key->n && memcmp(name.key, key->b, key->n) == 0)
            continue;
        if (!is_below(name.key, name.key_len, key))
            return false;
        if (name.listed)
            return true;
    }
    return false;
}

/* Does the image list a key below that the overlay has not delisted? */
static bool image_below(const struct zone_view *v, const struct zone_rname *key)
{
    struct zone_cursor c;
    struct zone_piece_name piece;

    zone_image_seek_name(v->image, 0, key, &c);
    for (unsigned i = 0; zone_image_next_name(v->image, &c, &piece) && !piece.table; i++) {
        struct zone_rname below = {.n = piece.key_len};
        struct zone_overlay_name name;

        memcpy(below.b, piece.key, piece.key_len);
        if (piece.key_len == key->n && memcmp(piece.key, key->b, key->n) == 0)
            continue;
        if (!is_below(piece.key, piece.key_len, key))
            return false;
        if (i == GAPS_MAX ||
            (!piece.excluded && !name_in_overlay(v->overlay, &below, piece.wild, &name)))
            return true;
    }
    return false;
}

bool zone_view_below_name(const struct zone_view *v, const struct zone_rname *key)
{
    struct zone_name_hit hit;

    if (!has_names(v))
        return zone_image_below_name(v->image, key);
    if (overlay_below(v->overlay, key) || find_wild(v, *key, &hit) || image_below(v, key))
        return true;
    return zone_image_records_below(v->image, key);
}

/* An image's piece of IPv4 as one of IPv6, for both are gone through alike. */
static bool fetch(const struct zone_view *v, struct zone_view_cursor *c, bool four)
{
    struct zone_piece4 p;

    if (c->have)
        return true;
    if (!four) {
        c->have = zone_image_next6(v->image, &c->image, &c->piece);
    } else if (zone_image_next4(v->image, &c->image, &p)) {
        c->piece = (struct zone_piece6){of4(p.from), of4(p.to), p.hit};
        c->have = true;
    }
    return c->have;
}

/* Drops what the image has at and before the end of an overlay's piece. */
static void pass_over(const struct zone_view *v, struct zone_view_cursor *c, bool four,
                      struct zone_ip6 to)
{
    while (fetch(v, c, four) && zone_ip6_cmp(c->piece.from, to) <= 0) {
        if (zone_ip6_cmp(c->piece.to, to) > 0) {
            c->piece.from = zone_ip6_next(to);
            return;
        }
        c->have = false;
    }
}

static bool next(const struct zone_view *v, struct zone_view_cursor *c, bool four,
                 struct zone_piece6 *ret)
{
    size_t count = 0;
    const struct zone_overlay_piece *p =
        v->overlay ? zone_overlay_pieces(v->overlay, four, &count) : NULL;

    for (;;) {
        const struct zone_overlay_piece *o = c->overlay < count ? &p[c->overlay] : NULL;
        bool have = fetch(v, c, four);

        if (have && (!o || zone_ip6_cmp(c->piece.to, o->from) < 0)) {
            *ret = c->piece;
            c->have = false;
            return true;
        }
        if (!o)
            return false;
        if (have && zone_ip6_cmp(c->piece.from, o->from) < 0) {
            *ret = (struct zone_piece6){c->piece.from, zone_ip6_prev(o->from), c->piece.hit};
            c->piece.from = o->from;
            return true;
        }
        pass_over(v, c, four, o->to);
        c->overlay++;
        if (o->listed) {
            *ret = (struct zone_piece6){o->from, o->to, o->hit};
            return true;
        }
    }
}

bool zone_view_next4(const struct zone_view *v, struct zone_view_cursor *c, struct zone_piece4 *ret)
{
    struct zone_piece6 p;

    if (!v->overlay)
        return zone_image_next4(v->image, &c->image, ret);
    if (!next(v, c, true, &p))
        return false;
    *ret = (struct zone_piece4){(uint32_t)p.from.lo, (uint32_t)p.to.lo, p.hit};
    return true;
}

bool zone_view_next6(const struct zone_view *v, struct zone_view_cursor *c, struct zone_piece6 *ret)
{
    return v->overlay ? next(v, c, false, ret) : zone_image_next6(v->image, &c->image, ret);
}

/* Which of the two comes first: by key, the name itself before what is under it. */
static int cmp_names(const struct zone_piece_name *a, const struct zone_overlay_name *b)
{
    int r = zone_rname_cmp(a->key, a->key_len, b->key, b->key_len);

    return r ? r : a->wild - b->wild;
}

bool zone_view_next_name(const struct zone_view *v, struct zone_view_cursor *c,
                         struct zone_piece_name *ret)
{
    if (!has_names(v))
        return zone_image_next_name(v->image, &c->image, ret);
    for (;;) {
        bool have = c->have || zone_image_next_name(v->image, &c->image, &c->name);
        bool more = c->overlay < zone_overlay_name_count(v->overlay);
        struct zone_overlay_name o = {NULL};
        int r = have ? -1 : 1;

        c->have = have;
        if (more)
            o = zone_overlay_name_at(v->overlay, c->overlay);
        if (!have && !more)
            return false;
        if (have && more)
            r = c->name.table ? 1 : cmp_names(&c->name, &o);
        if (r <= 0)
            c->have = false;
        if (r < 0) {
            *ret = c->name;
            return true;
        }
        c->overlay++;
        if (o.listed) {
            *ret = (struct zone_piece_name){
                .key = o.key, .key_len = o.key_len, .wild = o.wild, .hit = o.hit};
            return true;
        }
    }
}
