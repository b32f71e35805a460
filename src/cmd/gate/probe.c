/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The machine is the one of real sessions (gate/backend), so that what is tested is what is used.
 * An IPv4 client and an IPv6 one are tried, because access rules are written for each apart.
 *
 * A backend that we reach by the client's own address can be asked as a stranger only if answers
 * to a stranger come back through us. Where they do not, its EHLO is read from our own address,
 * and that it may be open stays untold: PROBE_UNTESTED.
 */
#include "cmd/gate/probe.h"

#include "base/escape.h"
#include "cmd/gate/trust.h"
#include "io/conn.h"
#include "io/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK_NAME "postern-check.example.net"

enum { PROBE_TIME = 15000, CONNECT_TIME = 5000, AS = 2 };

struct one {
    struct probes *all;
    struct route *route;
    struct gate_client client;
    struct gate_backend b;
    struct conn *conn;
    struct timer timer;
    struct probe_news news;
    char why[TRUST_WHY_MAX]; /* who it is does not hold; "" else */
    bool helo;               /* the second try, with HELO, of one that did not know EHLO */
    bool plain;              /* the second try of a transparent one, from our own address */
    bool up, over;
};

struct probes {
    struct loop *loop;
    struct door *door;
    probe_fn fn;
    void *cookie;
    struct one *v;
    size_t count, open;
    struct deferred later;
};

const char *probe_result_name(enum probe_result result)
{
    static const char *const names[] = {"closed",      "open",     "unsure",
                                        "no-identity", "untested", "down"};

    return names[result];
}

static void one_free(struct one *o)
{
    timer_stop(&o->timer);
    conn_drop(&o->conn);
    if (o->up)
        gate_backend_deinit(&o->b);
    gate_client_deinit(&o->client);
    o->up = false;
}

void probes_stop(struct probes **pp)
{
    struct probes *p = *pp;

    if (!p)
        return;
    *pp = NULL;
    for (size_t i = 0; i < p->count; i++)
        one_free(&p->v[i]);
    loop_undefer(&p->later);
    door_free(&p->door);
    free(p->v);
    free(p);
}

static void on_all_over(void *cookie)
{
    struct probes *p = cookie;
    probe_fn fn = p->fn;
    void *owner = p->cookie;

    probes_stop(&p);
    fn(owner, NULL);
}

static void note(struct one *o, const char *lead, const struct smtp_reply *r)
{
    struct buf text = BUF_INIT(PROBE_TEXT_MAX - 1);

    buf_addf(&text, "%s", lead);
    if (r && r->code) {
        buf_addf(&text, "%s%u ", *lead ? ": " : "", r->code);
        escape_text(&text, span_slice(r->text, 0, 120));
    }
    span_copy(buf_span(&text), o->news.text, sizeof(o->news.text));
    buf_deinit(&text);
}

static void note_why(struct one *o, const char *fault)
{
    struct buf text = BUF_INIT(PROBE_TEXT_MAX - 1);

    buf_addf(&text, "%s: ", fault);
    escape_text(&text, span_str(o->why));
    span_copy(buf_span(&text), o->news.text, sizeof(o->news.text));
    buf_deinit(&text);
}

static void over(struct one *o, enum probe_result result)
{
    struct probes *p = o->all;

    if (o->over)
        return;
    o->over = true;
    o->news.route = o->route;
    o->news.result = result;
    timer_stop(&o->timer);
    if (o->conn && o->up) {
        gate_backend_quit(&o->b, 0);
        if (o->b.wire.out.n)
            conn_write(o->conn, buf_span(&o->b.wire.out));
        conn_close(o->conn);
    }
    p->fn(p->cookie, &o->news);
    if (--p->open == 0)
        loop_defer(p->loop, &p->later);
}

static void start(struct one *o);

static void again(struct one *o)
{
    conn_drop(&o->conn);
    gate_backend_deinit(&o->b);
    o->up = false;
    start(o);
}

static bool hello_unknown(const struct one *o)
{
    unsigned code = o->b.reply.code;

    return (o->route->gate.identity == GATE_IDENTITY_PROXY1 ||
            o->route->gate.identity == GATE_IDENTITY_PROXY2) &&
           (code == 500 || code == 502);
}

