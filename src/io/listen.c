/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listeners. An IPv6 socket never takes IPv4 clients (v6only): with one socket for both, the order
 * of two programs' starts would decide who gets them, and ::ffff: addresses would turn up in lists.
 *
 * libuv can't be told to stop accepting; it stops by itself while the one connection it holds is
 * not taken. Pausing uses that: the next client is accepted by the kernel and waits with us
 * untouched.
 */
#include "io/listen.h"

#include "base/num.h"
#include "io/conn_priv.h"
#include "io/sockaddr.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    LISTEN_QUEUE = 1024,
    FIRST_INHERITED = 3, /* SD_LISTEN_FDS_START */
};

struct listener {
    struct loop_handle handle; /* first */
    uv_tcp_t tcp;
    struct loop *loop;
    listen_fn fn;
    void *cookie;
    struct listen_place place;
    struct deferred later;
    bool paused, waiting; /* waiting: libuv holds a connection that was not taken */
};

size_t listen_parse(struct span text, struct listen_place ret[LISTEN_PLACES_MAX])
{
    static const uint8_t v4_local[4] = {127, 0, 0, 1}, v6_local[16] = {[15] = 1};
    size_t colon = span_rfind(text, ':');
    struct span host = span_slice(text, 0, colon), port_text = span_slice(text, colon + 1, text.n);
    unsigned port;

    if (colon == text.n || !num_uint(port_text, 0, 65535, &port))
        return 0;
    ret[0] = (struct listen_place){.ip = {.family = IP_V4}, .port = (uint16_t)port};
    ret[1] = (struct listen_place){.ip = {.family = IP_V6}, .port = (uint16_t)port};
    if (host.n == 0 || span_eq(host, SPAN_LIT("*")))
        return 2;
    if (span_eq_nocase(host, SPAN_LIT("localhost"))) {
        memcpy(ret[0].ip.b, v4_local, sizeof(v4_local));
        memcpy(ret[1].ip.b, v6_local, sizeof(v6_local));
        return 2;
    }
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        return ip_parse(span_slice(host, 1, host.n - 1), &ret[0].ip) && ret[0].ip.family == IP_V6;
    return ip_parse(host, &ret[0].ip) && ret[0].ip.family == IP_V4;
}

static const char *place_text(const struct listen_place *p, char out[80])
{
    char ip[IP_TEXT_MAX];

    snprintf(out, 80, p->ip.family == IP_V6 ? "[%s]:%u" : "%s:%u", ip_text(p->ip, ip), p->port);
    return out;
}

static const char *remedy(int err, const struct listen_place *at)
{
    switch (err) {
    case -EACCES:
    case -EPERM:
        return at->port < 1024
                   ? "ports below 1024 need root, CAP_NET_BIND_SERVICE or a socket from systemd"
                   : "a security policy of this system forbids it";
    case -EADDRINUSE:
        return "another program listens there; `ss -ltnp` shows which, or take another port";
    case -EADDRNOTAVAIL:
        return "no interface of this system has that address";
    case -EAFNOSUPPORT:
        return at->ip.family == IP_V6 ? "this system has no IPv6" : "this system has no IPv4";
    case -EMFILE:
    case -ENFILE:
        return "too many files are open; raise the limit (ulimit -n)";
    default:
        return "";
    }
}

static int complain(int err, const struct listen_place *at, char text[LISTEN_ERROR_MAX])
{
    const char *what = remedy(err, at);
    char place[80];

    snprintf(text, LISTEN_ERROR_MAX, "can't listen on %s: %s%s%s", place_text(at, place),
             strerror(-err), *what ? ": " : "", what);
    return err;
}

static void on_uv_closed(uv_handle_t *h)
{
    free(h->data);
}

void listener_free(struct listener **pl)
{
    struct listener *li = *pl;

    if (!li)
        return;
    *pl = NULL;
    li->fn = NULL;
    loop_undefer(&li->later);
    if (!uv_is_closing((uv_handle_t *)&li->tcp))
        uv_close((uv_handle_t *)&li->tcp, on_uv_closed);
}

static void drop_handle(struct loop_handle *h)
{
    struct listener *li = (struct listener *)(void *)h;

    listener_free(&li);
}

static void take(struct listener *li)
{
    struct conn *c = conn_accept(li->loop, (uv_stream_t *)&li->tcp);

    if (c)
        li->fn(li->cookie, li, c);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct listener *li = server->data;

    if (status < 0 || !li->fn)
        return; /* out of files: libuv tries again; the kernel keeps the client */
    if (li->paused)
        li->waiting = true;
    else
        take(li);
}

static void on_later(void *cookie)
{
    struct listener *li = cookie;

    if (li->paused || !li->waiting)
        return;
    li->waiting = false;
    take(li);
}

void listener_pause(struct listener *li)
{
    li->paused = true;
}

void listener_resume(struct listener *li)
{
    li->paused = false;
    if (li->waiting)
        loop_defer(li->loop, &li->later);
}

static struct listener *listener_new(struct loop *l, listen_fn fn, void *cookie)
{
    struct listener *li = calloc(1, sizeof(*li));

