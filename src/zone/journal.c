/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A change on disk, little-endian:
 *
 *   0 size   4 sum      8 serial      12 kind  13 flags  14 prefix length  15 subject's length
 *  16 time  24 was.class  26 now.class  28 was.evidence  32 now.evidence  36 reason's length
 *  37 subject (4 or 16 octets of an address, or a key), then the reason
 *
 * The sum is of all behind it. A torn append leaves fewer octets than the size says, or zeros where
 * the file was lengthened and the octets had not reached the disk; both fail here. Nothing behind
 * the first bad change is believed, for its serial would leave a gap.
 */
#include "zone/journal.h"

#include "zone/sum.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#define JOURNAL_MAGIC "PSTNJRNL"

enum {
    JOURNAL_VERSION = 1,
    FIXED = 37,
    FLAG_MORE = 1,
    FLAG_WILD = 2,
};

const char *zone_journal_got_name(enum zone_journal_got got)
{
    static const char *const names[] = {
        [ZONE_JOURNAL_CHANGE] = "change",   [ZONE_JOURNAL_END] = "end",
        [ZONE_JOURNAL_TORN] = "torn",       [ZONE_JOURNAL_FOREIGN] = "foreign",
        [ZONE_JOURNAL_VERSION] = "version",
    };

    return names[got];
}

static void put16(uint8_t *p, uint16_t v)
{
    v = htole16(v);
    memcpy(p, &v, sizeof(v));
}

static void put32(uint8_t *p, uint32_t v)
{
    v = htole32(v);
    memcpy(p, &v, sizeof(v));
}

static void put64(uint8_t *p, uint64_t v)
{
    v = htole64(v);
    memcpy(p, &v, sizeof(v));
}

static uint16_t get16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, sizeof(v));
    return le16toh(v);
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v;

    memcpy(&v, p, sizeof(v));
    return le64toh(v);
}

/* 0 magic   8 version   12 base   16 zeros   24 sum of what stands before it */
void zone_journal_begin(uint32_t base, struct buf *out)
{
    uint8_t h[ZONE_JOURNAL_HEAD] = JOURNAL_MAGIC;

    put32(h + 8, JOURNAL_VERSION);
    put32(h + 12, base);
    put64(h + 24, zone_sum(h, 24));
    buf_add(out, span_of(h, sizeof(h)));
}

static bool printable(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    }
    return true;
}

/* The subject: which addresses or names are meant. False when it is none. */
static bool put_subject(const struct zone_change *c, uint8_t *p, uint8_t *ret_n)
{
    switch (c->kind) {
    case ZONE_IPV4:
        if (c->len > 32 || (c->len < 32 && c->ip4 << c->len))
            return false;
        put32(p, c->ip4);
        *ret_n = 4;
        return true;
    case ZONE_IPV6:
        if (c->len > 128 || zone_ip6_cmp(zone_ip6_first(c->ip, c->len), c->ip) != 0)
            return false;
        put64(p, c->ip.hi);
        put64(p + 8, c->ip.lo);
        *ret_n = 16;
        return true;
    case ZONE_NAME:
        if (!zone_rname_ok(c->key.b, c->key.n) || (!c->key.n && !c->wild))
            return false;
        memcpy(p, c->key.b, c->key.n);
        *ret_n = c->key.n;
        return true;
    case ZONE_PATTERN:
    case ZONE_RECORDS:
        break;
    }
    return false;
}

int zone_journal_add(const struct zone_change *c, struct buf *out)
{
    uint8_t b[ZONE_CHANGE_MAX] = {0};
    size_t size;

    static_assert(FIXED + ZONE_RNAME_MAX + ZONE_REASON_MAX <= ZONE_CHANGE_MAX, "a change fits");
    if (c->reason.n > ZONE_REASON_MAX || !printable(c->reason) ||
        (!c->was.class_id && !c->now.class_id) || !put_subject(c, b + FIXED, &b[15]))
        return -EINVAL;
    size = FIXED + (size_t)b[15];
    if (c->reason.n)
        memcpy(b + size, c->reason.p, c->reason.n);
    size += c->reason.n;
    put32(b, (uint32_t)size);
    put32(b + 8, c->serial);
    b[12] = (uint8_t)c->kind;
    b[13] = (uint8_t)((c->more ? FLAG_MORE : 0) | (c->wild ? FLAG_WILD : 0));
    b[14] = c->len;
    put64(b + 16, (uint64_t)c->wall);
    put16(b + 24, c->was.class_id);
    put16(b + 26, c->now.class_id);
    put32(b + 28, c->was.evidence);
    put32(b + 32, c->now.evidence);
    b[36] = (uint8_t)c->reason.n;
    put32(b + 4, (uint32_t)zone_sum(b + 8, size - 8));
    buf_add(out, span_of(b, size));
    return out->err;
}