/* A transparent backend that does not answer a stranger is asked once more, as ourselves. */
static void failed(struct one *o, enum gate_fault fault)
{
    bool transparent = o->route->gate.identity == GATE_IDENTITY_TRANSPARENT;

    if (transparent && !o->plain && o->b.state == GATE_BACKEND_CONNECTING) {
        o->plain = true;
        again(o);
        return;
    }
    /* Behind a PROXY header EHLO may be what it does not know, or the header: HELO tells. */
    if (fault == GATE_FAULT_IDENTITY && !o->helo && hello_unknown(o)) {
        o->helo = true;
        again(o);
        return;
    }
    if (o->why[0])
        note_why(o, gate_fault_name(fault));
    else
        note(o, gate_fault_name(fault), &o->b.reply);
    over(o, fault == GATE_FAULT_IDENTITY ? PROBE_NO_IDENTITY : PROBE_DOWN);
}

/* A domain that is surely not ours, and that a backend can resolve. */
static const char *strange_domain(const struct door *d)
{
    static const char *const names[] = {"example.com", "example.net", "example.org"};
    struct relay_place place;
    bool routes;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!relay_policy_own(d->policy, names[i], &place, &routes))
            return names[i];
    return "postern-check.invalid";
}

static void say(struct one *o, enum smtp_stage stage, const char *lead)
{
    struct buf line = BUF_INIT(SMTP_COMMAND_MAX);

    buf_addf(&line, "%s<postern-check@%s>", lead, strange_domain(o->all->door));
    gate_backend_say(&o->b, stage, buf_span(&line), loop_now(o->all->loop));
    buf_deinit(&line);
}

/* What EHLO showed of our address, where it shows one, must be the one that we claimed. */
static bool identity_shown_wrong(const struct one *o)
{
    struct ip seen = o->b.seen;

    return seen.family != IP_NONE && !o->plain && !ip_eq(seen, o->client.ip) &&
           ip_eq(seen, conn_local_ip(o->conn));
}

static void ready(struct one *o)
{
    o->route->probed = true;
    o->route->ext = o->b.ext;
    o->route->size = o->b.size;
    o->route->gate.helo = o->b.helo;
    if (identity_shown_wrong(o)) {
        note(o, "its EHLO shows the gate's own address", NULL);
        over(o, PROBE_NO_IDENTITY);
    } else if (o->plain) {
        note(o, "nothing comes back to a test address", NULL);
        over(o, PROBE_UNTESTED);
    } else if (!o->all->door->args.backend_test) {
        note(o, "not asked to relay: backend-test is off", NULL);
        over(o, PROBE_UNTESTED);
    } else {
        say(o, SMTP_STAGE_MAIL, "MAIL FROM:");
    }
}

static void answered(struct one *o)
{
    const struct smtp_reply *r = &o->b.reply;

    if (o->b.reply_to.stage == SMTP_STAGE_MAIL && r->code < 300) {
        say(o, SMTP_STAGE_RCPT, "RCPT TO:");
        return;
    }
    note(o, smtp_stage_name(o->b.reply_to.stage), r);
    if (r->code < 300)
        over(o, PROBE_OPEN);
    else
        over(o, o->b.reply_to.stage == SMTP_STAGE_RCPT && r->code >= 500 ? PROBE_CLOSED
                                                                         : PROBE_UNSURE);
}

static void flush(struct one *o)
{
    if (o->over || !o->up || !o->conn || o->b.wire.out.n == 0)
        return;
    conn_write(o->conn, buf_span(&o->b.wire.out));
    gate_backend_sent(&o->b);
}

static void take(struct one *o, enum gate_backend_got got)
{
    switch (got) {
    case GATE_BACKEND_MORE:
        break;
    case GATE_BACKEND_IS_READY:
        ready(o);
        break;
    case GATE_BACKEND_ANSWER:
        answered(o);
        break;
    case GATE_BACKEND_START_TLS:
        flush(o);
        if (trust_shake_hands(o->all->door->trust, &o->route->gate, o->conn) != CONN_TLS_STARTED)
            failed(o, GATE_FAULT_TLS);
        break;
    case GATE_BACKEND_EARLY:
    case GATE_BACKEND_FAILED:
        failed(o, o->b.fault);
        break;
    case GATE_BACKEND_REFUSED:
        /* It wants nothing from such a client: then it relays nothing for one either. */
        note(o, "refuses the test client", &o->b.reply);
        over(o, PROBE_UNSURE);
        break;
    }
    flush(o);
}

static void on_connected(void *cookie, struct conn *c)
{
    struct one *o = cookie;

    take(o, gate_backend_connected(&o->b, loop_now(o->all->loop)));
}

