/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The event loop. Every other handle of src/io hangs on one, and belongs to the one thread that
 * runs it; only wake.h may be called from another. A callback is never called from inside the
 * function that asked for it; it always comes from loop_run().
 */
#ifndef POSTERN_IO_LOOP_H
#define POSTERN_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/*
 * 0 or a negative errno. Sets SIGPIPE to ignored: a peer that goes away is an event, not a death.
 */
int loop_new(struct loop **ret);
/*
 * Drops everything that still hangs on the loop without telling its owner, sets *l to NULL. Safe on
 * NULL and twice. Not from inside a callback.
 */
void loop_free(struct loop **l);

/* Runs until loop_stop(), or until nothing is left that could happen. */
void loop_run(struct loop *l);
/*
 * Runs what is ready now and comes back without waiting; true while something is left to wait for.
 */
bool loop_poll(struct loop *l);
void loop_stop(struct loop *l);

/* Milliseconds, monotonic: the time at which the running callbacks became due. */
int64_t loop_now(const struct loop *l);
/* The same clock read afresh: to measure with. */
int64_t loop_clock(void);
/* Seconds since 1970. Never for waits: it can jump. */
int64_t loop_wall(void);
/* Milliseconds since 1970. */
int64_t loop_wall_ms(void);

/*
 * Calls fn on a signal (SIGTERM, SIGINT, SIGHUP, …). One fn a signal, a later one replaces it, NULL
 * gives the signal its default action back. A signal alone keeps no loop running. -errno on
 * failure.
 */
int loop_signal(struct loop *l, int signum, void (*fn)(void *cookie, int signum), void *cookie);

/* Work for later: run once, after the callbacks that are running now, in the order asked. */
struct deferred {
    void (*fn)(void *cookie);
    void *cookie;
    struct deferred *prev, *next; /* private: NULL when not queued */
};

/* clang-format off */
#define DEFERRED(function, pointer) {.fn = (function), .cookie = (pointer)}
/* clang-format on */

/* Already queued: stays where it is. The struct is the caller's and must live until it ran. */
void loop_defer(struct loop *l, struct deferred *d);
/* Safe when it is not queued, and twice. */
void loop_undefer(struct deferred *d);

/*
 * Raises the limit of open files as far as `want` and the hard limit allow; returns the limit now.
 */
unsigned loop_fd_limit(unsigned want);

#endif
