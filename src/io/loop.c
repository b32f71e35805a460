/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libuv does the polling; this file keeps its handles, their lifetimes and its threads out of
 * sight. Deferred work runs from an idle handle: it is active only while something is queued, and
 * while it is, libuv polls without waiting.
 *
 * loop_free() closes what is left on the loop by asking each handle's owner through the loop_handle
 * behind its `data`; the close callbacks then free the memory in the loop's last turn.
 */
#include "io/loop_uv.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

struct loop_signal {
    uv_signal_t uv;
    struct loop_handle handle;
    void (*fn)(void *cookie, int signum);
    void *cookie;
};

uv_loop_t *loop_uv(struct loop *l)
{
    return &l->uv;
}

static void on_idle(uv_idle_t *idler)
{
    struct loop *l = idler->loop->data;
    struct deferred *head = &l->queue, batch;

    /* Only what is queued now: work that defers itself again waits for the next round. */
    if (head->next != head) {
        batch.next = head->next;
        batch.prev = head->prev;
        batch.next->prev = batch.prev->next = &batch;
        head->next = head->prev = head;
        while (batch.next != &batch) {
            struct deferred *d = batch.next;

            loop_undefer(d);
            d->fn(d->cookie); /* may free d */
        }
    }
    if (head->next == head)
        uv_idle_stop(idler);
}

void loop_defer(struct loop *l, struct deferred *d)
{
    assert(d->fn);
    if (d->next)
        return;
    d->prev = l->queue.prev;
    d->next = &l->queue;
    d->prev->next = d;
    d->next->prev = d;
    uv_idle_start(&l->idler, on_idle);
}

void loop_undefer(struct deferred *d)
{
    if (!d->next)
        return;
    d->prev->next = d->next;
    d->next->prev = d->prev;
    d->prev = d->next = NULL;
}

static void loop_buffers_free(struct loop *l)
{
    free(l->read_buf);
    free(l->plain_buf);
    free(l);
}

int loop_new(struct loop **ret)
{
    struct loop *l = calloc(1, sizeof(*l));
    int r;

    if (!l)
        return -ENOMEM;
    l->read_buf = malloc(LOOP_READ_SIZE);
    l->plain_buf = malloc(LOOP_READ_SIZE);
    r = l->read_buf && l->plain_buf ? uv_loop_init(&l->uv) : -ENOMEM;
    if (r < 0) {
        loop_buffers_free(l);
        return r;
    }
    signal(SIGPIPE, SIG_IGN);
    l->uv.data = l;
    l->queue.next = l->queue.prev = &l->queue;
    l->lingering.next = l->lingering.prev = &l->lingering;
    uv_timer_init(&l->uv, &l->ticker);
    uv_timer_init(&l->uv, &l->sweeper);
    uv_unref((uv_handle_t *)&l->sweeper);
    uv_idle_init(&l->uv, &l->idler);
    *ret = l;
    return 0;
}

static void drop_handle(uv_handle_t *uv, void *arg)
{
    struct loop_handle *h = uv->data;

    if (uv_is_closing(uv))
        return;
    if (h)
        h->drop(h);
    else
        uv_close(uv, NULL);
}

void loop_free(struct loop **pl)
{
    struct loop *l = *pl;

    if (!l)
        return;
    *pl = NULL;
    timers_clear(l);
    while (l->queue.next != &l->queue)
        loop_undefer(l->queue.next);
    uv_walk(&l->uv, drop_handle, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    int r = uv_loop_close(&l->uv);

    assert(r == 0);
    (void)r;
    loop_buffers_free(l);
}

void loop_run(struct loop *l)
{
    uv_run(&l->uv, UV_RUN_DEFAULT);
}

bool loop_poll(struct loop *l)
{
    return uv_run(&l->uv, UV_RUN_NOWAIT) != 0;
}

void loop_stop(struct loop *l)
{
    uv_stop(&l->uv);
}

int64_t loop_now(const struct loop *l)
{
    return (int64_t)uv_now(&l->uv);
}

int64_t loop_clock(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

int64_t loop_wall(void)
{
    return (int64_t)time(NULL);
}

int64_t loop_wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_signal(uv_signal_t *uv, int signum)
{
    struct loop_signal *s = (struct loop_signal *)uv;

    s->fn(s->cookie, signum);
}

static void signal_closed(uv_handle_t *uv)
{
    free(uv);
}

static void signal_drop(struct loop_handle *h)
{
    struct loop_signal *s =
        (struct loop_signal *)(void *)((char *)h - offsetof(struct loop_signal, handle));

    uv_close((uv_handle_t *)&s->uv, signal_closed);
}

int loop_signal(struct loop *l, int signum, void (*fn)(void *cookie, int signum), void *cookie)
{
    struct loop_signal *s;
    int r;

    if (signum <= 0 || signum >= (int)(sizeof(l->signals) / sizeof(l->signals[0])))
        return -EINVAL;
    s = (struct loop_signal *)l->signals[signum];
    if (!fn) {
        l->signals[signum] = NULL;
        if (s)
            signal_drop(&s->handle);
        return 0;
    }
    if (!s) {
        s = calloc(1, sizeof(*s));
        if (!s)
            return -ENOMEM;
        uv_signal_init(&l->uv, &s->uv);
        s->handle.drop = signal_drop;
        s->uv.data = &s->handle;
        r = uv_signal_start(&s->uv, on_signal, signum);
        if (r < 0) {
            signal_drop(&s->handle);
            return r;
        }
        uv_unref((uv_handle_t *)&s->uv);
        l->signals[signum] = &s->uv;
    }
    s->fn = fn;
    s->cookie = cookie;
    return 0;
}

unsigned loop_fd_limit(unsigned want)
{
    struct rlimit lim;

    if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
        return 0;
    if (lim.rlim_cur < want) {
        rlim_t soft = lim.rlim_cur;

        lim.rlim_cur = want < lim.rlim_max ? want : lim.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &lim) < 0)
            lim.rlim_cur = soft;
    }
    return lim.rlim_cur < UINT32_MAX ? (unsigned)lim.rlim_cur : UINT32_MAX;
}
