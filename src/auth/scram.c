/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hi() of RFC 5802 §2.2 is PBKDF2 (RFC 8018 §5.2) with HMAC-SHA-256 and one block:
 *
 *     U1 := HMAC(password, salt || 00 00 00 01)       Ui := HMAC(password, Ui-1)
 *     Hi := U1 xor U2 xor … xor Ui
 *
 * libcrypto computes that only in one go, and at a million rounds that is a third of a second in
 * which nobody else is served. The two halves of the HMAC that depend on the password alone are
 * made once and copied for each round, so a slice costs no more than the whole would have.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "auth/scram.h"

#include <gsasl.h>
#include <openssl/crypto.h>

/*
 * Characters younger than RFC 3454 (Unicode 3.2) are to pass as they are. libgsasl 2.2 has the
 * meaning of its flag for that upside down, so both are tried: what is assigned comes out alike.
 */
static char *saslprep(const char *plain)
{
    char *ready = NULL;

    if (gsasl_saslprep(plain, (Gsasl_saslprep_flags)0, &ready, NULL) == GSASL_OK ||
        gsasl_saslprep(plain, GSASL_ALLOW_UNASSIGNED, &ready, NULL) == GSASL_OK)
        return ready;
    return NULL;
}

bool auth_scram_prepare(struct span password, struct buf *out)
{
    char plain[AUTH_PASSWORD_MAX + 1];
    char *ready = NULL;
    bool ok = false;

    if (password.n > 0 && !memchr(password.p, 0, password.n) && span_is_utf8(password) &&
        span_copy(password, plain, sizeof(plain)))
        ready = saslprep(plain);
    if (ready) {
        ok = *ready != '\0';
        buf_add_str(out, ready);
        OPENSSL_cleanse(ready, strlen(ready));
    }
    gsasl_free(ready);
    OPENSSL_cleanse(plain, sizeof(plain));
    return ok;
}

static void start_half(SHA256_CTX *h, const uint8_t key[SHA256_CBLOCK], uint8_t pad)
{
    uint8_t block[SHA256_CBLOCK];

    for (size_t i = 0; i < SHA256_CBLOCK; i++)
        block[i] = key[i] ^ pad;
    SHA256_Init(h);
    SHA256_Update(h, block, sizeof(block));
    OPENSSL_cleanse(block, sizeof(block));
}

/* The rest of an HMAC whose message has been fed to `inner`. */
static void finish(const struct auth_scram *s, SHA256_CTX *inner, uint8_t ret[MAC_SIZE])
{
    SHA256_CTX outer = s->outer;

    SHA256_Final(ret, inner);
    SHA256_Update(&outer, ret, MAC_SIZE);
    SHA256_Final(ret, &outer);
}

void auth_scram_start(struct auth_scram *s, struct span prepared, struct span salt,
                      unsigned iterations)
{
    static const uint8_t first_block[] = {0, 0, 0, 1};
    uint8_t key[SHA256_CBLOCK] = {0};
    SHA256_CTX h;

    if (prepared.n > sizeof(key))
        mac_sha256(prepared, key);
    else
        memcpy(key, prepared.p, prepared.n);
    start_half(&s->inner, key, 0x36);
    start_half(&s->outer, key, 0x5c);
    OPENSSL_cleanse(key, sizeof(key));
    h = s->inner;
    SHA256_Update(&h, salt.p, salt.n);
    SHA256_Update(&h, first_block, sizeof(first_block));
    finish(s, &h, s->u);
    memcpy(s->salted, s->u, MAC_SIZE);
    s->left = iterations - 1;
}

bool auth_scram_work(struct auth_scram *s, unsigned rounds)
{
    if (rounds > s->left)
        rounds = s->left;
    s->left -= rounds;
    while (rounds-- > 0) {
        SHA256_CTX h = s->inner;

        SHA256_Update(&h, s->u, MAC_SIZE);
        finish(s, &h, s->u);
        for (size_t i = 0; i < MAC_SIZE; i++)
            s->salted[i] ^= s->u[i];
    }
    return s->left == 0;
}

void auth_scram_keys(const struct auth_scram *s, uint8_t stored[MAC_SIZE], uint8_t server[MAC_SIZE])
{
    uint8_t client[MAC_SIZE];

    mac_hmac(s->salted, SPAN_LIT("Client Key"), client);
    mac_sha256(span_of(client, sizeof(client)), stored);
    mac_hmac(s->salted, SPAN_LIT("Server Key"), server);
    OPENSSL_cleanse(client, sizeof(client));
}

void auth_scram_wipe(struct auth_scram *s)
{
    OPENSSL_cleanse(s, sizeof(*s));
}
