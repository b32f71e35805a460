/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A pairing heap through the timers themselves, over one timer of libuv. libuv's own timers must be
 * closed asynchronously before their memory may go, which would force every session with three
 * timers to live on after its end; these are gone when timer_stop() returns.
 *
 * A node's `child` is its first child, `next` its right sibling, `prev` its left sibling or, for a
 * first child, its parent. Times that are equal fire in no promised order.
 */
#include "io/loop_uv.h"

#include <assert.h>

static struct timer *merge(struct timer *a, struct timer *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    if (b->at < a->at) {
        struct timer *swap = a;

        a = b;
        b = swap;
    }
    b->next = a->child;
    if (b->next)
        b->next->prev = b;
    b->prev = a;
    a->child = b;
    return a;
}

/* The two passes: pairs from left to right, then all of them from right to left. No recursion. */
static struct timer *merge_children(struct timer *first)
{
    struct timer *pairs = NULL, *root = NULL;

    while (first) {
        struct timer *a = first, *b = a->next;

        first = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b)
            b->next = b->prev = NULL;
        a = merge(a, b);
        a->next = pairs; /* a stack, so that the second pass starts at the right */
        pairs = a;
    }
    while (pairs) {
        struct timer *t = pairs;

        pairs = t->next;
        t->next = NULL;
        root = merge(root, t);
    }
    return root;
}

static void heap_remove(struct loop *l, struct timer *t)
{
    struct timer *rest = merge_children(t->child);

    if (l->timers == t) {
        l->timers = rest;
    } else {
        if (t->prev->child == t)
            t->prev->child = t->next;
        else
            t->prev->next = t->next;
        if (t->next)
            t->next->prev = t->prev;
        l->timers = merge(l->timers, rest);
    }
    t->child = t->next = t->prev = NULL;
    t->loop = NULL;
}

static void on_tick(uv_timer_t *ticker)
{
    timers_run(ticker->loop->data);
}

static void arm(struct loop *l)
{
    int64_t wait;

    if (!l->timers) {
        uv_timer_stop(&l->ticker);
        return;
    }
    wait = l->timers->at - loop_now(l);
    uv_timer_start(&l->ticker, on_tick, wait > 0 ? (uint64_t)wait : 0, 0);
}

void timers_run(struct loop *l)
{
    int64_t now = loop_now(l);

    l->ticking = true;
    while (l->timers && l->timers->at <= now) {
        struct timer *t = l->timers;

        heap_remove(l, t);
        t->fn(t->cookie); /* may free t */
    }
    l->ticking = false;
    arm(l);
}

void timers_clear(struct loop *l)
{
    while (l->timers)
        heap_remove(l, l->timers);
}

void timer_init(struct timer *t, void (*fn)(void *cookie), void *cookie)
{
    *t = (struct timer){.fn = fn, .cookie = cookie};
}

void timer_start_at(struct timer *t, struct loop *l, int64_t at_ms)
{
    struct timer *root;

    assert(t->fn);
    timer_stop(t);
    /* A timer that starts itself for a time past would keep timers_run() going for ever. */
    if (l->ticking && at_ms <= loop_now(l))
        at_ms = loop_now(l) + 1;
    t->loop = l;
    t->at = at_ms;
    root = l->timers;
    l->timers = merge(root, t);
    if (l->timers != root && !l->ticking)
        arm(l);
}

void timer_start(struct timer *t, struct loop *l, int64_t in_ms)
{
    timer_start_at(t, l, loop_now(l) + (in_ms > 0 ? in_ms : 0));
}

void timer_stop(struct timer *t)
{
    struct loop *l = t->loop;

    if (!l)
        return;
    heap_remove(l, t);
    /*
     * A ticker that wakes for nothing does no harm, but an empty heap must not keep the loop alive.
     */
    if (!l->timers && !l->ticking)
        arm(l);
}

bool timer_running(const struct timer *t)
{
    return t->loop != NULL;
}
