/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Login grants of a worker: the table, and the ways in which we hear of logins elsewhere. One
 * worker listens; what it hears goes by the bus to the others.
 */
#ifndef POSTERN_CMD_GATE_GRANT_H
#define POSTERN_CMD_GATE_GRANT_H

#include "auth/grants.h"
#include "cmd/gate/args.h"
#include "gate/metrics.h"
#include "io/loop.h"

enum { GRANT_ERROR_MAX = 400 };

/*
 * `listens`: open the sources that args name, too. Before the rights go. 0, or an exit status of
 * sysexits.h with the reason in err.
 */
int grant_open(struct loop *l, const struct gate_args *args, bool listens,
               char err[GRANT_ERROR_MAX]);
/* Reads the settings and no more: 0, or an exit status with the reason in err. */
int grant_check(const struct gate_args *args, char err[GRANT_ERROR_MAX]);
/*
 * New times, limits and lists. Sources stay as they are: nothing new can listen once the rights
 * are gone; where args name others, the log says so. As grant_open().
 */
int grant_reload(const struct gate_args *args, char err[GRANT_ERROR_MAX]);
void grant_close(void);
/* New grants are counted there; it must outlive the worker. */
void grant_metrics(struct metrics *m);

/* Whether a grant for this address lives; *ret may be NULL. */
bool grant_has(struct ip ip, struct auth_grant *ret);
/* "allow ip for grant-time by user via source", here and in the other workers. */
enum auth_grants_got grant_allow(struct ip ip, struct span user, const char *source);
/* Withdraws, here and in the other workers. True when there was one here. */
bool grant_drop(struct ip ip);
size_t grant_count(void);
void grant_each(void (*fn)(void *cookie, const struct auth_grant *grant), void *cookie);

#endif
