/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses as names below a list's zone (RFC 5782 §2.1 and §2.4): 192.0.2.1 is "1.2.0.192.<zone>",
 * an IPv6 address its 32 nibbles, last first. Fewer labels are a prefix: the empty names between
 * the zone and its listings, which exist when something lies below them (RFC 8020).
 */
#ifndef POSTERN_DNS_BLNAME_H
#define POSTERN_DNS_BLNAME_H

#include "base/ip.h"
#include "dns/name.h"

enum dns_blname {
    DNS_BLNAME_ADDRESS = 0, /* a whole address */
    DNS_BLNAME_PREFIX = 1,  /* its first len bits; 0 for the zone's own name */
    DNS_BLNAME_LONG = 2,    /* a whole address with more labels before it: no such name */
    DNS_BLNAME_BAD = 3,     /* a label that is no octet (over 255, leading zero) or no nibble; the
                               len bits before it are good */
};

/*
 * Reads the first `labels` labels of a lower-cased name, those before the zone's. Four labels of
 * one digit are an IPv4 address and an IPv6 prefix: a zone that holds both asks both.
 * *ret_address is in host order, what is not known zero; *ret_len 0 to 32 in eights.
 */
enum dns_blname dns_blname_read4(const uint8_t *name, const uint8_t *label_at, unsigned labels,
                                 uint32_t *ret_address, unsigned *ret_len);
/* The same in nibbles: ret[0] the first 64 bits, ret[1] the last; *ret_len 0 to 128 in fours. */
enum dns_blname dns_blname_read6(const uint8_t *name, const uint8_t *label_at, unsigned labels,
                                 uint64_t ret_address[2], unsigned *ret_len);

enum { DNS_BLNAME_LABELS_MAX = 64 }; /* octets: 32 nibbles with their length octets */

/*
 * The labels of an address or prefix, without the zone and without a root; len in eights (fours for
 * IPv6), else it is cut to one. Returns the octets written.
 */
size_t dns_blname_write(const struct ip_prefix *prefix, uint8_t out[DNS_BLNAME_LABELS_MAX]);
/* The whole name; false when zone and labels are too long together. */
bool dns_blname_of(const struct ip_prefix *prefix, const struct dns_name *zone,
                   struct dns_name *ret);

#endif
