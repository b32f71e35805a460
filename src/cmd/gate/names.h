/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Names of clients by forward-confirmed reverse DNS: for telling (logs, XCLIENT, the guard), never
 * for trust. What was found is kept for a minute, since who comes once comes again.
 */
#ifndef POSTERN_CMD_GATE_NAMES_H
#define POSTERN_CMD_GATE_NAMES_H

#include "io/resolver.h"

enum {
    NAMES_WAIT = 5000,        /* ms; later than that a look-up has failed */
    NAMES_ASKS_MAX = 10000,   /* look-ups at a time; more fail at once */
    NAMES_SLOTS = 4096,       /* addresses that are kept */
    NAMES_KEEP = 60000,       /* ms for which it is kept that there is a name, or none, */
    NAMES_KEEP_FAILED = 5000, /* and that it can't be looked up */
};

struct names;
struct names_ask;

struct names_answer {
    const char *name; /* "" none; good in the call */
    bool confirmed;   /* it leads back to the address */
    bool failed;      /* in passing: there may be a name, or another one, all the same */
};

typedef void (*names_fn)(void *cookie, const struct names_answer *a);

/* server: as in struct resolver_options. -errno with the reason in err. */
int names_open(struct loop *l, const char *server, struct names **ret,
               char err[RESOLVER_ERROR_MAX]);
/* Those who still wait get their answer. Safe on NULL. */
void names_close(struct names **n);
/*
 * fn is called once: at once, from in here, when the answer is at hand, and then *ret is NULL; else
 * from the loop, NAMES_WAIT later at most.
 */
void names_ask(struct names *n, struct ip ip, names_fn fn, void *cookie, struct names_ask **ret);
/* fn is not called any more; what comes in is kept nevertheless. Safe on NULL. */
void names_cancel(struct names_ask **ask);
/* Whether the system names a server to ask, in this file of the form of resolv.conf(5). */
bool names_resolver_there(const char *resolv_conf);

#endif
