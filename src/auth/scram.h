/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The keys of SCRAM-SHA-256 (RFC 5802 §3, RFC 7677) from a password. The slow part, Hi() (PBKDF2),
 * goes in slices, so that an event loop with a thousand clients never stands still for one of them.
 */
#ifndef POSTERN_AUTH_SCRAM_H
#define POSTERN_AUTH_SCRAM_H

#include "auth/users.h"

#include <openssl/sha.h>

struct auth_scram {
    SHA256_CTX inner, outer; /* after the padded key, RFC 2104 */
    uint8_t u[MAC_SIZE], salted[MAC_SIZE];
    unsigned left; /* rounds to go */
};

/*
 * The password as SASLprep (RFC 4013) makes it, in *out. False when it may not be one: not UTF-8,
 * prohibited characters, empty, longer than AUTH_PASSWORD_MAX.
 */
bool auth_scram_prepare(struct span password, struct buf *out);

void auth_scram_start(struct auth_scram *s, struct span prepared, struct span salt,
                      unsigned iterations);
/* At most so many rounds. True when it is done. */
bool auth_scram_work(struct auth_scram *s, unsigned rounds);
/* Only when it is done. */
void auth_scram_keys(const struct auth_scram *s, uint8_t stored[MAC_SIZE],
                     uint8_t server[MAC_SIZE]);
void auth_scram_wipe(struct auth_scram *s);

#endif
