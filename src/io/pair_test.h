/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two ends of a connection over loopback, for the tests of this folder: each records what it was
 * told and does what the test wants at each event.
 */
#ifndef POSTERN_IO_PAIR_TEST_H
#define POSTERN_IO_PAIR_TEST_H

#include "base/buf.h"
#include "io/conn.h"
#include "io/listen.h"
#include "io/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum side_event { AT_CONNECTED, AT_DATA, AT_DRAINED, AT_SECURED, AT_EOF, AT_DEADLINE, AT_CLOSED };

struct side {
    struct conn *conn;
    struct buf got;
    unsigned times[7]; /* how often each event came */
    struct conn_end end;
    char end_text[300];
    bool gone; /* closed came, or it was dropped */
    /* Called after an event was recorded, or NULL. */
    void (*on)(struct side *s, enum side_event e, struct span bytes);
    void *extra;
};

static struct loop *loop;
static struct listener *listener;
static struct side client, server;
static const struct conn_events *server_events;
static struct timer watchdog;

static void side_gone(struct side *s)
{
    s->gone = true;
    s->conn = NULL;
    if (client.gone && server.gone)
        loop_stop(loop);
}

static void side_told(struct side *s, enum side_event e, struct span bytes)
{
    assert_false(s->gone);
    s->times[e]++;
    if (s->on)
        s->on(s, e, bytes);
}

static void side_connected(void *cookie, struct conn *c)
{
    side_told(cookie, AT_CONNECTED, SPAN_NULL);
}

static void side_data(void *cookie, struct conn *c, struct span bytes)
{
    struct side *s = cookie;

    assert_true(bytes.n > 0);
    buf_add(&s->got, bytes);
    side_told(s, AT_DATA, bytes);
}

static void side_drained(void *cookie, struct conn *c)
{
    side_told(cookie, AT_DRAINED, SPAN_NULL);
}

static void side_secured(void *cookie, struct conn *c)
{
    side_told(cookie, AT_SECURED, SPAN_NULL);
}

static void side_eof(void *cookie, struct conn *c)
{
    side_told(cookie, AT_EOF, SPAN_NULL);
}

static void side_deadline(void *cookie, struct conn *c)
{
    side_told(cookie, AT_DEADLINE, SPAN_NULL);
}

static void side_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct side *s = cookie;

    s->end = *end;
    s->end.text = NULL;
    assert_non_null(end->text);
    span_copy(span_slice(span_str(end->text), 0, sizeof(s->end_text) - 1), s->end_text,
              sizeof(s->end_text));
    side_told(s, AT_CLOSED, SPAN_NULL);
    if (!s->gone)
        side_gone(s);
}

static const struct conn_events all_events = {
    .connected = side_connected,
    .data = side_data,
    .drained = side_drained,
    .secured = side_secured,
    .eof = side_eof,
    .deadline = side_deadline,
    .closed = side_closed,
};
static const struct conn_events no_eof_events = {
    .connected = side_connected, .data = side_data, .secured = side_secured, .closed = side_closed};
static const struct conn_events few_events = {.data = side_data, .closed = side_closed};

static void on_accept(void *cookie, struct listener *li, struct conn *c)
{
    server.conn = c;
    conn_own(c, server_events, &server);
    side_told(&server, AT_CONNECTED, SPAN_NULL);
}

static void on_watchdog(void *cookie)
{
    fail_msg("the test hangs");
}

static int pair_set_up(void **state)
{
    struct listen_place at = {.ip = {.family = IP_V4, .b = {127, 0, 0, 1}}};
    char err[LISTEN_ERROR_MAX];

    client = server = (struct side){.got = BUF_INIT(64 << 20)};
    server_events = &all_events;
    if (loop_new(&loop) < 0 || listener_open(loop, &at, on_accept, NULL, &listener, err) < 0)
        return -1;
    timer_init(&watchdog, on_watchdog, NULL);
    timer_start(&watchdog, loop, 20000);
    return 0;
}

static int pair_tear_down(void **state)
{
    timer_stop(&watchdog);
    loop_free(&loop);
    buf_deinit(&client.got);
    buf_deinit(&server.got);
    return 0;
}

static void pair_connect_as(const struct conn_events *ev)
{
    struct conn_target to = {.ip = listener_place(listener).ip,
                             .port = listener_place(listener).port,
                             .timeout_ms = 5000};

    assert_int_equal(conn_connect(loop, &to, ev, &client, &client.conn), 0);
}

/* Runs until both ends are gone, and then until nothing is left at all. */
static void pair_run(void)
{
    if (!client.gone || !server.gone)
        loop_run(loop);
    assert_true(client.gone && server.gone);
    timer_stop(&watchdog);
    listener_free(&listener);
    loop_run(loop);
}

static inline void side_say(struct side *s, const char *text)
{
    assert_int_equal(conn_write(s->conn, span_str(text)), 0);
}

/* Writes until the kernel takes no more. */
static inline void side_fill(struct side *s)
{
    static char big[CONN_QUEUE_MAX];

    for (int i = 0; conn_queued(s->conn) == 0; i++) {
        assert_true(i < 100);
        assert_int_equal(conn_write(s->conn, span_of(big, sizeof(big))), 0);
    }
}

#endif
