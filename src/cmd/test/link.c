/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Moves bytes between a session machine and a connection, and tells it the time. After each event
 * the machine's three wishes are granted in one place, link_turn().
 */
#include "cmd/test/test.h"

static void link_turn(struct host *h);

static enum door_end end_of(const struct conn_end *end)
{
    switch (end->reason) {
    case CONN_REFUSED:
        return DOOR_END_REFUSED;
    case CONN_TIMEOUT:
    case CONN_UNREACHABLE:
        return end->connected ? DOOR_END_CUT : DOOR_END_UNREACHABLE;
    case CONN_TLS_FAILED:
        return DOOR_END_TLS;
    case CONN_LOCAL:
    case CONN_OUR_FAULT:
        return DOOR_END_LOCAL;
    case CONN_EOF:
    case CONN_RESET:
        break;
    }
    /* Taken and dropped in one breath: somebody is there, and does not want us. */
    return end->connected ? DOOR_END_CUT : DOOR_END_BANNER;
}

static int64_t now_of(const struct host *h)
{
    return loop_now(h->worker->loop);
}

/*
 * The time of a callback is that of the round it belongs to. In a bulk run a round can take long,
 * and what came in the meantime seems late: so far this round and the one before.
 */
void link_lag(struct worker *w)
{
    int64_t round = loop_now(w->loop), late = loop_clock() - round;

    if (round != w->round) {
        w->lag_before = w->lag;
        w->lag = 0;
        w->round = round;
    }
    w->lag = late > w->lag ? late : w->lag;
    w->run_full.lag_ms = w->run_quick.lag_ms = w->lag + w->lag_before;
    atomic_store_explicit(&w->lag_told, w->lag + w->lag_before, memory_order_relaxed);
}

static void on_connected(void *cookie, struct conn *c)
{
    struct host *h = cookie;

    worker_lock(h->worker);
    session_connected(&h->link.session, conn_local_ip(c), now_of(h));
    link_turn(h);
    worker_unlock(h->worker);
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    struct host *h = cookie;

    link_lag(h->worker);
    worker_lock(h->worker);
    session_input(&h->link.session, bytes, now_of(h));
    link_turn(h);
    worker_unlock(h->worker);
}

static void on_secured(void *cookie, struct conn *c)
{
    struct host *h = cookie;
    struct conn_tls_info info = {0};

    conn_tls_info(c, &info);
    worker_lock(h->worker);
    session_secured(&h->link.session, info.version, info.cipher, now_of(h));
    link_turn(h);
    worker_unlock(h->worker);
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct host *h = cookie;

    worker_lock(h->worker);
    h->link.conn = NULL;
    session_closed(&h->link.session, end_of(end),
                   end->text && end->text[0] ? end->text : conn_reason_name(end->reason),
                   now_of(h));
    link_turn(h);
    worker_unlock(h->worker);
}

static const struct conn_events events = {
    .connected = on_connected, .data = on_data, .secured = on_secured, .closed = on_closed};

static void on_timer(void *cookie)
{
    struct host *h = cookie;

    worker_lock(h->worker);
    session_tick(&h->link.session, now_of(h));
    link_turn(h);
    worker_unlock(h->worker);
}

/* Made when first needed: a run without TLS reads no certificates. */
static struct tls_context *tls_of(struct worker *w, const struct session *s)
{
    struct tls_client_options own = {.self_name = w->test->helo};
    char err[TLS_ERROR_MAX];

    if (s->want_certificate && span_eq_nocase(span_str(s->channel->with), SPAN_LIT("given")))
        return w->test->tls_given;
    if (s->want_certificate) {
        if (!w->tls_own)
            tls_client_new(&own, &w->tls_own, err);
        return w->tls_own;
    }
    if (!w->tls)
        tls_client_new(NULL, &w->tls, err);
    return w->tls;
}

static void start_tls(struct host *h)
{
    struct session *s = &h->link.session;
    struct tls_context *tls = tls_of(h->worker, s);

    s->want_tls = false;
    if (!tls || conn_tls_client(h->link.conn, tls, h->info.name, SPAN_NULL) != CONN_TLS_STARTED)
        session_closed(s, DOOR_END_TLS, "TLS could not be started", now_of(h));
    s->deadline = now_of(h) + h->info.run->timeout_ms;
}

static void on_late_data(void *cookie, struct conn *c, struct span bytes)
{
}

static void on_late_end(void *cookie, struct conn *c, const struct conn_end *end)
{
}

/* A connection that only has its last words to send; nobody listens to it any more. */
static const struct conn_events farewell = {.data = on_late_data, .closed = on_late_end};

/* The session is over: let go of the connection, hand the outcome on. */
static void link_end(struct host *h)
{
    timer_stop(&h->link.timer);
    if (h->link.conn && conn_queued(h->link.conn)) {
        conn_own(h->link.conn, &farewell, NULL);
        conn_close(h->link.conn);
        h->link.conn = NULL;
    }
    conn_drop(&h->link.conn);
    session_finish(&h->link.session, now_of(h));
    session_deinit(&h->link.session);
    h->link.running = false;
    host_session_over(h);
}

/*
 * The deadline moves on with each reply. A timer that rings early looks again, which costs less
 * than to set it anew each time.
 */
static void watch(struct host *h)
{
    struct link *l = &h->link;

    if (timer_running(&l->timer) && l->rings_at <= l->session.deadline)
        return;
    l->rings_at = l->session.deadline;
    timer_start_at(&l->timer, h->worker->loop, l->rings_at);
}

static void link_turn(struct host *h)
{
    struct session *s = &h->link.session;

    if (s->client.out.n && h->link.conn) {
        if (conn_write(h->link.conn, buf_span(&s->client.out)) < 0)
            session_closed(s, DOOR_END_CUT, "the connection takes no more", now_of(h));
        smtp_client_flushed(&s->client);
    }
    if (!s->over && s->want_tls && h->link.conn)
        start_tls(h);
    if (s->over)
        link_end(h);
    else
        watch(h);
}

void link_start(struct host *h)
{
    const struct test *t = h->target->test;
    struct door *d = &h->doors[h->current];
    struct conn_target to = {.ip = h->info.ip,
                             .port = d->port,
                             .local = t->local,
                             .timeout_ms = t->args.connect_timeout};
    int64_t until = 0;
    int got =
        session_init(&h->link.session, d, pace_left(&h->info.pace, now_of(h), &until), now_of(h));

    timer_init(&h->link.timer, on_timer, h);
    h->link.running = got == 0;
    if (got != 0) {
        /* Nothing to say after all, or no memory: this door has had what it can get. */
        d->gave_up = true;
        host_session_over(h);
        return;
    }
    h->link.session.deadline = now_of(h) + t->args.connect_timeout + 1000;
    if (conn_connect(h->worker->loop, &to, &events, h, &h->link.conn) < 0) {
        h->link.conn = NULL;
        session_closed(&h->link.session, DOOR_END_LOCAL, "no connection could be made", now_of(h));
    }
    link_turn(h);
    link_lag(h->worker);
}

void link_stop(struct host *h)
{
    if (!h->link.running)
        return;
    timer_stop(&h->link.timer);
    conn_drop(&h->link.conn);
    session_deinit(&h->link.session);
    h->link.running = false;
}
