/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hash table with open addressing, at most half full. Taking a host out moves those behind it, so
 * that there are no graves; the table never shrinks, since what was once needed will be again. The
 * hash is seeded: whoever owns a /32 of IPv6 must not choose its collisions.
 */
#include "cmd/gate/hosts.h"

#include "io/random.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_AT_FIRST = 64 };

struct slot {
    struct ip ip;
    unsigned count; /* 0: free */
};

struct hosts {
    struct slot *slots;
    size_t cap, used; /* cap is a power of two */
    uint64_t seed;
};

struct hosts *hosts_new(void)
{
    struct hosts *h = calloc(1, sizeof(*h));

    if (h)
        h->slots = calloc(SLOTS_AT_FIRST, sizeof(*h->slots));
    if (!h || !h->slots || random_bytes(&h->seed, sizeof(h->seed)) < 0) {
        hosts_free(h);
        return NULL;
    }
    h->cap = SLOTS_AT_FIRST;
    return h;
}

void hosts_free(struct hosts *h)
{
    if (h)
        free(h->slots);
    free(h);
}

static size_t hash(const struct hosts *h, struct ip ip)
{
    return (size_t)ip_hash(ip, h->seed);
}

static struct ip host_of(struct ip ip)
{
    return ip_prefix_of(ip, ip.family == IP_V6 ? 64 : 32).ip;
}

static size_t find(const struct hosts *h, struct ip ip)
{
    size_t i = hash(h, ip) & (h->cap - 1);

    while (h->slots[i].count && !ip_eq(h->slots[i].ip, ip))
        i = (i + 1) & (h->cap - 1);
    return i;
}

static bool grow(struct hosts *h)
{
    struct hosts bigger = {.cap = h->cap * 2, .used = h->used, .seed = h->seed};

    bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < h->cap; i++)
        if (h->slots[i].count)
            bigger.slots[find(&bigger, h->slots[i].ip)] = h->slots[i];
    free(h->slots);
    *h = bigger;
    return true;
}

unsigned hosts_enter(struct hosts *h, struct ip ip)
{
    size_t i;

    ip = host_of(ip);
    if (h->used * 2 >= h->cap && !grow(h))
        return 0;
    i = find(h, ip);
    if (h->slots[i].count == 0) {
        h->slots[i].ip = ip;
        h->used++;
    }
    return ++h->slots[i].count;
}

void hosts_leave(struct hosts *h, struct ip ip)
{
    size_t i = find(h, host_of(ip)), gap, mask = h->cap - 1;

    if (h->slots[i].count == 0 || --h->slots[i].count)
        return;
    h->used--;
    for (gap = i, i = (i + 1) & mask; h->slots[i].count; i = (i + 1) & mask) {
        size_t home = hash(h, h->slots[i].ip) & mask;

        /* It may stand in the gap if its home is not behind the gap, in the ring's order. */
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            h->slots[gap] = h->slots[i];
            h->slots[i].count = 0;
            gap = i;
        }
    }
}