static void on_secured(void *cookie, struct conn *c)
{
    struct one *o = cookie;

    if (!trust_holds(&o->route->gate, c, o->why)) {
        failed(o, GATE_FAULT_TLS);
        return;
    }
    take(o, gate_backend_secured(&o->b, loop_now(o->all->loop)));
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    struct one *o = cookie;

    while (bytes.n && !o->over && o->up && o->b.state != GATE_BACKEND_CLOSED)
        take(o, gate_backend_feed(&o->b, &bytes, loop_now(o->all->loop)));
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct one *o = cookie;

    o->conn = NULL;
    if (end->reason == CONN_TLS_FAILED)
        span_copy(span_slice(span_str(end->text), 0, sizeof(o->why) - 1), o->why, sizeof(o->why));
    if (!o->over)
        failed(o, end->reason == CONN_TLS_FAILED ? GATE_FAULT_TLS
                  : end->connected               ? GATE_FAULT_GONE
                                                 : GATE_FAULT_CONNECT);
}

static const struct conn_events events = {
    .connected = on_connected,
    .secured = on_secured,
    .data = on_data,
    .closed = on_closed,
};

static void on_time(void *cookie)
{
    struct one *o = cookie;

    failed(o, GATE_FAULT_TIMEOUT);
}

static void start(struct one *o)
{
    const struct gate_route *route = &o->route->gate;
    struct conn_target to = {.ip = route->ip, .port = route->port, .timeout_ms = CONNECT_TIME};
    struct loop *l = o->all->loop;

    if (gate_backend_init(&o->b, route, &o->client, o->all->door->name, loop_now(l)) < 0) {
        over(o, PROBE_DOWN);
        return;
    }
    o->up = true;
    o->b.helo = o->helo;
    if (route->identity == GATE_IDENTITY_TRANSPARENT && !o->plain) {
        to.local = o->client.ip;
        to.transparent = true;
    }
    timer_start(&o->timer, l, PROBE_TIME);
    if (conn_connect(l, &to, &events, o, &o->conn) < 0)
        failed(o, GATE_FAULT_CONNECT);
}

/* Strangers of documentation space: RFC 5737, RFC 3849. */
static bool make_client(struct one *o, bool v6)
{
    static const char *const from[] = {"203.0.113.77", "2001:db8::77"};
    static const char *const to[] = {"192.0.2.1", "2001:db8::1"};
    const struct gate_route *route = &o->route->gate;

    gate_client_init(&o->client);
    ip_parse(span_str(from[v6]), &o->client.ip);
    ip_parse(span_str(to[v6]), &o->client.local_ip);
    o->client.port = 49152;
    o->client.local_port = 25;
    o->client.esmtp = true;
    span_copy(SPAN_LIT("check"), o->client.id, sizeof(o->client.id));
    o->news.as = o->client.ip;
    /* From a socket of the other family nothing can be sent. */
    if (route->identity == GATE_IDENTITY_TRANSPARENT && o->client.ip.family != route->ip.family)
        return false;
    /* One without a name is refused by many for that, and of relaying nothing would be learned. */
    o->client.name_ok = true;
    return gate_client_set(&o->client.helo, SPAN_LIT(CHECK_NAME)) &&
           gate_client_set(&o->client.name, SPAN_LIT(CHECK_NAME));
}

static int start_some(struct loop *l, struct door *door, struct route *routes, size_t count,
                      probe_fn fn, void *cookie, struct probes **ret)
{
    struct probes *p = calloc(1, sizeof(*p));

    if (p)
        p->v = calloc(count * AS, sizeof(*p->v));
    if (!p || !p->v) {
        free(p);
        return -ENOMEM;
    }
    p->loop = l;
    p->door = door_ref(door);
    p->fn = fn;
    p->cookie = cookie;
    p->later = (struct deferred)DEFERRED(on_all_over, p);
    for (size_t i = 0; i < count * AS; i++) {
        struct one *o = &p->v[p->count];

        o->all = p;
        o->route = &routes[i / AS];
        timer_init(&o->timer, on_time, o);
        if (make_client(o, i % AS == 1))
            p->count++;
        else
            gate_client_deinit(&o->client);
    }
    *ret = p;
    p->open = p->count + 1;
    for (size_t i = 0; i < p->count; i++)
        start(&p->v[i]);
    if (--p->open == 0)
        loop_defer(l, &p->later);
    return 0;
}

int probes_start(struct loop *l, struct door *door, probe_fn fn, void *cookie, struct probes **ret)
{
    return start_some(l, door, door->routes.v, door->routes.count, fn, cookie, ret);
}

int probes_start_one(struct loop *l, struct door *door, struct route *route, probe_fn fn,
                     void *cookie, struct probes **ret)
{
    return start_some(l, door, route, 1, fn, cookie, ret);
}
