/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An eye on the backends: each is tested (probe.h) when a configuration comes into force, hourly,
 * and as soon as a session had trouble with it. One that does not answer is tried again after 1, 2,
 * 4 … 60 s until it does: what EHLO may offer is what all of them offered, so each of these seconds
 * counts. One alarm is raised when it goes down, and one word is said when it is back.
 */
#ifndef POSTERN_CMD_GATE_BACKENDS_H
#define POSTERN_CMD_GATE_BACKENDS_H

#include "cmd/gate/door.h"
#include "gate/metrics.h"
#include "io/loop.h"

enum {
    BACKENDS_HOUR = 3600000, /* ms between tests of one that answers, */
    BACKENDS_FIRST = 1000,   /* until the second test of one that does not, doubled each time, */
    BACKENDS_LONGEST = 60000 /* and at most */
};

struct backends;

/*
 * tells: this worker is the one that logs. ready(cookie) comes once all tests of a configuration
 * are over, never from inside a call. -ENOMEM.
 */
int backends_open(struct loop *l, bool tells, struct metrics *m, void (*ready)(void *cookie),
                  void *cookie, struct backends **ret);
/* A configuration comes into force: all its backends are tested now. -ENOMEM: none is. */
int backends_take(struct backends *b, struct door *door);
/* A session could not use this one: it is tested soon, at most every BACKENDS_LONGEST. */
void backends_doubt(struct backends *b, const struct gate_route *route);
/*
 * A session's connection to it is ready. It may be the first to see what a backend offers that
 * refuses strangers' addresses at the door, and so shows nothing to a test.
 */
void backends_seen(struct backends *b, const struct gate_backend *seen);
/* Tests no more. Safe twice. */
void backends_rest(struct backends *b);
/* Safe on NULL. */
void backends_close(struct backends **b);

#endif
