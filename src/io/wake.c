/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An asynchronous handle of libuv behind a name. It is one because the loops know no threads
 * otherwise: timers, connections and questions belong to the thread that runs their loop, and no
 * lock guards them. That is also why this carries no data.
 */
#include "io/wake.h"

#include "io/loop_uv.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

struct wake {
    uv_async_t uv;
    struct loop_handle handle;
    void (*fn)(void *cookie);
    void *cookie;
};

static struct wake *of_handle(struct loop_handle *h)
{
    return (struct wake *)(void *)((char *)h - offsetof(struct wake, handle));
}

static void on_closed(uv_handle_t *uv)
{
    free(of_handle(uv->data));
}

static void drop(struct loop_handle *h)
{
    uv_close((uv_handle_t *)&of_handle(h)->uv, on_closed);
}

static void on_call(uv_async_t *uv)
{
    struct wake *w = of_handle(uv->data);

    w->fn(w->cookie); /* may free w: libuv keeps it until the loop's next turn */
}

int wake_new(struct loop *l, void (*fn)(void *cookie), void *cookie, struct wake **ret)
{
    struct wake *w = calloc(1, sizeof(*w));
    int r;

    if (!w)
        return -ENOMEM;
    r = uv_async_init(loop_uv(l), &w->uv, on_call);
    if (r < 0) {
        free(w);
        return r;
    }
    w->handle.drop = drop;
    w->uv.data = &w->handle;
    w->fn = fn;
    w->cookie = cookie;
    *ret = w;
    return 0;
}

void wake_call(struct wake *w)
{
    uv_async_send(&w->uv);
}

void wake_free(struct wake **pw)
{
    if (*pw)
        drop(&(*pw)->handle);
    *pw = NULL;
}
