/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Builds the answer to a query in a buffer of the caller:
 *
 *     dns_reply_begin(&r, &q, out, dns_query_udp_max(&q, 1232));
 *     dns_reply_a(&r, DNS_OWNER_QUESTION, 300, 0x7f000002);
 *     n = dns_reply_finish(&r);
 *
 * The header is the query's own with QR set; the question is given back octet for octet, with the
 * case the client chose (0x20). Sections come in order. A record that does not fit is left out
 * whole, TC is set unless it was an additional one, and nothing is added behind it. The OPT record
 * is written by finish() when the query had one (RFC 6891 §6.1.1), its room kept from the start, so
 * it always fits; codes over 15 become SERVFAIL without one.
 */
#ifndef POSTERN_DNS_REPLY_H
#define POSTERN_DNS_REPLY_H

#include "dns/query.h"

enum dns_section { DNS_ANSWER = 1, DNS_AUTHORITY = 2, DNS_ADDITIONAL = 3 };

/*
 * The owner of a record is the offset in the message where its name stands: DNS_OWNER_QUESTION, or
 * dns_reply_owner_suffix() for the zone's name inside it; or the name of dns_reply_owner().
 */
enum { DNS_OWNER_OTHER = 0, DNS_OWNER_QUESTION = DNS_HEADER };

struct dns_soa {
    struct dns_name mname, rname;
    uint32_t serial, refresh, retry, expire, minimum;
};

/*
 * The data of a zone's SOA as they stand in a message in which the zone's name stands already: laid
 * once, since each denial has them. Pointer i belongs at octet at[i] of the data, and leads to
 * octet to[i] of the zone's name.
 */
struct dns_soa_laid {
    uint16_t n, at[2];
    uint8_t to[2], pointers;
    uint8_t data[2 * DNS_NAME_MAX + 20];
};
void dns_soa_lay(const struct dns_soa *soa, const struct dns_name *zone, struct dns_soa_laid *ret);

enum { DNS_REPLY_MIN = 512, DNS_EDE_TEXT_MAX = 128, DNS_NSID_MAX = 64 };

struct dns_reply {
    uint8_t *p;
    uint32_t n;         /* octets written */
    uint32_t max;       /* octets the transport takes */
    uint32_t kept;      /* of which are kept for OPT and TSIG */
    uint16_t rcode;     /* enum dns_rcode */
    uint16_t counts[4]; /* by enum dns_section; [0] questions */
    uint8_t section;
    bool aa, full;
    bool tc;
    uint16_t udp_size; /* what our OPT says that we take; DNS_UDP_USUAL from begin() */
    const struct dns_query *q;
    const struct dns_name *owner; /* of DNS_OWNER_OTHER */
    struct span nsid, ede_text;   /* borrowed until finish() */
    uint16_t ede;                 /* with has_ede */
    bool has_ede, has_nsid, has_keepalive;
    uint16_t keepalive; /* of 100 ms */
    uint8_t cookie_n;
    uint8_t cookie[DNS_COOKIE_MAX];
};

/* max is at least DNS_REPLY_MIN; out must not be the query's own packet. The query is borrowed. */
void dns_reply_begin(struct dns_reply *r, const struct dns_query *q, uint8_t *out, size_t max);
/* Throws the records away (the OPT's settings stay), to begin another answer. */
void dns_reply_clear(struct dns_reply *r);
/* Only the question and TC: "ask again by TCP", for rate limiting. */
void dns_reply_slip(struct dns_reply *r);

static inline void dns_reply_rcode(struct dns_reply *r, enum dns_rcode rcode)
{
    r->rcode = (uint16_t)rcode;
}

static inline void dns_reply_aa(struct dns_reply *r, bool aa)
{
    r->aa = aa;
}

/* What is added from here on goes there; never back. */
static inline void dns_reply_section(struct dns_reply *r, enum dns_section section)
{
    r->section = (uint8_t)section;
}

/* The suffix of the question that begins at its label `label` (0 the whole, q->labels the root). */
static inline uint16_t dns_reply_owner_suffix(const struct dns_query *q, unsigned label)
{
    return (uint16_t)(DNS_HEADER + q->label_at[label]);
}

/* The owner of the records added with DNS_OWNER_OTHER from here on; borrowed. */
static inline void dns_reply_owner(struct dns_reply *r, const struct dns_name *owner)
{
    r->owner = owner;
}

/* Each: false when it did not fit. Class IN unless the question was of another. */
bool dns_reply_a(struct dns_reply *r, uint16_t owner, uint32_t ttl, uint32_t address);
bool dns_reply_aaaa(struct dns_reply *r, uint16_t owner, uint32_t ttl, const uint8_t address[16]);
/* Text over 255 octets becomes several strings of one record; none is one empty string. */
bool dns_reply_txt(struct dns_reply *r, uint16_t owner, uint32_t ttl, struct span text);
/* owner is where the name stands that the SOA was laid for; not DNS_OWNER_OTHER. */
bool dns_reply_soa(struct dns_reply *r, uint16_t owner, uint32_t ttl,
                   const struct dns_soa_laid *soa);
/* NS, PTR, CNAME: data that is one name; suffixes that the question has too are compressed. */
bool dns_reply_named(struct dns_reply *r, uint16_t owner, uint16_t type, uint32_t ttl,
                     const struct dns_name *name);
bool dns_reply_mx(struct dns_reply *r, uint16_t owner, uint32_t ttl, uint16_t preference,
                  const struct dns_name *name);
/* Any type, its data as it goes on the wire. */
bool dns_reply_rr(struct dns_reply *r, uint16_t owner, uint16_t type, uint32_t ttl,
                  struct span data);

/*
 * Options of our OPT: nothing happens when the query had none, or has no room left for it. The text
 * of an EDE is cut at DNS_EDE_TEXT_MAX (on a whole UTF-8 character), an NSID at DNS_NSID_MAX. The
 * first EDE counts.
 */
void dns_reply_ede(struct dns_reply *r, enum dns_ede code, struct span text);
void dns_reply_nsid(struct dns_reply *r, struct span nsid); /* only where it was asked for */
void dns_reply_cookie(struct dns_reply *r, const uint8_t *cookie, size_t n); /* client and server */
void dns_reply_keepalive(struct dns_reply *r, uint16_t units_100ms); /* TCP, where asked for */

/* Room for what is written behind finish(), TSIG: dns_tsig_room(). */
void dns_reply_keep(struct dns_reply *r, size_t octets);
/* Writes header and OPT; the answer's octets. */
size_t dns_reply_finish(struct dns_reply *r);

#endif
