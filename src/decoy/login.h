/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A login that somebody tries at a decoy: AUTH PLAIN (RFC 4616), LOGIN and CRAM-MD5 (RFC 2195),
 * read for what it tells. Nothing is checked here: there are no accounts.
 */
#ifndef POSTERN_DECOY_LOGIN_H
#define POSTERN_DECOY_LOGIN_H

#include "base/mac.h"

enum {
    LOGIN_USER_MAX = 256, /* octets of a name that are kept, with the NUL */
    LOGIN_MECH_MAX = 24,
    LOGIN_HASH = 27, /* a password's hash as text, with the NUL */
};

enum login_state {
    LOGIN_NONE,
    LOGIN_PLAIN,    /* wants the whole response */
    LOGIN_NAME,     /* LOGIN wants the name */
    LOGIN_PASSWORD, /* LOGIN wants the password */
    LOGIN_DIGEST,   /* CRAM-MD5 wants its response */
};

enum login_got {
    LOGIN_MORE,    /* say 334 with the challenge, then login_line() */
    LOGIN_TRIED,   /* name and perhaps password are there */
    LOGIN_GARBLED, /* what came is no response of this mechanism */
    LOGIN_UNKNOWN, /* a mechanism that we do not read */
};

struct login {
    enum login_state state;
    char mech[LOGIN_MECH_MAX]; /* as named, upper case; "" before the first line */
    char user[LOGIN_USER_MAX]; /* octets as they came, NULs as "?" */
    size_t user_n;
    char hash[LOGIN_HASH]; /* of the password; "" where the mechanism tells none */
    char challenge[80];    /* what to say with 334, in base64 */
};

/* The argument of AUTH. `chance` and `host` go into the challenge of CRAM-MD5. */
enum login_got login_first(struct login *l, struct span arg, const uint8_t key[MAC_KEY],
                           uint64_t chance, const char *host);
/* The line behind a 334. */
enum login_got login_line(struct login *l, struct span line, const uint8_t key[MAC_KEY]);

/*
 * A password as it is kept: an HMAC of name and password under a key that never leaves the decoy's
 * folder, 128 bits of it, in base32. The same guess looks the same; nobody without the key can try
 * passwords against it.
 */
void login_hash(const uint8_t key[MAC_KEY], struct span user, struct span password,
                char ret[LOGIN_HASH]);

#endif
