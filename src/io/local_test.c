/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Both ends are ours, in one loop: a listener on a path, and streams by path or of a socketpair. */
#include "io/local.h"

#include "base/buf.h"
#include "io/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct end {
    struct local *s;
    struct buf got;
    unsigned connected, closed;
    int err;
    void (*on)(struct end *e); /* after each event, or NULL */
};

static struct loop *loop;
static struct local_listener *listener;
static struct end client, server;
static char folder[] = "/tmp/postern-local-XXXXXX", path[100], err[LOCAL_ERROR_MAX];
static struct timer watchdog;

static void on_watchdog(void *cookie)
{
    fail_msg("the test hangs");
}

static void after(struct end *e)
{
    if (e->on)
        e->on(e);
    if (client.closed && server.closed)
        loop_stop(loop);
}

static void on_connected(void *cookie, struct local *s)
{
    struct end *e = cookie;

    assert_ptr_equal(e->s, s);
    assert_int_equal(e->closed, 0);
    e->connected++;
    after(e);
}

static void on_data(void *cookie, struct local *s, struct span bytes)
{
    struct end *e = cookie;

    assert_true(bytes.n > 0 && !e->closed);
    buf_add(&e->got, bytes);
    after(e);
}

static void on_closed(void *cookie, struct local *s, int why)
{
    struct end *e = cookie;

    assert_int_equal(e->closed, 0); /* once */
    e->closed++;
    e->err = why;
    e->s = NULL;
    after(e);
}

static const struct local_events events = {on_connected, on_data, on_closed};

static void on_stream(void *cookie, struct local *s)
{
    assert_ptr_equal(cookie, &server);
    server.s = s;
    local_own(s, &events, &server);
}

static int set_up(void **state)
{
    client = server = (struct end){.got = BUF_INIT(8 << 20)};
    if (loop_new(&loop) < 0)
        return -1;
    timer_init(&watchdog, on_watchdog, NULL);
    timer_start(&watchdog, loop, 20000);
    return local_listen(loop, path, 0600, on_stream, &server, &listener, err);
}

static int tear_down(void **state)
{
    struct stat st;

    timer_stop(&watchdog);
    local_listener_free(&listener);
    local_listener_free(&listener);
    local_free(&client.s);
    local_free(&server.s);
    loop_free(&loop);
    buf_deinit(&client.got);
    buf_deinit(&server.got);
    return lstat(path, &st) == 0; /* the path goes with the listener */
}

static void connect_to(const char *to)
{
    assert_int_equal(local_connect(loop, to, &events, &client, &client.s), 0);
}

static void say(struct end *e, const char *text)
{
    assert_int_equal(local_write(e->s, span_str(text)), 0);
}

static void on_question(struct end *e)
{
    if (e->closed || e->got.n < 9)
        return;
    say(e, "an answer");
    local_close(e->s);
    assert_int_equal(local_write(e->s, SPAN_LIT("too late")), -EPIPE);
}

static void test_talk(void **state)
{
    server.on = on_question;
    connect_to(path);
    say(&client, "question "); /* before it is connected: waits */
    loop_run(loop);
    assert_string_equal(buf_str(&server.got), "question ");
    assert_string_equal(buf_str(&client.got), "an answer");
    assert_int_equal(client.connected, 1);
    assert_int_equal(server.connected, 0); /* an accepted one is connected from the start */
    assert_int_equal(client.err, 0);
    assert_int_equal(server.err, 0);
}

static void test_nobody_there(void **state)
{
    static const struct {
        const char *path;
        int err;
    } cases[] = {{"/nowhere/at/all", -ENOENT}, {"/tmp", -ECONNREFUSED}};
    char longer[200];

    server.closed = 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client.closed = 0;
        connect_to(cases[i].path);
        assert_int_equal(client.closed, 0); /* from the loop, never from inside */
        loop_run(loop);
        assert_int_equal(client.err, cases[i].err);
        assert_int_equal(client.connected, 0);
    }
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(local_connect(loop, longer, &events, &client, &client.s), -ENAMETOOLONG);
}

enum { PIECE = 100000, PIECES = 50 };

static void on_piece(struct end *e)
{
    if (!e->closed && e->got.n == (size_t)PIECE * PIECES)
        local_close(e->s);
}

static void send_more(void *cookie)
{
    static char piece[PIECE];
    struct timer *t = cookie;
    static unsigned sent;

    if (client.closed)
        return;
    if (sent == PIECES)
        sent = 0;
    while (sent < PIECES) {
        memset(piece, 'a' + (int)(sent % 26), sizeof(piece));
        if (local_write(client.s, span_of(piece, sizeof(piece))) == -ENOBUFS)
            break;
        sent++;
    }
    if (sent < PIECES)
        timer_start(t, loop, 1);
}

