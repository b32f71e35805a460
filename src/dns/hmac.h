/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * HMAC (RFC 2104) with the hashes that TSIG has names for (RFC 8945 §6), piece by piece. hmac-md5
 * is not among them: MUST NOT be used.
 */
#ifndef POSTERN_DNS_HMAC_H
#define POSTERN_DNS_HMAC_H

#include "base/span.h"

#include <openssl/sha.h>
#include <stdint.h>

enum dns_hmac_alg {
    DNS_HMAC_NONE = 0,
    DNS_HMAC_SHA1, /* because RFC 8945 §6 says so; not for new keys */
    DNS_HMAC_SHA224,
    DNS_HMAC_SHA256,
    DNS_HMAC_SHA384,
    DNS_HMAC_SHA512,
};

enum { DNS_HMAC_MAX = 64 }; /* octets of the longest */

/* "hmac-sha256", as key files write it, without case; DNS_HMAC_NONE when unknown. */
enum dns_hmac_alg dns_hmac_alg_of(struct span name);
const char *dns_hmac_alg_name(enum dns_hmac_alg alg); /* "none" for DNS_HMAC_NONE */
size_t dns_hmac_size(enum dns_hmac_alg alg);          /* octets of its MAC */

struct dns_hmac {
    enum dns_hmac_alg alg;
    union {
        SHA_CTX sha1;
        SHA256_CTX sha256; /* SHA-224 too */
        SHA512_CTX sha512; /* SHA-384 too */
    } hash;
};

void dns_hmac_begin(struct dns_hmac *h, enum dns_hmac_alg alg, struct span key);
void dns_hmac_add(struct dns_hmac *h, struct span data);
/* dns_hmac_size() octets; the key again, for its outer block. Returns the octets. */
size_t dns_hmac_end(struct dns_hmac *h, struct span key, uint8_t ret[DNS_HMAC_MAX]);

#endif
