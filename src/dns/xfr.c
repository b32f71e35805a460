/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The writer. A list's owners come sorted, so that each shares a tail with the one before it
 * ("9.2.0.192" after "8.2.0.192"): only that one is remembered, and of it only where its labels
 * stand. That is most of what a table of all names would save, without a table.
 */
#include "dns/xfr.h"

#include <assert.h>
#include <string.h>

enum { FLAG_QR_AA = 0x84, RR_SIZE = 10, OPT_SIZE = 11 };

void dns_xfr_begin(struct dns_xfr *x, const struct dns_query *q, uint8_t *out, size_t max,
                   size_t kept)
{
    assert(max >= DNS_REPLY_MIN && kept < max && q->question_end);
    if (max > DNS_MESSAGE_MAX)
        max = DNS_MESSAGE_MAX;
    *x = (struct dns_xfr){.q = q, .p = out, .max = max - kept, .opt = q->edns.present};
    if (x->opt)
        x->max -= OPT_SIZE;
}

static void message_begin(struct dns_xfr *x)
{
    memset(x->p, 0, DNS_HEADER);
    dns_wire_put16(x->p, x->q->id);
    x->p[2] = (uint8_t)(FLAG_QR_AA | x->q->opcode << 3 | x->q->rd);
    x->p[5] = 1;
    memcpy(x->p + DNS_HEADER, x->q->packet + DNS_HEADER, x->q->question_end - DNS_HEADER);
    x->n = x->q->question_end;
    x->labels = 0;
}

/* How many of the last labels the new owner and the one before have in common. */
static unsigned labels_shared(const struct dns_xfr *x, const uint8_t *labels, const uint8_t *from,
                              unsigned count)
{
    unsigned shared = 0;

    while (shared < count && shared < x->labels && x->at[x->labels - 1 - shared] != 0) {
        const uint8_t *new = labels + from[count - 1 - shared];
        const uint8_t *old = x->owner + x->from[x->labels - 1 - shared];

        if (memcmp(new, old, new[0] + 1u) != 0)
            break;
        shared++;
    }
    return shared;
}

/* Writes the owner, or gives 0 when it does not fit with `more` octets behind it. */
static size_t owner_put(struct dns_xfr *x, const uint8_t *labels, size_t n, size_t more)
{
    uint8_t from[DNS_LABELS_MAX];
    uint16_t places[DNS_LABELS_MAX];
    unsigned count = 0, shared, fresh;
    size_t size, pointer = DNS_HEADER;

    for (size_t p = 0; p < n; p += labels[p] + 1u) {
        assert(count < DNS_LABELS_MAX);
        from[count++] = (uint8_t)p;
    }
    shared = labels_shared(x, labels, from, count);
    fresh = count - shared;
    size = fresh < count ? from[fresh] : n;
    if (x->n + size + 2 + more > x->max)
        return 0;
    if (shared)
        pointer = x->at[x->labels - shared];
    for (unsigned i = 0; i < fresh; i++)
        places[i] = (uint16_t)(x->n + from[i] <= DNS_POINTER_MAX ? x->n + from[i] : 0);
    memmove(x->at + fresh, x->at + x->labels - shared, shared * sizeof(x->at[0]));
    memcpy(x->at, places, fresh * sizeof(x->at[0]));
    if (n) {
        memcpy(x->owner, labels, n);
        memcpy(x->p + x->n, labels, size);
    }
    memcpy(x->from, from, count);
    x->labels = (uint16_t)count;
    dns_wire_put16(x->p + x->n + size, (uint16_t)(0xc000 | pointer));
    return size + 2;
}

bool dns_xfr_add(struct dns_xfr *x, const uint8_t *labels, size_t n, uint16_t type, uint32_t ttl,
                 struct span data)
{
    size_t owner;
    uint8_t *p;

    assert(n + x->q->name_n <= DNS_NAME_MAX);
    if (x->n == 0)
        message_begin(x);
    if (x->count == UINT16_MAX || !(owner = owner_put(x, labels, n, RR_SIZE + data.n)))
        return false;
    p = x->p + x->n + owner;
    dns_wire_put16(p, type);
    dns_wire_put16(p + 2, DNS_CLASS_IN);
    dns_wire_put32(p + 4, ttl);
    dns_wire_put16(p + 8, (uint16_t)data.n);
    if (data.n)
        memcpy(p + RR_SIZE, data.p, data.n);
    x->n += owner + RR_SIZE + data.n;
    x->count++;
    return true;
}

/* Of the first message, if the question had one. */
static size_t opt_add(struct dns_xfr *x, size_t n)
{
    uint8_t *p = x->p + n;

    memset(p, 0, OPT_SIZE);
    dns_wire_put16(p + 1, DNS_TYPE_OPT);
    dns_wire_put16(p + 3, DNS_UDP_USUAL);
    x->p[11] = 1;
    x->max += OPT_SIZE;
    x->opt = false;
    return n + OPT_SIZE;
}

size_t dns_xfr_message(struct dns_xfr *x)
{
    size_t n = x->count ? x->n : 0;

    if (n)
        dns_wire_put16(x->p + 6, x->count);
    if (n && x->opt)
        n = opt_add(x, n);
    x->n = x->count = 0;
    return n;
}

size_t dns_xfr_txt(struct span text, uint8_t *out)
{
    uint8_t *p = out;

    do {
        struct span s = span_slice(text, 0, DNS_STRING_MAX);

        *p++ = (uint8_t)s.n;
        if (s.n)
            memcpy(p, s.p, s.n);
        p += s.n;
        text = span_slice(text, s.n, text.n);
    } while (text.n);
    return (size_t)(p - out);
}

size_t dns_xfr_ask(uint8_t *out, size_t max, uint16_t id, const struct dns_name *zone,
                   uint16_t type, uint32_t serial)
{
    size_t n = dns_query_write(out, max, id, zone, type, false);
    uint8_t *p = out + n;

    if (n == 0 || type != DNS_TYPE_IXFR)
        return n;
    /* The SOA we have: only its serial is looked at (RFC 1995 §3), its names are the root. */
    if (max - n < 2 + RR_SIZE + 22)
        return 0;
    memset(p, 0, 2 + RR_SIZE + 22);
    dns_wire_put16(p, 0xc000 | DNS_HEADER);
    dns_wire_put16(p + 2, DNS_TYPE_SOA);
    dns_wire_put16(p + 4, DNS_CLASS_IN);
    dns_wire_put16(p + 10, 22);
    dns_wire_put32(p + 14, serial);
    out[9] = 1;
    return n + 2 + RR_SIZE + 22;
}
