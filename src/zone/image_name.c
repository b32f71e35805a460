/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names and records of an image; how they are sorted and linked is told in zone/build_name.c. */
#include "zone/image_priv.h"

#include <string.h>

struct table {
    const struct zone_image *im;
    const struct disk_name *names;
    const struct disk_name_evidence *evidence; /* NULL: none */
    size_t count;
};

static struct table table_at(const struct zone_image *im, size_t i)
{
    const struct disk_name_table *t =
        (const struct disk_name_table *)image_at(im, ZONE_SEC_NAME_TABLES) + i;
    const struct disk_name *names = image_at(im, ZONE_SEC_NAMES);
    const struct disk_name_evidence *evidence = image_at(im, ZONE_SEC_NAME_EVIDENCE);
    size_t first = le32toh(t->first);

    return (struct table){im, names + first,
                          im->sec[ZONE_SEC_NAME_EVIDENCE].n ? evidence + first : NULL,
                          le32toh(t->count)};
}

static size_t table_count(const struct zone_image *im)
{
    return im->sec[ZONE_SEC_NAME_TABLES].n / sizeof(struct disk_name_table);
}

static struct span key_at(const struct table *t, size_t i)
{
    return image_key(t->im, le32toh(t->names[i].key));
}

static int cmp_key(struct span key, const struct zone_rname *name)
{
    return zone_rname_cmp((const uint8_t *)key.p, key.n, name->b, name->n);
}

