/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The client's half of AUTH (RFC 4954) to a smarthost. */
#ifndef POSTERN_CMD_LIST_LETTER_LOGIN_H
#define POSTERN_CMD_LIST_LETTER_LOGIN_H

#include "base/buf.h"

struct letter_login;

enum { LETTER_LOGIN_LINE_MAX = 12288 }; /* octets of an answer in base64: RFC 4954 §4 */

/*
 * The best of what the answer to EHLO (lines joined by LF) offers, or NULL. `covered`: nobody else
 * reads this wire, so that the password itself may go over it.
 */
const char *letter_login_choose(struct span ehlo, bool covered);
/* -ENOMEM, or -EINVAL when the library knows no such mechanism. */
int letter_login_new(const char *mech, const char *user, const char *password,
                     struct letter_login **ret);
/* What to answer to a 334 with this text, in base64. False: it was no answer of a server that knows
 * the password, or no base64; the exchange is to be given up. */
bool letter_login_step(struct letter_login *l, struct span challenge, struct buf *answer);
/* May a 235 be believed? Of SCRAM the server has to prove itself first. */
bool letter_login_done(const struct letter_login *l);
/* Safe on NULL and twice. */
void letter_login_free(struct letter_login **l);

#endif
