/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What packets tell. A router that translates addresses writes another one onto a stranger's
 * packets, but they have come the stranger's way all the same, and their time to live has been
 * counted down at each router on it. So a house number next door on a letter from abroad shows the
 * forger at his first letter, without any name.
 *
 * A proxy that ends the connection sends packets of its own, and hides this too. And who forges on
 * purpose can send with any time to live he likes: then it is his neighbours who give the
 * translator away.
 */
#include "gate/guard_priv.h"

unsigned guard_hops(unsigned ttl)
{
    /* What hosts begin with: most 64 or 128, network devices 255, old ones 30, 32, 60 or 100. */
    static const unsigned begins[] = {30, 32, 60, 64, 100, 128, 200, 255};

    if (ttl == 0)
        return 0;
    for (size_t i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
        if (ttl <= begins[i])
            return begins[i] - ttl;
    return 0;
}

/* In a network of ours, or of one link by its very kind. */
static bool is_near(const struct guard *g, struct ip ip)
{
    if (ip_space(ip) == IP_LINKLOCAL)
        return true;
    for (unsigned i = 0; i < g->net_count; i++)
        if (ip_prefix_has(g->nets[i], ip))
            return true;
    return false;
}

/* Many different distances, and far from each other. */
static bool is_many(uint64_t paths)
{
    unsigned count = 0, low = 63, high = 0;

    for (unsigned i = 0; i < 64; i++) {
        if (!(paths >> i & 1))
            continue;
        count++;
        low = i < low ? i : low;
        high = i;
    }
    return count >= GUARD_PATHS && high - low >= GUARD_PATHS_SPAN;
}

bool guard_path(struct guard *g, struct guard_address *a, const struct guard_session *s,
                int64_t now)
{
    unsigned hops = guard_hops(s->ttl);
    uint64_t bit = UINT64_C(1) << (hops < 63 ? hops : 63);

    if (s->ttl == 0 || (guard_is_public(s->client) && !s->trusted))
        return false;
    /* A public IPv6 address stands for its network here: many hosts, each at its own distance. */
    if (a->ip.family == IP_V6 && !ip_eq(a->ip, s->client))
        return is_near(g, s->client) && hops >= GUARD_NEAR_HOPS;
    if (a->paths == 0)
        a->paths_at = now;
    g->news = g->news || !(a->paths & bit);
    a->paths |= bit;
    return (is_near(g, a->ip) && hops >= GUARD_NEAR_HOPS) || is_many(a->paths);
}
