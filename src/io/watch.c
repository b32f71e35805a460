/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Over uv_poll_t, which never closes what it watches. */
#include "io/watch.h"

#include "io/loop_uv.h"

#include <errno.h>
#include <stdlib.h>

struct watch {
    struct loop_handle handle; /* first */
    uv_poll_t poll;
    void (*fn)(void *cookie); /* NULL: closed */
    void *cookie;
};

static void on_uv_closed(uv_handle_t *h)
{
    free(h->data);
}

void watch_close(struct watch **w)
{
    if (!*w)
        return;
    (*w)->fn = NULL;
    if (!uv_is_closing((uv_handle_t *)&(*w)->poll))
        uv_close((uv_handle_t *)&(*w)->poll, on_uv_closed);
    *w = NULL;
}

static void drop(struct loop_handle *h)
{
    struct watch *w = (struct watch *)(void *)h;

    watch_close(&w);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;

    if (w->fn)
        w->fn(w->cookie);
}

int watch_open(struct loop *l, int fd, void (*fn)(void *cookie), void *cookie, struct watch **ret)
{
    struct watch *w = calloc(1, sizeof(*w));
    int err;

    if (!w)
        return -ENOMEM;
    err = uv_poll_init(loop_uv(l), &w->poll, fd);
    if (err < 0) {
        free(w);
        return err;
    }
    w->handle.drop = drop;
    w->poll.data = w;
    w->fn = fn;
    w->cookie = cookie;
    err = uv_poll_start(&w->poll, UV_READABLE, on_poll);
    if (err < 0) {
        watch_close(&w);
        return err;
    }
    *ret = w;
    return 0;
}
