/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection to Dovecot a worker, for all its logins. When it ends it is made again: at once,
 * then after 1, 2, 4 … 30 seconds, and a login that finds it down brings the next try forward.
 * Until then logins get a temporary failure: nobody is let in, nobody's password is called wrong.
 *
 * A try that has waited LOGIN_DOVECOT_WAIT is told so and forgotten; the connection stays, since
 * one slow database behind Dovecot should not fail everyone.
 */
#include "cmd/gate/login_judge.h"
#include "io/local.h"
#include "io/log.h"
#include "io/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    RETRY_FIRST = 1000, /* ms */
    RETRY_MAX = 30000,
    CONNECT_WAIT = 10000,
};

struct login_dovecot {
    struct loop *loop;
    struct auth_dovecot *machine;
    char *place;
    struct local *unix_stream; /* one of the two, or none */
    struct conn *tcp;
    struct timer retry;
    int64_t wait, tried; /* ms until the next try; when the last one was */
    bool down;           /* and said so */
};

static void connect_now(struct login_dovecot *d);

static bool connected(const struct login_dovecot *d)
{
    return d->unix_stream || d->tcp;
}

static void send_out(struct login_dovecot *d)
{
    struct buf *out = auth_dovecot_out(d->machine);
    int err = 0;

    if (out->n == 0)
        return;
    if (d->unix_stream)
        err = local_write(d->unix_stream, buf_span(out));
    else if (d->tcp)
        err = conn_write(d->tcp, buf_span(out));
    explicit_bzero(out->p, out->n); /* passwords were in it */
    buf_clear(out);
    buf_shrink(out);
    if (err < 0)
        log_warn("dovecot", "place", d->place, "text", LOG_ERRNO(err), NULL);
}

static void lost(struct login_dovecot *d, const char *why)
{
    if (!d->down)
        log_error("dovecot", "place", d->place, "text", why, "meaning",
                  "logins get a temporary failure until it is back", NULL);
    d->down = true;
    d->wait = d->wait ? d->wait * 2 : RETRY_FIRST;
    if (d->wait > RETRY_MAX)
        d->wait = RETRY_MAX;
    timer_start(&d->retry, d->loop, d->wait);
    auth_dovecot_lost(d->machine);
}

static void heard(struct login_dovecot *d, struct span bytes)
{
    if (auth_dovecot_feed(d->machine, bytes)) {
        send_out(d);
        return;
    }
    local_free(&d->unix_stream);
    conn_drop(&d->tcp);
    lost(d, auth_dovecot_fault(d->machine));
}

static void on_unix_connected(void *cookie, struct local *s)
{
    send_out(cookie);
}

static void on_unix_data(void *cookie, struct local *s, struct span bytes)
{
    heard(cookie, bytes);
}

static void on_unix_closed(void *cookie, struct local *s, int err)
{
    struct login_dovecot *d = cookie;

    d->unix_stream = NULL;
    lost(d, err ? strerror(-err) : "it closed the connection");
}

static const struct local_events unix_events = {
    .connected = on_unix_connected,
    .data = on_unix_data,
    .closed = on_unix_closed,
};

static void on_tcp_connected(void *cookie, struct conn *c)
{
    send_out(cookie);
}

static void on_tcp_data(void *cookie, struct conn *c, struct span bytes)
{
    heard(cookie, bytes);
}

static void on_tcp_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct login_dovecot *d = cookie;

    d->tcp = NULL;
    lost(d, end->text);
}

static const struct conn_events tcp_events = {
    .connected = on_tcp_connected,
    .data = on_tcp_data,
    .closed = on_tcp_closed,
};

static bool tcp_place(const char *place, struct conn_target *ret)
{
    struct span host;

    *ret = (struct conn_target){.timeout_ms = CONNECT_WAIT};
    return ip_host_port(span_str(place), &host, &ret->port) && ret->port &&
           ip_parse(host, &ret->ip);
}

bool login_dovecot_place_ok(const char *place, char err[LOGIN_ERROR_MAX])
{
    struct conn_target to;

    if (place[0] == '/' || tcp_place(place, &to))
        return true;
    snprintf(err, LOGIN_ERROR_MAX,
             "auth-dovecot: \"%s\" is neither a path from the root nor ADDRESS:PORT", place);
    return false;
}

