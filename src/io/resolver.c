/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * c-ares on the loop: it tells by a callback which sockets it wants to read or write, and how long
 * it wants to wait at most. EDNS is on, so that long TXT and MX answers need no second round over
 * TCP; an answer that is truncated nevertheless is asked again over TCP by c-ares itself.
 *
 * Answers are not cached: the system's resolver does that, and a test wants to see today's zone.
 */
#include "io/resolver_priv.h"

#include "io/sockaddr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum {
    TIMEOUT_DEFAULT = 2000,
    TRIES_DEFAULT = 3,
    EDNS_SIZE = 1232, /* fits every path without fragments */
    WAIT_MAX = 60000,
};

struct resolver_socket {
    struct loop_handle handle; /* first */
    uv_poll_t poll;
    ares_socket_t fd;
    struct resolver *resolver; /* NULL once it is closed */
    struct resolver_socket *next;
};

static void on_poll_closed(uv_handle_t *h)
{
    free(h->data);
}

static void socket_close(struct resolver_socket *s)
{
    if (s->resolver) {
        struct resolver_socket **p = &s->resolver->sockets;

        while (*p != s)
            p = &(*p)->next;
        *p = s->next;
        s->resolver = NULL;
    }
    if (!uv_is_closing((uv_handle_t *)&s->poll))
        uv_close((uv_handle_t *)&s->poll, on_poll_closed);
}

static void socket_drop(struct loop_handle *h)
{
    socket_close((struct resolver_socket *)(void *)h);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct resolver_socket *s = poll->data;
    struct resolver *r = s->resolver;
    bool in = status < 0 || (events & UV_READABLE), out = status < 0 || (events & UV_WRITABLE);

    if (!r)
        return;
    ares_process_fd(r->channel, in ? s->fd : ARES_SOCKET_BAD, out ? s->fd : ARES_SOCKET_BAD);
    resolver_arm(r);
}

static struct resolver_socket *socket_of(struct resolver *r, ares_socket_t fd)
{
    struct resolver_socket *s = r->sockets;

    while (s && s->fd != fd)
        s = s->next;
    return s;
}

static struct resolver_socket *socket_new(struct resolver *r, ares_socket_t fd)
{
    struct resolver_socket *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    if (uv_poll_init(&r->loop->uv, &s->poll, fd) < 0) {
        free(s);
        return NULL;
    }
    s->handle.drop = socket_drop;
    s->poll.data = s;
    s->fd = fd;
    s->resolver = r;
    s->next = r->sockets;
    r->sockets = s;
    return s;
}

/* A socket that can't be watched is left to c-ares' own timeouts. */
static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
    struct resolver *r = data;
    struct resolver_socket *s = socket_of(r, fd);

    if (!readable && !writable) {
        if (s)
            socket_close(s);
        return;
    }
    if (!s)
        s = socket_new(r, fd);
    if (s)
        uv_poll_start(&s->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0),
                      on_poll);
}

static void on_time(void *cookie)
{
    struct resolver *r = cookie;

    ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    resolver_arm(r);
}

void resolver_arm(struct resolver *r)
{
    struct timeval most = {.tv_sec = WAIT_MAX / 1000}, tv, *wait;

    if (r->gone)
        return;
    if (!r->queries) {
        timer_stop(&r->timer);
        return;
    }
    wait = ares_timeout(r->channel, &most, &tv);
    /* Rounded up: waking a moment too early would spin. */
    timer_start(&r->timer, r->loop, wait->tv_sec * 1000 + wait->tv_usec / 1000 + 1);
}

static int set_server(struct resolver *r, const char *text, char err[RESOLVER_ERROR_MAX])
{
    struct ares_addr_port_node node = {0};
    struct span host;
    struct ip ip;
    uint16_t port;

    if (!ip_host_port(span_str(text), &host, &port) || !ip_parse(host, &ip)) {
        snprintf(err, RESOLVER_ERROR_MAX,
                 "'%.80s' is no resolver: write it as 192.0.2.1, 192.0.2.1:53 or [2001:db8::1]:53",
                 text);
        return -EINVAL;
    }
    node.family = ip.family == IP_V4 ? AF_INET : AF_INET6;
    memcpy(&node.addr, ip.b, ip.family == IP_V4 ? 4 : 16);
    node.udp_port = node.tcp_port = port ? port : 53;
    return ares_set_servers_ports(r->channel, &node) == ARES_SUCCESS ? 0 : -ENOMEM;
}

static int channel_new(struct resolver *r, const struct resolver_options *o,
                       char err[RESOLVER_ERROR_MAX])
{
    char lookups[] = "b";
    struct ares_options a = {
        .flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS,
        .timeout = o && o->timeout_ms ? (int)o->timeout_ms : TIMEOUT_DEFAULT,
        .tries = o && o->tries ? (int)o->tries : TRIES_DEFAULT,
        .ednspsz = EDNS_SIZE,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = r,
        .lookups = lookups,
    };
    int status =
        ares_init_options(&r->channel, &a,
                          ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
                              ARES_OPT_SOCK_STATE_CB | ARES_OPT_LOOKUPS);

    if (status == ARES_SUCCESS)
        return o && o->server ? set_server(r, o->server, err) : 0;
    r->channel = NULL;
    snprintf(err, RESOLVER_ERROR_MAX, "can't start the resolver: %s", ares_strerror(status));
    return status == ARES_ENOMEM ? -ENOMEM : -EIO;
}

int resolver_new(struct loop *l, const struct resolver_options *o, struct resolver **ret,
                 char err[RESOLVER_ERROR_MAX])
{
    struct resolver *r;
    int result;

    /* Counted by c-ares; never undone, like OpenSSL's own start. */
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return -ENOMEM;
    r = calloc(1, sizeof(*r));
    if (!r) {
        snprintf(err, RESOLVER_ERROR_MAX, "out of memory");
        return -ENOMEM;
    }
    r->loop = l;
    r->use_hosts = !o || (!o->server && !o->no_hosts);
    timer_init(&r->timer, on_time, r);
    result = channel_new(r, o, err);
    if (result < 0) {
        resolver_free(&r);
        return result;
    }
    *ret = r;
    return 0;
}

void resolver_free(struct resolver **pr)
{
    struct resolver *r = *pr;

    if (!r)
        return;
    *pr = NULL;
    r->gone = true;
    timer_stop(&r->timer);
    if (r->channel)
        ares_destroy(r->channel); /* ends each of its questions, see on_answer() */
    resolver_forget_queries(r);
    while (r->sockets)
        socket_close(r->sockets);
    free(r);
}
