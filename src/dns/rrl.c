/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A counter that drains at its limit's rate, kept as one number: the time at which it will be
 * empty. An answer moves that time on by the interval of the rate; when it would lie further ahead
 * than the burst takes to drain, the answer is over the limit. So there is nothing to refill,
 * nothing to expire, and a slot whose time has passed is free.
 *
 * A prefix's slot is found by a keyed hash, so that nobody can choose with whom he shares: the hash
 * gives a line of eight (one cache line) and a tag of 16 bits. When the line is full the emptiest
 * counter gives way, and the newcomer starts from where it stood, not from nothing: a flood of
 * forged addresses cannot wash counters out. Wider prefixes have wider limits, by which a
 * flood over many addresses of one network is seen.
 *
 *     slot = tag (16 bits) | time when empty, in nanoseconds (48 bits: wraps in three days)
 *
 * After the wrap a counter that nobody asked for meanwhile may seem to be ahead once more: in one
 * of 50,000 cases, and then an address is limited for a burst's time, once.
 *
 * Nothing is counted for an answer that is not given; what is let through stays at the rate.
 */
#include "dns/rrl.h"

#include <assert.h>
#include <string.h>

enum { LINE = 8, TIME_BITS = 48, PREFIXES = DNS_RRL_PREFIXES };

#define NS        UINT64_C(1000000000)
#define SKEW      NS /* between two workers' clocks */
#define TIME_MASK ((UINT64_C(1) << TIME_BITS) - 1)

struct level {
    uint8_t bits;
    uint16_t times; /* the limit, in multiples of one address' */
};

static const struct level levels4[] = {{32, 1}, {24, 32}, {20, 256}};
static const struct level levels6[] = {{128, 1}, {64, 2}, {56, 3}, {48, 4}};

