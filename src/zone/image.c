/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening an image. The header says where the sections are and is trusted once its checksum and
 * every place in it are right; then only the two top tables are read, because a look-up uses two of
 * their entries as bounds without a further thought. Everything else that a look-up follows is
 * compared with the end of its section at that moment: that costs a cycle, while looking at it all
 * here would cost a start of seconds on a cold disk.
 */
#include "zone/image_priv.h"

#include "zone/sum.h"
#include "zone/text.h"

#include <string.h>

const char *zone_image_got_name(enum zone_image_got got)
{
    static const char *const names[] = {
        [ZONE_IMAGE_OK] = "ok",           [ZONE_IMAGE_SHORT] = "short",
        [ZONE_IMAGE_FOREIGN] = "foreign", [ZONE_IMAGE_VERSION] = "version",
        [ZONE_IMAGE_DAMAGED] = "damaged",
    };

    return names[got];
}

size_t zone_image_unit(enum zone_section s)
{
    static const uint8_t units[ZONE_SECTIONS] = {
        [ZONE_SEC_META] = 1,
        [ZONE_SEC_FACTS] = 1,
        [ZONE_SEC_VALUES] = sizeof(struct disk_value),
        [ZONE_SEC_STRINGS] = 1,
        [ZONE_SEC_LISTS] = sizeof(uint32_t),
        [ZONE_SEC_V4_TOP] = sizeof(uint32_t),
        [ZONE_SEC_V4_TAIL] = sizeof(uint16_t),
        [ZONE_SEC_V4_CLASS] = 1,
        [ZONE_SEC_V4_EVIDENCE] = sizeof(uint32_t),
        [ZONE_SEC_V4_RANGE_TOP] = sizeof(uint32_t),
        [ZONE_SEC_V4_RANGE] = sizeof(struct disk_range4),
        [ZONE_SEC_V6_HALF] = sizeof(uint64_t),
        [ZONE_SEC_V6_HALF_SAYS] = sizeof(struct disk_says),
        [ZONE_SEC_V6_FULL] = sizeof(struct disk_ip6),
        [ZONE_SEC_V6_FULL_SAYS] = sizeof(struct disk_says),
        [ZONE_SEC_V6_RANGE] = sizeof(struct disk_range6),
        [ZONE_SEC_NAME_TABLES] = sizeof(struct disk_name_table),
        [ZONE_SEC_NAMES] = sizeof(struct disk_name),
        [ZONE_SEC_NAME_EVIDENCE] = sizeof(struct disk_name_evidence),
        [ZONE_SEC_PATTERNS] = sizeof(struct disk_pattern),
        [ZONE_SEC_RECORD_NAMES] = sizeof(struct disk_record_name),
        [ZONE_SEC_RECORDS] = sizeof(struct disk_record),
    };

    return units[s];
}

/* The section's place, checked; its size is a multiple of its unit. */
static bool place_section(struct zone_image *im, const struct disk_header *h, enum zone_section s)
{
    uint64_t at = le64toh(h->sec[s].at), size = le64toh(h->sec[s].size);

    if (at > im->n || size > im->n - at || at % IMAGE_ALIGN || size % zone_image_unit(s))
        return false;
    if (at < sizeof(*h) && size)
        return false;
    im->sec[s].p = im->p + at;
    im->sec[s].n = (size_t)size;
    return true;
}

static size_t count_of(const struct zone_image *im, enum zone_section s)
{
    return im->sec[s].n / zone_image_unit(s);
}

/* Rises from 0 to n; or there is none, which is for n of 0, or where it may be left out. */
static bool top_ok(const struct zone_image *im, enum zone_section s, size_t n, bool may_lack)
{
    const uint32_t *top = image_at(im, s);
    size_t count = count_of(im, s);

    if (!count)
        return may_lack || !n;
    if (count != IMAGE_TOP || le32toh(top[0]) != 0 || le32toh(top[IMAGE_TOP - 1]) != n)
        return false;
    for (size_t i = 1; i < IMAGE_TOP; i++) {
        if (le32toh(top[i]) < le32toh(top[i - 1]))
            return false;
    }
    return true;
}

/* Sections that stand side by side have as many elements as they must. */
static bool counts_ok(const struct zone_image *im)
{
    size_t singles = count_of(im, ZONE_SEC_V4_TAIL);
    size_t evidence = count_of(im, ZONE_SEC_V4_EVIDENCE);
    size_t names = count_of(im, ZONE_SEC_NAMES);
    size_t name_evidence = count_of(im, ZONE_SEC_NAME_EVIDENCE);

    return count_of(im, ZONE_SEC_V4_CLASS) == singles && (!evidence || evidence == singles) &&
           singles <= UINT32_MAX && names <= UINT32_MAX &&
           count_of(im, ZONE_SEC_V4_RANGE) <= UINT32_MAX &&
           count_of(im, ZONE_SEC_V6_HALF) == count_of(im, ZONE_SEC_V6_HALF_SAYS) &&
           count_of(im, ZONE_SEC_V6_FULL) == count_of(im, ZONE_SEC_V6_FULL_SAYS) &&
           (!name_evidence || name_evidence == names) &&
           count_of(im, ZONE_SEC_NAME_TABLES) <= ZONE_NAME_TABLES_MAX;
}

/* The tables of names lie within NAMES; there are few, so all are looked at. */
static bool tables_ok(const struct zone_image *im)
{
    const struct disk_name_table *t = image_at(im, ZONE_SEC_NAME_TABLES);
    size_t names = count_of(im, ZONE_SEC_NAMES);

    for (size_t i = 0; i < count_of(im, ZONE_SEC_NAME_TABLES); i++) {
        if (le32toh(t[i].first) > names || le32toh(t[i].count) > names - le32toh(t[i].first))
            return false;
    }
    return true;
}

