/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/listen.h"

#include "base/buf.h"
#include "io/timer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;

static int set_up(void **state)
{
    return loop_new(&loop);
}

static int tear_down(void **state)
{
    loop_free(&loop);
    return 0;
}

static void test_parse(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"192.0.2.1:25", "192.0.2.1 25"},
        {"[2001:db8::1]:25", "2001:db8::1 25"},
        {"*:25", "0.0.0.0 25,:: 25"},
        {":2525", "0.0.0.0 2525,:: 2525"},
        {"localhost:0", "127.0.0.1 0,::1 0"},
        {"0.0.0.0:65535", "0.0.0.0 65535"},
        {"0.0.0.0:65536", ""},
        {"192.0.2.1", ""},
        {"192.0.2.1:", ""},
        {"192.0.2.1:25x", ""},
        {"2001:db8::1:25", ""}, /* whose 25 is it? */
        {"[192.0.2.1]:25", ""},
        {"[::ffff:192.0.2.1]:25", ""},
        {"[2001:db8::1]", ""},
        {"mx.example.org:25", ""},
        {"", ""},
        {":", ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct listen_place places[LISTEN_PLACES_MAX];
        size_t n = listen_parse(span_str(cases[i].text), places);
        struct buf got = BUF_INIT(200);
        char ip[IP_TEXT_MAX];

        for (size_t j = 0; j < n; j++)
            buf_addf(&got, "%s%s %u", j ? "," : "", ip_text(places[j].ip, ip), places[j].port);
        if (strcmp(buf_str(&got), cases[i].want) != 0)
            fail_msg("'%s' was read as '%s'", cases[i].text, buf_str(&got));
        buf_deinit(&got);
    }
}

static unsigned accepted;
static unsigned stop_at;

static void on_accept(void *cookie, struct listener *li, struct conn *c)
{
    accepted++;
    conn_drop(&c);
    if (accepted == stop_at)
        loop_stop(loop);
}

static struct listener *open_on(const char *text)
{
    struct listen_place places[LISTEN_PLACES_MAX];
    struct listener *li = NULL;
    char err[LISTEN_ERROR_MAX];

    assert_int_equal(listen_parse(span_str(text), places), 1);
    if (listener_open(loop, &places[0], on_accept, NULL, &li, err) < 0)
        fail_msg("%s", err);
    return li;
}

/* A plain blocking connect; the kernel's queue takes it. */
static int call(struct listen_place at)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(at.port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    memcpy(&in.sin_addr, at.ip.b, 4);
    assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
    return fd;
}

static void test_errors(void **state)
{
    struct listener *li = open_on("127.0.0.1:0"), *other;
    struct listen_place taken = listener_place(li), nowhere = {.port = 25};
    char err[LISTEN_ERROR_MAX], want[100];

    assert_true(taken.port != 0);
    assert_int_equal(listener_open(loop, &taken, on_accept, NULL, &other, err), -EADDRINUSE);
    snprintf(want, sizeof(want), "can't listen on 127.0.0.1:%u: ", taken.port);
    assert_true(span_starts(span_str(err), span_str(want)));
    assert_non_null(strstr(err, "another program listens there"));
    assert_int_equal(listen_try(&taken, false), -EADDRINUSE);
    assert_int_equal(listen_try(&taken, true), 0); /* of TCP alone */

    assert_true(ip_parse(SPAN_LIT("2001:db8::77"), &nowhere.ip));
    assert_true(listen_try(&nowhere, false) < 0 && listen_try(&nowhere, true) < 0);
    assert_true(listener_open(loop, &nowhere, on_accept, NULL, &other, err) < 0);
    assert_non_null(strstr(err, "can't listen on [2001:db8::77]:25: "));
    listener_free(&li);
    listener_free(&li);
}

