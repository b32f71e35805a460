/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The timed list of a worker, its file, and the trap recipients. A client is put on the list by a
 * line on the bus, so that every worker has the same one; worker 0 writes the file.
 *
 *     trap <ip> <until_wall> <reason>
 *     untrap <ip>
 *     listed <ip> <until_wall> <reason>      to a worker that is new
 */
#ifndef POSTERN_CMD_GATE_TRAPS_H
#define POSTERN_CMD_GATE_TRAPS_H

#include "cmd/gate/args.h"
#include "gate/metrics.h"
#include "gate/trap.h"
#include "io/loop.h"

enum { TRAPS_ERROR_MAX = 400 };

struct traps;

/* Reads the file, where there is one. -errno with the reason in err. */
int traps_open(struct loop *l, const struct gate_args *args, unsigned worker, struct metrics *m,
               struct traps **ret, char err[TRAPS_ERROR_MAX]);
/* Reads the settings and no more. */
bool traps_check(const struct gate_args *args, char err[TRAPS_ERROR_MAX]);
/* Takes on new settings; the list stays. On failure the old ones stay, too. */
int traps_change(struct traps *t, const struct gate_args *args, char err[TRAPS_ERROR_MAX]);
/* Writes what is not written yet. Safe on NULL. */
void traps_close(struct traps **t);

/* The reason, or NULL when the client is on no list, neither ours nor one of traps-from. */
const char *traps_has(const struct traps *t, struct ip client);
bool traps_is_rcpt(const struct traps *t, struct span rcpt);
/* Whether clients are listed at all: traps or trap-file is set. */
bool traps_on(const struct traps *t);
/* Tells every worker. `why` is "spamtrap", "relay-attempts" or the operator's word. */
void traps_say(const struct traps *t, struct ip client, const char *why);
size_t traps_count(const struct traps *t);
/* In the files of others. */
size_t traps_count_from(const struct traps *t);

#endif
