/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection: octets from io to the SMTP machine, its replies through the persona's words, and
 * out. A reply that the persona or the teergrube delays is held by a timer while the machine waits;
 * it takes no octet then, so that one slow reply delays all behind it, as in a real server.
 */
#include "cmd/decoy/decoy.h"

#include "io/log.h"
#include "io/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { QUEUE_HIGH = 64 << 10, KEPT_MAX = 1 << 20, REWORDED_MAX = 256 << 10, HELLO_MAX = 1 << 16 };

/* Each reply to EHLO that stands in the machine's octets is replaced by the persona's. */
static void reword(struct visit *v, struct span said, struct buf *out)
{
    const struct persona *p = v->decoy->persona;
    struct persona_words w = deal_words(v);
    size_t from = 0;

    for (size_t i = 0; i <= v->hello_count; i++) {
        size_t to = i < v->hello_count ? v->hello_at[i] : said.n;

        if (to > from)
            persona_reword(p, &w, span_slice(said, from, to), i ? 0 : SIZE_MAX, out);
        from = to;
    }
}

static void send_replies(struct visit *v)
{
    struct buf out = BUF_INIT(REWORDED_MAX);

    if (v->smtp.out.n == 0)
        return;
    reword(v, buf_span(&v->smtp.out), &out);
    v->hello_count = 0;
    if (out.err || conn_write(v->conn, buf_span(&out)) == -ENOBUFS)
        conn_abort(v->conn);
    buf_consume(&v->smtp.out, v->smtp.out.n);
    buf_shrink(&v->smtp.out);
    buf_deinit(&out);
}

static void obey(struct visit *v)
{
    struct smtp_server_todo todo = smtp_server_todo(&v->smtp);

    if (todo.close) {
        conn_close(v->conn);
        return;
    }
    if (todo.start_tls && !conn_secured(v->conn)) {
        /* Anything kept here came in clear behind STARTTLS. */
        buf_clear(&v->kept);
        if (conn_tls_server(v->conn, v->decoy->tls, SPAN_NULL) != CONN_TLS_STARTED)
            conn_abort(v->conn);
    }
    conn_deadline(v->conn, todo.deadline == INT64_MAX ? 0 : todo.deadline);
    if (v->kept.n)
        conn_pause(v->conn);
    else
        conn_resume(v->conn);
}

static struct span feed(struct visit *v, struct span bytes)
{
    while (bytes.n && conn_queued(v->conn) < QUEUE_HIGH) {
        size_t n = smtp_server_feed(&v->smtp, bytes, loop_now(v->decoy->loop));
        bool said = v->smtp.out.n > 0;

        send_replies(v);
        bytes = span_slice(bytes, n, bytes.n);
        if (n == 0 && !said)
            break;
    }
    return bytes;
}

static void after(struct visit *v)
{
    send_replies(v);
    if (v->decoy->stopping)
        visit_stop(v, false);
    else
        obey(v);
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    struct visit *v = cookie;

    buf_add(&v->kept, feed(v, bytes));
    if (v->kept.err)
        conn_abort(c);
    else
        after(v);
}

static void go_on(struct visit *v)
{
    struct span rest = feed(v, buf_span(&v->kept));

    buf_consume(&v->kept, v->kept.n - rest.n);
    buf_shrink(&v->kept);
    after(v);
}

static void on_drained(void *cookie, struct conn *c)
{
    struct visit *v = cookie;

    if (v->kept.n)
        go_on(v);
}

static void on_hold(void *cookie)
{
    struct visit *v = cookie;

    v->held.enhanced = v->held_enhanced[0] ? v->held_enhanced : NULL;
    v->held.text = buf_str(&v->held_text);
    smtp_server_resume(&v->smtp, &v->held, loop_now(v->decoy->loop));
    buf_deinit(&v->held_text);
    send_replies(v);
    go_on(v);
}

