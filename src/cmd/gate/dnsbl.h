/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks DNS lists about clients, in parallel, and tests the lists themselves at the start and each
 * hour (gate/score.h says what counts). No list that is late, silent or broken holds a client up
 * for longer than dnsbl-timeout, nor refuses it.
 */
#ifndef POSTERN_CMD_GATE_DNSBL_H
#define POSTERN_CMD_GATE_DNSBL_H

#include "cmd/gate/args.h"
#include "gate/metrics.h"
#include "gate/score.h"
#include "io/resolver.h"

enum {
    DNSBL_ASKS_MAX = 20000, /* clients that are asked about at a time; more are not */
    DNSBL_ERROR_MAX = 400,
};

struct dnsbl;
struct dnsbl_ask;

struct dnsbl_verdict {
    int sum;
    bool listed;       /* the sum reached the threshold */
    const char *names; /* shown names of the lists that it is on; "" none; good in the call */
};

/* Called once, from the loop, unless cancelled; the question is gone when it returns. */
typedef void (*dnsbl_fn)(void *cookie, const struct dnsbl_verdict *v);

/* *ret is NULL when no list is configured. -errno with the reason in err. Metrics outlive it. */
int dnsbl_open(struct loop *l, const struct gate_args *args, unsigned worker, struct metrics *m,
               struct dnsbl **ret, char err[DNSBL_ERROR_MAX]);
/* Reads the settings and no more. */
bool dnsbl_check(const struct gate_args *args, char err[DNSBL_ERROR_MAX]);
/* Questions that are open still end. Safe on NULL. */
void dnsbl_close(struct dnsbl **d);

/* NULL when there is nothing to ask (no list, no public address, none in use): fn is not called. */
struct dnsbl_ask *dnsbl_ask(struct dnsbl *d, struct ip client, dnsbl_fn fn, void *cookie);
/* Sets *ask to NULL; safe on NULL. */
void dnsbl_cancel(struct dnsbl_ask **ask);
/* A line for each zone: its shown name, weight, health and why. */
void dnsbl_status(const struct dnsbl *d, struct buf *out);

#endif
