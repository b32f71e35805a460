/* SPDX-License-Identifier: GPL-3.0-or-later */
/* One record off a message, for those who read answers: transfers, NOTIFY, tests. */
#ifndef POSTERN_DNS_RR_H
#define POSTERN_DNS_RR_H

#include "dns/name.h"

struct dns_rr {
    struct dns_name owner;
    uint16_t type, klass;
    uint32_t ttl;
    struct span data; /* names in it written out in NS, CNAME, SOA, PTR, MX, DNAME; borrowed from
                         the message, or from `plain` below */
    uint8_t plain[2 * DNS_NAME_MAX + 20];
};

/* The record at *at; false when it is broken or runs over n. *at moves behind it. */
bool dns_rr_read(const uint8_t *message, size_t n, size_t *at, struct dns_rr *ret);
/* The serial of a SOA's data; false when it is none. */
bool dns_rr_soa_serial(const struct dns_rr *rr, uint32_t *ret);

/* RFC 1982: is a after b? Neither is after the other at a distance of 2^31. */
static inline bool dns_serial_after(uint32_t a, uint32_t b)
{
    return a != b && (uint32_t)(a - b) < UINT32_C(0x80000000);
}

#endif