/* Reads packed facts; `bad` sticks. */
struct facts_reader {
    struct span left;
    bool bad;
};

static uint64_t take_number(struct facts_reader *r, size_t n)
{
    uint64_t v = 0;

    if (r->bad || r->left.n < n) {
        r->bad = true;
        return 0;
    }
    memcpy(&v, r->left.p, n);
    r->left = span_slice(r->left, n, r->left.n);
    return le64toh(v);
}

static void take_name(struct facts_reader *r, bool may_lack, struct dns_name *ret)
{
    size_t n = take_number(r, 1);

    *ret = (struct dns_name){.n = 0};
    if (r->bad || (!n && may_lack))
        return;
    if (n > r->left.n || dns_name_size((const uint8_t *)r->left.p, n) != n ||
        !dns_name_set(ret, (const uint8_t *)r->left.p, n))
        r->bad = true;
    r->left = span_slice(r->left, n, r->left.n);
}

static bool read_meta(struct span bytes, struct zone_meta *m)
{
    struct facts_reader r = {.left = bytes};

    m->serial = (uint32_t)take_number(&r, 4);
    m->ttl = (uint32_t)take_number(&r, 4);
    m->created_wall = (int64_t)take_number(&r, 8);
    m->expires_wall = (int64_t)take_number(&r, 8);
    take_name(&r, true, &m->zone);
    m->has_soa = take_number(&r, 1);
    if (m->has_soa) {
        take_name(&r, false, &m->soa.mname);
        take_name(&r, false, &m->soa.rname);
        m->soa.serial = (uint32_t)take_number(&r, 4);
        m->soa.refresh = (uint32_t)take_number(&r, 4);
        m->soa.retry = (uint32_t)take_number(&r, 4);
        m->soa.expire = (uint32_t)take_number(&r, 4);
        m->soa.minimum = (uint32_t)take_number(&r, 4);
        m->soa_ttl = (uint32_t)take_number(&r, 4);
    }
    m->ns_ttl = (uint32_t)take_number(&r, 4);
    m->ns_count = (unsigned)take_number(&r, 2);
    if (m->ns_count > ZONE_META_NS_MAX)
        return false;
    for (unsigned i = 0; i < m->ns_count; i++)
        take_name(&r, false, &m->ns[i]);
    return !r.bad && !r.left.n;
}

static enum zone_image_got read_header(struct zone_image *im, struct disk_header *h)
{
    uint64_t sum, counts[IMAGE_COUNTS];

    if (im->n < sizeof(*h))
        return ZONE_IMAGE_SHORT;
    memcpy(h, im->p, sizeof(*h));
    if (memcmp(h->magic, IMAGE_MAGIC, sizeof(h->magic)) != 0)
        return ZONE_IMAGE_FOREIGN;
    if (le32toh(h->version) != IMAGE_VERSION || le32toh(h->sections) != ZONE_SECTIONS)
        return ZONE_IMAGE_VERSION;
    sum = le64toh(h->sum);
    h->sum = 0;
    if (zone_sum(h, sizeof(*h)) != sum)
        return ZONE_IMAGE_DAMAGED;
    if (le64toh(h->size) != im->n)
        return ZONE_IMAGE_SHORT;
    for (size_t i = 0; i < IMAGE_COUNTS; i++)
        counts[i] = le64toh(h->counts[i]);
    memcpy(&im->counts, counts, sizeof(counts));
    return ZONE_IMAGE_OK;
}

enum zone_image_got zone_image_open(struct span bytes, struct zone_image *ret)
{
    struct zone_image im = {.p = (const uint8_t *)bytes.p, .n = bytes.n};
    struct disk_header h;
    enum zone_image_got got = read_header(&im, &h);

    assert((uintptr_t)bytes.p % 8 == 0);
    if (got != ZONE_IMAGE_OK)
        return got;
    for (unsigned s = 0; s < ZONE_SECTIONS; s++) {
        if (!place_section(&im, &h, s))
            return ZONE_IMAGE_DAMAGED;
    }
    if (!counts_ok(&im) || !tables_ok(&im) ||
        !top_ok(&im, ZONE_SEC_V4_TOP, count_of(&im, ZONE_SEC_V4_TAIL), false) ||
        !top_ok(&im, ZONE_SEC_V4_RANGE_TOP, count_of(&im, ZONE_SEC_V4_RANGE), true) ||
        !read_meta(span_of(im.sec[ZONE_SEC_META].p, im.sec[ZONE_SEC_META].n), &im.meta))
        return ZONE_IMAGE_DAMAGED;
    *ret = im;
    return ZONE_IMAGE_OK;
}

uint64_t zone_image_sum(const struct zone_image *im)
{
    struct disk_header h;

    memcpy(&h, im->p, sizeof(h));
    memset(&h.sec[ZONE_SEC_META], 0, sizeof(h.sec[ZONE_SEC_META]));
    h.sum = 0;
    return zone_sum(&h, sizeof(h));
}

struct span zone_image_fact(const struct zone_image *im, const char *name)
{
    struct facts_reader r = {
        .left = span_of(im->sec[ZONE_SEC_FACTS].p, im->sec[ZONE_SEC_FACTS].n),
    };

    while (r.left.n && !r.bad) {
        size_t n = take_number(&r, 1);
        struct span key = span_slice(r.left, 0, n), value;

        r.left = span_slice(r.left, n, r.left.n);
        n = take_number(&r, 2);
        value = span_slice(r.left, 0, n);
        r.left = span_slice(r.left, n, r.left.n);
        if (!r.bad && span_eq(key, span_str(name)))
            return value;
    }
    return SPAN_NULL;
}
