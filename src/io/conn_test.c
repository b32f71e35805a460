/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/pair_test.h"

#include "io/conn_priv.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- an echo ---------------------------------------------------------------------------------- */

static void echo(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_DATA)
        assert_int_equal(conn_write(s->conn, bytes), 0);
    else if (e == AT_EOF)
        conn_close(s->conn);
}

static void ask_and_go(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED) {
        side_say(s, "hello ");
        side_say(s, "world");
    } else if (e == AT_DATA && s->got.n == 11) {
        conn_close(s->conn);
    }
}

static void test_echo(void **state)
{
    client.on = ask_and_go;
    server.on = echo;
    pair_connect_as(&all_events);
    assert_int_equal(conn_write(client.conn, SPAN_LIT("early")), -ENOTCONN);
    assert_int_equal(conn_peer_port(client.conn), listener_place(listener).port);
    pair_run();
    assert_string_equal(buf_str(&client.got), "hello world");
    assert_int_equal(client.end.reason, CONN_LOCAL);
    assert_true(client.end.connected);
    assert_false(client.end.secured);
    assert_int_equal(server.times[AT_EOF], 1);
    assert_int_equal(client.times[AT_CLOSED] + server.times[AT_CLOSED], 2);
}

static void test_echo_v6(void **state)
{
    struct listen_place at = {.ip = {.family = IP_V6, .b = {[15] = 1}}};
    struct conn_target to = {.ip = at.ip, .local = at.ip, .timeout_ms = 5000};
    char err[LISTEN_ERROR_MAX], ip[IP_TEXT_MAX];
    struct listener *v6;

    if (listener_open(loop, &at, on_accept, NULL, &v6, err) < 0)
        skip(); /* a system without IPv6 */
    to.port = listener_place(v6).port;
    client.on = ask_and_go;
    server.on = echo;
    assert_int_equal(conn_connect(loop, &to, &all_events, &client, &client.conn), 0);
    assert_string_equal(ip_text(conn_peer_ip(client.conn), ip), "::1");
    loop_run(loop);
    listener_free(&v6);
    assert_string_equal(buf_str(&client.got), "hello world");
    assert_true(client.gone && server.gone);
}

static void check_addresses(struct side *s, enum side_event e, struct span bytes)
{
    char a[IP_TEXT_MAX];
    uint16_t port;

    if (e != AT_CONNECTED)
        return;
    if (s == &client) {
        assert_string_equal(ip_text(conn_local_ip(s->conn), a), "127.0.0.2");
        conn_local(s->conn, &port);
        assert_true(port != 0);
    } else {
        assert_string_equal(ip_text(conn_peer_ip(s->conn), a), "127.0.0.2");
        assert_string_equal(ip_text(conn_local_ip(s->conn), a), "127.0.0.1");
        assert_in_range(conn_peer_ttl(s->conn), 1, 255);
        assert_int_equal(conn_peer_ttl(s->conn), conn_peer_ttl(s->conn));
        conn_close(s->conn);
    }
}

static void test_local_address(void **state)
{
    struct conn_target to = {.ip = listener_place(listener).ip,
                             .port = listener_place(listener).port,
                             .local = {.family = IP_V4, .b = {127, 0, 0, 2}}};

    client.on = server.on = check_addresses;
    assert_int_equal(conn_connect(loop, &to, &few_events, &client, &client.conn), 0);
    pair_run();
    /* Without an eof callback the peer's end is the end. */
    assert_int_equal(client.end.reason, CONN_EOF);

    to.local = (struct ip){.family = IP_V6};
    assert_int_equal(conn_connect(loop, &to, &few_events, &client, &client.conn), -EINVAL);
}

/* --- connects that fail ----------------------------------------------------------------------- */

