/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Going through an image in order. Every call moves an index on, so it ends on any bytes; what
 * leads nowhere in a damaged image is passed over.
 */
#include "zone/image_priv.h"

/* The single address number c->a, without moving on. c->c is its upper half or one before. */
static bool peek_single(const struct zone_image *im, struct zone_cursor *c, uint32_t *ret)
{
    const uint32_t *top = image_at(im, ZONE_SEC_V4_TOP);
    const uint16_t *tail = image_at(im, ZONE_SEC_V4_TAIL);

    if (c->a >= image_count(im, ZONE_SEC_V4_TAIL, sizeof(*tail)))
        return false;
    while (c->c + 2 < IMAGE_TOP && le32toh(top[c->c + 1]) <= c->a)
        c->c++;
    *ret = (uint32_t)c->c << 16 | le16toh(tail[c->a]);
    return true;
}

bool zone_image_next4(const struct zone_image *im, struct zone_cursor *c, struct zone_piece4 *ret)
{
    const struct disk_range4 *r = image_at(im, ZONE_SEC_V4_RANGE);
    uint32_t ip;

    for (;;) {
        bool single = peek_single(im, c, &ip);
        bool range = c->b < image_count(im, ZONE_SEC_V4_RANGE, sizeof(*r));

        if (!single && !range)
            return false;
        if (single && (!range || ip < le32toh(r[c->b].from))) {
            ret->from = ret->to = ip;
            c->a++;
        } else {
            ret->from = le32toh(r[c->b].from);
            ret->to = le32toh(r[c->b].to);
            c->b++;
        }
        if (ret->from <= ret->to && zone_image_find4(im, ret->from, &ret->hit))
            return true;
    }
}

static struct zone_ip6 ip6_at(const struct disk_ip6 *p)
{
    return (struct zone_ip6){le64toh(p->hi), le64toh(p->lo)};
}

/* The next of the three kinds, whichever comes first, and moves on behind it. */
static bool take_six(const struct zone_image *im, struct zone_cursor *c, struct zone_piece6 *ret)
{
    const uint64_t *half = image_at(im, ZONE_SEC_V6_HALF);
    const struct disk_ip6 *full = image_at(im, ZONE_SEC_V6_FULL);
    const struct disk_range6 *r = image_at(im, ZONE_SEC_V6_RANGE);
    size_t *best = NULL;

    if (c->a < image_count(im, ZONE_SEC_V6_HALF, sizeof(*half))) {
        ret->from = (struct zone_ip6){le64toh(half[c->a]), 0};
        ret->to = zone_ip6_last(ret->from, 64);
        best = &c->a;
    }
    if (c->b < image_count(im, ZONE_SEC_V6_FULL, sizeof(*full)) &&
        (!best || zone_ip6_cmp(ip6_at(&full[c->b]), ret->from) < 0)) {
        ret->from = ret->to = ip6_at(&full[c->b]);
        best = &c->b;
    }
    if (c->c < image_count(im, ZONE_SEC_V6_RANGE, sizeof(*r)) &&
        (!best || zone_ip6_cmp(ip6_at(&r[c->c].from), ret->from) < 0)) {
        ret->from = ip6_at(&r[c->c].from);
        ret->to = ip6_at(&r[c->c].to);
        best = &c->c;
    }
    if (best)
        ++*best;
    return best;
}

bool zone_image_next6(const struct zone_image *im, struct zone_cursor *c, struct zone_piece6 *ret)
{
    while (take_six(im, c, ret)) {
        if (zone_ip6_cmp(ret->from, ret->to) <= 0 && zone_image_find6(im, ret->from, &ret->hit))
            return true;
    }
    return false;
}

/* c->a: the table, c->b: the key in it, c->c: 1 when its name itself is done. */
bool zone_image_next_name(const struct zone_image *im, struct zone_cursor *c,
                          struct zone_piece_name *ret)
{
    const struct disk_name_table *t = image_at(im, ZONE_SEC_NAME_TABLES);
    const struct disk_name_evidence *evidence = image_at(im, ZONE_SEC_NAME_EVIDENCE);

    while (c->a < image_count(im, ZONE_SEC_NAME_TABLES, sizeof(*t))) {
        size_t at = le32toh(t[c->a].first) + c->b;
        const struct disk_name *name = (const struct disk_name *)image_at(im, ZONE_SEC_NAMES) + at;
        bool wild = c->c, with = im->sec[ZONE_SEC_NAME_EVIDENCE].n;
        struct span key;
        uint32_t ref;

        if (c->b >= le32toh(t[c->a].count)) {
            c->a++;
            c->b = c->c = 0;
            continue;
        }
        ref = le32toh(wild ? name->wild : name->plain);
        c->c = !wild;
        c->b += wild;
        key = image_key(im, le32toh(name->key));
        *ret = (struct zone_piece_name){(unsigned)c->a, (const uint8_t *)key.p, (uint8_t)key.n,
                                        wild,           ref == REF_EXCLUDED,    {ref, 0}};
        if (with)
            ret->hit.evidence = le32toh(wild ? evidence[at].wild : evidence[at].plain);
        if (ref != REF_ABSENT && zone_rname_ok((const uint8_t *)key.p, key.n) &&
            (ret->excluded || zone_image_said_count(im, ret->hit)))
            return true;
    }
    return false;
}

bool zone_image_next_pattern(const struct zone_image *im, struct zone_cursor *c,
                             struct zone_piece_pattern *ret)
{
    const struct disk_pattern *p = image_at(im, ZONE_SEC_PATTERNS);

    while (c->a < image_count(im, ZONE_SEC_PATTERNS, sizeof(*p))) {
        const struct disk_pattern *at = &p[c->a++];
        uint32_t ref = le32toh(at->ref), len = le32toh(at->source_len);

        *ret = (struct zone_piece_pattern){image_string(im, le32toh(at->source), len),
                                           ref == REF_EXCLUDED,
                                           {ref, le32toh(at->evidence)}};
        if (ret->source.n == len && (ret->excluded || zone_image_said_count(im, ret->hit)))
            return true;
    }
    return false;
}

/* c->a: the name, c->b: which of its records. */
bool zone_image_next_record(const struct zone_image *im, struct zone_cursor *c,
                            struct zone_piece_record *ret)
{
    const struct disk_record_name *names = image_at(im, ZONE_SEC_RECORD_NAMES);

    while (c->a < image_count(im, ZONE_SEC_RECORD_NAMES, sizeof(*names))) {
        struct span key = image_key(im, le32toh(names[c->a].key));
        size_t first = le32toh(names[c->a].first), i = c->b++;

        if (i >= le32toh(names[c->a].count) ||
            first + i >= image_count(im, ZONE_SEC_RECORDS, sizeof(struct disk_record))) {
            c->a++;
            c->b = 0;
            continue;
        }
        ret->key = (const uint8_t *)key.p;
        ret->key_len = (uint8_t)key.n;
        if (zone_rname_ok(ret->key, key.n) && zone_image_record(im, first + i, &ret->record))
            return true;
    }
    return false;
}
