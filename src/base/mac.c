/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The hashing is libcrypto's. A bulk run mints a token for every envelope, and the EVP interface
 * looks its algorithm up, allocates and locks for each: twenty times the work of hashing the few
 * bytes of a token. So HMAC (RFC 2104) is put together here from the plain SHA-256 functions, which
 * need no more than the stack and cannot fail. OpenSSL 3 calls them deprecated because no provider
 * can replace them; nothing here wants another provider.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/mac.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

static_assert(MAC_KEY <= SHA256_CBLOCK, "a longer key would have to be hashed first");
static_assert(MAC_SIZE == SHA256_DIGEST_LENGTH, "mac_hmac() fills its result whole");

static void hash_padded_key(SHA256_CTX *h, const uint8_t key[MAC_KEY], uint8_t pad)
{
    uint8_t block[SHA256_CBLOCK];

    memset(block, pad, sizeof(block));
    for (size_t i = 0; i < MAC_KEY; i++)
        block[i] ^= key[i];
    SHA256_Init(h);
    SHA256_Update(h, block, sizeof(block));
    OPENSSL_cleanse(block, sizeof(block));
}

void mac_keyed_init(struct mac_keyed *k, const uint8_t key[MAC_KEY])
{
    hash_padded_key(&k->inner, key, 0x36);
    hash_padded_key(&k->outer, key, 0x5c);
}

void mac_hmac_keyed(const struct mac_keyed *k, struct span data, uint8_t ret[MAC_SIZE])
{
    SHA256_CTX h = k->inner;

    SHA256_Update(&h, data.p, data.n);
    SHA256_Final(ret, &h);
    h = k->outer;
    SHA256_Update(&h, ret, MAC_SIZE);
    SHA256_Final(ret, &h);
}

void mac_hmac(const uint8_t key[MAC_KEY], struct span data, uint8_t ret[MAC_SIZE])
{
    struct mac_keyed k;

    mac_keyed_init(&k, key);
    mac_hmac_keyed(&k, data, ret);
    OPENSSL_cleanse(&k, sizeof(k));
}

void mac_sha256(struct span data, uint8_t ret[MAC_SIZE])
{
    SHA256_CTX h;

    SHA256_Init(&h);
    SHA256_Update(&h, data.p, data.n);
    SHA256_Final(ret, &h);
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
