/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One pass: header, question, then the records behind it, of which only OPT, TSIG and the place of
 * IXFR's SOA matter. Written by hand and without memory because it is run for every packet of every
 * stranger; the name is lowered in blocks of 16, which compilers turn into vector code.
 *
 *     ID | QR OPCODE(4) AA TC RD | RA Z AD CD RCODE(4) | QDCOUNT | ANCOUNT | NSCOUNT | ARCOUNT
 *
 * Strict or lenient? Records nobody asked for in a query (answers, unknown additionals) are walked
 * over. A question less or more, a second OPT, an OPT that is not the root's, a TSIG that is not
 * last, octets behind the last record: FORMERR, for what such a sender means cannot be known. No
 * question at all is one too, unless a cookie is what it is about (RFC 7873 §5.4, RFC 9619).
 */
#include "dns/query.h"

#include <string.h>

enum { BLOCK = 16, LOWER_ROOM = (DNS_NAME_MAX + BLOCK) / BLOCK * BLOCK };

_Static_assert(sizeof(((struct dns_query *)0)->name) == LOWER_ROOM, "name is lowered in blocks");

static void name_lower(uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n; at += BLOCK)
        for (unsigned i = 0; i < BLOCK; i++) {
            uint8_t c = p[at + i];

            p[at + i] = (uint8_t)(c | ((uint8_t)(c - 'A') < 26) << 5);
        }
}

/* Reads the one question; false when it is broken. Sets question_end and what belongs to it. */
static bool question_read(struct dns_query *q)
{
    const uint8_t *p = q->packet + DNS_HEADER;
    size_t room = q->n - DNS_HEADER, at = 0;
    unsigned labels = 0;

    if (room > DNS_NAME_MAX + 4)
        room = DNS_NAME_MAX + 4;
    while (at < room && p[at] != 0) {
        if (p[at] > DNS_LABEL_MAX || labels == DNS_LABELS_MAX)
            return false;
        q->label_at[labels++] = (uint8_t)at;
        at += p[at] + 1u;
    }
    if (at + 5 > room)
        return false;
    q->label_at[labels] = (uint8_t)at;
    q->labels = (uint8_t)labels;
    q->name_n = (uint8_t)(at + 1);
    memcpy(q->name, p, at + 1);
    name_lower(q->name, at + 1);
    q->type = dns_wire_get16(p + at + 1);
    q->klass = dns_wire_get16(p + at + 3);
    q->question_end = (uint16_t)(DNS_HEADER + at + 5);
    return true;
}

/* Behind an owner that may end in a pointer, which is not followed; 0 when it runs over. */
static size_t owner_skip(const struct dns_query *q, size_t at)
{
    while (at < q->n) {
        unsigned c = q->packet[at];

        if (c == 0)
            return at + 1;
        if (c >= 0xc0)
            return at + 2;
        if (c > DNS_LABEL_MAX)
            return 0;
        at += c + 1;
    }
    return 0;
}

/* What an additional record means to us; `at` is its type, behind its owner at `owner`. */
static enum dns_parse additional_read(struct dns_query *q, size_t owner, size_t at, bool last)
{
    switch (dns_wire_get16(q->packet + at)) {
    case DNS_TYPE_OPT:
        if (q->edns.present || at != owner + 1)
            return DNS_PARSE_FORMERR;
        switch (dns_edns_read(q->packet, at, &q->edns)) {
        case DNS_EDNS_OK:
            return DNS_PARSE_OK;
        case DNS_EDNS_VERSION:
            return DNS_PARSE_BADVERS;
        case DNS_EDNS_BROKEN:
            break;
        }
        return DNS_PARSE_FORMERR;
    case DNS_TYPE_TSIG:
        if (!last)
            return DNS_PARSE_FORMERR;
        q->tsig_at = (uint16_t)owner;
        return DNS_PARSE_OK;
    default:
        return DNS_PARSE_OK;
    }
}

static enum dns_parse records_read(struct dns_query *q)
{
    unsigned answers = dns_wire_get16(q->packet + 6), authority = dns_wire_get16(q->packet + 8);
    unsigned additional = dns_wire_get16(q->packet + 10), before = answers + authority;
    enum dns_parse worst = DNS_PARSE_OK;
    size_t at = q->question_end ? q->question_end : DNS_HEADER;

