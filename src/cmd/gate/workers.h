/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Several processes that share the work. The parent serves nobody: it starts the workers, passes
 * signals and lines of the bus on, and starts a worker anew that died.
 */
#ifndef POSTERN_CMD_GATE_WORKERS_H
#define POSTERN_CMD_GATE_WORKERS_H

enum { WORKERS_MAX = 64 };

/* A worker's whole life; bus: its end of the pair. Returns its exit status. */
typedef int (*worker_fn)(void *cookie, unsigned worker, int bus);

/*
 * Returns in the parent alone, with an exit status, once all of them have ended. `started` is
 * called in the parent when all are there: for the rights that it needs no more.
 */
int workers_run(unsigned count, worker_fn fn, void (*started)(void *cookie), void *cookie);

#endif
