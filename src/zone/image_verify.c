/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The slow look at an image: every checksum, and every order that a binary search relies on. A
 * wrong order is no danger to memory, but a listing that is there and not found is a wrong answer;
 * the checksums find what changed since it was compiled, the order finds what was compiled wrongly.
 */
#include "zone/image_priv.h"

#include "zone/sum.h"
#include "zone/text.h"

#include <string.h>

static bool sums_ok(const struct zone_image *im)
{
    struct disk_header h;

    memcpy(&h, im->p, sizeof(h));
    for (unsigned s = 0; s < ZONE_SECTIONS; s++) {
        if (zone_sum(im->sec[s].p, im->sec[s].n) != le64toh(h.sec[s].sum))
            return false;
    }
    return true;
}

/* A ref of a value or a list that is there; `special` allows ABSENT and EXCLUDED. */
static bool ref_ok(const struct zone_image *im, uint32_t ref, bool special)
{
    const uint32_t *lists = image_at(im, ZONE_SEC_LISTS);
    size_t at = ref & ~REF_LIST, n = image_count(im, ZONE_SEC_LISTS, sizeof(*lists));

    if (ref == REF_ABSENT || ref == REF_EXCLUDED)
        return special;
    if (!(ref & REF_LIST))
        return ref < image_count(im, ZONE_SEC_VALUES, sizeof(struct disk_value));
    return at < n && le32toh(lists[at]) && le32toh(lists[at]) <= (n - at - 1) / 2;
}

static bool values_ok(const struct zone_image *im)
{
    const struct disk_value *v = image_at(im, ZONE_SEC_VALUES);
    size_t n = image_count(im, ZONE_SEC_VALUES, sizeof(*v));

    for (size_t i = 0; i < n; i++) {
        struct span text = image_string(im, le32toh(v[i].text), le16toh(v[i].text_len));

        if (text.n != le16toh(v[i].text_len) || !zone_text_ok(text))
            return false;
    }
    return true;
}

static bool singles_ok(const struct zone_image *im)
{
    const uint32_t *top = image_at(im, ZONE_SEC_V4_TOP);
    const uint16_t *tail = image_at(im, ZONE_SEC_V4_TAIL);
    const uint8_t *class_of = image_at(im, ZONE_SEC_V4_CLASS);
    const uint32_t *column = image_at(im, ZONE_SEC_V4_EVIDENCE);
    size_t values = image_count(im, ZONE_SEC_VALUES, sizeof(struct disk_value));
    bool has_column = im->sec[ZONE_SEC_V4_EVIDENCE].n;

    for (size_t h = 0; im->sec[ZONE_SEC_V4_TOP].n && h + 1 < IMAGE_TOP; h++) {
        for (size_t i = le32toh(top[h]); i < le32toh(top[h + 1]); i++) {
            if (i > le32toh(top[h]) && le16toh(tail[i]) <= le16toh(tail[i - 1]))
                return false;
            if (class_of[i] != IMAGE_CLASS_SIDE
                    ? class_of[i] >= values
                    : !has_column || !ref_ok(im, le32toh(column[i]), false))
                return false;
        }
    }
    return true;
}

static bool ranges_ok(const struct zone_image *im)
{
    const struct disk_range4 *r = image_at(im, ZONE_SEC_V4_RANGE);
    const uint32_t *top = image_at(im, ZONE_SEC_V4_RANGE_TOP);
    size_t n = image_count(im, ZONE_SEC_V4_RANGE, sizeof(*r));

    for (size_t i = 0; i < n; i++) {
        uint32_t from = le32toh(r[i].from), chunk = from >> 16;

        if (from > le32toh(r[i].to) || (i && from <= le32toh(r[i - 1].to)) ||
            !ref_ok(im, le32toh(r[i].ref), false))
            return false;
        if (im->sec[ZONE_SEC_V4_RANGE_TOP].n &&
            (i < le32toh(top[chunk]) || i >= le32toh(top[chunk + 1])))
            return false;
    }
    return true;
}

static bool says_ok(const struct zone_image *im, enum zone_section s)
{
    const struct disk_says *says = image_at(im, s);

    for (size_t i = 0; i < image_count(im, s, sizeof(*says)); i++) {
        if (!ref_ok(im, le32toh(says[i].ref), false))
            return false;
    }
    return true;
}

static struct zone_ip6 ip6_at(const struct disk_ip6 *p)
{
    return (struct zone_ip6){le64toh(p->hi), le64toh(p->lo)};
}

