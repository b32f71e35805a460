/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the loop, for src/io alone: nothing outside may see libuv. */
#ifndef POSTERN_IO_LOOP_UV_H
#define POSTERN_IO_LOOP_UV_H

#include "io/loop.h"
#include "io/timer.h"

#include <uv.h>

enum { LOOP_READ_SIZE = 65536 };

/*
 * What a uv handle's `data` points to, so that loop_free() can get rid of it: drop must uv_close()
 * the handle and free what it belongs to. A handle whose data is NULL is only closed.
 */
struct loop_handle {
    void (*drop)(struct loop_handle *h);
};

struct loop_list {
    struct loop_list *prev, *next;
};

struct loop {
    uv_loop_t uv;
    uv_timer_t ticker;     /* armed for the root of the heap */
    uv_idle_t idler;       /* active while work is deferred: keeps the poll from waiting */
    uv_timer_t sweeper;    /* ends connections that linger; keeps no loop running */
    struct timer *timers;  /* root of a pairing heap */
    struct deferred queue; /* head of a ring */
    struct loop_list lingering;
    struct uv_signal_s *signals[65];
    bool ticking;
    char *read_buf;  /* LOOP_READ_SIZE, for every connection's read */
    char *plain_buf; /* the same, for what comes out of TLS */
};

uv_loop_t *loop_uv(struct loop *l);
/* Sets off the timers that are due and arms the ticker anew. */
void timers_run(struct loop *l);
/* Forgets all timers without calling them. */
void timers_clear(struct loop *l);

#endif
