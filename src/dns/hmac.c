/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Put together from the plain hash functions, as base/mac.c is and for its reasons: the stack is
 * enough, nothing is looked up and nothing can fail.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dns/hmac.h"

#include <assert.h>
#include <openssl/crypto.h>

static const struct {
    const char *name;
    uint8_t size, block;
} algs[] = {
    [DNS_HMAC_NONE] = {"none", 0, 0},
    [DNS_HMAC_SHA1] = {"hmac-sha1", SHA_DIGEST_LENGTH, SHA_CBLOCK},
    [DNS_HMAC_SHA224] = {"hmac-sha224", SHA224_DIGEST_LENGTH, SHA256_CBLOCK},
    [DNS_HMAC_SHA256] = {"hmac-sha256", SHA256_DIGEST_LENGTH, SHA256_CBLOCK},
    [DNS_HMAC_SHA384] = {"hmac-sha384", SHA384_DIGEST_LENGTH, SHA512_CBLOCK},
    [DNS_HMAC_SHA512] = {"hmac-sha512", SHA512_DIGEST_LENGTH, SHA512_CBLOCK},
};

enum { ALGS = sizeof(algs) / sizeof(algs[0]) };

enum dns_hmac_alg dns_hmac_alg_of(struct span name)
{
    for (unsigned i = DNS_HMAC_SHA1; i < ALGS; i++)
        if (span_eq_nocase(name, span_str(algs[i].name)))
            return (enum dns_hmac_alg)i;
    return DNS_HMAC_NONE;
}

const char *dns_hmac_alg_name(enum dns_hmac_alg alg)
{
    return algs[alg].name;
}

size_t dns_hmac_size(enum dns_hmac_alg alg)
{
    return algs[alg].size;
}

static void hash_begin(struct dns_hmac *h)
{
    switch (h->alg) {
    case DNS_HMAC_SHA1:
        SHA1_Init(&h->hash.sha1);
        break;
    case DNS_HMAC_SHA224:
        SHA224_Init(&h->hash.sha256);
        break;
    case DNS_HMAC_SHA256:
        SHA256_Init(&h->hash.sha256);
        break;
    case DNS_HMAC_SHA384:
        SHA384_Init(&h->hash.sha512);
        break;
    case DNS_HMAC_SHA512:
        SHA512_Init(&h->hash.sha512);
        break;
    case DNS_HMAC_NONE:
        assert(!"an HMAC of no hash");
    }
}

void dns_hmac_add(struct dns_hmac *h, struct span data)
{
    switch (h->alg) {
    case DNS_HMAC_SHA1:
        SHA1_Update(&h->hash.sha1, data.p, data.n);
        break;
    case DNS_HMAC_SHA224:
    case DNS_HMAC_SHA256:
        SHA256_Update(&h->hash.sha256, data.p, data.n);
        break;
    case DNS_HMAC_SHA384:
    case DNS_HMAC_SHA512:
        SHA512_Update(&h->hash.sha512, data.p, data.n);
        break;
    case DNS_HMAC_NONE:
        assert(!"an HMAC of no hash");
    }
}

static void hash_end(struct dns_hmac *h, uint8_t *ret)
{
    switch (h->alg) {
    case DNS_HMAC_SHA1:
        SHA1_Final(ret, &h->hash.sha1);
        break;
    case DNS_HMAC_SHA224:
        SHA224_Final(ret, &h->hash.sha256);
        break;
    case DNS_HMAC_SHA256:
        SHA256_Final(ret, &h->hash.sha256);
        break;
    case DNS_HMAC_SHA384:
        SHA384_Final(ret, &h->hash.sha512);
        break;
    case DNS_HMAC_SHA512:
        SHA512_Final(ret, &h->hash.sha512);
        break;
    case DNS_HMAC_NONE:
        assert(!"an HMAC of no hash");
    }
}

/* A key longer than a block is hashed first. */
static void padded_begin(struct dns_hmac *h, struct span key, uint8_t pad)
{
    uint8_t block[SHA512_CBLOCK] = {0};
    size_t n = algs[h->alg].block;

    if (key.n > n) {
        hash_begin(h);
        dns_hmac_add(h, key);
        hash_end(h, block);
    } else if (key.n) {
        memcpy(block, key.p, key.n);
    }
    for (size_t i = 0; i < n; i++)
        block[i] ^= pad;
    hash_begin(h);
    dns_hmac_add(h, span_of(block, n));
    OPENSSL_cleanse(block, sizeof(block));
}

void dns_hmac_begin(struct dns_hmac *h, enum dns_hmac_alg alg, struct span key)
{
    h->alg = alg;
    padded_begin(h, key, 0x36);
}

size_t dns_hmac_end(struct dns_hmac *h, struct span key, uint8_t ret[DNS_HMAC_MAX])
{
    size_t n = algs[h->alg].size;

    hash_end(h, ret);
    padded_begin(h, key, 0x5c);
    dns_hmac_add(h, span_of(ret, n));
    hash_end(h, ret);
    OPENSSL_cleanse(&h->hash, sizeof(h->hash));
    return n;
}
