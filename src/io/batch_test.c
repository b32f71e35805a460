/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/batch.h"

#include "io/sockaddr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static struct listen_place local(const char *ip)
{
    struct listen_place at = {0};

    assert_true(ip_parse(span_str(ip), &at.ip));
    return at;
}

static int server(const char *ip, struct listen_place *ret)
{
    struct listen_place at = local(ip);
    char err[LISTEN_ERROR_MAX];
    int fd;

    assert_int_equal(batch_socket(&at, true, 0, &fd, err), 0);
    *ret = batch_socket_place(fd);
    assert_int_not_equal(ret->port, 0);
    return fd;
}

/* A client's socket, connected: it takes only what comes from where it sent to. */
static int client(const char *to, uint16_t port)
{
    struct sockaddr_storage ss;
    socklen_t n = sockaddr_write(local(to).ip, port, &ss);
    int fd = socket(ss.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 10};

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&ss, n), 0);
    return fd;
}

/* Answers all that is there with itself and one octet more. */
static size_t echo(struct batch *b, bool wait)
{
    int n = batch_receive(b, wait);

    assert_true(n >= 0);
    /* From the last to the first: the order is the caller's. */
    for (size_t i = (size_t)n; i-- > 0;) {
        struct span bytes;
        uint16_t port;
        struct ip from;

        if (!batch_get(b, i, &from, &port, &bytes))
            continue;
        memcpy(batch_room(b, i), bytes.p, bytes.n);
        batch_room(b, i)[bytes.n] = '!';
        batch_answer(b, i, bytes.n + 1);
    }
    return batch_send(b);
}

static void expect(int fd, const char *text)
{
    char got[100];
    ssize_t n = recv(fd, got, sizeof(got), 0);

    assert_int_equal(n, strlen(text));
    assert_memory_equal(got, text, strlen(text));
}

/* A forged "fragmentation needed" must not cut answers. */
static void test_path_mtu(void **state)
{
    static const struct {
        const char *ip;
        int level, option, want;
    } cases[] = {
        {"127.0.0.1", IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT},
        {"::1", IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_OMIT},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct listen_place at = local(cases[i].ip);
        char err[LISTEN_ERROR_MAX];
        socklen_t n = sizeof(int);
        struct batch *b;
        int fd, got = -1;

        if (batch_socket(&at, true, 0, &fd, err) < 0) {
            assert_int_equal(i, 1); /* a host without IPv6 */
            continue;
        }
        assert_int_equal(batch_new(&fd, 1, &b), 0);
        assert_int_equal(getsockopt(fd, cases[i].level, cases[i].option, &got, &n), 0);
        assert_int_equal(got, cases[i].want);
        batch_free(&b);
        close(fd);
    }
}

/* More than one batch at once, each from a client of its own. */
static void test_many(void **state)
{
    enum { CLIENTS = BATCH_MAX + 10 };
    struct listen_place at;
    int fd = server("127.0.0.1", &at), c[CLIENTS];
    struct batch *b;
    size_t sent = 0;
    char text[20];

    assert_int_equal(batch_new(&fd, 1, &b), 0);
    for (int i = 0; i < CLIENTS; i++) {
        c[i] = client("127.0.0.1", at.port);
        snprintf(text, sizeof(text), "query %d", i);
        assert_int_equal(send(c[i], text, strlen(text), 0), strlen(text));
    }
    assert_int_equal(echo(b, true), BATCH_MAX);
    sent = echo(b, true);
    assert_int_equal(sent, CLIENTS - BATCH_MAX);
    assert_int_equal(batch_receive(b, false), 0);
    for (int i = 0; i < CLIENTS; i++) {
        snprintf(text, sizeof(text), "query %d!", i);
        expect(c[i], text);
        close(c[i]);
    }
    batch_free(&b);
    batch_free(&b);
    close(fd);
}

/* Bound to no address: the answer comes from the address that was asked. */
static void test_anywhere(void **state)
{
    static const struct {
        const char *bound, *asked;
    } cases[] = {{"0.0.0.0", "127.0.0.1"}, {"0.0.0.0", "127.9.8.7"}, {"::", "::1"}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct listen_place at;
        int fd = server(cases[i].bound, &at), c = client(cases[i].asked, at.port);
        struct batch *b;

        assert_int_equal(batch_new(&fd, 1, &b), 0);
        for (int round = 0; round < 3; round++) {
            assert_int_equal(send(c, "a", 1, 0), 1);
            assert_int_equal(echo(b, true), 1);
            expect(c, "a!");
        }
        close(c);
        batch_free(&b);
        close(fd);
    }
}

