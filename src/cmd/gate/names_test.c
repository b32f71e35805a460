/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What needs no name server; test_gate_names.py asks one. */
#include "cmd/gate/names.h"

#include "io/file.h"
#include "io/timer.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static bool running;
static int silent_fd; /* a server's socket that nobody reads */
static char silent[40];
static struct got {
    unsigned times;
    char name[100];
    bool confirmed, failed;
} got;

static int set_up(void **state)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t n = sizeof(in);

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    got = (struct got){0};
    silent_fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (silent_fd < 0 || bind(silent_fd, (struct sockaddr *)&in, n) < 0 ||
        getsockname(silent_fd, (struct sockaddr *)&in, &n) < 0)
        return -1;
    snprintf(silent, sizeof(silent), "127.0.0.1:%u", ntohs(in.sin_port));
    return loop_new(&loop);
}

static int tear_down(void **state)
{
    close(silent_fd);
    loop_free(&loop);
    return 0;
}

static void on_name(void *cookie, const struct names_answer *a)
{
    got.times++;
    got.confirmed = a->confirmed;
    got.failed = a->failed;
    span_copy(span_str(a->name), got.name, sizeof(got.name));
    if (running)
        loop_stop(loop);
}

static struct names *open_names(void)
{
    char err[RESOLVER_ERROR_MAX];
    struct names *n = NULL;

    assert_int_equal(names_open(loop, silent, &n, err), 0);
    return n;
}

static struct ip ip_of(const char *text)
{
    struct ip ip = {0};

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

static bool was_asked(void)
{
    char bytes[512];

    return recv(silent_fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0;
}

static void run(int64_t ms)
{
    struct timer end;

    timer_init(&end, (void (*)(void *))loop_stop, loop);
    timer_start(&end, loop, ms);
    running = true;
    loop_run(loop);
    running = false;
    timer_stop(&end);
}

static void test_loopback_is_not_asked_for(void **state)
{
    static const char *const ips[] = {"127.0.0.1", "::1"};
    struct names *n = open_names();

    for (size_t i = 0; i < 2; i++) {
        struct names_ask *a;

        got = (struct got){0};
        names_ask(n, ip_of(ips[i]), on_name, NULL, &a);
        assert_null(a);
        assert_int_equal(got.times, 1);
        assert_string_equal(got.name, "localhost");
        assert_true(got.confirmed && !got.failed);
    }
    assert_false(was_asked());
    names_close(&n);
}

/* Who is cancelled hears nothing; who waits while it is closed is answered or cancelled later. */
static void test_cancel_and_close(void **state)
{
    struct names *n = open_names();
    struct names_ask *a, *b;

    names_ask(n, ip_of("192.0.2.1"), on_name, NULL, &a);
    names_ask(n, ip_of("192.0.2.2"), on_name, NULL, &b);
    assert_non_null(a);
    assert_non_null(b);
    run(20);
    assert_true(was_asked());
    names_cancel(&a);
    assert_null(a);
    names_cancel(&a);
    names_close(&n);
    assert_null(n);
    names_close(&n);
    run(20);
    assert_int_equal(got.times, 0);
    names_cancel(&b); /* the last of them frees it all */
}

/* A server that says nothing costs NAMES_WAIT once, and a moment after that nothing. */
static void test_silence(void **state)
{
    struct names *n = open_names();
    struct names_ask *a;
    int64_t from = loop_clock();

    names_ask(n, ip_of("192.0.2.1"), on_name, NULL, &a);
    assert_non_null(a);
    run(NAMES_WAIT + 2000);
    assert_int_equal(got.times, 1);
    assert_true(got.failed && !got.confirmed && !got.name[0]);
    assert_in_range(loop_clock() - from, 3000, NAMES_WAIT + 1000);
    names_close(&n);
}

static void test_whether_there_is_a_resolver(void **state)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        {"nameserver 192.0.2.53\n", true},
        {"search example.org\n  nameserver\t192.0.2.53", true},
        {"# nameserver 192.0.2.53\n", false},
        {"options nameserver\nnameservers 1\n", false},
        {"", false},
    };
    char path[] = "/tmp/postern-names-XXXXXX";
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(file_write(path, span_str(cases[i].text), 0600), 0);
        assert_int_equal(names_resolver_there(path), cases[i].want);
    }
    unlink(path);
    assert_false(names_resolver_there(path));
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_loopback_is_not_asked_for),
        CASE(test_cancel_and_close),
        CASE(test_silence),
        CASE(test_whether_there_is_a_resolver),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
