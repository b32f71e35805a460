/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Look-ups. A single IPv4 address: its upper half picks a run of tails, in which a binary search
 * without branches finds the lower half; with a million listings a run has 15, which is one or two
 * cache lines. Names: one binary search for the name itself ends beside its neighbours, and the
 * links upwards lead from there to all keys above it.
 *
 * Nothing that was not checked at open is followed without a comparison; see zone/image.h.
 */
#include "zone/image_priv.h"

#include <string.h>

/* A hit of a ref that stands in the image; false for one that leads nowhere. */
static bool hit_of(const struct zone_image *im, uint32_t ref, uint32_t evidence,
                   struct zone_hit *ret)
{
    size_t values = im->sec[ZONE_SEC_VALUES].n / sizeof(struct disk_value);
    size_t words = im->sec[ZONE_SEC_LISTS].n / sizeof(uint32_t);

    *ret = (struct zone_hit){ref, evidence};
    return ref & REF_LIST ? (ref & ~REF_LIST) < words : ref < values;
}

/* Which of tail[from, end) is the last that is not after `low`; `end` when all are after it. */
static size_t search_tail(const uint16_t *tail, size_t from, size_t end, uint16_t low)
{
    const uint16_t *base = tail + from;
    size_t n = end - from;

    if (!n)
        return end;
    while (n > 1) {
        size_t half = n / 2;

        base += half & -(size_t)(le16toh(base[half]) <= low);
        n -= half;
    }
    return le16toh(*base) <= low ? (size_t)(base - tail) : end;
}

static bool find_single(const struct zone_image *im, uint32_t ip, struct zone_hit *ret)
{
    const uint32_t *top = image_at(im, ZONE_SEC_V4_TOP);
    const uint16_t *tail = image_at(im, ZONE_SEC_V4_TAIL);
    const uint32_t *column = image_at(im, ZONE_SEC_V4_EVIDENCE);
    size_t end, at;
    uint32_t word;
    uint8_t class_of;

    if (!im->sec[ZONE_SEC_V4_TOP].n)
        return false;
    end = le32toh(top[(ip >> 16) + 1]);
    at = search_tail(tail, le32toh(top[ip >> 16]), end, (uint16_t)ip);
    if (at == end || le16toh(tail[at]) != (uint16_t)ip)
        return false;
    class_of = im->sec[ZONE_SEC_V4_CLASS].p[at];
    word = im->sec[ZONE_SEC_V4_EVIDENCE].n ? le32toh(column[at]) : 0;
    if (class_of != IMAGE_CLASS_SIDE)
        return hit_of(im, class_of, word, ret);
    return im->sec[ZONE_SEC_V4_EVIDENCE].n && hit_of(im, word, 0, ret);
}

