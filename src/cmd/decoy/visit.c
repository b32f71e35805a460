/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection (io/talk), its replies through the persona's words. One that the persona or the
 * teergrube delays is held by a timer while the machine waits; it takes no octet then, so that one
 * slow reply delays all behind it, as in a real server.
 */
#include "cmd/decoy/decoy.h"

#include "io/log.h"
#include "io/random.h"

#include <stdio.h>
#include <stdlib.h>

enum { HELLO_MAX = 1 << 16 };

/* Each reply to EHLO that stands in the machine's octets is replaced by the persona's. */
static void reword(void *owner, struct span said, struct buf *out)
{
    struct visit *v = owner;
    const struct persona *p = v->decoy->persona;
    struct persona_words w = deal_words(v);
    size_t from = 0;

    for (size_t i = 0; i <= v->hello_count; i++) {
        size_t to = i < v->hello_count ? v->hello_at[i] : said.n;

        if (to > from)
            persona_reword(p, &w, span_slice(said, from, to), i ? 0 : SIZE_MAX, out);
        from = to;
    }
    v->hello_count = 0;
}

static void on_hold(void *cookie)
{
    struct visit *v = cookie;
    struct buf text = v->held_text; /* behind this answer another one may be held */

    v->held_text = (struct buf)BUF_INIT(0);
    v->held.enhanced = v->held_enhanced[0] ? v->held_enhanced : NULL;
    v->held.text = buf_str(&text);
    talk_answer(&v->talk, &v->held);
    buf_deinit(&text);
}

static void on_secured(void *owner)
{
    struct visit *v = owner;
    struct conn_tls_info info;

    if (conn_tls_info(v->talk.conn, &info)) {
        snprintf(v->tls_version, sizeof(v->tls_version), "%s", info.version);
        snprintf(v->tls_cipher, sizeof(v->tls_cipher), "%s", info.cipher);
    }
}

/* The first hello counts: after a retry it is the same client's all the same. */
void visit_hello(void *cookie, struct span message)
{
    const struct talk *t = cookie; /* whose connection it is */
    struct visit *v = t->owner;

    if (v->hello.n == 0)
        buf_add(&v->hello, message);
}

static void on_closed(void *owner, const struct conn_end *end)
{
    struct visit *v = owner;

    deal_session(v, v->talk.smtp.end == SMTP_END_NONE ? conn_reason_name(end->reason)
                                                      : smtp_server_end_name(v->talk.smtp.end));
    visit_free(v);
}

static const struct talk_ops talk_ops = {
    .reword = reword,
    .secured = on_secured,
    .closed = on_closed,
};

static void init(struct visit *v, struct decoy *d, struct conn *c)
{
    uint8_t chance[8] = {0};

    v->decoy = d;
    v->started = loop_now(d->loop);
    v->local = conn_local_ip(c);
    v->port = conn_peer_port(c);
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
    talk_open(&v->talk, c, &d->smtp, &deal_ops, d->tls, &talk_ops, v);
}

void visit_stop(struct visit *v, bool at_once)
{
    if (at_once)
        timer_stop(&v->hold);
    talk_stop(&v->talk, at_once);
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
    talk_close(&v->talk);
    deal_reset(v);
    for (size_t i = 0; i < v->helo_count; i++)
        buf_deinit(&v->helos[i]);
    buf_deinit(&v->held_text);
    buf_deinit(&v->say);
    buf_deinit(&v->hello);
    free(v);
    serve_left(d);
}
