/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Response rate limiting: a server that answers forged questions is a weapon against whom they name
 * (dnsbl reference: 2.6 times for TXT). Each answer is counted for several prefixes of its address,
 * wider ones with a wider limit; what is over any limit is not answered, or only with TC, upon
 * which a real client comes again by TCP. Do not ask for clients with a good cookie, nor for TCP.
 *
 * The table lies in the caller's memory and may be shared by threads: a count may get lost between
 * two of them, nothing else can.
 */
#ifndef POSTERN_DNS_RRL_H
#define POSTERN_DNS_RRL_H

#include "base/ip.h"
#include "dns/cookie.h"

enum {
    DNS_RRL_RATE = 50,   /* answers a second to one address, usual */
    DNS_RRL_BURST = 125, /* above that at once, after a pause; usual */
    DNS_RRL_SLIP = 2,    /* of what is over, one in so many gets a TC answer; 0 none; usual */
    DNS_RRL_RATE_MAX = 100000,
    DNS_RRL_BURST_MAX = 1000000,
    DNS_RRL_PAUSE_MAX = 3600, /* seconds: burst is at most so many times the rate */
    DNS_RRL_BITS_MIN = 6,     /* size of a table: 2^bits counters, 8 octets each */
    DNS_RRL_BITS_MAX = 24,
    DNS_RRL_BITS = 18,    /* usual: 2 MB */
    DNS_RRL_PREFIXES = 4, /* of an address, at most */
};

struct dns_rrl_conf {
    uint32_t rate; /* 0: no limit */
    uint32_t burst;
    uint32_t slip;
};

enum dns_rrl_say {
    DNS_RRL_PASS = 0,
    DNS_RRL_SLIPS = 1, /* answer with dns_reply_slip() */
    DNS_RRL_DROP = 2,
};

struct dns_rrl {
    struct dns_rrl_conf conf;
    uint64_t depth; /* nanoseconds in which a burst drains */
    uint64_t interval4[DNS_RRL_PREFIXES], interval6[DNS_RRL_PREFIXES]; /* of one answer */
    uint64_t *slots;                                                   /* the caller's */
    uint32_t mask;                                                     /* of lines of eight slots */
    uint64_t key[2];
    uint64_t turn; /* which of the limited slips */
};

/* Octets of a table, to be aligned at 64. */
size_t dns_rrl_size(unsigned bits);
/* memory holds dns_rrl_size(bits) octets and is cleared. Numbers over their limits are cut. */
void dns_rrl_init(struct dns_rrl *r, void *memory, unsigned bits, struct dns_rrl_conf conf,
                  const uint8_t key[DNS_COOKIE_KEY]);
/* May an answer go to the client? Counts it if so. now in milliseconds, monotonic. */
enum dns_rrl_say dns_rrl_ask(struct dns_rrl *r, struct ip client, int64_t now);

#endif
