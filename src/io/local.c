/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Over uv_pipe_t. Writes are gathered while one is under way, as in conn_write.c, so that a slow
 * reader costs two blocks. What reads nothing for long is cut off by LOCAL_QUEUE_MAX: these are
 * helpers of ours, and a helper that hangs must not eat the memory of its parent.
 */
#include "io/local.h"

#include "base/buf.h"
#include "io/loop_uv.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { QUEUE = 64 };

struct local {
    struct loop_handle handle; /* first */
    uv_pipe_t pipe;
    uv_connect_t connecting;
    uv_write_t writing;
    struct loop *loop;
    const struct local_events *ev;
    void *cookie;
    struct deferred later; /* `closed` is due */
    struct buf queue;
    char *flying; /* with libuv */
    size_t flying_n;
    int err;
    bool connected, ending, over, uv_gone, owner_gone;
};

struct local_listener {
    struct loop_handle handle; /* first */
    uv_pipe_t pipe;
    struct loop *loop;
    local_fn fn;
    void *cookie;
    char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
};

static void free_when_done(struct local *s)
{
    if (!s->uv_gone || !s->owner_gone)
        return;
    buf_deinit(&s->queue);
    free(s);
}

static void on_uv_closed(uv_handle_t *h)
{
    struct local *s = h->data;

    s->uv_gone = true;
    free_when_done(s);
}

static void close_uv(struct local *s)
{
    if (!uv_is_closing((uv_handle_t *)&s->pipe))
        uv_close((uv_handle_t *)&s->pipe, on_uv_closed);
}

void local_free(struct local **ps)
{
    struct local *s = *ps;

    if (!s)
        return;
    *ps = NULL;
    s->ev = NULL;
    s->over = s->owner_gone = true;
    loop_undefer(&s->later);
    close_uv(s);
}

static void drop_handle(struct loop_handle *h)
{
    struct local *s = (struct local *)(void *)h;

    local_free(&s);
}

static void on_later(void *cookie)
{
    struct local *s = cookie;
    const struct local_events *ev = s->ev;

    s->owner_gone = true;
    if (ev)
        ev->closed(s->cookie, s, s->err);
    close_uv(s);
}

static void end(struct local *s, int err)
{
    if (s->over)
        return;
    s->over = true;
    s->err = err;
    if (s->connected)
        uv_read_stop((uv_stream_t *)&s->pipe);
    loop_defer(s->loop, &s->later);
}

static struct local *local_new(struct loop *l, const struct local_events *ev, void *cookie)
{
    struct local *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->handle.drop = drop_handle;
    s->loop = l;
    s->ev = ev;
    s->cookie = cookie;
    s->later = (struct deferred)DEFERRED(on_later, s);
    buf_init(&s->queue, LOCAL_QUEUE_MAX);
    uv_pipe_init(loop_uv(l), &s->pipe, 0);
    s->pipe.data = s;
    return s;
}

static void on_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *ret)
{
    struct local *s = h->data;

    *ret = uv_buf_init(s->loop->read_buf, LOOP_READ_SIZE);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct local *s = stream->data;

    if (n > 0 && !s->over && s->ev)
        s->ev->data(s->cookie, s, span_of(buf->base, (size_t)n));
    else if (n < 0)
        end(s, n == UV_EOF ? 0 : (int)n);
}

static void fly(struct local *s);

static void on_written(uv_write_t *req, int status)
{
    struct local *s = req->data;

    free(s->flying);
    s->flying = NULL;
    s->flying_n = 0;
    if (s->over)
        return;
    if (status < 0)
        end(s, status);
    else if (s->queue.n)
        fly(s);
    else if (s->ending)
        end(s, 0);
}

static void fly(struct local *s)
{
    uv_buf_t b;
    int r;

    s->flying_n = s->queue.n;
    s->flying = buf_take(&s->queue);
    s->writing.data = s;
    b = uv_buf_init(s->flying, (unsigned)s->flying_n);
    r = uv_write(&s->writing, (uv_stream_t *)&s->pipe, &b, 1, on_written);
    if (r < 0) {
        free(s->flying);
        s->flying = NULL;
        end(s, r);
    }
}

static void up(struct local *s)
{
    int r;

    s->connected = true;
    r = uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_read);
    if (r < 0)
        end(s, r);
    else if (s->queue.n && !s->flying)
        fly(s);
}

static void on_connect(uv_connect_t *req, int status)
{
    struct local *s = req->data;

    if (s->over)
        return;
    if (status < 0) {
        end(s, status);
        return;
    }
    up(s);
    if (!s->over && s->ev && s->ev->connected)
        s->ev->connected(s->cookie, s);
}