static bool get_subject(const uint8_t *p, uint8_t n, struct zone_change *c)
{
    switch (c->kind) {
    case ZONE_IPV4:
        if (n != 4 || c->len > 32)
            return false;
        c->ip4 = get32(p);
        return c->len == 32 || c->ip4 << c->len == 0;
    case ZONE_IPV6:
        if (n != 16 || c->len > 128)
            return false;
        c->ip = (struct zone_ip6){get64(p), get64(p + 8)};
        return zone_ip6_cmp(zone_ip6_first(c->ip, c->len), c->ip) == 0;
    case ZONE_NAME:
        if (!zone_rname_ok(p, n) || (!n && !c->wild))
            return false;
        c->key = (struct zone_rname){.n = n, .labels = zone_rname_labels(p, n)};
        memcpy(c->key.b, p, n);
        return true;
    case ZONE_PATTERN:
    case ZONE_RECORDS:
        break;
    }
    return false;
}

/* The change at the front of *s; its size, or 0 when there is no whole and good one. */
static size_t read_change(struct span s, struct zone_change *c)
{
    const uint8_t *b = (const uint8_t *)s.p;
    size_t size;

    if (s.n < FIXED)
        return 0;
    size = get32(b);
    if (size > s.n || size > ZONE_CHANGE_MAX || size != FIXED + (size_t)b[15] + b[36] ||
        get32(b + 4) != (uint32_t)zone_sum(b + 8, size - 8))
        return 0;
    *c = (struct zone_change){
        .serial = get32(b + 8),
        .kind = b[12],
        .more = b[13] & FLAG_MORE,
        .wild = b[13] & FLAG_WILD,
        .len = b[14],
        .wall = (int64_t)get64(b + 16),
        .was = {get16(b + 24), get32(b + 28)},
        .now = {get16(b + 26), get32(b + 32)},
        .reason = span_slice(s, FIXED + (size_t)b[15], size),
    };
    return get_subject(b + FIXED, b[15], c) && printable(c->reason) ? size : 0;
}

/* Goes through the changes to the end of the last whole step. */
static void find_end(struct zone_journal *j)
{
    struct zone_change c;
    bool inside = false; /* a step has begun and not ended */
    uint32_t serial = j->base;
    size_t at = j->good, size;

    while ((size = read_change(span_slice(j->bytes, at, j->bytes.n), &c))) {
        if (inside ? c.serial != serial : !zone_serial_after(c.serial, serial))
            break;
        at += size;
        serial = c.serial;
        inside = c.more;
        if (!inside) {
            j->good = at;
            j->last = serial;
        }
    }
    j->torn = j->good != j->bytes.n;
}

enum zone_journal_got zone_journal_open(struct span bytes, struct zone_journal *ret)
{
    const uint8_t *h = (const uint8_t *)bytes.p;

    if (bytes.n < ZONE_JOURNAL_HEAD || memcmp(h, JOURNAL_MAGIC, 8) != 0)
        return ZONE_JOURNAL_FOREIGN;
    if (get32(h + 8) != JOURNAL_VERSION)
        return ZONE_JOURNAL_VERSION;
    if (get64(h + 24) != zone_sum(h, 24))
        return ZONE_JOURNAL_FOREIGN;
    *ret = (struct zone_journal){
        .bytes = bytes,
        .base = get32(h + 12),
        .last = get32(h + 12),
        .good = ZONE_JOURNAL_HEAD,
        .at = ZONE_JOURNAL_HEAD,
    };
    find_end(ret);
    return ret->torn ? ZONE_JOURNAL_TORN : ZONE_JOURNAL_END;
}

enum zone_journal_got zone_journal_next(struct zone_journal *j, struct zone_change *ret)
{
    size_t size = read_change(span_slice(j->bytes, j->at, j->good), ret);

    if (!size)
        return ZONE_JOURNAL_END;
    j->at += size;
    return ZONE_JOURNAL_CHANGE;
}

bool zone_journal_seek(struct zone_journal *j, uint32_t serial)
{
    struct zone_change c;
    size_t size;

    if (zone_serial_after(j->base, serial))
        return false;
    j->at = ZONE_JOURNAL_HEAD;
    while ((size = read_change(span_slice(j->bytes, j->at, j->good), &c)) &&
           !zone_serial_after(c.serial, serial))
        j->at += size;
    return true;
}

int zone_journal_trim(const struct zone_journal *j, uint32_t image_serial, size_t max,
                      struct buf *out)
{
    struct zone_change c;
    size_t from = ZONE_JOURNAL_HEAD, at = from, size;
    uint32_t base = j->base;

    while (j->good - from > max && (size = read_change(span_slice(j->bytes, at, j->good), &c)) &&
           !zone_serial_after(c.serial, image_serial)) {
        at += size;
        if (!c.more) {
            from = at;
            base = c.serial;
        }
    }
    zone_journal_begin(base, out);
    buf_add(out, span_slice(j->bytes, from, j->good));
    return out->err;
}