    if (!li)
        return NULL;
    li->handle.drop = drop_handle;
    li->loop = l;
    li->fn = fn;
    li->cookie = cookie;
    li->later = (struct deferred)DEFERRED(on_later, li);
    uv_tcp_init(&l->uv, &li->tcp);
    li->tcp.data = li;
    return li;
}

static int start(struct listener *li)
{
    struct sockaddr_storage ss;
    int n = sizeof(ss), r = uv_listen((uv_stream_t *)&li->tcp, LISTEN_QUEUE, on_connection);

    if (r == 0)
        r = uv_tcp_getsockname(&li->tcp, (struct sockaddr *)&ss, &n);
    if (r == 0)
        sockaddr_read((const struct sockaddr *)&ss, &li->place.ip, &li->place.port);
    return r;
}

/* The descriptor, or -errno. */
static int bound(const struct listen_place *at, int type, bool shared)
{
    struct sockaddr_storage ss;
    socklen_t n = sockaddr_write(at->ip, at->port, &ss);
    int on = 1, fd = socket(ss.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

    if (fd < 0)
        return -errno;
    /* A restart need not wait for old connections to time out. */
    if (type == SOCK_STREAM)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if ((!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0) &&
        (at->ip.family != IP_V6 ||
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
        bind(fd, (const struct sockaddr *)&ss, n) == 0)
        return fd;
    r = -errno;
    close(fd);
    return r;
}

int listen_socket(const struct listen_place *at, bool shared, int *ret, char err[LISTEN_ERROR_MAX])
{
    int fd = bound(at, SOCK_STREAM, shared), r = fd < 0 ? fd : 0;

    if (fd >= 0 && listen(fd, LISTEN_QUEUE) < 0) {
        r = -errno;
        close(fd);
    }
    if (r < 0)
        return complain(r, at, err);
    *ret = fd;
    return 0;
}

int listen_datagrams(const struct listen_place *at, bool shared, int *ret,
                     char err[LISTEN_ERROR_MAX])
{
    int fd = bound(at, SOCK_DGRAM, shared), flags = fd < 0 ? fd : fcntl(fd, F_GETFL);

    if (fd >= 0 && (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)) {
        flags = -errno;
        close(fd);
    }
    if (flags < 0)
        return complain(flags, at, err);
    *ret = fd;
    return 0;
}

int listen_try(const struct listen_place *at, bool udp)
{
    int fd = bound(at, udp ? SOCK_DGRAM : SOCK_STREAM, false);

    if (fd < 0)
        return fd;
    close(fd);
    return 0;
}

int listener_take(struct loop *l, int fd, listen_fn fn, void *cookie, struct listener **ret,
                  char err[LISTEN_ERROR_MAX])
{
    struct listener *li = listener_new(l, fn, cookie);
    int r = li ? uv_tcp_open(&li->tcp, fd) : -ENOMEM;

    if (r < 0) {
        close(fd);
    } else if ((r = start(li)) == 0) {
        *ret = li;
        return 0;
    }
    listener_free(&li);
    snprintf(err, LISTEN_ERROR_MAX, "can't listen: %s", strerror(-r));
    return r;
}

int listener_open(struct loop *l, const struct listen_place *at, listen_fn fn, void *cookie,
                  struct listener **ret, char err[LISTEN_ERROR_MAX])
{
    int fd, r = listen_socket(at, false, &fd, err);

    return r < 0 ? r : listener_take(l, fd, fn, cookie, ret, err);
}

unsigned listen_inherited(void)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    unsigned n;
    uint64_t who;

    /* The variables of a parent that did not clear them are not for us. */
    if (!pid || !num_u64(span_str(pid), 1, INT32_MAX, &who) || who != (uint64_t)getpid() || !fds ||
        !num_uint(span_str(fds), 0, 64, &n))
        return 0;
    return n;
}

int listen_inherited_socket(unsigned index, char err[LISTEN_ERROR_MAX])
{
    int fd = FIRST_INHERITED + (int)index, listening = 0;
    socklen_t n = sizeof(listening);
    struct sockaddr_storage ss;
    socklen_t ssn = sizeof(ss);

    if (index >= listen_inherited()) {
        snprintf(err, LISTEN_ERROR_MAX, "systemd passed %u sockets, no number %u",
                 listen_inherited(), index);
        return -ENOENT;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0 || !listening) {
        snprintf(err, LISTEN_ERROR_MAX,
                 "socket %u of systemd does not listen: use ListenStream= and Accept=no", index);
        return -EINVAL;
    }
    if (getsockname(fd, (struct sockaddr *)&ss, &ssn) < 0 ||
        (ss.ss_family != AF_INET && ss.ss_family != AF_INET6)) {
        snprintf(err, LISTEN_ERROR_MAX, "socket %u of systemd is no Internet socket", index);
        return -EINVAL;
    }
    return fd;
}

int listener_inherit(struct loop *l, unsigned index, listen_fn fn, void *cookie,
                     struct listener **ret, char err[LISTEN_ERROR_MAX])
{
    int fd = listen_inherited_socket(index, err);

    return fd < 0 ? fd : listener_take(l, fd, fn, cookie, ret, err);
}

struct listen_place listener_place(const struct listener *li)
{
    return li->place;
}
