/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The password file, postern-passwd(5): a line a user, with keys from which nobody can log in.
 *
 *     joe@example.org:{SCRAM-SHA-256}10000,c2FsdA==,<StoredKey>,<ServerKey>
 *     printer:!                              no password at all, only a certificate (EXTERNAL)
 *
 * The second field is the one that Dovecot's passwd-file has for this scheme; fields behind it are
 * passed over, so one file may serve both. Names are compared without ASCII case.
 */
#ifndef POSTERN_AUTH_USERS_H
#define POSTERN_AUTH_USERS_H

#include "auth/limits.h"
#include "base/buf.h"
#include "base/mac.h"

struct auth_users;

struct auth_user {
    const char *login; /* as the file writes it */
    bool locked;       /* has no password */
    unsigned iterations;
    uint8_t salt[AUTH_SALT_MAX];
    size_t salt_n;
    uint8_t stored[MAC_SIZE], server[MAC_SIZE]; /* RFC 5802 §3 */
};

struct auth_users_error {
    unsigned line; /* from 1; 0: the file as a whole */
    char why[160]; /* holds no byte of the file that could be secret */
};

/*
 * Reads a whole file: all of it is good, or -EINVAL with *err filled. -ENOMEM.
 */
int auth_users_parse(struct span text, struct auth_users **ret, struct auth_users_error *err);
/* Gives back one hold on it; the last one frees. Safe on NULL and twice. */
void auth_users_free(struct auth_users **u);
/* One hold more: an exchange outlives a reload. Returns u. */
struct auth_users *auth_users_keep(struct auth_users *u);
size_t auth_users_count(const struct auth_users *u);
/* NULL when there is no such user. */
const struct auth_user *auth_users_find(const struct auth_users *u, struct span login);
/*
 * The entry, or one that looks like any other, whose salt stays the same for this name and whose
 * key fits no password: so an unknown user costs the same time and talk. *ret_known tells.
 */
void auth_users_get(const struct auth_users *u, struct span login, struct auth_user *ret,
                    bool *ret_known);

/*
 * True for what may stand as a name in the file: UTF-8 without control characters, blanks at the
 * ends, colon or a leading "#", of at most AUTH_LOGIN_MAX octets.
 */
bool auth_users_name_ok(struct span login);
/* One line of the file, with its LF. */
void auth_users_line(const struct auth_user *user, struct buf *out);
/*
 * The text of a file with one entry put in, changed or (user->login with drop) taken out; all else
 * stays as it is, comments too. *ret_was tells whether there was one.
 */
void auth_users_edit(struct span text, const struct auth_user *user, bool drop, struct buf *out,
                     bool *ret_was);

#endif
