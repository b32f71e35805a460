/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The answer grows from the front; what comes last, OPT and TSIG, has its room kept from the start,
 * so that an answer that is full can still say so. Counts and flags are in the struct and written
 * by finish(): nothing is patched twice.
 *
 * Compression is what costs nothing: owners are given as the offset at which the question, which
 * stands first, already has them, and names inside data give up the suffix that the question has
 * too. A table of all names written would save a few octets more in answers that have few names.
 */
#include "dns/reply.h"

#include <assert.h>
#include <string.h>

enum {
    FLAG_QR = 0x80, /* third octet of the header */
    FLAG_AA = 0x04,
    FLAG_TC = 0x02,
    OPT_SIZE = 11, /* without options */
    RR_SIZE = 10,  /* type, class, TTL, length */
};

void dns_reply_clear(struct dns_reply *r)
{
    r->n = r->q->question_end ? r->q->question_end : DNS_HEADER;
    r->rcode = DNS_NOERROR;
    r->counts[0] = r->q->question_end != 0;
    r->counts[DNS_ANSWER] = r->counts[DNS_AUTHORITY] = r->counts[DNS_ADDITIONAL] = 0;
    r->section = DNS_ANSWER;
    r->aa = r->tc = r->full = false;
}

void dns_reply_begin(struct dns_reply *r, const struct dns_query *q, uint8_t *out, size_t max)
{
    assert(max >= DNS_REPLY_MIN);
    r->p = out;
    r->q = q;
    r->max = max < DNS_MESSAGE_MAX ? (uint32_t)max : DNS_MESSAGE_MAX;
    r->kept = q->edns.present ? OPT_SIZE : 0;
    r->udp_size = DNS_UDP_USUAL;
    r->owner = NULL;
    r->has_ede = r->has_nsid = r->has_keepalive = false;
    r->cookie_n = 0;
    dns_reply_clear(r);
    if (q->question_end)
        memcpy(out + DNS_HEADER, q->packet + DNS_HEADER, q->question_end - DNS_HEADER);
}

void dns_reply_slip(struct dns_reply *r)
{
    dns_reply_clear(r);
    r->tc = true;
}

void dns_reply_keep(struct dns_reply *r, size_t octets)
{
    r->kept += (uint32_t)octets;
}

static bool fits(const struct dns_reply *r, size_t n)
{
    return r->n + n + r->kept <= r->max;
}

/* A record is left out, and so is what would follow it. */
static void no_room(struct dns_reply *r)
{
    r->full = true;
    if (r->section != DNS_ADDITIONAL)
        r->tc = true;
}

/*
 * Writes owner and head of a record, its length left at 0, with room for `data` octets behind it.
 * Returns where the data begins, NULL when it does not fit.
 */
static inline uint8_t *rr_begin(struct dns_reply *r, uint16_t owner, uint16_t type, uint32_t ttl,
                                size_t data)
{
    size_t owner_n = owner == DNS_OWNER_OTHER ? r->owner->n : 2;
    uint8_t *p = r->p + r->n;

    if (r->full || !fits(r, owner_n + RR_SIZE + data)) {
        no_room(r);
        return NULL;
    }
    if (owner == DNS_OWNER_OTHER)
        memcpy(p, r->owner->wire, owner_n);
    else
        dns_wire_put16(p, (uint16_t)(0xc000 | owner));
    p += owner_n;
    dns_wire_put16(p, type);
    dns_wire_put16(p + 2, r->q->klass == DNS_CLASS_CH ? DNS_CLASS_CH : DNS_CLASS_IN);
    dns_wire_put32(p + 4, ttl);
    return p + RR_SIZE;
}

/* Ends a record whose data begins at `data` and has n octets. */
static inline bool rr_end(struct dns_reply *r, uint8_t *data, size_t n)
{
    dns_wire_put16(data - 2, (uint16_t)n);
    r->n = (uint32_t)(data + n - r->p);
    r->counts[r->section]++;
    return true;
}

bool dns_reply_a(struct dns_reply *r, uint16_t owner, uint32_t ttl, uint32_t address)
{
    uint8_t *data = rr_begin(r, owner, DNS_TYPE_A, ttl, 4);

    if (!data)
        return false;
    dns_wire_put32(data, address);
    return rr_end(r, data, 4);
}

bool dns_reply_aaaa(struct dns_reply *r, uint16_t owner, uint32_t ttl, const uint8_t address[16])
{
    return dns_reply_rr(r, owner, DNS_TYPE_AAAA, ttl, span_of(address, 16));
}

bool dns_reply_rr(struct dns_reply *r, uint16_t owner, uint16_t type, uint32_t ttl,
                  struct span data)
{
    uint8_t *p = rr_begin(r, owner, type, ttl, data.n);

