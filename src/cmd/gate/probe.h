/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tests the backends as a stranger would find them: an address of documentation space is handed
 * over as the client's, what EHLO offers is noted, and a recipient that is nobody's of ours is
 * asked for. No DATA is ever sent, so no message can come of it.
 */
#ifndef POSTERN_CMD_GATE_PROBE_H
#define POSTERN_CMD_GATE_PROBE_H

#include "cmd/gate/door.h"
#include "io/loop.h"

enum probe_result {
    PROBE_CLOSED,      /* it refuses to relay: it is a lock of its own */
    PROBE_OPEN,        /* it would relay for a stranger: the gate is the only lock */
    PROBE_UNSURE,      /* it said 4xx, or refused the sender */
    PROBE_NO_IDENTITY, /* it does not take the client's address: nothing will be passed to it */
    PROBE_UNTESTED,    /* transparent, and nothing comes back to a test address */
    PROBE_DOWN,        /* no answer */
};

const char *probe_result_name(enum probe_result result);

enum { PROBE_TEXT_MAX = 300 };

struct probe_news {
    const struct route *route;
    enum probe_result result;
    char text[PROBE_TEXT_MAX]; /* what it said, printable */
    struct ip as;              /* the client that we claimed to be */
};

/* One call a backend, then one with NULL: all are through. */
typedef void (*probe_fn)(void *cookie, const struct probe_news *news);

struct probes;
/* Fills in what the door's routes know of their backends. -ENOMEM. */
int probes_start(struct loop *l, struct door *door, probe_fn fn, void *cookie, struct probes **ret);
/* The same for one of its backends. */
int probes_start_one(struct loop *l, struct door *door, struct route *route, probe_fn fn,
                     void *cookie, struct probes **ret);
/* Breaks off, without a call. Safe on NULL; after the last call there is nothing to free. */
void probes_stop(struct probes **p);

#endif
