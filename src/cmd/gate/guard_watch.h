/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The lost-address guard of a worker (gate/guard.h) with its facts, its voice and its memory: reads
 * what this host's addresses are, at the start and every GUARD_WATCH_EVERY, raises the alarm,
 * repeats it while rights are suspended, tells the other workers what it has seen and judged, and
 * keeps the verdict in the state folder, so that a restart forgets nothing.
 *
 *     guard suspend <words of guard_write()>
 *     guard clear <who>
 *     saw|relayed <pid> <ip> <ttl> <trusted><ours> <ptr> <helo>
 *                                    only what was new to the sayer; names as parts of a URI
 *
 * Worker 0 logs, counts and writes the file (guard_file.h).
 */
#ifndef POSTERN_CMD_GATE_GUARD_WATCH_H
#define POSTERN_CMD_GATE_GUARD_WATCH_H

#define GUARD_WATCH_FILE "gate-guard" /* in the state folder */

#include "cmd/gate/args.h"
#include "gate/client.h"
#include "gate/guard.h"
#include "gate/metrics.h"
#include "io/loop.h"
#include "relay/policy.h"

enum {
    GUARD_WATCH_EVERY = 300000, /* ms between two looks at the host's addresses, and alarms */
    GUARD_WATCH_NAME = 120,     /* octets of a name that are told, from its end */
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
/*
 * A recipient was asked for that its address alone lets it relay to, or would if it were not in
 * doubt; mail: the sender's path.
 */
void guard_watch_relay(struct guard_watch *w, const struct gate_client *client,
                       const struct relay_policy *policy, struct span mail);
/* relay_client.ip_doubtful */
bool guard_watch_doubtful(const struct guard_watch *w, struct ip client);
void guard_watch_status(const struct guard_watch *w, struct buf *out);

#endif
