/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection: who it is counted for, and what is told of it in the end. The octets are
 * io/talk's; the machine answers at once here, since the store does.
 */
#include "sink/receiver_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void on_secured(void *owner)
{
    struct session *s = owner;
    struct conn_tls_info info;

    if (conn_tls_info(s->talk.conn, &info))
        snprintf(s->tls, sizeof(s->tls), "%s %s", info.version, info.cipher);
}

static void tell_end(const struct session *s, const char *end)
{
    struct receiver *r = s->receiver;
    struct receiver_session_news news = {
        .peer = s->talk.smtp.client,
        .helo = span_str(s->talk.smtp.hello),
        .tls = span_str(s->tls),
        .end = s->talk.smtp.end == SMTP_END_NONE ? end : smtp_server_end_name(s->talk.smtp.end),
        .arrivals = s->arrivals,
        .refused = s->refused,
        .roles = s->roles,
        .errors = s->talk.smtp.errors,
        .ms = loop_now(r->loop) - s->started,
        .early = s->talk.smtp.early,
        .out_of_turn = s->talk.smtp.out_of_turn > 0,
    };

    if (r->ev.session)
        r->ev.session(r->cookie, &news);
}

static void on_closed(void *owner, const struct conn_end *end)
{
    struct session *s = owner;

    tell_end(s, conn_reason_name(end->reason));
    session_free(s);
}

static const struct talk_ops talk_ops = {.secured = on_secured, .closed = on_closed};

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
    s->started = now;
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
    talk_open(&s->talk, c, &r->smtp, &deliver_ops, r->config.tls, &talk_ops, s);
}

void session_stop(struct session *s, bool at_once)
{
    talk_stop(&s->talk, at_once);
}

void session_free(struct session *s)
{
    talk_close(&s->talk);
    deliver_reset(s);
    receiver_left(s->receiver, s);
    free(s);
}
