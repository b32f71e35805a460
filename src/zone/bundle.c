/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An image has checksums of its own, by section, which leave out the gaps between them. A bundle's
 * are of whole images: one loop at the speed of memory, and what it has found good is bit by bit
 * what the writer had verified. Sizes are bounded before anything behind them is looked at.
 */
#include "zone/bundle.h"

#include "zone/sum.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>

static const char magic[8] = {'P', 'S', 'T', 'N', 'K', 'E', 'P', 'T'};

struct disk_bundle {
    char magic[8];
    uint32_t version, parts;
    uint64_t sum;  /* of the head, with zero here */
    uint64_t size; /* of all */
    uint64_t head; /* octets before the first image */
    int64_t made_wall;
    uint64_t skipped;
    uint32_t text_n[ZONE_BUNDLE_TEXTS];
};

struct disk_part {
    uint64_t at, size, sum;
    uint8_t sub_n, sub_labels;
    uint8_t sub[254];
};

static_assert(sizeof(struct disk_bundle) == 72 && sizeof(struct disk_part) == 280, "packed");
static_assert(sizeof(((struct disk_part *)NULL)->sub) >= ZONE_RNAME_MAX, "room");

/* --- writing ---------------------------------------------------------------------------------- */

static void add_zeros(struct buf *b, size_t n)
{
    while (n--)
        buf_add_char(b, '\0');
}

static void add_part(struct buf *out, struct zone_bundle_part *p, uint64_t at)
{
    struct disk_part d = {.at = htole64(at), .size = htole64(p->image.n)};

    p->sum = zone_sum(p->image.p, p->image.n);
    d.sum = htole64(p->sum);
    d.sub_n = p->sub.n;
    d.sub_labels = p->sub.labels;
    memcpy(d.sub, p->sub.b, p->sub.n);
    buf_add(out, span_of(&d, sizeof(d)));
}

int zone_bundle_head(const struct zone_bundle *b, struct zone_bundle_part *parts, size_t count,
                     struct buf *ret)
{
    struct disk_bundle h = {.version = htole32(ZONE_BUNDLE_VERSION),
                            .parts = htole32((uint32_t)count),
                            .made_wall = (int64_t)htole64((uint64_t)b->made_wall),
                            .skipped = htole64(b->skipped)};
    uint64_t head = sizeof(h) + count * sizeof(struct disk_part), at;