static void test_failed_connects(void **state)
{
    static const struct {
        const char *name, *ip, *local;
        uint16_t port;
        enum conn_reason reason;
    } cases[] = {
        {"nobody listens", "127.0.0.1", NULL, 1, CONN_REFUSED},
        {"no such local address", "127.0.0.1", "192.0.2.77", 25, CONN_UNREACHABLE},
        {"no way to there from here", "::1", "2001:db8::1", 25, CONN_UNREACHABLE},
    };

    server.gone = true;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct conn_target to = {.port = cases[i].port, .timeout_ms = 2000};

        print_message("# %s\n", cases[i].name);
        client = (struct side){0};
        assert_true(ip_parse(span_str(cases[i].ip), &to.ip));
        if (cases[i].local)
            assert_true(ip_parse(span_str(cases[i].local), &to.local));
        assert_int_equal(conn_connect(loop, &to, &all_events, &client, &client.conn), 0);
        assert_false(client.gone); /* never from inside */
        loop_run(loop);
        assert_int_equal(client.times[AT_CLOSED], 1);
        assert_int_equal(client.times[AT_CONNECTED], 0);
        assert_int_equal(client.end.reason, cases[i].reason);
        assert_false(client.end.connected);
        assert_true(client.end.err < 0);
    }
}

static void test_connect_timeout(void **state)
{
    /* A listener that takes nobody, with a full queue, drops further SYNs. */
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof(in);
    int fd = socket(AF_INET, SOCK_STREAM, 0), filler[4];
    struct conn_target to = {.ip = {.family = IP_V4, .b = {127, 0, 0, 1}}, .timeout_ms = 150};
    int64_t began;

    assert_int_equal(bind(fd, (struct sockaddr *)&in, n), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &n), 0);
    for (int i = 0; i < 4; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(filler[i], (struct sockaddr *)&in, n) < 0)
            assert_int_equal(errno, EINPROGRESS);
    }
    server.gone = true;
    to.port = ntohs(in.sin_port);
    began = loop_clock();
    assert_int_equal(conn_connect(loop, &to, &all_events, &client, &client.conn), 0);
    loop_run(loop);
    assert_int_equal(client.end.reason, CONN_TIMEOUT);
    assert_int_equal(client.end.err, -ETIMEDOUT);
    assert_in_range(loop_clock() - began, 140, 2000);
    for (int i = 0; i < 4; i++)
        close(filler[i]);
    close(fd);
}

/* --- deadlines -------------------------------------------------------------------------------- */

static void set_deadline(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED)
        conn_deadline(s->conn, loop_now(loop) + 30);
    else if (e == AT_DEADLINE && s->times[AT_DEADLINE] < 3)
        conn_deadline(s->conn, loop_now(loop) + 5);
    else if (e == AT_DEADLINE)
        conn_close(s->conn);
}

static void test_deadline_callback(void **state)
{
    client.on = set_deadline;
    server_events = &few_events;
    pair_connect_as(&all_events);
    pair_run();
    assert_int_equal(client.times[AT_DEADLINE], 3);
    assert_int_equal(client.end.reason, CONN_LOCAL);
    assert_int_equal(server.end.reason, CONN_EOF);
}

static void test_deadline_without_callback(void **state)
{
    server.on = set_deadline;
    server_events = &few_events;
    pair_connect_as(&few_events);
    pair_run();
    assert_int_equal(server.end.reason, CONN_TIMEOUT);
    assert_int_equal(client.end.reason, CONN_EOF);
}

static void test_deadline_cleared(void **state)
{
    client.on = ask_and_go;
    server.on = echo;
    pair_connect_as(&all_events);
    conn_deadline(client.conn, loop_now(loop) - 1);
    conn_deadline(client.conn, 0);
    pair_run();
    assert_int_equal(client.times[AT_DEADLINE], 0);
    assert_string_equal(buf_str(&client.got), "hello world");
}

/* --- ending in every callback ----------------------------------------------------------------- */

enum ending { CLOSE, ABORT, DROP, CLOSE_TWICE, CLOSE_ABORT, CLOSE_DROP, ABORT_DROP, ENDINGS };

static enum ending how;
static enum side_event when;
static bool is_client;

