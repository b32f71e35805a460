/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The life of a connection: made by conn_connect() or from a listener, read through the loop's one
 * buffer, its times kept by one timer. How it ends stands in conn_end.c, how it writes in
 * conn_write.c, TLS in conn_tls.c.
 *
 * When a write fails, what the peer sent before it went away is still in the kernel ("421 too many
 * errors" and a reset): reading goes on to the end, and then the connection ends as CONN_RESET.
 */
#include "io/conn_priv.h"

#include "io/sockaddr.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static enum conn_reason reason_of(int err)
{
    switch (err) {
    case -ECONNREFUSED:
        return CONN_REFUSED;
    case -ETIMEDOUT:
        return CONN_TIMEOUT;
    case -EHOSTUNREACH:
    case -ENETUNREACH:
    case -EHOSTDOWN:
    case -ENETDOWN:
    case -EADDRNOTAVAIL:
    case -EAFNOSUPPORT:
    case -EACCES:
    case -EPERM:
    case -ENONET:
    case -ENOPROTOOPT: /* ICMP: port or protocol unreachable */
        return CONN_UNREACHABLE;
    case -ENOMEM:
    case -ENOBUFS:
    case -EMFILE:
    case -ENFILE:
        return CONN_OUR_FAULT;
    default:
        return CONN_RESET;
    }
}

/* Whatever else the kernel has against a connect (EINVAL, EHOSTDOWN, …), there is no way there. */
static enum conn_reason failed_connect(int err)
{
    return reason_of(err) == CONN_RESET && err != -ECONNRESET ? CONN_UNREACHABLE : reason_of(err);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return !a || (b && b < a) ? b : a;
}

void conn_arm(struct conn *c)
{
    int64_t at = 0;

    switch ((enum conn_state)c->state) {
    case CONN_CONNECTING:
        at = earlier(c->connect_by, c->deadline);
        break;
    case CONN_OPEN:
        at = c->deadline;
        break;
    case CONN_CLOSING:
        at = c->linger_by;
        break;
    case CONN_ENDED:
        break;
    }
    if (at)
        timer_start_at(&c->timer, c->loop, at);
    else
        timer_stop(&c->timer);
}

static void on_time(void *cookie)
{
    struct conn *c = cookie;
    int64_t now = loop_now(c->loop);

    if (c->state == CONN_CLOSING) {
        conn_finish(c);
    } else if (c->state == CONN_CONNECTING && c->connect_by && c->connect_by <= now) {
        conn_end(c, CONN_TIMEOUT, -ETIMEDOUT, "no answer to the connect");
    } else if (!c->ev || !c->ev->deadline) {
        conn_end(c, CONN_TIMEOUT, -ETIMEDOUT, "the peer was silent for too long");
    } else {
        c->deadline = 0;
        conn_arm(c);
        c->ev->deadline(c->cookie, c);
    }
}

void conn_deadline(struct conn *c, int64_t at_ms)
{
    c->deadline = at_ms;
    if (c->state == CONN_CONNECTING || c->state == CONN_OPEN)
        conn_arm(c);
}

void conn_give(struct conn *c, struct span bytes)
{
    if (c->state == CONN_OPEN && c->ev && bytes.n)
        c->ev->data(c->cookie, c, bytes);
}

void conn_peer_eof(struct conn *c)
{
    c->peer_eof = true;
    if (c->eof_told || c->state != CONN_OPEN)
        return;
    c->eof_told = true;
    if (c->tls && !c->tls->up)
        conn_end(c, CONN_TLS_FAILED, -ECONNRESET, "TLS handshake: the peer closed the connection");
    else if (c->write_broken)
        conn_end(c, CONN_RESET, c->err ? c->err : -ECONNRESET, NULL);
    else if (c->ev && c->ev->eof)
        c->ev->eof(c->cookie, c);
    else
        conn_begin_close(c, CONN_EOF);
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
    struct conn *c = h->data;

    *ret = uv_buf_init(c->loop->read_buf, LOOP_READ_SIZE);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct conn *c = s->data;

    if (c->lingering.next) {
        if (n < 0)
            conn_uv_end(c);
        return;
    }
    if (n > 0) {
        if (c->state != CONN_OPEN)
            return;
        if (c->tls)
            conn_tls_feed(c, span_of(buf->base, (size_t)n));
        else
            conn_give(c, span_of(buf->base, (size_t)n));
    } else if (n == UV_EOF) {
        conn_stop_reading(c);
        conn_peer_eof(c);
    } else if (n < 0) {
        c->peer_eof = c->write_broken = true;
        if (c->tls && !c->tls->up)
            conn_end(c, CONN_TLS_FAILED, (int)n, "TLS handshake: the peer broke the connection");
        else
            conn_end(c, reason_of((int)n), (int)n, NULL);
    }
}

void conn_start_reading(struct conn *c)
{
    int r;

    if (c->reading || c->paused || c->peer_eof)
        return;
    r = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    if (r < 0)
        conn_end(c, CONN_OUR_FAULT, r, NULL);
    else
        c->reading = true;
}

void conn_stop_reading(struct conn *c)
{
    if (c->reading)
        uv_read_stop((uv_stream_t *)&c->tcp);
    c->reading = false;
}

void conn_pause(struct conn *c)
{
    if (c->state != CONN_OPEN && c->state != CONN_CONNECTING)
        return;
    c->paused = true;
    conn_stop_reading(c);
}

void conn_resume(struct conn *c)
{
    if (!c->paused)
        return;
    c->paused = false;
    if (c->state != CONN_OPEN)
        return;
    conn_start_reading(c);
    /* What TLS had already decrypted, or an end that nobody was told, waits in here. */
    if (c->tls && c->state == CONN_OPEN)
        loop_defer(c->loop, &c->later);
}

static struct conn *conn_new(struct loop *l)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->handle.drop = conn_drop_handle;
    c->loop = l;
    timer_init(&c->timer, on_time, c);
    c->later = (struct deferred)DEFERRED(conn_on_later, c);
    buf_init(&c->queue, SIZE_MAX / 2);
    c->limit = CONN_QUEUE_MAX;
    uv_tcp_init(&l->uv, &c->tcp);
    c->tcp.data = c;
    return c;
}