/* Several sockets are served in turn: a flood at one does not silence the other. */
static void test_sockets(void **state)
{
    struct listen_place at[2];
    int fds[2] = {server("127.0.0.1", &at[0]), server("127.0.0.2", &at[1])};
    int c[2] = {client("127.0.0.1", at[0].port), client("127.0.0.2", at[1].port)};
    struct batch *b;

    assert_int_equal(batch_new(fds, 2, &b), 0);
    for (int i = 0; i < BATCH_MAX + 1; i++)
        assert_int_equal(send(c[0], "flood", 5, 0), 5);
    assert_int_equal(send(c[1], "one", 3, 0), 3);
    assert_int_equal(echo(b, true) + echo(b, true), BATCH_MAX + 1);
    expect(c[1], "one!");
    assert_int_equal(echo(b, true), 1);
    assert_int_equal(batch_receive(b, false), 0);
    batch_free(&b);
    for (int i = 0; i < 2; i++) {
        close(c[i]);
        close(fds[i]);
    }
}

static void test_sizes(void **state)
{
    static const struct {
        size_t n;
        bool taken;
    } cases[] = {{0, true}, {1, true}, {BATCH_IN_MAX, true}, {BATCH_IN_MAX + 1, false}, {1, true}};
    static char bytes[BATCH_IN_MAX + 1];
    struct listen_place at;
    int fd = server("127.0.0.1", &at), c = client("127.0.0.1", at.port);
    struct batch *b;

    assert_int_equal(batch_new(&fd, 1, &b), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span got = {0};
        uint16_t port;
        struct ip from;

        assert_int_equal(send(c, bytes, cases[i].n, 0), cases[i].n);
        assert_int_equal(batch_receive(b, true), 1);
        assert_int_equal(batch_get(b, 0, &from, &port, &got), cases[i].taken);
        if (cases[i].taken)
            assert_int_equal(got.n, cases[i].n);
    }
    batch_free(&b);
    close(c);
    close(fd);
}

/* A client that went away makes an error of ICMP, which is no error of ours. */
static void test_gone(void **state)
{
    struct listen_place at;
    int fd = server("127.0.0.1", &at), c = client("127.0.0.1", at.port);
    struct batch *b;

    assert_int_equal(batch_new(&fd, 1, &b), 0);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(send(c, "a", 1, 0), 1);
        close(c);
        echo(b, true);
        c = client("127.0.0.1", at.port);
        assert_int_equal(send(c, "b", 1, 0), 1);
        for (size_t sent = 0; sent == 0;)
            sent = echo(b, true);
        expect(c, "b!");
    }
    batch_free(&b);
    close(c);
    close(fd);
}

static void on_signal(int signum)
{
}

static pthread_t waiting;

static void *interrupt(void *cookie)
{
    usleep(50000);
    pthread_kill(waiting, SIGUSR1);
    return NULL;
}

static void test_signal(void **state)
{
    struct sigaction act = {.sa_handler = on_signal};
    struct listen_place at;
    int fd = server("127.0.0.1", &at);
    struct batch *b;
    pthread_t other;

    waiting = pthread_self();
    assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
    assert_int_equal(batch_new(&fd, 1, &b), 0);
    assert_int_equal(pthread_create(&other, NULL, interrupt, NULL), 0);
    assert_int_equal(batch_receive(b, true), 0);
    pthread_join(other, NULL);
    batch_free(&b);
    close(fd);
}

static void test_taken(void **state)
{
    char err[LISTEN_ERROR_MAX] = "";
    struct listen_place at;
    int first = server("127.0.0.1", &at), second;

    assert_int_equal(batch_socket(&at, true, 0, &second, err), 0);
    close(second);
    assert_int_equal(batch_socket(&at, false, 0, &second, err), -EADDRINUSE);
    assert_non_null(strstr(err, "127.0.0.1"));
    close(first);
    assert_int_equal(batch_inherited_socket(0, err), -ENOENT);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_mtu), cmocka_unit_test(test_many),
        cmocka_unit_test(test_anywhere), cmocka_unit_test(test_sockets),
        cmocka_unit_test(test_sizes),    cmocka_unit_test(test_gone),
        cmocka_unit_test(test_signal),   cmocka_unit_test(test_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