size_t dns_rrl_size(unsigned bits)
{
    if (bits < DNS_RRL_BITS_MIN)
        bits = DNS_RRL_BITS_MIN;
    if (bits > DNS_RRL_BITS_MAX)
        bits = DNS_RRL_BITS_MAX;
    return sizeof(uint64_t) << bits;
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

static uint64_t get64(const uint8_t *p)
{
    return (uint64_t)dns_wire_get32(p) << 32 | dns_wire_get32(p + 4);
}

void dns_rrl_init(struct dns_rrl *r, void *memory, unsigned bits, struct dns_rrl_conf conf,
                  const uint8_t key[DNS_COOKIE_KEY])
{
    size_t size = dns_rrl_size(bits);

    if (conf.rate > DNS_RRL_RATE_MAX)
        conf.rate = DNS_RRL_RATE_MAX;
    if (conf.burst < 1)
        conf.burst = 1;
    if (conf.burst > DNS_RRL_BURST_MAX)
        conf.burst = DNS_RRL_BURST_MAX;
    if (conf.burst / DNS_RRL_PAUSE_MAX > conf.rate)
        conf.burst = conf.rate * DNS_RRL_PAUSE_MAX;
    memset(memory, 0, size);
    *r = (struct dns_rrl){
        .conf = conf,
        .depth = conf.rate ? NS * conf.burst / conf.rate : 0,
        .slots = memory,
        .mask = (uint32_t)(size / sizeof(uint64_t) / LINE - 1),
        .key = {get64(key), get64(key + 8)},
    };
    for (unsigned i = 0; conf.rate && i < PREFIXES; i++) {
        if (i < sizeof(levels4) / sizeof(levels4[0]))
            r->interval4[i] = NS / ((uint64_t)conf.rate * levels4[i].times);
        r->interval6[i] = NS / ((uint64_t)conf.rate * levels6[i].times);
    }
}

/*
 * How far ahead a slot's time lies; what is further than any can be is long past. Another worker's
 * clock may be ahead of ours by what we have spent on a batch, so a full counter may seem more than
 * full: taken for long past, it would be given a whole burst anew at each tick of the clock. A time
 * of 0 was never written: else a table's free slots would all seem to be ahead just before each
 * wrap.
 */
static uint64_t ahead_of(uint64_t slot, uint64_t now, uint64_t depth)
{
    uint64_t ahead = (slot - now) & TIME_MASK;

    return (slot & TIME_MASK) != 0 && ahead <= depth + SKEW ? ahead : 0;
}

/* The counter of a hash: the slot with its tag, else the one that is empty first. */
static uint64_t *slot_find(const struct dns_rrl *r, uint64_t hash, uint64_t now,
                           uint64_t *ret_ahead)
{
    uint64_t *line = r->slots + (size_t)(hash & r->mask) * LINE, *best = line;
    uint64_t v[LINE];

    for (unsigned i = 0; i < LINE; i++) {
        v[i] = __atomic_load_n(line + i, __ATOMIC_RELAXED);
        if ((v[i] ^ hash) >> TIME_BITS == 0) {
            *ret_ahead = ahead_of(v[i], now, r->depth);
            return line + i;
        }
    }
    *ret_ahead = UINT64_MAX;
    for (unsigned i = 0; i<LINE && * ret_ahead> 0; i++) {
        uint64_t ahead = ahead_of(v[i], now, r->depth);

        if (ahead < *ret_ahead) {
            *ret_ahead = ahead;
            best = line + i;
        }
    }
    return best;
}

static enum dns_rrl_say limited(struct dns_rrl *r)
{
    uint64_t turn = __atomic_add_fetch(&r->turn, 1, __ATOMIC_RELAXED);

    if (r->conf.slip == 0)
        return DNS_RRL_DROP;
    /* Not every n-th: two floods side by side would take turns, and one would get all. */
    return mix(turn ^ r->key[1]) % r->conf.slip == 0 ? DNS_RRL_SLIPS : DNS_RRL_DROP;
}

static uint64_t prefix_hash(const struct dns_rrl *r, const struct ip *ip, unsigned bits)
{
    uint64_t high, low = 0;

    if (ip->family == IP_V4)
        high = (uint64_t)dns_wire_get32(ip->b) >> (32 - bits);
    else
        high = get64(ip->b) >> (bits < 64 ? 64 - bits : 0);
    if (bits == 128)
        low = get64(ip->b + 8);
    return mix(mix(high ^ r->key[0]) + (low ^ r->key[1]) + bits);
}

enum dns_rrl_say dns_rrl_ask(struct dns_rrl *r, struct ip client, int64_t now)
{
    bool v4 = client.family == IP_V4;
    const struct level *levels = v4 ? levels4 : levels6;
    unsigned count = v4 ? sizeof(levels4) / sizeof(levels4[0]) : PREFIXES;
    uint64_t now_ns = (uint64_t)now * 1000000 & TIME_MASK, hash[PREFIXES], value[PREFIXES];
    uint64_t *slot[PREFIXES];

    assert(client.family != IP_NONE);
    if (r->conf.rate == 0)
        return DNS_RRL_PASS;
    /* All hashes first: so the memory of one line is waited for while the others come too. */
    for (unsigned i = 0; i < count; i++) {
        hash[i] = prefix_hash(r, &client, levels[i].bits);
        __builtin_prefetch(r->slots + (size_t)(hash[i] & r->mask) * LINE, 1);
    }
    for (unsigned i = 0; i < count; i++) {
        uint64_t ahead, empty;

        slot[i] = slot_find(r, hash[i], now_ns, &ahead);
        ahead += v4 ? r->interval4[i] : r->interval6[i];
        if (ahead > r->depth)
            return limited(r);
        empty = (now_ns + ahead) & TIME_MASK;
        value[i] = hash[i] >> TIME_BITS << TIME_BITS | (empty ? empty : 1);
    }
    for (unsigned i = 0; i < count; i++)
        __atomic_store_n(slot[i], value[i], __ATOMIC_RELAXED);
    return DNS_RRL_PASS;
}