static void on_connect(uv_connect_t *req, int status)
{
    struct conn *c = req->data;

    free(req);
    if (c->state == CONN_ENDED)
        return; /* cancelled by uv_close() */
    if (status < 0) {
        conn_end(c, failed_connect(status), status, NULL);
        return;
    }
    c->state = CONN_OPEN;
    c->connected = true;
    uv_tcp_nodelay(&c->tcp, 1);
    conn_arm(c);
    if (c->ev && c->ev->connected)
        c->ev->connected(c->cookie, c);
    if (c->state == CONN_OPEN)
        conn_start_reading(c);
}

/* A socket bound to the address to come from, handed to libuv. */
static int bind_local(struct conn *c, struct ip local, bool transparent)
{
    struct sockaddr_storage ss;
    socklen_t n = sockaddr_write(local, 0, &ss);
    int on = 1, r, fd = socket(ss.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    /* The port is chosen at connect, per far end: thousands of sessions need no port each. */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (transparent &&
        setsockopt(fd, ss.ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
                   ss.ss_family == AF_INET ? IP_TRANSPARENT : IPV6_TRANSPARENT, &on,
                   sizeof(on)) < 0 &&
        /* An address of this host needs no right; the bind tells. */
        errno != EPERM) {
        r = -errno;
        close(fd);
        return r;
    }
    r = bind(fd, (const struct sockaddr *)&ss, n) < 0 ? -errno : uv_tcp_open(&c->tcp, fd);
    if (r < 0)
        close(fd);
    return r;
}

static int start_connect(struct conn *c, const struct conn_target *to)
{
    struct sockaddr_storage ss;
    uv_connect_t *req;
    int r = to->local.family != IP_NONE ? bind_local(c, to->local, to->transparent) : 0;

    if (r < 0)
        return r;
    req = malloc(sizeof(*req));
    if (!req)
        return -ENOMEM;
    req->data = c;
    sockaddr_write(to->ip, to->port, &ss);
    r = uv_tcp_connect(req, &c->tcp, (const struct sockaddr *)&ss, on_connect);
    if (r < 0) {
        free(req);
        return r;
    }
    /*
     * Watched for both from the first: to stop waiting for one and begin with the other would cost
     * two calls of epoll_ctl more. Nothing is read before on_connect(), which also begins where
     * libuv wants no reader yet.
     */
    c->reading = uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) == 0;
    return 0;
}

int conn_connect(struct loop *l, const struct conn_target *to, const struct conn_events *ev,
                 void *cookie, struct conn **ret)
{
    struct conn *c;
    int r;

    if (to->ip.family == IP_NONE || to->port == 0 ||
        (to->local.family != IP_NONE && to->local.family != to->ip.family))
        return -EINVAL;
    c = conn_new(l);
    if (!c)
        return -ENOMEM;
    c->peer = to->ip;
    c->peer_port = to->port;
    conn_own(c, ev, cookie);
    c->connect_by = to->timeout_ms ? loop_now(l) + to->timeout_ms : 0;
    r = start_connect(c, to);
    if (r < 0)
        conn_end(c, failed_connect(r), r, NULL);
    else
        conn_arm(c);
    *ret = c;
    return 0;
}

struct conn *conn_accept(struct loop *l, uv_stream_t *server)
{
    struct conn *c = conn_new(l);
    struct sockaddr_storage ss;
    int n = sizeof(ss);

    if (!c)
        return NULL;
    if (uv_accept(server, (uv_stream_t *)&c->tcp) < 0 ||
        uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&ss, &n) < 0 ||
        !sockaddr_read((const struct sockaddr *)&ss, &c->peer, &c->peer_port)) {
        conn_drop(&c);
        return NULL;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    c->state = CONN_OPEN;
    c->connected = true;
    return c;
}

void conn_own(struct conn *c, const struct conn_events *ev, void *cookie)
{
    c->ev = ev;
    c->cookie = cookie;
    if (c->state == CONN_OPEN)
        conn_start_reading(c);
}

bool conn_has_input(const struct conn *c)
{
    uv_os_fd_t fd;
    char byte;

    return c->state == CONN_OPEN && uv_fileno((const uv_handle_t *)&c->tcp, &fd) == 0 &&
           recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Asked of the kernel: whoever wants it asks once, and thousands of sessions need not keep it. */
struct ip conn_local(const struct conn *c, uint16_t *ret_port)
{
    struct sockaddr_storage ss;
    int n = sizeof(ss);
    struct ip ip = {.family = IP_NONE};

    *ret_port = 0;
    if (c->connected && uv_tcp_getsockname(&c->tcp, (struct sockaddr *)&ss, &n) == 0)
        sockaddr_read((const struct sockaddr *)&ss, &ip, ret_port);
    return ip;
}

struct ip conn_local_ip(const struct conn *c)
{
    uint16_t port;

    return conn_local(c, &port);
}

struct ip conn_peer_ip(const struct conn *c)
{
    return c->peer;
}

uint16_t conn_peer_port(const struct conn *c)
{
    return c->peer_port;
}

struct loop *conn_loop(const struct conn *c)
{
    return c->loop;
}