int local_connect(struct loop *l, const char *path, const struct local_events *ev, void *cookie,
                  struct local **ret)
{
    struct local *s;

    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
        return -ENAMETOOLONG;
    s = local_new(l, ev, cookie);
    if (!s)
        return -ENOMEM;
    s->connecting.data = s;
    uv_pipe_connect(&s->connecting, &s->pipe, path, on_connect);
    *ret = s;
    return 0;
}

int local_open(struct loop *l, int fd, const struct local_events *ev, void *cookie,
               struct local **ret)
{
    struct local *s = local_new(l, ev, cookie);
    int r;

    if (!s)
        return -ENOMEM;
    r = uv_pipe_open(&s->pipe, fd);
    if (r < 0) {
        local_free(&s);
        return r;
    }
    up(s);
    *ret = s;
    return 0;
}

int local_write(struct local *s, struct span bytes)
{
    if (s->over || s->ending)
        return -EPIPE;
    if (s->queue.n + s->flying_n + bytes.n > LOCAL_QUEUE_MAX)
        return -ENOBUFS;
    buf_add(&s->queue, bytes);
    if (s->queue.err)
        return s->queue.err;
    if (s->connected && !s->flying && s->queue.n)
        fly(s);
    return 0;
}

void local_close(struct local *s)
{
    s->ending = true;
    if (!s->flying && !s->queue.n)
        end(s, 0);
}

int local_peer_uid(const struct local *s, uid_t *ret)
{
    struct ucred cred;
    socklen_t n = sizeof(cred);
    uv_os_fd_t fd;
    int r = uv_fileno((const uv_handle_t *)&s->pipe, &fd);

    if (r < 0)
        return r;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) < 0)
        return -errno;
    *ret = cred.uid;
    return 0;
}

void local_own(struct local *s, const struct local_events *ev, void *cookie)
{
    s->ev = ev;
    s->cookie = cookie;
    if (!s->connected)
        up(s);
}

static void listener_closed(uv_handle_t *h)
{
    free(h->data);
}

void local_listener_free(struct local_listener **pl)
{
    struct local_listener *li = *pl;

    if (!li)
        return;
    *pl = NULL;
    li->fn = NULL;
    if (li->path[0])
        unlink(li->path);
    if (!uv_is_closing((uv_handle_t *)&li->pipe))
        uv_close((uv_handle_t *)&li->pipe, listener_closed);
}

static void listener_drop(struct loop_handle *h)
{
    struct local_listener *li = (struct local_listener *)(void *)h;

    local_listener_free(&li);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct local_listener *li = server->data;
    struct local *s;

    if (status < 0 || !li->fn)
        return;
    s = local_new(li->loop, NULL, NULL);
    if (!s)
        return;
    if (uv_accept(server, (uv_stream_t *)&s->pipe) < 0)
        local_free(&s);
    else
        li->fn(li->cookie, s);
}

/* A socket file that refuses connections is left over from a program that died. */
static void remove_stale(const char *path)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    struct stat st;
    int fd;

    if (lstat(path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    memcpy(sun.sun_path, path, strlen(path) + 1);
    if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0 && errno == ECONNREFUSED)
        unlink(path);
    close(fd);
}

static int complain(int r, const char *path, char err[LOCAL_ERROR_MAX])
{
    snprintf(err, LOCAL_ERROR_MAX, "can't listen on the socket %.150s: %s", path, strerror(-r));
    return r;
}

int local_listen(struct loop *l, const char *path, mode_t mode, local_fn fn, void *cookie,
                 struct local_listener **ret, char err[LOCAL_ERROR_MAX])
{
    struct local_listener *li;
    mode_t before;
    int r;

    if (strlen(path) >= sizeof(li->path))
        return complain(-ENAMETOOLONG, path, err);
    li = calloc(1, sizeof(*li));
    if (!li)
        return complain(-ENOMEM, path, err);
    li->handle.drop = listener_drop;
    li->loop = l;
    li->fn = fn;
    li->cookie = cookie;
    uv_pipe_init(loop_uv(l), &li->pipe, 0);
    li->pipe.data = li;
    remove_stale(path);
    before = umask(0777 & ~mode); /* never a moment of wider rights */
    r = uv_pipe_bind(&li->pipe, path);
    umask(before);
    if (r == 0) {
        span_copy(span_str(path), li->path, sizeof(li->path));
        r = uv_listen((uv_stream_t *)&li->pipe, QUEUE, on_connection);
    }
    if (r < 0) {
        local_listener_free(&li);
        return complain(r, path, err);
    }
    *ret = li;
    return 0;
}