    if (count > ZONE_BUNDLE_PARTS_MAX)
        return -E2BIG;
    memcpy(h.magic, magic, sizeof(magic));
    for (unsigned t = 0; t < ZONE_BUNDLE_TEXTS; t++) {
        if (b->texts[t].n > ZONE_BUNDLE_HEAD_MAX)
            return -E2BIG;
        h.text_n[t] = htole32((uint32_t)b->texts[t].n);
        head += b->texts[t].n;
    }
    head += zone_bundle_pad(head);
    if (head > ZONE_BUNDLE_HEAD_MAX)
        return -E2BIG;
    buf_add(ret, span_of(&h, sizeof(h)));
    at = head;
    for (size_t i = 0; i < count; i++) {
        add_part(ret, &parts[i], at);
        at += parts[i].image.n + zone_bundle_pad(parts[i].image.n);
    }
    for (unsigned t = 0; t < ZONE_BUNDLE_TEXTS; t++)
        buf_add(ret, b->texts[t]);
    add_zeros(ret, zone_bundle_pad(ret->n));
    if (ret->err)
        return ret->err == -EMSGSIZE ? -E2BIG : ret->err;
    h.size = htole64(at);
    h.head = htole64(head);
    memcpy(ret->p, &h, sizeof(h));
    h.sum = htole64(zone_sum(ret->p, ret->n));
    memcpy(ret->p, &h, sizeof(h));
    return 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

bool zone_bundle_is(struct span bytes)
{
    return span_starts(bytes, span_of(magic, sizeof(magic)));
}

/* The checksum has zero in its own place. */
static bool sum_ok(struct span head, const struct disk_bundle *h)
{
    struct buf copy = BUF_INIT(ZONE_BUNDLE_HEAD_MAX);
    struct disk_bundle zero = *h;
    bool ok;

    zero.sum = 0;
    buf_add(&copy, head);
    ok = copy.err == 0;
    if (ok) {
        memcpy(copy.p, &zero, sizeof(zero));
        ok = zone_sum(copy.p, copy.n) == le64toh(h->sum);
    }
    buf_deinit(&copy);
    return ok;
}

static void unpack_part(const struct zone_bundle *b, size_t i, struct disk_part *ret)
{
    memcpy(ret, b->bytes.p + sizeof(struct disk_bundle) + i * sizeof(*ret), sizeof(*ret));
}

static bool parts_ok(const struct zone_bundle *b, uint64_t head)
{
    uint64_t end = head;

    for (size_t i = 0; i < b->count; i++) {
        struct disk_part p;
        uint64_t at, size;

        unpack_part(b, i, &p);
        at = le64toh(p.at);
        size = le64toh(p.size);
        if (at != end || size > b->bytes.n - end || !zone_rname_ok(p.sub, p.sub_n) ||
            zone_rname_labels(p.sub, p.sub_n) != p.sub_labels)
            return false;
        end += size + zone_bundle_pad(size);
        if (end > b->bytes.n)
            return false;
    }
    return end == b->bytes.n;
}

static bool take_texts(struct zone_bundle *b, const struct disk_bundle *h, uint64_t head)
{
    uint64_t at = sizeof(*h) + b->count * sizeof(struct disk_part);

    for (unsigned t = 0; t < ZONE_BUNDLE_TEXTS; t++) {
        size_t n = le32toh(h->text_n[t]);

        if (at > head || n > head - at)
            return false;
        b->texts[t] = span_slice(b->bytes, (size_t)at, (size_t)at + n);
        at += n;
    }
    return head - at < 8;
}

enum zone_image_got zone_bundle_open(struct span bytes, struct zone_bundle *ret)
{
    struct zone_bundle b = {.bytes = bytes};
    struct disk_bundle h;
    uint64_t head;

    if (bytes.n >= sizeof(magic) && !zone_bundle_is(bytes))
        return ZONE_IMAGE_FOREIGN;
    if (bytes.n < sizeof(h))
        return ZONE_IMAGE_SHORT;
    memcpy(&h, bytes.p, sizeof(h));
    if (le32toh(h.version) != ZONE_BUNDLE_VERSION)
        return ZONE_IMAGE_VERSION;
    head = le64toh(h.head);
    b.count = le32toh(h.parts);
    if (le64toh(h.size) != bytes.n)
        return ZONE_IMAGE_SHORT;
    if (head % 8 || head > bytes.n || head > ZONE_BUNDLE_HEAD_MAX || head < sizeof(h) ||
        b.count > (head - sizeof(h)) / sizeof(struct disk_part) ||
        !sum_ok(span_slice(bytes, 0, (size_t)head), &h) || !parts_ok(&b, head) ||
        !take_texts(&b, &h, head))
        return ZONE_IMAGE_DAMAGED;
    b.made_wall = (int64_t)le64toh((uint64_t)h.made_wall);
    b.skipped = le64toh(h.skipped);
    *ret = b;
    return ZONE_IMAGE_OK;
}

void zone_bundle_part(const struct zone_bundle *b, size_t i, struct zone_bundle_part *ret)
{
    struct disk_part p;

    unpack_part(b, i, &p);
    *ret = (struct zone_bundle_part){.sum = le64toh(p.sum)};
    ret->image =
        span_slice(b->bytes, (size_t)le64toh(p.at), (size_t)(le64toh(p.at) + le64toh(p.size)));
    ret->sub.n = p.sub_n;
    ret->sub.labels = p.sub_labels;
    memcpy(ret->sub.b, p.sub, p.sub_n);
}

bool zone_bundle_part_ok(const struct zone_bundle_part *p)
{
    return zone_sum(p->image.p, p->image.n) == p->sum;
}
