/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers of the DNS, by their registry's names, and the limits of its wire (RFC 1035 §2.3.4). */
#ifndef POSTERN_DNS_WIRE_H
#define POSTERN_DNS_WIRE_H

#include <stdint.h>

enum {
    DNS_HEADER = 12,      /* octets */
    DNS_NAME_MAX = 255,   /* octets of a name on the wire, with the root's zero */
    DNS_LABEL_MAX = 63,   /* octets of a label */
    DNS_LABELS_MAX = 127, /* labels of a name, the root not counted */
    DNS_STRING_MAX = 255, /* octets of one string of a TXT */
    DNS_UDP_MIN = 512,    /* what everybody can receive; RFC 6891 §6.2.5 */
    DNS_UDP_USUAL = 1232, /* what passes every path without fragments */
    DNS_MESSAGE_MAX = 65535,
    DNS_POINTER_MAX = 0x3fff, /* the furthest octet of a message that compression can point to */
};

enum dns_type {
    DNS_TYPE_A = 1,
    DNS_TYPE_NS = 2,
    DNS_TYPE_CNAME = 5,
    DNS_TYPE_SOA = 6,
    DNS_TYPE_PTR = 12,
    DNS_TYPE_HINFO = 13,
    DNS_TYPE_MX = 15,
    DNS_TYPE_TXT = 16,
    DNS_TYPE_AAAA = 28,
    DNS_TYPE_DNAME = 39,
    DNS_TYPE_OPT = 41,
    DNS_TYPE_TSIG = 250,
    DNS_TYPE_IXFR = 251,
    DNS_TYPE_AXFR = 252,
    DNS_TYPE_MAILB = 253,
    DNS_TYPE_MAILA = 254,
    DNS_TYPE_ANY = 255,
};

enum dns_class {
    DNS_CLASS_IN = 1,
    DNS_CLASS_CH = 3,
    DNS_CLASS_NONE = 254,
    DNS_CLASS_ANY = 255,
};

enum dns_opcode {
    DNS_OPCODE_QUERY = 0,
    DNS_OPCODE_NOTIFY = 4, /* RFC 1996 */
    DNS_OPCODE_UPDATE = 5, /* RFC 2136 */
};

/* Over 15 the upper bits travel in the OPT record (RFC 6891 §6.1.3). */
enum dns_rcode {
    DNS_NOERROR = 0,
    DNS_FORMERR = 1,
    DNS_SERVFAIL = 2,
    DNS_NXDOMAIN = 3,
    DNS_NOTIMP = 4,
    DNS_REFUSED = 5,
    DNS_NOTAUTH = 9, /* not the server of that zone, or a TSIG that does not hold */
    DNS_BADVERS = 16,
    DNS_BADCOOKIE = 23,
};

/* Big-endian integers; inline, unlike base/num.h's, for they are half of what a query costs. */
static inline uint16_t dns_wire_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t dns_wire_get32(const uint8_t *p)
{
    return (uint32_t)dns_wire_get16(p) << 16 | dns_wire_get16(p + 2);
}

static inline void dns_wire_put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void dns_wire_put32(uint8_t *p, uint32_t v)
{
    dns_wire_put16(p, (uint16_t)(v >> 16));
    dns_wire_put16(p + 2, (uint16_t)v);
}

/* "A", "TXT", "TYPE65280" (RFC 3597 §5); returns out. */
enum { DNS_TYPE_TEXT_MAX = 10 };
const char *dns_wire_type_name(uint16_t type, char out[DNS_TYPE_TEXT_MAX]);
/* "NOERROR"; "RCODE12" for one without a name. */
enum { DNS_RCODE_TEXT_MAX = 12 };
const char *dns_wire_rcode_name(unsigned rcode, char out[DNS_RCODE_TEXT_MAX]);

#endif