static bool six_ok(const struct zone_image *im)
{
    const uint64_t *half = image_at(im, ZONE_SEC_V6_HALF);
    const struct disk_ip6 *full = image_at(im, ZONE_SEC_V6_FULL);
    const struct disk_range6 *r = image_at(im, ZONE_SEC_V6_RANGE);

    for (size_t i = 1; i < image_count(im, ZONE_SEC_V6_HALF, sizeof(*half)); i++) {
        if (le64toh(half[i]) <= le64toh(half[i - 1]))
            return false;
    }
    for (size_t i = 1; i < image_count(im, ZONE_SEC_V6_FULL, sizeof(*full)); i++) {
        if (zone_ip6_cmp(ip6_at(&full[i]), ip6_at(&full[i - 1])) <= 0)
            return false;
    }
    for (size_t i = 0; i < image_count(im, ZONE_SEC_V6_RANGE, sizeof(*r)); i++) {
        if (zone_ip6_cmp(ip6_at(&r[i].from), ip6_at(&r[i].to)) > 0 ||
            (i && zone_ip6_cmp(ip6_at(&r[i].from), ip6_at(&r[i - 1].to)) <= 0) ||
            !ref_ok(im, le32toh(r[i].ref), false))
            return false;
    }
    return says_ok(im, ZONE_SEC_V6_HALF_SAYS) && says_ok(im, ZONE_SEC_V6_FULL_SAYS);
}

/* The key at `at` is one, and stands behind *key, which it takes the place of. */
static bool next_key_ok(const struct zone_image *im, uint32_t at, bool first, struct span *key)
{
    struct span before = *key;

    if (!image_key_of(im, at, key) || !zone_rname_ok((const uint8_t *)key->p, key->n))
        return false;
    return first ||
           zone_rname_cmp((const uint8_t *)before.p, before.n, (const uint8_t *)key->p, key->n) < 0;
}

static bool table_ok(const struct zone_image *im, const struct disk_name *names, size_t n)
{
    struct span key = SPAN_NULL;

    for (size_t i = 0; i < n; i++) {
        uint32_t up = le32toh(names[i].up);

        if (!next_key_ok(im, le32toh(names[i].key), !i, &key) || up > i ||
            !ref_ok(im, le32toh(names[i].plain), true) || !ref_ok(im, le32toh(names[i].wild), true))
            return false;
        if (up && !span_starts(key, image_key(im, le32toh(names[up - 1].key))))
            return false;
    }
    return true;
}

static bool names_ok(const struct zone_image *im)
{
    const struct disk_name_table *t = image_at(im, ZONE_SEC_NAME_TABLES);
    const struct disk_name *names = image_at(im, ZONE_SEC_NAMES);

    for (size_t i = 0; i < image_count(im, ZONE_SEC_NAME_TABLES, sizeof(*t)); i++) {
        if (!table_ok(im, names + le32toh(t[i].first), le32toh(t[i].count)))
            return false;
    }
    return true;
}

static bool patterns_ok(const struct zone_image *im)
{
    const struct disk_pattern *p = image_at(im, ZONE_SEC_PATTERNS);

    for (size_t i = 0; i < image_count(im, ZONE_SEC_PATTERNS, sizeof(*p)); i++) {
        uint32_t len = le32toh(p[i].source_len);

        if (image_string(im, le32toh(p[i].source), len).n != len ||
            le32toh(p[i].ref) == REF_ABSENT || !ref_ok(im, le32toh(p[i].ref), true))
            return false;
    }
    return true;
}

static bool records_ok(const struct zone_image *im)
{
    const struct disk_record_name *names = image_at(im, ZONE_SEC_RECORD_NAMES);
    const struct disk_record *r = image_at(im, ZONE_SEC_RECORDS);
    size_t n = image_count(im, ZONE_SEC_RECORDS, sizeof(*r)), at = 0;
    struct span key = SPAN_NULL;

    for (size_t i = 0; i < image_count(im, ZONE_SEC_RECORD_NAMES, sizeof(*names)); i++) {
        if (!next_key_ok(im, le32toh(names[i].key), !i, &key) || le32toh(names[i].first) != at ||
            le32toh(names[i].count) > n - at)
            return false;
        at += le32toh(names[i].count);
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t len = le16toh(r[i].rdata_len);

        if (image_string(im, le32toh(r[i].rdata), len).n != len)
            return false;
    }
    return at == n;
}

enum zone_image_got zone_image_verify(const struct zone_image *im)
{
    return sums_ok(im) && values_ok(im) && singles_ok(im) && ranges_ok(im) && six_ok(im) &&
                   names_ok(im) && patterns_ok(im) && records_ok(im)
               ? ZONE_IMAGE_OK
               : ZONE_IMAGE_DAMAGED;
}