static void connect_now(struct login_dovecot *d)
{
    struct conn_target to;
    int err;

    timer_stop(&d->retry);
    d->tried = loop_now(d->loop);
    auth_dovecot_start(d->machine);
    if (d->place[0] == '/')
        err = local_connect(d->loop, d->place, &unix_events, d, &d->unix_stream);
    else
        err = tcp_place(d->place, &to) ? conn_connect(d->loop, &to, &tcp_events, d, &d->tcp)
                                       : -EINVAL;
    if (err < 0)
        lost(d, strerror(-err));
}

static void on_retry(void *cookie)
{
    connect_now(cookie);
}

static void on_ready(void *cookie, struct auth_dovecot *machine)
{
    struct login_dovecot *d = cookie;

    d->wait = 0;
    log_info("dovecot", "place", d->place, "text", d->down ? "it is back" : "connected", NULL);
    d->down = false;
}

static void on_answer(void *cookie, uint32_t id, void *owner, const struct auth_dovecot_answer *a)
{
    struct login_try *t = owner;

    if (a->got != AUTH_CHALLENGE)
        t->id = 0;
    login_outcome(t, a->got, a->text, a->login);
}

static const struct auth_dovecot_events events = {.ready = on_ready, .answer = on_answer};

int login_dovecot_open(struct loop *l, const char *place, struct login_dovecot **ret,
                       char err[LOGIN_ERROR_MAX])
{
    struct login_dovecot *d = calloc(1, sizeof(*d));
    uint32_t pid = 0;

    if (!d || !(d->place = strdup(place)) || random_bytes(&pid, sizeof(pid)) < 0 ||
        auth_dovecot_new(&events, d, (pid & 0x7fffffff) | 1, &d->machine) < 0) {
        snprintf(err, LOGIN_ERROR_MAX, "auth-dovecot: out of memory");
        login_dovecot_free(&d);
        return -ENOMEM;
    }
    d->loop = l;
    timer_init(&d->retry, on_retry, d);
    connect_now(d);
    *ret = d;
    return 0;
}

void login_dovecot_free(struct login_dovecot **d)
{
    if (!*d)
        return;
    local_free(&(*d)->unix_stream);
    conn_drop(&(*d)->tcp);
    timer_stop(&(*d)->retry);
    if ((*d)->machine)
        auth_dovecot_lost((*d)->machine);
    auth_dovecot_free(&(*d)->machine);
    free((*d)->place);
    free(*d);
    *d = NULL;
}

const char *login_dovecot_place(const struct login_dovecot *d)
{
    return d->place;
}

void login_dovecot_offer(const struct login_dovecot *d, const struct auth_offer *offer,
                         const struct auth_facts *facts, struct buf *out)
{
    auth_dovecot_offer(d->machine, offer, facts, out);
}

void login_dovecot_cancel(struct login_try *t)
{
    uint32_t id = t->id;

    if (id == 0)
        return;
    t->id = 0;
    auth_dovecot_cancel(t->judge->machine, id);
    send_out(t->judge);
}

/* Its time is up. */
static void on_late(void *cookie)
{
    struct login_try *t = cookie;

    log_warn("dovecot", "place", t->judge->place, "text", "it does not answer a login", NULL);
    login_dovecot_cancel(t);
    login_outcome(t, AUTH_TEMP, SPAN_NULL, "");
}

static enum auth_got asked(struct login_dovecot *d, struct login_try *t, enum auth_got got)
{
    if (got != AUTH_ASK) {
        t->id = 0;
        return got;
    }
    t->judge = d;
    timer_init(&t->timer, on_late, t);
    timer_start(&t->timer, d->loop, LOGIN_DOVECOT_WAIT);
    send_out(d);
    return AUTH_ASK;
}

enum auth_got login_dovecot_ask(struct login_dovecot *d, struct login_try *t, struct span arg)
{
    if (!connected(d) && loop_now(d->loop) - d->tried >= RETRY_FIRST)
        connect_now(d);
    return asked(d, t, auth_dovecot_ask(d->machine, &t->offer, &t->facts, arg, t, &t->id));
}

enum auth_got login_dovecot_continue(struct login_dovecot *d, struct login_try *t, struct span line)
{
    return asked(d, t, auth_dovecot_continue(d->machine, t->id, line));
}
