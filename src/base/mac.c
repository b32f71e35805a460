/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The hashing is libcrypto's; a failure there is out of memory or a broken build, so it aborts. */
#include "base/mac.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>

void mac_hmac(const uint8_t key[MAC_KEY], struct span data, uint8_t ret[MAC_SIZE])
{
    unsigned n = MAC_SIZE;

    if (!HMAC(EVP_sha256(), key, MAC_KEY, (const unsigned char *)data.p, data.n, ret, &n))
        abort();
}

void mac_sha256(struct span data, uint8_t ret[MAC_SIZE])
{
    unsigned n = MAC_SIZE;

    if (!EVP_Digest(data.p, data.n, ret, &n, EVP_sha256(), NULL))
        abort();
}

bool mac_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

static int base32_value(char c)
{
    c = ascii_lower(c);
    if (c >= 'a' && c <= 'z')
        return c - 'a';
    if (c >= '2' && c <= '7')
        return c - '2' + 26;
    return -1;
}

bool base32_is(char c)
{
    return base32_value(c) >= 0;
}

void base32_encode(const uint8_t *data, size_t n, char *out)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned bits = 0, held = 0;

    for (size_t i = 0; i < n; i++) {
        bits = bits << 8 | data[i];
        for (held += 8; held >= 5; held -= 5)
            *out++ = alphabet[bits >> (held - 5) & 31];
    }
    if (held)
        *out++ = alphabet[bits << (5 - held) & 31];
    *out = '\0';
}

bool base32_decode(struct span text, uint8_t *out, size_t n)
{
    unsigned bits = 0, held = 0;
    size_t done = 0;

    if (text.n != BASE32_LEN(n))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        int v = base32_value(text.p[i]);

        if (v < 0)
            return false;
        bits = bits << 5 | (unsigned)v;
        held += 5;
        if (held >= 8 && done < n) {
            held -= 8;
            out[done++] = (uint8_t)(bits >> held);
        }
    }
    /* Stray bits would give one token many spellings. */
    return done == n && (bits & ((1u << held) - 1)) == 0;
}