static void on_secured(void *cookie, struct conn *c)
{
    struct visit *v = cookie;
    struct conn_tls_info info;

    if (conn_tls_info(c, &info)) {
        snprintf(v->tls_version, sizeof(v->tls_version), "%s", info.version);
        snprintf(v->tls_cipher, sizeof(v->tls_cipher), "%s", info.cipher);
    }
    smtp_server_tls(&v->smtp, loop_now(v->decoy->loop));
    after(v);
}

/* The first hello counts: after a retry it is the same client's all the same. */
void visit_hello(void *cookie, struct span message)
{
    struct visit *v = cookie;

    if (v->hello.n == 0)
        buf_add(&v->hello, message);
}

static void on_deadline(void *cookie, struct conn *c)
{
    struct visit *v = cookie;

    smtp_server_tick(&v->smtp, loop_now(v->decoy->loop));
    after(v);
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct visit *v = cookie;

    v->conn = NULL;
    deal_session(v, v->smtp.end == SMTP_END_NONE ? conn_reason_name(end->reason)
                                                 : smtp_server_end_name(v->smtp.end));
    visit_free(v);
}

static const struct conn_events events = {
    .data = on_data,
    .drained = on_drained,
    .secured = on_secured,
    .deadline = on_deadline,
    .closed = on_closed,
};

static void init(struct visit *v, struct decoy *d, struct conn *c)
{
    uint8_t chance[8] = {0};

    v->decoy = d;
    v->conn = c;
    v->started = loop_now(d->loop);
    v->local = conn_local_ip(c);
    v->port = conn_peer_port(c);
    buf_init(&v->kept, KEPT_MAX);
    buf_init(&v->hello, HELLO_MAX);
    timer_init(&v->hold, on_hold, v);
    /* Only a name: without randomness two sessions of a second may share one. */
    if (random_bytes(chance, sizeof(chance)) < 0)
        log_debug("random", "text", "no randomness for an id", NULL);
    base32_encode(chance, sizeof(chance), v->id);
    v->next = d->visits;
    if (v->next)
        v->next->prev = v;
    d->visits = v;
    d->clients++;
    d->sessions++;
}

void visit_new(void *cookie, struct listener *li, struct conn *c)
{
    struct decoy *d = cookie;
    struct visit *v = d->stopping ? NULL : calloc(1, sizeof(*v));

    if (!v) {
        conn_drop(&c);
        return;
    }
    init(v, d, c);
    if (d->clients >= d->args->clients + DECOY_TOLD_MORE)
        for (size_t i = 0; i < d->listener_count; i++)
            listener_pause(d->listeners[i]);
    if (d->clients > d->args->clients ||
        rate_enter(&d->rate, conn_peer_ip(c), v->started, &v->client) != RATE_OK)
        v->client = NULL;
    smtp_server_init(&v->smtp, &d->smtp, &deal_ops, v, conn_peer_ip(c));
    conn_own(c, &events, v);
    smtp_server_start(&v->smtp, v->started);
    after(v);
}

/* A message that is coming in may come to its end. */
void visit_stop(struct visit *v, bool at_once)
{
    enum smtp_server_state state = v->smtp.state;
    bool mid = state == SMTP_SERVER_DATA || state == SMTP_SERVER_BDAT ||
               (state == SMTP_SERVER_ASKED && timer_running(&v->hold));

    if (!mid || at_once) {
        timer_stop(&v->hold);
        smtp_server_shut(&v->smtp, "Going down, try again later");
    }
    send_replies(v);
    obey(v);
}

void visit_free(struct visit *v)
{
    struct decoy *d = v->decoy;

    if (v->prev)
        v->prev->next = v->next;
    else
        d->visits = v->next;
    if (v->next)
        v->next->prev = v->prev;
    d->clients--;
    if (v->client)
        rate_leave(&d->rate, v->client, loop_now(d->loop));
    timer_stop(&v->hold);
    smtp_server_deinit(&v->smtp);
    deal_reset(v);
    conn_drop(&v->conn);
    for (size_t i = 0; i < v->helo_count; i++)
        buf_deinit(&v->helos[i]);
    buf_deinit(&v->kept);
    buf_deinit(&v->held_text);
    buf_deinit(&v->say);
    buf_deinit(&v->hello);
    free(v);
    serve_left(d);
}