    if (!p)
        return false;
    if (data.n)
        memcpy(p, data.p, data.n);
    return rr_end(r, p, data.n);
}

bool dns_reply_txt(struct dns_reply *r, uint16_t owner, uint32_t ttl, struct span text)
{
    size_t strings = text.n ? (text.n + DNS_STRING_MAX - 1) / DNS_STRING_MAX : 1;
    uint8_t *data = rr_begin(r, owner, DNS_TYPE_TXT, ttl, text.n + strings), *p = data;

    if (!data)
        return false;
    for (; strings; strings--) {
        struct span s = span_slice(text, 0, DNS_STRING_MAX);

        *p++ = (uint8_t)s.n;
        if (s.n)
            memcpy(p, s.p, s.n);
        p += s.n;
        text = span_slice(text, s.n, text.n);
    }
    return rr_end(r, data, (size_t)(p - data));
}

/* Does the question end in the octets of a name from `at` on? Then where in the message, else 0. */
static unsigned suffix_find(const struct dns_query *q, const struct dns_name *name, size_t at,
                            unsigned *label)
{
    size_t n = name->n - at;

    while (*label < q->labels && (size_t)q->name_n - q->label_at[*label] > n)
        ++*label;
    if (*label >= q->labels || (size_t)q->name_n - q->label_at[*label] != n)
        return 0;
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)ascii_lower((char)name->wire[at + i]) != q->name[q->label_at[*label] + i])
            return 0;
    return DNS_HEADER + q->label_at[*label];
}

/* Writes a name, compressed against the question. There is room for it whole. */
static uint8_t *name_put(const struct dns_reply *r, uint8_t *p, const struct dns_name *name)
{
    unsigned label = 0, offset = 0;
    size_t at = 0;

    if (r->q->question_end)
        while (at + 1 < name->n && !(offset = suffix_find(r->q, name, at, &label)))
            at += name->wire[at] + 1u;
    else
        at = name->n;
    if (!offset) {
        memcpy(p, name->wire, name->n);
        return p + name->n;
    }
    memcpy(p, name->wire, at);
    dns_wire_put16(p + at, (uint16_t)(0xc000 | offset));
    return p + at + 2;
}

bool dns_reply_named(struct dns_reply *r, uint16_t owner, uint16_t type, uint32_t ttl,
                     const struct dns_name *name)
{
    uint8_t *data = rr_begin(r, owner, type, ttl, name->n);

    return data && rr_end(r, data, (size_t)(name_put(r, data, name) - data));
}

bool dns_reply_mx(struct dns_reply *r, uint16_t owner, uint32_t ttl, uint16_t preference,
                  const struct dns_name *name)
{
    uint8_t *data = rr_begin(r, owner, DNS_TYPE_MX, ttl, name->n + 2u);

    if (!data)
        return false;
    dns_wire_put16(data, preference);
    return rr_end(r, data, (size_t)(name_put(r, data + 2, name) - data));
}

/* Where the longest end begins that a name shares with the zone's; name->n: only the root. */
static size_t shared_end(const struct dns_name *name, const struct dns_name *zone, size_t *ret_to)
{
    for (size_t at = 0; at + 1 < name->n; at += name->wire[at] + 1u) {
        size_t n = name->n - at, to = 0;

        while (zone->n - to > n)
            to += zone->wire[to] + 1u;
        if (zone->n - to == n &&
            span_eq_nocase(span_of(name->wire + at, n), span_of(zone->wire + to, n))) {
            *ret_to = to;
            return at;
        }
    }
    return name->n;
}

void dns_soa_lay(const struct dns_soa *soa, const struct dns_name *zone, struct dns_soa_laid *ret)
{
    const struct dns_name *names[] = {&soa->mname, &soa->rname};
    const uint32_t numbers[] = {soa->serial, soa->refresh, soa->retry, soa->expire, soa->minimum};

    *ret = (struct dns_soa_laid){0};
    for (unsigned i = 0; i < 2; i++) {
        size_t to = 0, own = shared_end(names[i], zone, &to);

        memcpy(ret->data + ret->n, names[i]->wire, own);
        ret->n = (uint16_t)(ret->n + own);
        if (own == names[i]->n)
            continue;
        ret->at[ret->pointers] = ret->n;
        ret->to[ret->pointers++] = (uint8_t)to;
        ret->n += 2;
    }
    for (unsigned i = 0; i < 5; i++, ret->n += 4)
        dns_wire_put32(ret->data + ret->n, numbers[i]);
}

