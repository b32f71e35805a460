/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Writing. Most writes of a mail dialogue fit into the kernel's buffer: they are tried at once and
 * cost no memory. What does not fit is gathered in one buffer while one request is with libuv, so
 * that a peer that reads slowly costs two blocks, however small the writes are.
 */
#include "io/conn_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void on_written(uv_write_t *req, int status);

size_t conn_queued(const struct conn *c)
{
    return (c->flying ? c->flying->n : 0) + c->queue.n + (c->tls ? c->tls->early.n : 0);
}

void conn_queue_limit(struct conn *c, size_t bytes)
{
    c->limit = bytes < UINT32_MAX ? (uint32_t)bytes : UINT32_MAX;
}

void conn_write_free(struct conn *c)
{
    buf_deinit(&c->queue);
}

/* The peer takes no more. What it had sent before is still read, see conn.c. */
static void broken(struct conn *c, int err)
{
    c->write_broken = true;
    buf_deinit(&c->queue);
    if (c->state == CONN_CLOSING)
        conn_finish(c);
    else if (c->peer_eof)
        conn_end(c, CONN_RESET, err, NULL);
    else if (!c->err)
        c->err = err;
}

/* Hands the queue over to libuv. */
static int fly(struct conn *c)
{
    struct conn_write *w = malloc(sizeof(*w));
    uv_buf_t b;
    int r;

    if (!w)
        return -ENOMEM;
    w->conn = c;
    w->n = c->queue.n;
    w->p = buf_take(&c->queue);
    b = uv_buf_init(w->p, (unsigned)w->n);
    r = uv_write(&w->uv, (uv_stream_t *)&c->tcp, &b, 1, on_written);
    if (r < 0) {
        free(w->p);
        free(w);
        return r;
    }
    c->flying = w;
    return 0;
}

static void on_written(uv_write_t *req, int status)
{
    struct conn_write *w = (struct conn_write *)(void *)req;
    struct conn *c = w->conn;

    c->flying = NULL;
    free(w->p);
    free(w);
    if (c->state == CONN_ENDED)
        return;
    if (status < 0) {
        broken(c, status);
    } else if (c->queue.n) {
        int r = fly(c);

        if (r < 0)
            conn_end(c, CONN_OUR_FAULT, r, NULL);
    } else if (c->state == CONN_CLOSING) {
        conn_finish(c);
    } else if (c->ev && c->ev->drained) {
        c->ev->drained(c->cookie, c);
    }
}

int conn_send(struct conn *c, struct span bytes)
{
    int r;

    if (c->write_broken)
        return -EPIPE;
    if (!c->flying && !c->queue.n) {
        uv_buf_t b = {.len = bytes.n};

        memcpy(&b.base, &bytes.p, sizeof(b.base)); /* libuv's type is not const; it only reads */
        r = uv_try_write((uv_stream_t *)&c->tcp, &b, 1);
        if (r < 0 && r != UV_EAGAIN && r != UV_ENOBUFS) {
            broken(c, r);
            return -EPIPE;
        }
        if (r > 0)
            bytes = span_slice(bytes, (size_t)r, bytes.n);
    }
    if (!bytes.n)
        return 0;
    buf_add(&c->queue, bytes);
    r = c->queue.err ? -ENOMEM : c->flying ? 0 : fly(c);
    if (r < 0) /* a part of a stream can't be left out */
        conn_end(c, CONN_OUR_FAULT, r, NULL);
    return r;
}

int conn_write(struct conn *c, struct span bytes)
{
    if (c->state == CONN_CONNECTING)
        return -ENOTCONN;
    if (c->state != CONN_OPEN || c->write_broken)
        return -EPIPE;
    if (bytes.n > c->limit || conn_queued(c) > c->limit - bytes.n)
        return -ENOBUFS;
    if (!bytes.n)
        return 0;
    return c->tls ? conn_tls_send(c, bytes) : conn_send(c, bytes);
}