/* As nobody, in a child: EACCES, unless this system lets everyone have low ports. */
static void test_low_port(void **state)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct listen_place at = {.ip = {.family = IP_V4, .b = {127, 0, 0, 1}}, .port = 1};
        static struct listener *li;
        char err[LISTEN_ERROR_MAX];
        int r;

        if (geteuid() == 0 && setuid(65534) < 0)
            _exit(2);
        r = listener_open(loop, &at, on_accept, NULL, &li, err);
        if (r == 0)
            _exit(0);
        _exit(r == -EACCES && strstr(err, "below 1024 need root, CAP_NET_BIND_SERVICE") ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_both_families(void **state)
{
    struct listener *v4 = open_on("0.0.0.0:0"), *v6 = NULL;
    struct listen_place at = {.ip = {.family = IP_V6}, .port = listener_place(v4).port};
    char err[LISTEN_ERROR_MAX];
    int r = listener_open(loop, &at, on_accept, NULL, &v6, err);

    /* The same port of both: only possible when the IPv6 one does not take IPv4. */
    if (r == -EAFNOSUPPORT || r == -EADDRNOTAVAIL) {
        listener_free(&v4);
        skip();
    }
    assert_int_equal(r, 0);
    listener_free(&v4);
    listener_free(&v6);
}

static void on_time(void *cookie)
{
    loop_stop(loop);
}

static void run_for(int64_t ms)
{
    struct timer t;

    timer_init(&t, on_time, NULL);
    timer_start(&t, loop, ms);
    loop_run(loop);
    timer_stop(&t);
}

static void test_pause(void **state)
{
    struct listener *li = open_on("127.0.0.1:0");
    int fds[5];

    accepted = stop_at = 0;
    listener_pause(li);
    for (int i = 0; i < 5; i++)
        fds[i] = call(listener_place(li));
    run_for(30);
    assert_int_equal(accepted, 0);
    listener_resume(li);
    stop_at = 5;
    run_for(2000);
    assert_int_equal(accepted, 5);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
    /* And once more, to see that a resume with nobody waiting harms nothing. */
    listener_pause(li);
    listener_resume(li);
    fds[0] = call(listener_place(li));
    stop_at = 6;
    run_for(2000);
    assert_int_equal(accepted, 6);
    close(fds[0]);
    listener_free(&li);
}

static void free_inside(void *cookie, struct listener *li, struct conn *c)
{
    struct listener **mine = cookie;

    accepted++;
    conn_drop(&c);
    listener_free(mine);
}

static void test_free_inside_callback(void **state)
{
    struct listen_place at = {.ip = {.family = IP_V4, .b = {127, 0, 0, 1}}};
    struct listener *li;
    char err[LISTEN_ERROR_MAX];
    int a, b;

    accepted = 0;
    assert_int_equal(listener_open(loop, &at, free_inside, &li, &li, err), 0);
    at = listener_place(li);
    a = call(at);
    b = call(at);
    loop_run(loop);
    assert_int_equal(accepted, 1);
    close(a);
    close(b);
}

/* What systemd does: sockets from descriptor 3 on, and two variables. */
static void test_inherited(void **state)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        int fd = socket(AF_INET, SOCK_STREAM, 0), idle = socket(AF_INET, SOCK_STREAM, 0), mine;
        char pid_text[20], err[LISTEN_ERROR_MAX];
        static struct loop *parents, *own; /* static: what the child leaves behind is no leak */
        struct listener *li;

        if (bind(fd, (struct sockaddr *)&in, sizeof(in)) < 0 || listen(fd, 5) < 0)
            _exit(1);
        fd = fcntl(fd, F_DUPFD, 50);
        idle = fcntl(idle, F_DUPFD, 50);
        for (int i = 3; i < 50; i++)
            close(i);
        dup2(fd, 3);
        dup2(idle, 4);
        close(fd);
        close(idle);
        if (listen_inherited() != 0)
            _exit(2);
        setenv("LISTEN_FDS", "2", 1);
        setenv("LISTEN_PID", "1", 1); /* somebody else's */
        if (listen_inherited() != 0)
            _exit(3);
        snprintf(pid_text, sizeof(pid_text), "%d", getpid());
        setenv("LISTEN_PID", pid_text, 1);
        if (listen_inherited() != 2 || loop_new(&own) < 0)
            _exit(4);
        parents = loop;
        loop = own;
        if (listener_inherit(own, 1, on_accept, NULL, &li, err) != -EINVAL ||
            !strstr(err, "does not listen"))
            _exit(5);
        if (listener_inherit(own, 2, on_accept, NULL, &li, err) != -ENOENT)
            _exit(6);
        if (listener_inherit(own, 0, on_accept, NULL, &li, err) < 0)
            _exit(7);
        mine = call(listener_place(li));
        accepted = 0;
        stop_at = 1;
        run_for(2000);
        close(mine);
        listener_free(&li);
        loop_free(&own);
        _exit(accepted == 1 && parents ? 0 : 8);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), CASE(test_errors), CASE(test_low_port),
        CASE(test_both_families),     CASE(test_pause),  CASE(test_free_inside_callback),
        CASE(test_inherited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