/* More than waits at a time goes through in its order. */
static void test_much(void **state)
{
    struct timer t;

    server.on = on_piece;
    connect_to(path);
    timer_init(&t, send_more, &t);
    timer_start(&t, loop, 1);
    loop_run(loop);
    timer_stop(&t);
    for (size_t i = 0; i < server.got.n; i += PIECE / 2)
        assert_int_equal(server.got.p[i], 'a' + (int)(i / PIECE % 26));
}

/* At the limit, and one past it; what was refused was not taken in part. */
static void test_queue_limit(void **state)
{
    char *much = calloc(1, LOCAL_QUEUE_MAX + 1);

    assert_non_null(much);
    connect_to(path);
    assert_int_equal(local_write(client.s, span_of(much, LOCAL_QUEUE_MAX + 1)), -ENOBUFS);
    assert_int_equal(local_write(client.s, span_of(much, LOCAL_QUEUE_MAX)), 0);
    assert_int_equal(local_write(client.s, span_of(much, 1)), -ENOBUFS);
    free(much);
}

static void on_first(struct end *e)
{
    local_free(&e->s);
    local_free(&e->s);
    e->closed = 1; /* nothing more comes */
}

/* The other end sees that it is closed. */
static void test_free_inside_callback(void **state)
{
    server.on = on_first;
    connect_to(path);
    say(&client, "x");
    loop_run(loop);
    assert_int_equal(client.closed, 1);
    assert_int_equal(server.got.n, 1);
}

static void on_half(struct end *e)
{
    uid_t who = 99999;

    if (e->closed)
        return;
    assert_int_equal(local_peer_uid(e->s, &who), 0);
    assert_int_equal(who, geteuid());
    local_close(e->s);
}

static void test_socketpair(void **state)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(local_open(loop, fds[0], &events, &client, &client.s), 0);
    assert_int_equal(local_open(loop, fds[1], &events, &server, &server.s), 0);
    server.on = on_half;
    say(&client, "hello");
    loop_run(loop);
    assert_string_equal(buf_str(&server.got), "hello");
    assert_int_equal(client.err, 0);
    assert_int_equal(local_open(loop, -1, &events, &client, &client.s), -EBADF);
}

static struct local *ignored;

static void on_ignored(void *cookie, struct local *s)
{
    ignored = s;
    local_free(&ignored);
    server.closed = 1;
}

/* A stream that nobody takes over is closed, and the listener goes on. */
static void test_turned_away(void **state)
{
    local_listener_free(&listener);
    assert_int_equal(local_listen(loop, path, 0600, on_ignored, NULL, &listener, err), 0);
    for (int i = 0; i < 3; i++) {
        client.closed = server.closed = 0;
        connect_to(path);
        loop_run(loop);
        assert_int_equal(client.closed, 1);
    }
}

static void test_path(void **state)
{
    struct local_listener *other = NULL;
    char longer[200], text[300];
    struct stat st;
    int fd;

    /* Nobody but us, from its first moment on. */
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == 0600);
    /* In use. */
    assert_int_equal(local_listen(loop, path, 0600, on_stream, &server, &other, text), -EADDRINUSE);
    assert_non_null(strstr(text, path));
    assert_int_equal(lstat(path, &st), 0);
    local_listener_free(&listener);
    assert_true(lstat(path, &st) < 0);
    /* A file of somebody's. */
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(local_listen(loop, path, 0600, on_stream, &server, &other, text), -EADDRINUSE);
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    close(fd);
    unlink(path);
    /* What a program left that died. */
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
    assert_int_equal(bind(fd, (const struct sockaddr *)&sun, sizeof(sun)), 0);
    close(fd);
    assert_int_equal(local_listen(loop, path, 0666, on_stream, &server, &listener, text), 0);
    assert_int_equal(lstat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666);
    memset(longer, 'x', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(local_listen(loop, longer, 0600, on_stream, &server, &other, text),
                     -ENAMETOOLONG);
    assert_null(other);
}

static int set_up_all(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/socket", folder);
    return 0;
}

static int tear_down_all(void **state)
{
    return rmdir(folder);
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_talk),
        CASE(test_nobody_there),
        CASE(test_much),
        CASE(test_queue_limit),
        CASE(test_free_inside_callback),
        CASE(test_socketpair),
        CASE(test_turned_away),
        CASE(test_path),
    };

    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
