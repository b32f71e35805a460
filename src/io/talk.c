/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every event ends in after(): what was said goes out, and then the machine's wishes are obeyed. So
 * all paths leave the connection in the same state, whatever woke it.
 */
#include "io/talk.h"

#include <errno.h>

static void send_replies(struct talk *t)
{
    struct buf reworded = BUF_INIT(TALK_REWORDED_MAX), *out = &t->smtp.out;
    int err;

    if (out->n == 0)
        return;
    if (t->ops->reword) {
        t->ops->reword(t->owner, buf_span(out), &reworded);
        err = reworded.err ? reworded.err : conn_write(t->conn, buf_span(&reworded));
    } else {
        err = conn_write(t->conn, buf_span(out));
    }
    buf_deinit(&reworded);
    buf_consume(out, out->n);
    buf_shrink(out);
    if (err == -ENOBUFS || err == -ENOMEM)
        conn_abort(t->conn);
}

/* Does what the machine wants next. */
static void obey(struct talk *t)
{
    struct smtp_server_todo todo = smtp_server_todo(&t->smtp);

    if (todo.close) {
        conn_close(t->conn);
        return;
    }
    if (todo.start_tls && !conn_secured(t->conn)) {
        /* Anything kept here came in clear behind STARTTLS. */
        buf_clear(&t->kept);
        if (!t->tls || conn_tls_server(t->conn, t->tls, SPAN_NULL) != CONN_TLS_STARTED)
            conn_abort(t->conn);
    }
    conn_deadline(t->conn, todo.deadline == INT64_MAX ? 0 : todo.deadline);
    if (t->kept.n)
        conn_pause(t->conn);
    else
        conn_resume(t->conn);
}

static bool is_under_way(const struct talk *t)
{
    return t->smtp.state == SMTP_SERVER_DATA || t->smtp.state == SMTP_SERVER_BDAT ||
           t->smtp.state == SMTP_SERVER_ASKED;
}

static void after(struct talk *t)
{
    if (t->stopping && !is_under_way(t))
        smtp_server_shut(&t->smtp, "Going down, try again later");
    send_replies(t);
    obey(t);
}

/* Feeds what there is; returns what could not be taken now. */
static struct span feed(struct talk *t, struct span bytes)
{
    while (bytes.n && conn_queued(t->conn) < TALK_QUEUE_HIGH) {
        size_t n = smtp_server_feed(&t->smtp, bytes, loop_now(conn_loop(t->conn)));
        bool said = t->smtp.out.n > 0;

        send_replies(t);
        bytes = span_slice(bytes, n, bytes.n);
        if (n == 0 && !said)
            break;
    }
    return bytes;
}

static void go_on(struct talk *t)
{
    struct span rest = feed(t, buf_span(&t->kept));

    buf_consume(&t->kept, t->kept.n - rest.n);
    buf_shrink(&t->kept);
    after(t);
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    struct talk *t = cookie;

    /* Reading was paused while something is kept, so this is never behind other octets. */
    buf_add(&t->kept, feed(t, bytes));
    if (t->kept.err)
        conn_abort(c);
    else
        after(t);
}

static void on_drained(void *cookie, struct conn *c)
{
    struct talk *t = cookie;

    if (t->kept.n)
        go_on(t);
}

static void on_secured(void *cookie, struct conn *c)
{
    struct talk *t = cookie;

    if (t->ops->secured)
        t->ops->secured(t->owner);
    smtp_server_tls(&t->smtp, loop_now(conn_loop(c)));
    after(t);
}

static void on_deadline(void *cookie, struct conn *c)
{
    struct talk *t = cookie;

    smtp_server_tick(&t->smtp, loop_now(conn_loop(c)));
    after(t);
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct talk *t = cookie;

    t->conn = NULL;
    t->ops->closed(t->owner, end);
}

static const struct conn_events events = {
    .data = on_data,
    .drained = on_drained,
    .secured = on_secured,
    .deadline = on_deadline,
    .closed = on_closed,
};

void talk_open(struct talk *t, struct conn *c, const struct smtp_server_config *config,
               const struct smtp_server_ops *smtp, struct tls_context *tls,
               const struct talk_ops *ops, void *owner)
{
    *t = (struct talk){.conn = c, .ops = ops, .owner = owner, .tls = tls};
    buf_init(&t->kept, TALK_KEPT_MAX);
    smtp_server_init(&t->smtp, config, smtp, owner, conn_peer_ip(c));
    conn_own(c, &events, t);
    smtp_server_start(&t->smtp, loop_now(conn_loop(c)));
    after(t);
}

void talk_answer(struct talk *t, const struct smtp_say *say)
{
    if (!t->conn)
        return;
    smtp_server_resume(&t->smtp, say, loop_now(conn_loop(t->conn)));
    send_replies(t);
    go_on(t);
}

void talk_stop(struct talk *t, bool at_once)
{
    if (!t->conn)
        return;
    t->stopping = true;
    if (at_once)
        smtp_server_shut(&t->smtp, "Going down, try again later");
    after(t);
}

void talk_close(struct talk *t)
{
    smtp_server_deinit(&t->smtp);
    conn_drop(&t->conn);
    buf_deinit(&t->kept);
}
