/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Keyed hashes and the text alphabet that survives mail addresses. */
#ifndef POSTERN_BASE_MAC_H
#define POSTERN_BASE_MAC_H

#include "base/span.h"

#include <openssl/sha.h>
#include <stdint.h>

enum {
    MAC_KEY = 32,  /* bytes of a key */
    MAC_SIZE = 32, /* bytes of HMAC-SHA-256, RFC 2104 */
};

/* A key that many HMACs are made with: its two blocks, hashed once. As secret as the key. */
struct mac_keyed {
    SHA256_CTX inner, outer;
};

void mac_keyed_init(struct mac_keyed *k, const uint8_t key[MAC_KEY]);
void mac_hmac_keyed(const struct mac_keyed *k, struct span data, uint8_t ret[MAC_SIZE]);
void mac_hmac(const uint8_t key[MAC_KEY], struct span data, uint8_t ret[MAC_SIZE]);
void mac_sha256(struct span data, uint8_t ret[MAC_SIZE]);
/* Compares in constant time. */
bool mac_equal(const uint8_t *a, const uint8_t *b, size_t n);

/*
 * Base32 of RFC 4648 §6 in lower case and without padding: letters and digits 2-7 only, so that a
 * mail system that folds case, quotes, or strips routes leaves it readable. Upper case is accepted.
 */
#define BASE32_LEN(bytes) (((bytes)*8 + 4) / 5)
/* Writes BASE32_LEN(n) characters and a NUL. */
void base32_encode(const uint8_t *data, size_t n, char *out);
/* Reads just BASE32_LEN(n) characters into n bytes; false on any other character or stray bit. */
bool base32_decode(struct span text, uint8_t *out, size_t n);
bool base32_is(char c);

#endif
