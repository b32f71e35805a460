/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stateless: what a server cookie says is in it, and the key shows that we said it. Layout of
 * RFC 9018 §4, behind the 8 octets of the client: version 1, three of zero, time, hash. The
 * reserved octets are hashed as they came, so that a later meaning of theirs does not break old
 * servers. Time is compared as a serial number: it wraps in 2106.
 */
#include "dns/cookie.h"

#include "base/mac.h"

#include <string.h>

enum { VERSION = 1, HASH = 8, TIME_AT = 12, HASH_AT = 16 };

static uint64_t rotl(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static uint64_t get64_le(const uint8_t *p)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << 8 * i;
    return v;
}

static void rounds(uint64_t v[4], unsigned count)
{
    while (count--) {
        v[0] += v[1], v[2] += v[3];
        v[1] = rotl(v[1], 13) ^ v[0], v[3] = rotl(v[3], 16) ^ v[2];
        v[0] = rotl(v[0], 32);
        v[2] += v[1], v[0] += v[3];
        v[1] = rotl(v[1], 17) ^ v[2], v[3] = rotl(v[3], 21) ^ v[0];
        v[2] = rotl(v[2], 32);
    }
}

uint64_t dns_cookie_siphash(const uint8_t key[DNS_COOKIE_KEY], const uint8_t *data, size_t n)
{
    uint64_t k0 = get64_le(key), k1 = get64_le(key + 8), last = (uint64_t)n << 56;
    uint64_t v[4] = {k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
                     k1 ^ 0x7465646279746573};

    for (; n >= 8; n -= 8, data += 8) {
        uint64_t m = get64_le(data);

        v[3] ^= m;
        rounds(v, 2);
        v[0] ^= m;
    }
    for (size_t i = 0; i < n; i++)
        last |= (uint64_t)data[i] << 8 * i;
    v[3] ^= last;
    rounds(v, 2);
    v[0] ^= last;
    v[2] ^= 0xff;
    rounds(v, 4);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Hash of the cookie's first 16 octets and the address; little-endian, as the reference is. */
static void hash_of(const uint8_t key[DNS_COOKIE_KEY], const uint8_t *cookie, struct ip client,
                    uint8_t ret[HASH])
{
    uint8_t data[HASH_AT + 16];
    size_t n = client.family == IP_V4 ? 4 : 16;
    uint64_t hash;

    memcpy(data, cookie, HASH_AT);
    memcpy(data + HASH_AT, client.b, n);
    hash = dns_cookie_siphash(key, data, HASH_AT + n);
    for (unsigned i = 0; i < HASH; i++)
        ret[i] = (uint8_t)(hash >> 8 * i);
}

void dns_cookie_make(const struct dns_cookie_keys *keys, const uint8_t client[DNS_COOKIE_CLIENT],
                     struct ip address, int64_t now_wall, uint8_t out[DNS_COOKIE_FULL])
{
    memmove(out, client, DNS_COOKIE_CLIENT);
    memset(out + DNS_COOKIE_CLIENT, 0, 4);
    out[DNS_COOKIE_CLIENT] = VERSION;
    dns_wire_put32(out + TIME_AT, (uint32_t)now_wall);
    hash_of(keys->now, out, address, out + HASH_AT);
}

enum dns_cookie dns_cookie_check(const struct dns_cookie_keys *keys, struct span cookie,
                                 struct ip client, int64_t now_wall)
{
    const uint8_t *p = (const uint8_t *)cookie.p;
    uint8_t hash[HASH];
    int32_t age;

    if (cookie.n == 0)
        return DNS_COOKIE_NONE;
    if (cookie.n == DNS_COOKIE_CLIENT)
        return DNS_COOKIE_NEW;
    if (cookie.n != DNS_COOKIE_FULL || p[DNS_COOKIE_CLIENT] != VERSION)
        return DNS_COOKIE_FALSE;
    age = (int32_t)((uint32_t)now_wall - dns_wire_get32(p + TIME_AT));
    if (age > DNS_COOKIE_LIFE || age < -DNS_COOKIE_AHEAD)
        return DNS_COOKIE_FALSE;
    hash_of(keys->now, p, client, hash);
    if (mac_equal(hash, p + HASH_AT, HASH))
        return age > DNS_COOKIE_RENEW ? DNS_COOKIE_OLD : DNS_COOKIE_GOOD;
    if (keys->has_before) {
        hash_of(keys->before, p, client, hash);
        if (mac_equal(hash, p + HASH_AT, HASH))
            return DNS_COOKIE_OLD;
    }
    return DNS_COOKIE_FALSE;
}