static void end_it(struct side *s)
{
    static const char twice[ENDINGS][2] = {"c", "a", "d", "cc", "ca", "cd", "ad"};

    for (int i = 0; i < 2 && twice[how][i]; i++) {
        switch (twice[how][i]) {
        case 'c':
            conn_close(s->conn);
            break;
        case 'a':
            conn_abort(s->conn);
            break;
        default:
            conn_drop(&s->conn);
            conn_drop(&s->conn);
            side_gone(s);
            return;
        }
        /* What an owner may still do before it learns of the end. */
        assert_int_equal(conn_write(s->conn, SPAN_LIT("x")), -EPIPE);
        conn_pause(s->conn);
        conn_resume(s->conn);
        conn_deadline(s->conn, loop_now(loop) + 1);
        assert_int_equal(conn_tls_client(s->conn, NULL, NULL, SPAN_NULL), CONN_TLS_UNFIT);
        conn_queued(s->conn);
    }
}

/* Makes every event happen, in the order of the enum but for AT_SECURED. */
static void act(struct side *s, enum side_event e, struct span bytes)
{
    if ((s == &client) == is_client && e == when && e != AT_CLOSED) {
        end_it(s);
        return;
    }
    if (e == AT_CLOSED) {
        if (how == DROP && (s == &client) == is_client && when == AT_CLOSED) {
            struct conn *c = s->conn;

            conn_drop(&c); /* not needed, but no harm */
        }
        return;
    }
    if (e == AT_CONNECTED) {
        side_fill(s);
        conn_deadline(s->conn, loop_now(loop) + 20);
    } else if (e == AT_DEADLINE && (when == AT_DRAINED || when == AT_DATA) &&
               !(is_client ? &client : &server)->times[when]) {
        conn_deadline(s->conn, loop_now(loop) + 20); /* a busy machine: wait for it */
    } else if (e == AT_DEADLINE && s == &client && when == AT_EOF && is_client && server.conn) {
        conn_close(server.conn);
    } else if (e == AT_DEADLINE && when == AT_EOF && !is_client && client.conn) {
        conn_close(client.conn);
    } else if (e == AT_DEADLINE || e == AT_EOF) {
        conn_close(s->conn);
    }
}

static void test_ending_anywhere(void **state)
{
    static const enum side_event places[] = {AT_CONNECTED, AT_DATA,     AT_DRAINED,
                                             AT_EOF,       AT_DEADLINE, AT_CLOSED};

    for (int side = 0; side < 2; side++) {
        for (size_t p = 0; p < sizeof(places) / sizeof(places[0]); p++) {
            for (how = 0; how < ENDINGS; how++) {
                struct side *mine = side ? &server : &client;

                pair_tear_down(NULL);
                is_client = side == 0;
                when = places[p];
                assert_int_equal(pair_set_up(NULL), 0);
                client.on = server.on = act;
                pair_connect_as(&all_events);
                pair_run();
                if (mine->times[when] == 0)
                    fail_msg("%s: event %d never came", side ? "server" : "client", (int)when);
                if (when != AT_CLOSED && (how == DROP || how == CLOSE_DROP || how == ABORT_DROP)) {
                    assert_int_equal(mine->times[AT_CLOSED], 0);
                } else {
                    assert_int_equal(mine->times[AT_CLOSED], 1);
                    assert_int_equal(mine->end.reason, CONN_LOCAL);
                }
            }
        }
    }
}

static void close_at_once(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED)
        conn_close(s->conn);
}

static void test_close_while_connecting(void **state)
{
    server.gone = true; /* the kernel may have taken the connection, or not */
    server.on = NULL;
    for (how = 0; how < ENDINGS; how++) {
        struct conn_target to = {.ip = {.family = IP_V4, .b = {127, 0, 0, 1}}, .port = 1};

        client = (struct side){.on = close_at_once};
        assert_int_equal(conn_connect(loop, &to, &all_events, &client, &client.conn), 0);
        end_it(&client);
        loop_run(loop);
        if (how == DROP || how == CLOSE_DROP || how == ABORT_DROP)
            assert_int_equal(client.times[AT_CLOSED], 0);
        else
            assert_int_equal(client.end.reason, CONN_LOCAL);
        timer_stop(&watchdog);
        listener_free(&listener);
    }
}

