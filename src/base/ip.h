/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses and prefixes as values. An IPv4-mapped IPv6 address is folded to IPv4 wherever one is
 * made, so that ::ffff:192.0.2.1 and 192.0.2.1 are one client in every list.
 */
#ifndef POSTERN_BASE_IP_H
#define POSTERN_BASE_IP_H

#include "base/span.h"

#include <stdint.h>

enum ip_family {
    IP_NONE = 0, /* a zeroed struct ip is no address */
    IP_V4 = 4,
    IP_V6 = 6,
};

struct ip {
    enum ip_family family;
    uint8_t b[16]; /* network order; IPv4 uses the first four, the rest is zero */
};

struct ip_prefix {
    struct ip ip; /* host bits are zero */
    unsigned len; /* 0 to 32, or 0 to 128 */
};

/*
 * What kind of space an address is in: the registries of RFC 6890. An address that carries an IPv4
 * address (6to4, NAT64) is in the space of that one.
 */
enum ip_space {
    IP_PUBLIC,
    IP_LOOPBACK,  /* 127/8, ::1 */
    IP_PRIVATE,   /* RFC 1918, fc00::/7, fec0::/10, 64:ff9b:1::/48 */
    IP_LINKLOCAL, /* 169.254/16, fe80::/10 */
    IP_SHARED,    /* 100.64/10: carrier NAT */
    IP_DOCUMENT,  /* 192.0.2/24, 198.51.100/24, 203.0.113/24, 2001:db8::/32, 3fff::/20 */
    IP_BENCHMARK, /* 198.18/15 */
    IP_MULTICAST,
    IP_RESERVED, /* 0/8, 240/4, ::, and what else can be nobody's mail host */
};

enum { IP_TEXT_MAX = 46 }; /* the longest text of ip_text, with its NUL */

/* Strict text: no brackets, no leading zeros, no scope. */
bool ip_parse(struct span s, struct ip *ret);
/*
 * "10.0.0.0/8"; a bare address is a /32 or /128; a prefix of mapped addresses (/96 and longer)
 * folds to IPv4. False when host bits are set.
 */
bool ip_prefix_parse(struct span s, struct ip_prefix *ret);
/* The canonical text of RFC 5952; "" for IP_NONE. Returns out. */
const char *ip_text(struct ip ip, char out[IP_TEXT_MAX]);

bool ip_eq(struct ip a, struct ip b);
int ip_cmp(struct ip a, struct ip b);                      /* IPv4 before IPv6, then by value */
uint64_t ip_hash(struct ip ip, uint64_t seed);             /* for tables, not for secrets */
bool ip_prefix_has(struct ip_prefix net, struct ip ip);    /* false when either is no address */
struct ip_prefix ip_prefix_of(struct ip ip, unsigned len); /* host bits cleared, len cut to fit */
enum ip_space ip_space(struct ip ip);
const char *ip_space_name(enum ip_space space);
/* A host anywhere may have it; or it is of documentation or benchmarks, where tests stand. */
bool ip_public(struct ip ip);

/*
 * "host", "host:port", "192.0.2.1:25", "[2001:db8::1]:25", "2001:db8::1". The host is borrowed from
 * s without its brackets; *ret_port is 0 when none is given. A host name's own syntax is not looked
 * at, save that no colon is in it.
 */
bool ip_host_port(struct span s, struct span *ret_host, uint16_t *ret_port);

#endif
