/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Server cookies of DNS, RFC 7873, in the form that servers share (RFC 9018): SipHash-2-4 over the
 * client's cookie, version, time and address, so that a client that has one has shown its address.
 */
#ifndef POSTERN_DNS_COOKIE_H
#define POSTERN_DNS_COOKIE_H

#include "base/ip.h"
#include "dns/edns.h"

enum {
    DNS_COOKIE_KEY = 16,
    DNS_COOKIE_LIFE = 3600, /* seconds; RFC 9018 §4.3 */
    DNS_COOKIE_RENEW = 1800,
    DNS_COOKIE_AHEAD = 300, /* how far another server's clock may be ahead of ours */
};

struct dns_cookie_keys {
    uint8_t now[DNS_COOKIE_KEY];
    uint8_t before[DNS_COOKIE_KEY]; /* still accepted while keys are changed */
    bool has_before;
};

enum dns_cookie {
    DNS_COOKIE_NONE = 0,  /* no cookie option */
    DNS_COOKIE_NEW = 1,   /* only the client's part: nothing is shown yet */
    DNS_COOKIE_FALSE = 2, /* a server part that is not ours, of another address, or too old */
    DNS_COOKIE_GOOD = 3,  /* ours: send it back as it is */
    DNS_COOKIE_OLD = 4,   /* ours, but past half its life or of the key before: send a new one */
};

/* cookie is the option's value; now_wall in seconds since 1970. */
enum dns_cookie dns_cookie_check(const struct dns_cookie_keys *keys, struct span cookie,
                                 struct ip client, int64_t now_wall);
/* out may be where client stands. */
void dns_cookie_make(const struct dns_cookie_keys *keys, const uint8_t client[DNS_COOKIE_CLIENT],
                     struct ip address, int64_t now_wall, uint8_t out[DNS_COOKIE_FULL]);

/* SipHash-2-4; also for tables that strangers fill. */
uint64_t dns_cookie_siphash(const uint8_t key[DNS_COOKIE_KEY], const uint8_t *data, size_t n);

#endif