/* The number of ranges that begin at ip or before: the one that may hold it is the last of them. */
static size_t ranges_until(const struct zone_image *im, uint32_t ip)
{
    const struct disk_range4 *r = image_at(im, ZONE_SEC_V4_RANGE);
    const uint32_t *top = image_at(im, ZONE_SEC_V4_RANGE_TOP);
    size_t from = 0, end = image_count(im, ZONE_SEC_V4_RANGE, sizeof(*r));

    if (im->sec[ZONE_SEC_V4_RANGE_TOP].n) {
        from = le32toh(top[ip >> 16]);
        end = le32toh(top[(ip >> 16) + 1]);
    }
    while (from < end) {
        size_t middle = from + (end - from) / 2;

        if (le32toh(r[middle].from) <= ip)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

bool zone_image_find4(const struct zone_image *im, uint32_t ip, struct zone_hit *ret)
{
    const struct disk_range4 *r = image_at(im, ZONE_SEC_V4_RANGE);
    size_t at;

    if (find_single(im, ip, ret))
        return true;
    at = im->sec[ZONE_SEC_V4_RANGE].n ? ranges_until(im, ip) : 0;
    return at && le32toh(r[at - 1].to) >= ip &&
           hit_of(im, le32toh(r[at - 1].ref), le32toh(r[at - 1].evidence), ret);
}

/* How many single addresses are at ip or before. */
static size_t singles_until(const struct zone_image *im, uint32_t ip)
{
    const uint32_t *top = image_at(im, ZONE_SEC_V4_TOP);
    size_t from = le32toh(top[ip >> 16]), end = le32toh(top[(ip >> 16) + 1]);
    size_t at = search_tail(image_at(im, ZONE_SEC_V4_TAIL), from, end, (uint16_t)ip);

    return at == end ? from : at + 1;
}

bool zone_image_any4(const struct zone_image *im, uint32_t from, uint32_t to)
{
    const struct disk_range4 *r = image_at(im, ZONE_SEC_V4_RANGE);
    size_t at;

    if (im->sec[ZONE_SEC_V4_TOP].n &&
        singles_until(im, to) > (from ? singles_until(im, from - 1) : 0))
        return true;
    at = im->sec[ZONE_SEC_V4_RANGE].n ? ranges_until(im, to) : 0;
    return at && le32toh(r[at - 1].to) >= from;
}

bool zone_image_below4(const struct zone_image *im, uint32_t ip, unsigned len)
{
    uint32_t host = len >= 32 ? 0 : UINT32_MAX >> len;

    return zone_image_any4(im, ip & ~host, ip | host);
}

static struct zone_ip6 ip6_at(const struct disk_ip6 *p)
{
    return (struct zone_ip6){le64toh(p->hi), le64toh(p->lo)};
}

/* How many whole /64 are at hi or before. */
static size_t halves_until(const struct zone_image *im, uint64_t hi)
{
    const uint64_t *base = image_at(im, ZONE_SEC_V6_HALF);
    const uint64_t *first = base;
    size_t n = image_count(im, ZONE_SEC_V6_HALF, sizeof(*base));

    if (!n)
        return 0;
    while (n > 1) {
        size_t half = n / 2;

        base += half & -(size_t)(le64toh(base[half]) <= hi);
        n -= half;
    }
    return (size_t)(base - first) + (le64toh(*base) <= hi);
}

/* How many of those that begin with a struct disk_ip6, `step` octets apart, are at ip or before. */
static size_t six_until(const struct zone_image *im, enum zone_section s, size_t step,
                        struct zone_ip6 ip)
{
    size_t from = 0, end = im->sec[s].n / step;

    while (from < end) {
        size_t middle = from + (end - from) / 2;
        const void *at = im->sec[s].p + middle * step;

        if (zone_ip6_cmp(ip6_at(at), ip) <= 0)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

static bool says_at(const struct zone_image *im, enum zone_section s, size_t i,
                    struct zone_hit *ret)
{
    const struct disk_says *says = (const struct disk_says *)image_at(im, s) + i;

    return hit_of(im, le32toh(says->ref), le32toh(says->evidence), ret);
}

bool zone_image_find6(const struct zone_image *im, struct zone_ip6 ip, struct zone_hit *ret)
{
    const uint64_t *half = image_at(im, ZONE_SEC_V6_HALF);
    const struct disk_ip6 *full = image_at(im, ZONE_SEC_V6_FULL);
    const struct disk_range6 *r = image_at(im, ZONE_SEC_V6_RANGE);
    size_t at = halves_until(im, ip.hi);

    if (at && le64toh(half[at - 1]) == ip.hi)
        return says_at(im, ZONE_SEC_V6_HALF_SAYS, at - 1, ret);
    at = six_until(im, ZONE_SEC_V6_FULL, sizeof(*full), ip);
    if (at && zone_ip6_cmp(ip6_at(&full[at - 1]), ip) == 0)
        return says_at(im, ZONE_SEC_V6_FULL_SAYS, at - 1, ret);
    at = six_until(im, ZONE_SEC_V6_RANGE, sizeof(*r), ip);
    return at && zone_ip6_cmp(ip6_at(&r[at - 1].to), ip) >= 0 &&
           hit_of(im, le32toh(r[at - 1].ref), le32toh(r[at - 1].evidence), ret);
}

bool zone_image_any6(const struct zone_image *im, struct zone_ip6 from, struct zone_ip6 to)
{
    const uint64_t *half = image_at(im, ZONE_SEC_V6_HALF);
    const struct disk_ip6 *full = image_at(im, ZONE_SEC_V6_FULL);
    const struct disk_range6 *r = image_at(im, ZONE_SEC_V6_RANGE);
    size_t at = halves_until(im, to.hi);

    if (at && le64toh(half[at - 1]) >= from.hi)
        return true;
    at = six_until(im, ZONE_SEC_V6_FULL, sizeof(*full), to);
    if (at && zone_ip6_cmp(ip6_at(&full[at - 1]), from) >= 0)
        return true;
    at = six_until(im, ZONE_SEC_V6_RANGE, sizeof(*r), to);
    return at && zone_ip6_cmp(ip6_at(&r[at - 1].to), from) >= 0;
}

bool zone_image_below6(const struct zone_image *im, struct zone_ip6 ip, unsigned len)
{
    return zone_image_any6(im, zone_ip6_first(ip, len), zone_ip6_last(ip, len));
}

unsigned zone_image_said_count(const struct zone_image *im, struct zone_hit hit)
{
    const uint32_t *words = image_at(im, ZONE_SEC_LISTS);
    size_t at = hit.ref & ~REF_LIST, n = image_count(im, ZONE_SEC_LISTS, sizeof(*words));
    size_t room;

    if (!(hit.ref & REF_LIST))
        return hit.ref < image_count(im, ZONE_SEC_VALUES, sizeof(struct disk_value));
    if (at >= n)
        return 0;
    room = (n - at - 1) / 2;
    if (room > ZONE_SAYS_MAX)
        room = ZONE_SAYS_MAX;
    return le32toh(words[at]) < room ? le32toh(words[at]) : (unsigned)room;
}

bool zone_image_said(const struct zone_image *im, struct zone_hit hit, unsigned i,
                     struct zone_said *ret)
{
    const uint32_t *words = image_at(im, ZONE_SEC_LISTS);
    const struct disk_value *v = image_at(im, ZONE_SEC_VALUES);
    size_t at = hit.ref & ~REF_LIST;
    uint32_t value = hit.ref, evidence = hit.evidence;

    if (i >= zone_image_said_count(im, hit))
        return false;
    if (hit.ref & REF_LIST) {
        value = le32toh(words[at + 1 + 2 * (size_t)i]);
        evidence = le32toh(words[at + 2 + 2 * (size_t)i]);
    }
    if (value >= image_count(im, ZONE_SEC_VALUES, sizeof(*v)))
        return false;
    *ret = (struct zone_said){
        .a = le32toh(v[value].a),
        .ttl = le32toh(v[value].ttl),
        .evidence = evidence,
        .class_id = le16toh(v[value].class_id),
        .text = image_string(im, le32toh(v[value].text), le16toh(v[value].text_len)),
    };
    return true;
}

bool zone_image_class(const struct zone_image *im, uint16_t class_id, uint32_t evidence,
                      struct zone_hit *ret)
{
    const struct disk_value *v = image_at(im, ZONE_SEC_VALUES);
    size_t n = image_count(im, ZONE_SEC_VALUES, sizeof(*v));

    for (size_t i = 0; i < n && class_id; i++) {
        if (le16toh(v[i].class_id) == class_id) {
            *ret = (struct zone_hit){(uint32_t)i, evidence};
            return true;
        }
    }
    return false;
}
