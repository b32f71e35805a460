/* SPDX-License-Identifier: GPL-3.0-or-later */
/* EDNS(0), RFC 6891: what a query's OPT record says. The answer's is written by dns/reply.h. */
#ifndef POSTERN_DNS_EDNS_H
#define POSTERN_DNS_EDNS_H

#include "base/span.h"
#include "dns/wire.h"

#include <stdint.h>

enum dns_option {
    DNS_OPTION_NSID = 3,       /* RFC 5001 */
    DNS_OPTION_COOKIE = 10,    /* RFC 7873 */
    DNS_OPTION_KEEPALIVE = 11, /* RFC 7828 */
    DNS_OPTION_EDE = 15,       /* RFC 8914 */
};

/* Reasons of Extended DNS Errors, RFC 8914 §5.2. */
enum dns_ede {
    DNS_EDE_OTHER = 0,
    DNS_EDE_STALE = 3,
    DNS_EDE_NOT_READY = 14,
    DNS_EDE_BLOCKED = 15,
    DNS_EDE_PROHIBITED = 18, /* this client may not ask this server */
    DNS_EDE_NOT_AUTHORITATIVE = 20,
    DNS_EDE_NOT_SUPPORTED = 21,
    DNS_EDE_INVALID_DATA = 24,
};

enum {
    DNS_COOKIE_CLIENT = 8, /* octets of the client's part */
    DNS_COOKIE_FULL = 24,  /* with our server's part, RFC 9018 §4 */
    DNS_COOKIE_MAX = 40,   /* with anybody's, RFC 7873 §4 */
};

struct dns_edns {
    bool present;
    bool do_bit;
    bool nsid;      /* asked for */
    bool keepalive; /* asked for */
    uint8_t version;
    uint16_t udp_size;  /* as sent: may be under 512 */
    uint16_t cookie_at; /* of the option's value in the packet; 0: no cookie */
    uint8_t cookie_n;   /* 8, or 16 to 40 */
};

enum dns_edns_got {
    DNS_EDNS_OK = 0,
    DNS_EDNS_BROKEN = 1,  /* options that overrun, a cookie of a length there is not: FORMERR */
    DNS_EDNS_VERSION = 2, /* not 0: BADVERS; the options are not looked at */
};

/*
 * Reads an OPT record: `at` is its type field in the packet (the root owner stands before it), its
 * data ends inside the packet (the caller has seen to both). Fills *ret in every case. Unknown
 * options are passed over; of one given twice the first counts.
 */
enum dns_edns_got dns_edns_read(const uint8_t *packet, size_t at, struct dns_edns *ret);

#endif
