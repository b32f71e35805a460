/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Much data against back-pressure, and the ways in which a peer ends. */
#include "io/pair_test.h"

#include "io/conn_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* --- much data -------------------------------------------------------------------------------- */

enum { MUCH = 12 << 20, CHUNK = 50000 };

static size_t sent;

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 2654435761U >> 13);
}

static void pour(struct side *s)
{
    static char chunk[CHUNK];
    int r = 0;

    while (sent < MUCH && r == 0) {
        size_t n = MUCH - sent < CHUNK ? MUCH - sent : CHUNK;

        for (size_t i = 0; i < n; i++)
            chunk[i] = (char)pattern(sent + i);
        r = conn_write(s->conn, span_of(chunk, n));
        if (r == 0)
            sent += n;
    }
    assert_true(r == 0 || r == -ENOBUFS);
    assert_true(conn_queued(s->conn) <= CONN_QUEUE_MAX);
    if (sent == MUCH)
        conn_close(s->conn);
}

static void sender(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED || e == AT_DRAINED)
        pour(s);
}

static void wake(void *cookie)
{
    struct side *s = cookie;

    if (s->conn)
        conn_resume(s->conn);
}

/* Pauses after every read and sleeps now and then, so that the queue fills up. */
static void slow_reader(struct side *s, enum side_event e, struct span bytes)
{
    static struct timer nap;

    if (e == AT_DATA) {
        conn_pause(s->conn);
        timer_init(&nap, wake, s);
        timer_start(&nap, loop, s->times[AT_DATA] % 40 == 0 ? 2 : 0);
    } else if (e == AT_CLOSED) {
        timer_stop(&nap);
    }
}

static void test_back_pressure(void **state)
{
    sent = 0;
    client.on = sender;
    server.on = slow_reader;
    server_events = &few_events;
    pair_connect_as(&all_events);
    pair_run();
    assert_int_equal(server.end.reason, CONN_EOF);
    assert_int_equal(server.got.n, MUCH);
    for (size_t i = 0; i < MUCH; i++)
        if ((uint8_t)server.got.p[i] != pattern(i))
            fail_msg("byte %zu is wrong", i);
    assert_true(client.times[AT_DRAINED] > 0);
}

static void never_reads(struct side *s, enum side_event e, struct span bytes)
{
    if (s == &server && e == AT_CONNECTED) {
        conn_pause(s->conn);
    } else if (s == &client && e == AT_CONNECTED) {
        static char big[1001];

        conn_queue_limit(s->conn, 1000);
        assert_int_equal(conn_write(s->conn, span_of(big, 1001)), -ENOBUFS);
        conn_queue_limit(s->conn, CONN_QUEUE_MAX);
        side_fill(s);
        conn_close(s->conn);
    } else if (s == &client && e == AT_CLOSED) {
        conn_abort(server.conn);
    }
}

static void test_close_with_full_queue(void **state)
{
    int64_t began = loop_clock();

    /* Closing in order waits for a peer that never reads, but not for ever. */
    client.on = server.on = never_reads;
    pair_connect_as(&all_events);
    pair_run();
    assert_int_equal(client.end.reason, CONN_LOCAL);
    assert_in_range(loop_clock() - began, CONN_LINGER - 100, CONN_LINGER + 2000);
}

/* --- ends of the peer ------------------------------------------------------------------------- */

static void half_closer(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED) {
        uv_os_fd_t fd;

        side_say(s, "QUIT\r\n");
        assert_int_equal(uv_fileno((uv_handle_t *)&s->conn->tcp, &fd), 0);
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
    }
}

static void say_later(void *cookie)
{
    struct side *s = cookie;

    side_say(s, "221 bye\r\n");
    conn_close(s->conn);
}

static void answers_half_closed(struct side *s, enum side_event e, struct span bytes)
{
    static struct timer t;

    if (e == AT_EOF) {
        timer_init(&t, say_later, s);
        timer_start(&t, loop, 20);
    }
}

static void test_half_close(void **state)
{
    client.on = half_closer;
    server.on = answers_half_closed;
    pair_connect_as(&no_eof_events);
    pair_run();
    assert_string_equal(buf_str(&server.got), "QUIT\r\n");
    assert_string_equal(buf_str(&client.got), "221 bye\r\n");
    assert_int_equal(server.times[AT_EOF], 1);
    assert_int_equal(client.end.reason, CONN_EOF);
}

static void reply_and_reset(void *cookie)
{
    struct side *s = cookie;
    struct linger l = {.l_onoff = 1};
    uv_os_fd_t fd;

    side_say(s, "421 too many errors\r\n");
    assert_int_equal(uv_fileno((uv_handle_t *)&s->conn->tcp, &fd), 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
    conn_drop(&s->conn); /* a reset goes out */
    side_gone(s);
}

static void reset_after_reply(struct side *s, enum side_event e, struct span bytes)
{
    static struct timer t;

    if (e == AT_CONNECTED) {
        timer_init(&t, reply_and_reset, s);
        timer_start(&t, loop, 20);
    }
}

static void write_into_reset(void *cookie)
{
    struct side *s = cookie;

    /* The reset is here, the reply still unread. */
    assert_non_null(s->conn);
    conn_write(s->conn, SPAN_LIT("MAIL FROM:<>\r\n"));
    conn_write(s->conn, SPAN_LIT("RCPT TO:<a@b.example>\r\n"));
    conn_resume(s->conn);
}

static void pause_first(struct side *s, enum side_event e, struct span bytes)
{
    static struct timer t;

    if (e == AT_CONNECTED) {
        conn_pause(s->conn);
        timer_init(&t, write_into_reset, s);
        timer_start(&t, loop, 50);
    }
}

static void test_reply_before_reset(void **state)
{
    server.on = reset_after_reply;
    client.on = pause_first;
    pair_connect_as(&all_events);
    pair_run();
    assert_string_equal(buf_str(&client.got), "421 too many errors\r\n");
    assert_int_equal(client.end.reason, CONN_RESET);
    assert_int_equal(client.times[AT_EOF], 0);
    assert_true(client.end.connected);
}

static void chatty(struct side *s, enum side_event e, struct span bytes)
{
    static char big[300000];

    if (e == AT_CONNECTED) {
        side_say(s, "first\r\n");
    } else if (e == AT_DATA) {
        /* It goes on sending after the server has closed: that must not cost it the reply. */
        if (!span_has_nocase(buf_span(&s->got), SPAN_LIT("221")))
            conn_write(s->conn, span_of(big, sizeof(big)));
    }
}

static void closes_at_first(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED)
        side_say(s, "220 ready\r\n");
    if (e == AT_DATA && s->times[AT_DATA] == 2) {
        side_say(s, "221 that is enough\r\n");
        conn_close(s->conn);
    }
}

static void test_last_reply_is_not_lost(void **state)
{
    client.on = chatty;
    server.on = closes_at_first;
    pair_connect_as(&no_eof_events);
    pair_run();
    assert_string_equal(buf_str(&client.got), "220 ready\r\n221 that is enough\r\n");
    assert_int_equal(client.end.reason, CONN_EOF);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_back_pressure, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_close_with_full_queue, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_half_close, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_reply_before_reset, pair_set_up, pair_tear_down),
        cmocka_unit_test_setup_teardown(test_last_reply_is_not_lost, pair_set_up, pair_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
