/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libmicrohttpd runs without a thread of its own: its epoll descriptor hangs on our loop, and its
 * timeout on our timer. So there is one thread, no lock, and an answer is made between two other
 * events of the loop. It opens the socket itself, before rights are given up.
 *
 * A request comes in pieces: first without its body (a struct http_request is made), then the body,
 * then once more with nothing, which is when it is answered.
 */
#include "io/http.h"

#include "io/sockaddr.h"
#include "io/timer.h"
#include "io/watch.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct http {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct watch *watch;
    struct timer timer;
    size_t body_max;
    http_fn fn;
    void *cookie;
    struct listen_place place;
};

struct http_request {
    struct MHD_Connection *connection;
    struct buf body;
    bool too_large;
};

const char *http_query(const struct http_ask *ask, const char *name)
{
    return MHD_lookup_connection_value(ask->request->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_field(const struct http_ask *ask, const char *name)
{
    return MHD_lookup_connection_value(ask->request->connection, MHD_HEADER_KIND, name);
}

static enum MHD_Result reply(struct MHD_Connection *c, unsigned status, const char *type,
                             struct buf *body)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(
        body->n, body->n ? body->p : (char *)(uintptr_t) "", MHD_RESPMEM_MUST_COPY);
    enum MHD_Result got = MHD_NO;

    if (!r)
        return MHD_NO;
    if (type)
        MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    got = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return got;
}

static struct ip peer_of(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct ip ip = {0};
    uint16_t port;

    if (info && info->client_addr)
        sockaddr_read(info->client_addr, &ip, &port);
    return ip;
}

static enum MHD_Result answer(struct http *h, struct http_request *q, const char *method,
                              const char *path)
{
    struct buf body = BUF_INIT(HTTP_REPLY_MAX);
    struct http_say say = {.status = 500, .body = &body};
    struct http_ask ask = {.peer = peer_of(q->connection),
                           .method = method,
                           .path = path,
                           .body = buf_span(&q->body),
                           .request = q};
    enum MHD_Result got;

    if (q->too_large)
        say.status = 413;
    else if (q->body.err)
        say.status = 503;
    else
        h->fn(h->cookie, &ask, &say);
    if (body.err) {
        buf_clear(&body);
        say.status = 500;
    }
    got = reply(q->connection, say.status, say.type, &body);
    buf_deinit(&body);
    return got;
}

static enum MHD_Result on_request(void *cookie, struct MHD_Connection *c, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *n, void **state)
{
    struct http *h = cookie;
    struct http_request *q = *state;

    if (!q) {
        q = calloc(1, sizeof(*q));
        if (!q)
            return MHD_NO;
        q->connection = c;
        buf_init(&q->body, h->body_max);
        *state = q;
        return MHD_YES;
    }
    if (*n == 0)
        return answer(h, q, method, path);
    buf_add(&q->body, span_of(data, *n));
    q->too_large = q->too_large || q->body.err == -EMSGSIZE;
    *n = 0;
    return MHD_YES;
}

static void on_over(void *cookie, struct MHD_Connection *c, void **state,
                    enum MHD_RequestTerminationCode why)
{
    struct http_request *q = *state;

    if (!q)
        return;
    buf_deinit(&q->body);
    free(q);
    *state = NULL;
}

static void arm(struct http *h)
{
    unsigned MHD_LONG_LONG wait;

    if (MHD_get_timeout(h->daemon, &wait) == MHD_YES)
        timer_start(&h->timer, h->loop, wait > 60000 ? 60000 : (int64_t)wait);
    else
        timer_stop(&h->timer);
}

/*
 * A full daemon does not listen, and takes that up again at the beginning of a round, when one
 * before it has seen connections end. Nothing would wake us for that one: so it is made here.
 */
static void run(void *cookie)
{
    struct http *h = cookie;
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    bool full = info && info->num_connections >= HTTP_CONNECTIONS;

    MHD_run(h->daemon);
    if (full)
        MHD_run(h->daemon);
    arm(h);
}

static int bind_to(struct http *h, const struct listen_place *at)
{
    unsigned flags = MHD_USE_EPOLL | (at->ip.family == IP_V6 ? MHD_USE_IPv6 : 0);
    const union MHD_DaemonInfo *info;
    struct sockaddr_storage sa;

    sockaddr_write(at->ip, at->port, &sa);
    errno = 0;
    h->daemon = MHD_start_daemon(flags, at->port, NULL, NULL, on_request, h, MHD_OPTION_SOCK_ADDR,
                                 (struct sockaddr *)&sa, MHD_OPTION_NOTIFY_COMPLETED, on_over, NULL,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_IDLE,
                                 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)32768,
                                 MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
    if (!h->daemon)
        return errno ? -errno : -EIO;
    h->place = *at;
    info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (info)
        h->place.port = info->port;
    info = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return -ENOTSUP;
    return watch_open(h->loop, info->epoll_fd, run, h, &h->watch);
}

int http_open(struct loop *l, const struct listen_place *at, size_t body_max, http_fn fn,
              void *cookie, struct http **ret, char err[LISTEN_ERROR_MAX])
{
    struct http *h = calloc(1, sizeof(*h));
    char ip[IP_TEXT_MAX];
    int got;

    snprintf(err, LISTEN_ERROR_MAX, "out of memory");
    if (!h)
        return -ENOMEM;
    h->loop = l;
    h->body_max = body_max;
    h->fn = fn;
    h->cookie = cookie;
    timer_init(&h->timer, run, h);
    got = bind_to(h, at);
    if (got < 0) {
        snprintf(err, LISTEN_ERROR_MAX, "can't listen on %s, port %u: %s", ip_text(at->ip, ip),
                 at->port, strerror(-got));
        http_close(&h);
        return got;
    }
    *ret = h;
    return 0;
}

struct listen_place http_place(const struct http *h)
{
    return h->place;
}

void http_close(struct http **h)
{
    if (!*h)
        return;
    watch_close(&(*h)->watch);
    timer_stop(&(*h)->timer);
    if ((*h)->daemon)
        MHD_stop_daemon((*h)->daemon);
    free(*h);
    *h = NULL;
}