static void test_loop_freed_with_connections(void **state)
{
    pair_connect_as(&all_events);
    for (int i = 0; i < 50; i++)
        loop_poll(loop);
    assert_non_null(client.conn);
    assert_non_null(server.conn);
    conn_close(client.conn); /* `closed` is due, and never comes */
    loop_free(&loop);
    assert_int_equal(client.times[AT_CLOSED] + server.times[AT_CLOSED], 0);
}

/* --- many ------------------------------------------------------------------------------------- */

enum { MANY = 2000 };

struct crowd {
    struct conn *conn;
    unsigned got;
};

static unsigned connected, answered, crowd_closed, accepted;
static struct conn *taken[MANY];

static void crowd_connected(void *cookie, struct conn *c)
{
    connected++;
    if (connected == MANY && accepted == MANY)
        loop_stop(loop);
}

static void crowd_data(void *cookie, struct conn *c, struct span bytes)
{
    struct crowd *one = cookie;

    one->got += (unsigned)bytes.n;
    answered++;
    if (answered == MANY)
        loop_stop(loop);
}

static void crowd_end(void *cookie, struct conn *c, const struct conn_end *end)
{
    crowd_closed++;
    if (crowd_closed == 2 * MANY)
        loop_stop(loop);
}

static void many_data(void *cookie, struct conn *c, struct span bytes)
{
    assert_int_equal(conn_write(c, bytes), 0);
}

static const struct conn_events crowd_events = {
    .connected = crowd_connected, .data = crowd_data, .closed = crowd_end};
static const struct conn_events many_events = {.data = many_data, .closed = crowd_end};

static void many_accept(void *cookie, struct listener *li, struct conn *c)
{
    assert_true(accepted < MANY);
    taken[accepted++] = c;
    conn_own(c, &many_events, NULL);
    if (connected == MANY && accepted == MANY)
        loop_stop(loop);
}

static void test_many_at_once(void **state)
{
    static struct crowd crowd[MANY];
    struct listen_place at = {.ip = {.family = IP_V4, .b = {127, 0, 0, 1}}};
    struct listener *li;
    char err[LISTEN_ERROR_MAX];
    size_t before, after, each;

    if (loop_fd_limit(2 * MANY + 100) < 2 * MANY + 100)
        skip();
    assert_int_equal(listener_open(loop, &at, many_accept, NULL, &li, err), 0);
    before = mallinfo2().uordblks;
    for (unsigned i = 0; i < MANY; i++) {
        struct conn_target to = {.ip = at.ip, .port = listener_place(li).port, .timeout_ms = 10000};

        assert_int_equal(conn_connect(loop, &to, &crowd_events, &crowd[i], &crowd[i].conn), 0);
    }
    loop_run(loop);
    assert_int_equal(connected, MANY);
    after = mallinfo2().uordblks;
    each = (after - before) / (2 * MANY); /* both ends are here */
    print_message("# %d connections, %zu bytes for each end, %zu of them libuv's\n", MANY, each,
                  sizeof(uv_tcp_t));
    assert_true(each == 0 /* under a sanitizer */ || each - sizeof(uv_tcp_t) < 1024);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(conn_write(crowd[i].conn, SPAN_LIT("ping")), 0);
    loop_run(loop);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(crowd[i].got, 4);
        conn_close(crowd[i].conn);
        conn_close(taken[i]);
    }
    loop_run(loop);
    assert_int_equal(crowd_closed, 2 * MANY);
    listener_free(&li);
    listener_free(&listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_echo, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_echo_v6, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_local_address, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_failed_connects, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_connect_timeout, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_deadline_callback, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_deadline_without_callback, pair_set_up,
                                        pair_tear_down),
        cmocka_unit_test_setup_teardown(test_deadline_cleared, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_ending_anywhere, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_close_while_connecting, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_loop_freed_with_connections, pair_set_up,
                                        pair_tear_down),
        cmocka_unit_test_setup_teardown(test_many_at_once, pair_set_up, pair_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
