/* SPDX-License-Identifier: GPL-3.0-or-later */
/* IPv6 addresses as two halves of 64 bits, so that order and prefixes are arithmetic. */
#ifndef POSTERN_ZONE_IP6_H
#define POSTERN_ZONE_IP6_H

#include <stdbool.h>
#include <stdint.h>

struct zone_ip6 {
    uint64_t hi, lo;
};

struct zone_ip6 zone_ip6_of(const uint8_t b[16]); /* network order */
void zone_ip6_bytes(struct zone_ip6 ip, uint8_t out[16]);

static inline int zone_ip6_cmp(struct zone_ip6 a, struct zone_ip6 b)
{
    return a.hi != b.hi ? (a.hi < b.hi ? -1 : 1) : (a.lo > b.lo) - (a.lo < b.lo);
}

/* The bits of the host part of a /len, 0 to 128. */
static inline struct zone_ip6 zone_ip6_host(unsigned len)
{
    if (len >= 128)
        return (struct zone_ip6){0, 0};
    if (len >= 64)
        return (struct zone_ip6){0, UINT64_MAX >> (len - 64)};
    return (struct zone_ip6){UINT64_MAX >> len, UINT64_MAX};
}

/* The first and the last address of the /len that holds ip. */
static inline struct zone_ip6 zone_ip6_first(struct zone_ip6 ip, unsigned len)
{
    struct zone_ip6 host = zone_ip6_host(len);

    return (struct zone_ip6){ip.hi & ~host.hi, ip.lo & ~host.lo};
}

static inline struct zone_ip6 zone_ip6_last(struct zone_ip6 ip, unsigned len)
{
    struct zone_ip6 host = zone_ip6_host(len);

    return (struct zone_ip6){ip.hi | host.hi, ip.lo | host.lo};
}

/* The next one and the one before; both go round at the ends. */
static inline struct zone_ip6 zone_ip6_next(struct zone_ip6 ip)
{
    return (struct zone_ip6){ip.hi + (ip.lo == UINT64_MAX), ip.lo + 1};
}

static inline struct zone_ip6 zone_ip6_prev(struct zone_ip6 ip)
{
    return (struct zone_ip6){ip.hi - (ip.lo == 0), ip.lo - 1};
}

static inline bool zone_ip6_is_max(struct zone_ip6 ip)
{
    return (ip.hi & ip.lo) == UINT64_MAX;
}

#endif
