/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lost-address guard of a worker (gate/guard.h) with its facts and its voice: reads what this
 * host's addresses are, at the start and every GUARD_WATCH_EVERY, raises the alarm, repeats it
 * while rights are suspended, and tells the other workers.
 *
 *     guard suspend <cause>
 *     guard clear <who>
 */
#ifndef POSTERN_CMD_GATE_GUARD_WATCH_H
#define POSTERN_CMD_GATE_GUARD_WATCH_H

#include "cmd/gate/args.h"
#include "gate/client.h"
#include "gate/guard.h"
#include "gate/metrics.h"
#include "io/loop.h"
#include "relay/policy.h"

enum {
    GUARD_WATCH_EVERY = 300000, /* ms between two looks at the host's addresses, and alarms */
};

struct guard_watch;

/* -ENOMEM. */
int guard_watch_open(struct loop *l, const struct gate_args *args, unsigned worker,
                     struct metrics *m, struct guard_watch **ret);
/* New settings; what was seen stays. */
void guard_watch_change(struct guard_watch *w, const struct gate_args *args);
void guard_watch_close(struct guard_watch **w);

/* A session has said HELO for the first time; client->name may be known or not. */
void guard_watch_helo(struct guard_watch *w, const struct gate_client *client,
                      const struct relay_policy *policy);
/* relay_client.ip_doubtful */
bool guard_watch_doubtful(const struct guard_watch *w, struct ip client);
void guard_watch_status(const struct guard_watch *w, struct buf *out);

#endif