    for (unsigned i = 0; i < before + additional; i++) {
        size_t owner = at, type = owner_skip(q, at);

        if (type == 0 || q->n < type + 10)
            return DNS_PARSE_FORMERR;
        at = type + 10 + dns_wire_get16(q->packet + type + 8);
        if (at > q->n)
            return DNS_PARSE_FORMERR;
        if (i == answers && i < before)
            q->authority_at = (uint16_t)owner;
        if (i < before && dns_wire_get16(q->packet + type) == DNS_TYPE_TSIG)
            return DNS_PARSE_FORMERR; /* RFC 8945 §5.1: nowhere but at the end of all */
        if (i >= before) {
            enum dns_parse got = additional_read(q, owner, type, i + 1 == before + additional);

            if (got == DNS_PARSE_FORMERR)
                return got;
            if (got != DNS_PARSE_OK)
                worst = got;
        }
    }
    return at == q->n ? worst : DNS_PARSE_FORMERR;
}

/* A message with so many questions, of any opcode. */
static enum dns_parse body_read(struct dns_query *q, unsigned questions)
{
    if (questions == 1)
        return question_read(q) ? records_read(q) : DNS_PARSE_FORMERR;
    if (questions == 0) {
        enum dns_parse got = records_read(q);

        if (got == DNS_PARSE_OK)
            return q->edns.cookie_n ? DNS_PARSE_COOKIE : DNS_PARSE_FORMERR;
        return got;
    }
    return DNS_PARSE_FORMERR;
}

enum dns_parse dns_query_parse(struct dns_query *q, const uint8_t *packet, size_t n)
{
    enum dns_parse got;

    if (n < DNS_HEADER || n > DNS_MESSAGE_MAX || packet[2] & 0x80)
        return DNS_PARSE_DROP;
    q->packet = packet;
    q->n = (uint16_t)n;
    q->id = dns_wire_get16(packet);
    q->opcode = packet[2] >> 3 & 15;
    q->rd = packet[2] & 1;
    q->cd = packet[3] & 0x10;
    q->type = q->klass = 0;
    q->question_end = q->authority_at = q->tsig_at = 0;
    q->edns = (struct dns_edns){0};
    q->name_n = q->labels = 0;
    got = body_read(q, dns_wire_get16(packet + 4));
    if (q->opcode == DNS_OPCODE_QUERY)
        return got;
    /* How an opcode's message looks that we do not know, we do not know: only guesses that hold. */
    if (got == DNS_PARSE_FORMERR) {
        q->question_end = q->tsig_at = 0;
        q->edns = (struct dns_edns){0};
    }
    return got == DNS_PARSE_BADVERS ? got : DNS_PARSE_NOTIMP;
}

size_t dns_query_udp_max(const struct dns_query *q, size_t most)
{
    size_t n = q->edns.present ? q->edns.udp_size : DNS_UDP_MIN;

    if (n > most)
        n = most;
    return n < DNS_UDP_MIN ? DNS_UDP_MIN : n;
}

struct span dns_query_cookie(const struct dns_query *q)
{
    return q->edns.cookie_n ? span_of(q->packet + q->edns.cookie_at, q->edns.cookie_n) : SPAN_NULL;
}

bool dns_query_ixfr_serial(const struct dns_query *q, uint32_t *ret)
{
    size_t at = q->authority_at, data, end;
    struct dns_name name;

    if (at == 0 || !dns_name_read(q->packet, q->n, &at, &name))
        return false;
    dns_name_lower(&name);
    if (name.n != q->name_n || memcmp(name.wire, q->name, name.n) != 0)
        return false;
    /* records_read() has seen that the fixed part and the data lie within the packet. */
    data = at + 10;
    end = data + dns_wire_get16(q->packet + at + 8);
    if (dns_wire_get16(q->packet + at) != DNS_TYPE_SOA ||
        !dns_name_read(q->packet, end, &data, &name) ||
        !dns_name_read(q->packet, end, &data, &name) || end - data != 20)
        return false;
    *ret = dns_wire_get32(q->packet + data);
    return true;
}

size_t dns_query_write(uint8_t *out, size_t max, uint16_t id, const struct dns_name *name,
                       uint16_t type, bool edns)
{
    size_t n = DNS_HEADER + name->n + 4u;

    if (max < n + (edns ? 11 : 0))
        return 0;
    memset(out, 0, DNS_HEADER);
    dns_wire_put16(out, id);
    out[5] = 1;
    memcpy(out + DNS_HEADER, name->wire, name->n);
    dns_wire_put16(out + n - 4, type);
    dns_wire_put16(out + n - 2, DNS_CLASS_IN);
    if (edns) {
        out[11] = 1;
        memset(out + n, 0, 11);
        out[n + 2] = DNS_TYPE_OPT;
        dns_wire_put16(out + n + 3, DNS_UDP_USUAL);
        n += 11;
    }
    return n;
}
