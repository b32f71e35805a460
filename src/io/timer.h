/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Timers as plain structs inside their owner: no memory, no failure, O(log n). A timer fires once;
 * its own fn may start it again, stop others, or free the struct that holds it.
 */
#ifndef POSTERN_IO_TIMER_H
#define POSTERN_IO_TIMER_H

#include "io/loop.h"

struct timer {
    void (*fn)(void *cookie);
    void *cookie;
    /* private; zero when the timer is not running */
    struct loop *loop;
    int64_t at;
    struct timer *child, *next, *prev;
};

/* clang-format off */
#define TIMER(function, pointer) {.fn = (function), .cookie = (pointer)}
/* clang-format on */

void timer_init(struct timer *t, void (*fn)(void *cookie), void *cookie);
/* At a time of loop_now(); one in the past fires in the next round. A running timer is moved. */
void timer_start_at(struct timer *t, struct loop *l, int64_t at_ms);
void timer_start(struct timer *t, struct loop *l, int64_t in_ms);
/* At once and for sure: fn is not called any more. Safe on a zeroed or stopped timer, and twice. */
void timer_stop(struct timer *t);
bool timer_running(const struct timer *t);

#endif