/* How many keys are at the name or before it. */
static size_t keys_until(const struct table *t, const struct zone_rname *name)
{
    size_t from = 0, end = t->count;

    while (from < end) {
        size_t middle = from + (end - from) / 2;

        if (cmp_key(key_at(t, middle), name) <= 0)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

static bool is_above(struct span key, const struct zone_rname *name)
{
    return key.n <= name->n && (!key.n || memcmp(key.p, name->b, key.n) == 0);
}

/* The next key above number i, plus one; 0: none. It always lies before, whatever the bytes. */
static size_t up_from(const struct table *t, size_t i)
{
    size_t up = le32toh(t->names[i].up);

    return up <= i ? up : 0;
}

/*
 * The key at the name or the nearest above it, plus one; 0: none. The neighbour before the name's
 * place is it, or lies beside the name under the same one.
 */
static size_t nearest(const struct table *t, const struct zone_rname *name)
{
    size_t at = keys_until(t, name);

    while (at && !is_above(key_at(t, at - 1), name))
        at = up_from(t, at - 1);
    return at;
}

/* What is said at number i; false when nothing is, *ret_end when the search ends there. */
static bool says_at(const struct table *t, size_t i, bool wild, struct zone_name_hit *ret,
                    bool *ret_end)
{
    uint32_t ref = le32toh(wild ? t->names[i].wild : t->names[i].plain);
    struct span key = key_at(t, i);

    *ret_end = ref != REF_ABSENT;
    if (ref == REF_ABSENT || ref == REF_EXCLUDED)
        return false;
    *ret = (struct zone_name_hit){.hit = {ref, 0}, .key_len = (uint8_t)key.n, .wild = wild};
    ret->labels = zone_rname_labels((const uint8_t *)key.p, key.n);
    if (t->evidence)
        ret->hit.evidence = le32toh(wild ? t->evidence[i].wild : t->evidence[i].plain);
    return zone_image_said_count(t->im, ret->hit) > 0;
}

/* The nearest wildcard at number `at` - 1 or above. */
static bool find_wild(const struct table *t, size_t at, struct zone_name_hit *ret)
{
    for (; at; at = up_from(t, at - 1)) {
        bool end, found = says_at(t, at - 1, true, ret, &end);

        if (end)
            return found;
    }
    return false;
}

static bool find_in(const struct table *t, const struct zone_rname *name, struct zone_name_hit *ret)
{
    size_t at = nearest(t, name);

    if (at && key_at(t, at - 1).n == name->n) {
        bool end, found = says_at(t, at - 1, false, ret, &end);

        if (end)
            return found;
        at = up_from(t, at - 1);
    }
    return find_wild(t, at, ret);
}

unsigned zone_image_find_name(const struct zone_image *im, const struct zone_rname *key,
                              struct zone_name_hit ret[ZONE_NAME_TABLES_MAX])
{
    unsigned found = 0;

    for (size_t i = 0; i < table_count(im) && key->n; i++) {
        struct table t = table_at(im, i);

        found += find_in(&t, key, &ret[found]);
    }
    return found;
}

bool zone_image_name_at(const struct zone_image *im, unsigned table, const struct zone_rname *key,
                        bool wild, struct zone_name_hit *ret, bool *ret_said)
{
    struct table t;
    size_t at;

    *ret_said = false;
    if (table >= table_count(im))
        return false;
    t = table_at(im, table);
    at = keys_until(&t, key);
    return at && cmp_key(key_at(&t, at - 1), key) == 0 && says_at(&t, at - 1, wild, ret, ret_said);
}

void zone_image_seek_name(const struct zone_image *im, unsigned table, const struct zone_rname *key,
                          struct zone_cursor *ret)
{
    *ret = (struct zone_cursor){.a = table};
    if (table < table_count(im)) {
        struct table t = table_at(im, table);

        ret->b = keys_until(&t, key);
        if (ret->b && cmp_key(key_at(&t, ret->b - 1), key) == 0)
            ret->b--;
    }
}

unsigned zone_image_name_tables(const struct zone_image *im)
{
    return (unsigned)table_count(im);
}

/* Record names at the name or before. */
static size_t record_names_until(const struct zone_image *im, const struct zone_rname *name)
{
    const struct disk_record_name *names = image_at(im, ZONE_SEC_RECORD_NAMES);
    size_t from = 0, end = image_count(im, ZONE_SEC_RECORD_NAMES, sizeof(*names));

    while (from < end) {
        size_t middle = from + (end - from) / 2;

        if (cmp_key(image_key(im, le32toh(names[middle].key)), name) <= 0)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

static bool is_below(struct span key, const struct zone_rname *name)
{
    return key.n > name->n && memcmp(key.p, name->b, name->n) == 0;
}

bool zone_image_records_below(const struct zone_image *im, const struct zone_rname *key)
{
    const struct disk_record_name *names = image_at(im, ZONE_SEC_RECORD_NAMES);
    size_t at = record_names_until(im, key);

    return at < image_count(im, ZONE_SEC_RECORD_NAMES, sizeof(*names)) &&
           is_below(image_key(im, le32toh(names[at].key)), key);
}

bool zone_image_below_name(const struct zone_image *im, const struct zone_rname *key)
{
    for (size_t i = 0; i < table_count(im); i++) {
        struct table t = table_at(im, i);
        struct zone_name_hit hit;
        size_t at = keys_until(&t, key);

        if (at < t.count && is_below(key_at(&t, at), key))
            return true;
        if (find_wild(&t, nearest(&t, key), &hit))
            return true;
    }
    return zone_image_records_below(im, key);
}

size_t zone_image_find_records(const struct zone_image *im, const struct zone_rname *key,
                               size_t *ret_first)
{
    const struct disk_record_name *names = image_at(im, ZONE_SEC_RECORD_NAMES);
    size_t at = record_names_until(im, key);
    size_t all = image_count(im, ZONE_SEC_RECORDS, sizeof(struct disk_record)), first, n;

    if (!at || cmp_key(image_key(im, le32toh(names[at - 1].key)), key) != 0)
        return 0;
    first = le32toh(names[at - 1].first);
    n = le32toh(names[at - 1].count);
    if (first > all)
        return 0;
    *ret_first = first;
    return n < all - first ? n : all - first;
}

bool zone_image_record(const struct zone_image *im, size_t at, struct zone_record *ret)
{
    const struct disk_record *r = image_at(im, ZONE_SEC_RECORDS);
    uint16_t len;

    if (at >= image_count(im, ZONE_SEC_RECORDS, sizeof(*r)))
        return false;
    len = le16toh(r[at].rdata_len);
    *ret = (struct zone_record){le16toh(r[at].type), le32toh(r[at].ttl),
                                image_string(im, le32toh(r[at].rdata), len)};
    return ret->rdata.n == len;
}
