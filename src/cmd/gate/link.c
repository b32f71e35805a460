/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backend's side of a session: its connection, its slot, its times. Only here does a session
 * touch it; the machine says what is wanted.
 */
#include "cmd/gate/backends.h"
#include "cmd/gate/session_priv.h"
#include "cmd/gate/trust.h"
#include "io/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A connection that was told QUIT: nobody waits for what it says. */
static void on_last_data(void *cookie, struct conn *c, struct span bytes)
{
}

static void on_last_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
}

static const struct conn_events last_events = {.data = on_last_data, .closed = on_last_closed};

static void count(struct session *s, int by)
{
    struct metrics *m = hygiene_metrics(s->all->hygiene);

    s->all->backends += (unsigned)by;
    metrics_set(m, METRIC_BACKENDS_ACTIVE, 0, s->all->backends);
}

/* The backend's connection is over. */
static void release(struct session *s)
{
    if (s->back_shaking)
        session_count_tls(s, METRIC_TLS_FAILED, "backend");
    s->back_shaking = false;
    s->back = NULL;
    s->backed = false;
    count(s, -1);
}

/* Once a connection: it has taken the identity. */
static void note_ready(struct session *s)
{
    if (s->backed || !s->pass.backend || s->pass.backend->state != GATE_BACKEND_READY)
        return;
    s->backed = true;
    backends_seen(s->all->watch, s->pass.backend);
    metrics_add_named(hygiene_metrics(s->all->hygiene), METRIC_BACKENDS, "ok", 1);
}

void link_drop(struct session *s)
{
    struct conn *c = s->back;

    if (!c)
        return;
    release(s);
    conn_drop(&c);
}

static void let_go(struct session *s)
{
    struct conn *c = s->back;

    if (!c)
        return;
    release(s);
    conn_own(c, &last_events, NULL);
    conn_close(c);
}

static void on_connected(void *cookie, struct conn *c)
{
    struct session *s = cookie;

    gate_pass_connected(&s->pass, session_now(s));
    session_settle(s);
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    struct session *s = cookie;

    gate_pass_backend_feed(&s->pass, bytes, session_now(s));
    note_ready(s);
    session_settle(s);
}

static void note_why(struct session *s, const char *why)
{
    free(s->why);
    s->why = span_dup(span_str(why));
}

static void on_secured(void *cookie, struct conn *c)
{
    struct session *s = cookie;
    char why[TRUST_WHY_MAX];

    if (!trust_holds(s->pass.backend->route, c, why)) {
        note_why(s, why);
        link_drop(s);
        gate_pass_lost(&s->pass, GATE_FAULT_TLS, session_now(s));
        session_settle(s);
        return;
    }
    s->back_shaking = false;
    session_count_tls(s, METRIC_TLS, "backend");
    gate_pass_secured(&s->pass, session_now(s));
    session_settle(s);
}

static void on_drained(void *cookie, struct conn *c)
{
    struct session *s = cookie;

    if (s->pass.backend)
        gate_backend_progress(s->pass.backend, false, session_now(s));
    session_settle(s);
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct session *s = cookie;
    enum gate_fault fault = GATE_FAULT_GONE;

    if (end->reason == CONN_TLS_FAILED) {
        fault = GATE_FAULT_TLS;
        note_why(s, end->text);
    } else if (end->reason == CONN_OUR_FAULT) {
        fault = GATE_FAULT_FULL;
    } else if (!end->connected) {
        fault = GATE_FAULT_CONNECT;
    }
    release(s);
    gate_pass_lost(&s->pass, fault, session_now(s));
    session_settle(s);
}

static const struct conn_events events = {
    .connected = on_connected,
    .data = on_data,
    .drained = on_drained,
    .secured = on_secured,
    .closed = on_closed,
};

static void open_link(struct session *s)
{
    const struct gate_route *route = s->pass.backend->route;
    struct conn_target to = {.ip = route->ip, .port = route->port};

    s->pass.want = GATE_WANT_NOTHING;
    if (route->identity == GATE_IDENTITY_TRANSPARENT) {
        to.local = s->client.ip;
        to.transparent = true;
    }
    if (s->all->backends >= s->door->args.backend_max && !room_for_backend(s->all)) {
        gate_pass_lost(&s->pass, GATE_FAULT_FULL, session_now(s));
        return;
    }
    count(s, 1);
    if (conn_connect(s->all->loop, &to, &events, s, &s->back) < 0) {
        count(s, -1);
        s->back = NULL;
        gate_pass_lost(&s->pass, GATE_FAULT_IDENTITY, session_now(s));
    }
}

static void shake_hands(struct session *s)
{
    s->pass.want = GATE_WANT_NOTHING;
    s->back_shaking = true;
    if (trust_shake_hands(s->door->trust, s->pass.backend->route, s->back) != CONN_TLS_STARTED) {
        link_drop(s);
        gate_pass_lost(&s->pass, GATE_FAULT_TLS, session_now(s));
    }
}

bool link_obey(struct session *s)
{
    switch (s->pass.want) {
    case GATE_WANT_NOTHING:
        return false;
    case GATE_WANT_OPEN:
        open_link(s);
        return true;
    case GATE_WANT_TLS:
        shake_hands(s);
        return true;
    case GATE_WANT_CLOSE:
        let_go(s);
        break;
    case GATE_WANT_ABORT:
        link_drop(s);
        break;
    }
    gate_pass_closed(&s->pass, session_now(s));
    return true;
}

bool link_send(struct session *s)
{
    struct buf *out = gate_pass_out(&s->pass);
    bool text = s->pass.mail && s->pass.mail->stage == GATE_STAGE_TEXT;
    int r;

    if (!out || !s->back)
        return false;
    r = conn_write(s->back, buf_span(out));
    gate_backend_sent(s->pass.backend);
    if (r == -EPIPE)
        return true; /* its end is on the way */
    if (r < 0) {
        link_drop(s);
        gate_pass_lost(&s->pass, GATE_FAULT_FULL, session_now(s));
        return true;
    }
    if (text)
        gate_backend_progress(s->pass.backend, conn_queued(s->back) > 0, session_now(s));
    return true;
}

bool link_congested(const struct session *s)
{
    return gate_pass_congested(&s->pass) ||
           (s->back && conn_queued(s->back) >= SESSION_BACKEND_HIGH);
}