bool dns_reply_soa(struct dns_reply *r, uint16_t owner, uint32_t ttl,
                   const struct dns_soa_laid *soa)
{
    uint8_t *data = rr_begin(r, owner, DNS_TYPE_SOA, ttl, soa->n);

    if (!data)
        return false;
    memcpy(data, soa->data, soa->n);
    for (unsigned i = 0; i < soa->pointers; i++)
        dns_wire_put16(data + soa->at[i], (uint16_t)(0xc000 | (owner + soa->to[i])));
    return rr_end(r, data, soa->n);
}

/* Keeps room for an option of n octets of value; false when there is none, or no OPT. */
static bool option_keep(struct dns_reply *r, size_t n)
{
    if (!r->q->edns.present || !fits(r, 4 + n))
        return false;
    r->kept += (uint32_t)(4 + n);
    return true;
}

void dns_reply_ede(struct dns_reply *r, enum dns_ede code, struct span text)
{
    if (text.n > DNS_EDE_TEXT_MAX) {
        text.n = DNS_EDE_TEXT_MAX;
        while (text.n && ((uint8_t)text.p[text.n] & 0xc0) == 0x80)
            text.n--;
    }
    if (r->has_ede || !option_keep(r, 2 + text.n))
        return;
    r->has_ede = true;
    r->ede = (uint16_t)code;
    r->ede_text = text;
}

void dns_reply_nsid(struct dns_reply *r, struct span nsid)
{
    nsid = span_slice(nsid, 0, DNS_NSID_MAX);
    if (!r->q->edns.nsid || r->has_nsid || !option_keep(r, nsid.n))
        return;
    r->has_nsid = true;
    r->nsid = nsid;
}

void dns_reply_cookie(struct dns_reply *r, const uint8_t *cookie, size_t n)
{
    assert(n <= DNS_COOKIE_MAX);
    if (r->cookie_n || !option_keep(r, n))
        return;
    r->cookie_n = (uint8_t)n;
    memcpy(r->cookie, cookie, n);
}

void dns_reply_keepalive(struct dns_reply *r, uint16_t units_100ms)
{
    if (!r->q->edns.keepalive || r->has_keepalive || !option_keep(r, 2))
        return;
    r->has_keepalive = true;
    r->keepalive = units_100ms;
}

static uint8_t *option_put(uint8_t *p, enum dns_option code, struct span value)
{
    dns_wire_put16(p, (uint16_t)code);
    dns_wire_put16(p + 2, (uint16_t)value.n);
    if (value.n)
        memcpy(p + 4, value.p, value.n);
    return p + 4 + value.n;
}

static void opt_put(struct dns_reply *r)
{
    uint8_t *start = r->p + r->n, *p = start + OPT_SIZE, two[2];

    memset(start, 0, OPT_SIZE);
    start[2] = DNS_TYPE_OPT;
    dns_wire_put16(start + 3, r->udp_size);
    start[5] = (uint8_t)(r->rcode >> 4);
    start[7] = r->q->edns.do_bit ? 0x80 : 0; /* RFC 3225 §3: as it came */
    if (r->has_nsid)
        p = option_put(p, DNS_OPTION_NSID, r->nsid);
    if (r->cookie_n)
        p = option_put(p, DNS_OPTION_COOKIE, span_of(r->cookie, r->cookie_n));
    if (r->has_keepalive) {
        dns_wire_put16(two, r->keepalive);
        p = option_put(p, DNS_OPTION_KEEPALIVE, span_of(two, 2));
    }
    if (r->has_ede) {
        p = option_put(p, DNS_OPTION_EDE, SPAN_NULL);
        dns_wire_put16(p - 2, (uint16_t)(2 + r->ede_text.n));
        dns_wire_put16(p, r->ede);
        if (r->ede_text.n)
            memcpy(p + 2, r->ede_text.p, r->ede_text.n);
        p += 2 + r->ede_text.n;
    }
    dns_wire_put16(start + 9, (uint16_t)(p - start - OPT_SIZE));
    r->n = (uint32_t)(p - r->p);
    r->counts[DNS_ADDITIONAL]++;
}

size_t dns_reply_finish(struct dns_reply *r)
{
    const struct dns_query *q = r->q;
    uint8_t *p = r->p;

    if (q->edns.present)
        opt_put(r);
    else if (r->rcode > 15)
        r->rcode = DNS_SERVFAIL;
    dns_wire_put16(p, q->id);
    p[2] =
        (uint8_t)(FLAG_QR | q->opcode << 3 | (r->aa ? FLAG_AA : 0) | (r->tc ? FLAG_TC : 0) | q->rd);
    p[3] = (uint8_t)((q->cd ? 0x10 : 0) | (r->rcode & 15));
    for (unsigned i = 0; i < 4; i++)
        dns_wire_put16(p + 4 + 2 * i, r->counts[i]);
    return r->n;
}
