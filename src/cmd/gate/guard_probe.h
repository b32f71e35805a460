/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guard asked from outside: the operator gets a name that nobody can guess, and says it in EHLO
 * from a host that is surely no host of ours. Under which address the gate then sees him is what it
 * sees of everybody.
 *
 *     nonce <name> <until_wall>      every worker waits for it
 *     probed <ip>                    one has seen it
 */
#ifndef POSTERN_CMD_GATE_GUARD_PROBE_H
#define POSTERN_CMD_GATE_GUARD_PROBE_H

#include "base/buf.h"
#include "base/ip.h"
#include "io/loop.h"

enum { GUARD_PROBE_TIME = 600 }; /* s that a name is good for, once */

/* tells: this worker logs what was seen. */
void guard_probe_open(struct loop *l, bool tells);
/* `postern gate ctl guard probe`: makes a name, tells the workers, and says what to do. */
void guard_probe_begin(struct buf *out);
/* Is this the name? True once; the others are told of the address. */
bool guard_probe_met(struct span helo, struct ip client);
/* A line of `ctl status`; nothing when there was no probe. */
void guard_probe_status(struct buf *out);

#endif
