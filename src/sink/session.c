/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection: octets from io to the SMTP machine and back. The machine answers at once here,
 * since the store does; so input is kept back for one reason only, a client that does not read
 * our replies. Then reading stops until the queue has run empty.
 */
#include "sink/receiver_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void send_replies(struct session *s)
{
    int err;

    if (s->smtp.out.n == 0)
        return;
    err = conn_write(s->conn, buf_span(&s->smtp.out));
    buf_consume(&s->smtp.out, s->smtp.out.n);
    buf_shrink(&s->smtp.out);
    if (err == -ENOBUFS || err == -ENOMEM)
        conn_abort(s->conn);
}

/* Does what the machine wants next. */
static void obey(struct session *s)
{
    struct smtp_server_todo todo = smtp_server_todo(&s->smtp);
    struct tls_context *tls = s->receiver->config.tls;

    if (todo.close) {
        conn_close(s->conn);
        return;
    }
    if (todo.start_tls && !conn_secured(s->conn)) {
        /* Anything kept here came in clear behind STARTTLS. */
        buf_clear(&s->kept);
        if (conn_tls_server(s->conn, tls, SPAN_NULL) != CONN_TLS_STARTED)
            conn_abort(s->conn);
    }
    conn_deadline(s->conn, todo.deadline == INT64_MAX ? 0 : todo.deadline);
    if (s->kept.n)
        conn_pause(s->conn);
    else
        conn_resume(s->conn);
}

/* Feeds what there is; returns what could not be taken now. */
static struct span feed(struct session *s, struct span bytes)
{
    while (bytes.n && conn_queued(s->conn) < SESSION_QUEUE_HIGH) {
        size_t n = smtp_server_feed(&s->smtp, bytes, loop_now(s->receiver->loop));
        bool said = s->smtp.out.n > 0;

        send_replies(s);
        bytes = span_slice(bytes, n, bytes.n);
        if (n == 0 && !said)
            break;
    }
    return bytes;
}

static void after(struct session *s)
{
    send_replies(s);
    if (s->receiver->stopping)
        session_stop(s, false);
    else
        obey(s);
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    struct session *s = cookie;
    struct span rest = feed(s, bytes);

    /* Reading was paused while something is kept, so this is never behind other octets. */
    buf_add(&s->kept, rest);
    if (s->kept.err)
        conn_abort(c);
    else
        after(s);
}

static void on_drained(void *cookie, struct conn *c)
{
    struct session *s = cookie;
    struct span rest;

    if (s->kept.n == 0)
        return;
    rest = feed(s, buf_span(&s->kept));
    buf_consume(&s->kept, s->kept.n - rest.n);
    buf_shrink(&s->kept);
    after(s);
}

static void on_secured(void *cookie, struct conn *c)
{
    struct session *s = cookie;
    struct conn_tls_info info;

    if (conn_tls_info(c, &info))
        snprintf(s->tls, sizeof(s->tls), "%s %s", info.version, info.cipher);
    smtp_server_tls(&s->smtp, loop_now(s->receiver->loop));
    after(s);
}

static void on_deadline(void *cookie, struct conn *c)
{
    struct session *s = cookie;

    smtp_server_tick(&s->smtp, loop_now(s->receiver->loop));
    after(s);
}

static void tell_end(const struct session *s, const char *end)
{
    struct receiver *r = s->receiver;
    struct receiver_session_news news = {
        .peer = s->smtp.client,
        .helo = span_str(s->smtp.hello),
        .tls = span_str(s->tls),
        .end = s->smtp.end == SMTP_END_NONE ? end : smtp_server_end_name(s->smtp.end),
        .arrivals = s->arrivals,
        .refused = s->refused,
        .roles = s->roles,
        .errors = s->smtp.errors,
        .ms = loop_now(r->loop) - s->started,
        .early = s->smtp.early,
        .out_of_turn = s->smtp.out_of_turn > 0,
    };

    if (r->ev.session)
        r->ev.session(r->cookie, &news);
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct session *s = cookie;

    s->conn = NULL;
    tell_end(s, conn_reason_name(end->reason));
    session_free(s);
}

static const struct conn_events events = {
    .data = on_data,
    .drained = on_drained,
    .secured = on_secured,
    .deadline = on_deadline,
    .closed = on_closed,
};

void session_open(struct receiver *r, struct conn *c)
{
    struct session *s = calloc(1, sizeof(*s));
    int64_t now = loop_now(r->loop);

    if (!s) {
        receiver_tell(r, RECEIVER_MEMORY, conn_peer_ip(c), -ENOMEM);
        conn_drop(&c);
        return;
    }
    s->receiver = r;
    s->conn = c;
    s->started = now;
    s->kept = (struct buf)BUF_INIT(1 << 20);
    s->next = r->sessions;
    if (s->next)
        s->next->prev = s;
    r->sessions = s;
    r->counts.sessions++;
    r->counts.clients++;
    s->rate = RATE_BUSY;
    if (r->counts.clients <= r->config.clients)
        s->rate = rate_enter(r->rate, conn_peer_ip(c), now, &s->client);
    if (!s->client) {
        r->counts.turned_away++;
        receiver_tell(r, RECEIVER_CROWD, conn_peer_ip(c), 0);
    }
    smtp_server_init(&s->smtp, &r->smtp, &deliver_ops, s, conn_peer_ip(c));
    conn_own(c, &events, s);
    smtp_server_start(&s->smtp, now);
    after(s);
}

/* A message that is coming in may come to its end, and its reply too. */
void session_stop(struct session *s, bool at_once)
{
    enum smtp_server_state state = s->smtp.state;
    bool mid = state == SMTP_SERVER_DATA || state == SMTP_SERVER_BDAT;

    if (!mid || at_once)
        smtp_server_shut(&s->smtp, "Going down, try again later");
    send_replies(s);
    obey(s);
}

void session_free(struct session *s)
{
    smtp_server_deinit(&s->smtp);
    deliver_reset(s);
    buf_deinit(&s->kept);
    conn_drop(&s->conn);
    receiver_left(s->receiver, s);
    free(s);
}
