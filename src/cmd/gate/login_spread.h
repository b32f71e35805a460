/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the brakes of a login count, told to the other workers and heard from them, so that a limit
 * is one limit however many there are.
 *
 *     brake <pid> <login> <recipients>
 *     login <pid> ok|failed <ip> <login>       a login is written as a part of a URI, "-" is none
 */
#ifndef POSTERN_CMD_GATE_LOGIN_SPREAD_H
#define POSTERN_CMD_GATE_LOGIN_SPREAD_H

#include "auth/brakes.h"
#include "io/loop.h"

enum {
    LOGIN_SPREAD_EVERY = 10, /* ms in which recipients of a login become one line */
    LOGIN_SPREAD_ROWS = 32,  /* logins that are added up at a time */
};

/* The brakes outlive it. */
void login_spread_open(struct loop *l, struct auth_brakes *brakes);
void login_spread_close(void);
/* One more recipient of this login. */
void login_spread_recipient(struct span login);
/* A login was tried from there. At most BUS_SPARE lines a second are said of these. */
void login_spread_try(struct span login, struct ip ip, bool ok);

#endif
