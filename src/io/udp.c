/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Over uv_udp_t. Datagrams are read into a buffer that is one longer than what is allowed, so that
 * a cut one shows as too long and is dropped whole. Sending only tries: a queue of answers would be
 * memory that strangers fill.
 */
#include "io/udp.h"

#include "io/loop_uv.h"
#include "io/sockaddr.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct udp {
    struct loop_handle handle; /* first */
    uv_udp_t uv;
    udp_fn fn; /* NULL: closed */
    void *cookie;
    struct listen_place place;
    char bytes[UDP_SIZE_MAX + 1];
};

static void on_uv_closed(uv_handle_t *h)
{
    free(h->data);
}

void udp_close(struct udp **u)
{
    if (!*u)
        return;
    (*u)->fn = NULL;
    if (!uv_is_closing((uv_handle_t *)&(*u)->uv))
        uv_close((uv_handle_t *)&(*u)->uv, on_uv_closed);
    *u = NULL;
}

static void drop(struct loop_handle *h)
{
    struct udp *u = (struct udp *)(void *)h;

    udp_close(&u);
}

static void on_room(uv_handle_t *h, size_t wanted, uv_buf_t *ret)
{
    struct udp *u = h->data;

    *ret = uv_buf_init(u->bytes, sizeof(u->bytes));
}

static void on_datagram(uv_udp_t *uv, ssize_t n, const uv_buf_t *b, const struct sockaddr *from,
                        unsigned flags)
{
    struct udp *u = uv->data;
    uint16_t port;
    struct ip ip;

    if (u->fn && n >= 0 && n <= UDP_SIZE_MAX && from && !(flags & UV_UDP_PARTIAL) &&
        sockaddr_read(from, &ip, &port))
        u->fn(u->cookie, u, ip, port, span_of(b->base, (size_t)n));
}

static int bind_to(struct udp *u, const struct listen_place *at)
{
    struct sockaddr_storage sa;
    int length = sizeof(sa), err;

    sockaddr_write(at->ip, at->port, &sa);
    err = uv_udp_bind(&u->uv, (struct sockaddr *)&sa, at->ip.family == IP_V6 ? UV_UDP_IPV6ONLY : 0);
    if (err == 0)
        err = uv_udp_getsockname(&u->uv, (struct sockaddr *)&sa, &length);
    if (err == 0)
        sockaddr_read((struct sockaddr *)&sa, &u->place.ip, &u->place.port);
    return err ? err : uv_udp_recv_start(&u->uv, on_room, on_datagram);
}

int udp_open(struct loop *l, const struct listen_place *at, udp_fn fn, void *cookie,
             struct udp **ret, char err[LISTEN_ERROR_MAX])
{
    struct udp *u = calloc(1, sizeof(*u));
    char ip[IP_TEXT_MAX];
    int got;

    snprintf(err, LISTEN_ERROR_MAX, "out of memory");
    if (!u)
        return -ENOMEM;
    got = uv_udp_init(loop_uv(l), &u->uv);
    if (got < 0) {
        free(u);
        return got;
    }
    u->handle.drop = drop;
    u->uv.data = u;
    u->fn = fn;
    u->cookie = cookie;
    got = bind_to(u, at);
    if (got < 0) {
        snprintf(err, LISTEN_ERROR_MAX, "can't take datagrams at %s, port %u: %s",
                 ip_text(at->ip, ip), at->port, uv_strerror(got));
        udp_close(&u);
        return got;
    }
    *ret = u;
    return 0;
}

int udp_send(struct udp *u, struct ip to, uint16_t port, struct span bytes)
{
    struct sockaddr_storage sa;
    uv_buf_t b = uv_buf_init((char *)(uintptr_t)bytes.p, (unsigned)bytes.n);
    int got;

    sockaddr_write(to, port, &sa);
    got = uv_udp_try_send(&u->uv, &b, 1, (struct sockaddr *)&sa);
    return got < 0 ? got : 0;
}

struct listen_place udp_place(const struct udp *u)
{
    return u->place;
}
