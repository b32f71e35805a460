/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the pass-through machine asks: the relay decision and whatever may narrow it. The neighbours
 * are called here, in this order: what costs nothing first.
 */
#include "cmd/gate/backends.h"
#include "cmd/gate/grant.h"
#include "cmd/gate/session_priv.h"
#include "io/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum relay_role role_of(const struct session *s)
{
    return s->client.role == GATE_ROLE_SUBMISSION ? RELAY_ROLE_SUBMISSION : RELAY_ROLE_MX;
}

static struct relay_client relay_client_of(const struct session *s)
{
    return (struct relay_client){
        .ip = s->client.ip,
        .login = span_str(s->client.login),
        .granted = grant_has(s->client.ip, NULL),
        .cert = span_str(s->client.cert),
        .cert_ca = s->client.cert_ca,
        .ip_doubtful = gate_client_unplaced(&s->client) || hygiene_doubtful(&s->hygiene),
        .role = role_of(s),
    };
}

static enum smtp_now on_greet(void *owner, struct smtp_say *ret)
{
    struct session *s = owner;

    if (s->turned_away)
        *ret = (struct smtp_say){421, "4.3.2", "Too many connections, try again later"};
    return SMTP_NOW;
}

/* On the mx ports only where that is asked for, and never where TLS has to come first. */
static bool offers_logins(const struct session *s)
{
    return (s->client.role == GATE_ROLE_SUBMISSION || s->door->args.mx_logins) &&
           (s->client.tls || !s->pass.server.config->tls_needed);
}

/* EHLO shows what we know and every backend offers. */
static enum smtp_now on_hello(void *owner, struct smtp_say *ret)
{
    struct session *s = owner;
    uint64_t size;
    unsigned backends = routes_offer(&s->door->routes, &size);
    unsigned needed = SMTP_EXT_8BITMIME | SMTP_EXT_SMTPUTF8 | SMTP_EXT_DSN | SMTP_EXT_ENHANCED;

    hygiene_helo(&s->hygiene, s->door->policy);
    s->pass.server.hide = needed & ~backends;
    s->pass.server.size_shown = size < s->door->args.size_max ? size : 0;
    s->pass.server.mechs = offers_logins(s) ? login_mechs(&s->login, s->conn) : "";
    return SMTP_NOW;
}

static enum smtp_now on_auth(void *owner, struct span line, bool first, struct smtp_say *ret)
{
    struct session *s = owner;

    return login_line(&s->login, s->conn, line, first, ret);
}

void session_login_told(void *owner, const char *mech, const char *who, const char *result)
{
    struct session *s = owner;

    hygiene_login(&s->hygiene, mech, who, result);
}

void session_login_answer(void *owner, const struct smtp_say *say)
{
    struct session *s = owner;

    /* The session may have been ended meanwhile, by time or by the operator. */
    if (s->pass.server.state == SMTP_SERVER_ASKED)
        gate_pass_answer(&s->pass, say, session_now(s));
    session_settle(s);
}

/* What a login has sent too much of is put off, whoever it is for. */
static void narrow_login(struct session *s, struct relay_decision *d)
{
    struct smtp_say say;

    if (d->answer == RELAY_TAKE && *s->client.login && !login_recipient(&s->login, &say))
        relay_narrow(d, RELAY_DEFER, RELAY_WHY_BRAKE, say.code, say.enhanced, say.text);
}

/* No backend could be told whose mail it is, and the balancer's address would be a lie. */
static void narrow_unknown(const struct session *s, struct relay_decision *d)
{
    if (s->client.ip_unknown)
        relay_narrow(d, RELAY_DEFER, RELAY_WHY_IDENTITY, 451, "4.3.5",
                     "The balancer does not say who you are; try again later");
}

static void on_mail(void *owner, const struct relay_mail *mail, struct relay_decision *ret)
{
    struct session *s = owner;
    struct relay_client client = relay_client_of(s);

    hygiene_mail(&s->hygiene);
    relay_decide_mail(s->door->policy, &client, mail, ret);
}

/* Does the address alone decide, and not for mail to us? */
static bool is_relay_by_address(const struct relay_decision *d)
{
    return !d->own && (d->reason == RELAY_WHY_NETWORK || d->reason == RELAY_WHY_GRANT ||
                       d->reason == RELAY_WHY_DOUBTFUL);
}

/* The guard sees what is asked for, and may have to doubt the address from here on. */
static void decide(struct session *s, const struct relay_mail *mail, struct span rcpt,
                   struct relay_decision *ret)
{
    struct relay_client client = relay_client_of(s);

    relay_decide(s->door->policy, &client, mail, rcpt, ret);
    if (!is_relay_by_address(ret) || gate_client_unplaced(&s->client))
        return;
    hygiene_relay(&s->hygiene, s->door->policy, ret);
    if (!client.ip_doubtful && hygiene_doubtful(&s->hygiene)) {
        client.ip_doubtful = true;
        relay_decide(s->door->policy, &client, mail, rcpt, ret);
    }
}

/* Whether the client's name goes on to the backend that this recipient needs. */
static bool tells_name(const struct session *s, const struct relay_decision *d)
{
    return d->answer == RELAY_TAKE &&
           routes_find(&s->door->routes, d)->identity == GATE_IDENTITY_XCLIENT;
}

static enum smtp_now on_rcpt(void *owner, const struct relay_mail *mail, struct span rcpt,
                             struct relay_decision *ret, const struct gate_route **ret_route)
{
    struct session *s = owner;

    decide(s, mail, rcpt, ret);
    narrow_unknown(s, ret);
    narrow_login(s, ret);
    if (hygiene_rcpt(&s->hygiene, ret, tells_name(s, ret)) == SMTP_LATER) {
        s->decision = malloc(sizeof(*s->decision));
        if (s->decision) {
            *s->decision = *ret;
            return SMTP_LATER;
        }
        relay_narrow(ret, RELAY_DEFER, RELAY_WHY_LOOKUP, 0, NULL, NULL);
    }
    if (ret->answer == RELAY_TAKE)
        *ret_route = routes_find(&s->door->routes, ret);
    return SMTP_NOW;
}

void session_ready(void *owner)
{
    struct session *s = owner;
    struct relay_decision *d = s->decision;
    const struct gate_route *route = NULL;

    s->decision = NULL;
    /* The session may have been ended meanwhile, by time or by the operator. */
    if (d && s->pass.server.state == SMTP_SERVER_ASKED) {
        /* It promises to be asked no second time; who waits for what never comes waits for good. */
        if (hygiene_rcpt(&s->hygiene, d, tells_name(s, d)) == SMTP_LATER)
            relay_narrow(d, RELAY_DEFER, RELAY_WHY_LOOKUP, 0, NULL, NULL);
        if (d->answer == RELAY_TAKE)
            route = routes_find(&s->door->routes, d);
        gate_pass_decided(&s->pass, d, route, session_now(s));
    }
    free(d);
    session_settle(s);
}

static bool on_text(void *owner, struct span octets, struct smtp_say *ret)
{
    struct session *s = owner;

    return hygiene_text(&s->hygiene, octets, ret);
}

static const char *transaction(const struct session *s, unsigned number, char out[GATE_ID_MAX + 12])
{
    snprintf(out, GATE_ID_MAX + 12, "%s.%u", s->client.id, number);
    return out;
}

static void on_answered(void *owner, const struct gate_answer *a)
{
    struct session *s = owner;
    char id[GATE_ID_MAX + 12];

    s->all->refused += a->code >= 300 && !a->by_backend;
    hygiene_answered(&s->hygiene, a, transaction(s, a->number, id));
}

static void on_done(void *owner, const struct gate_report *r)
{
    struct session *s = owner;
    char id[GATE_ID_MAX + 12];

    s->all->passed += r->result == GATE_RESULT_PASSED;
    s->verdict = r->result != GATE_RESULT_NONE;
    if (r->result != GATE_RESULT_NONE || r->accepted || log_wants(LOG_LEVEL_DEBUG))
        hygiene_done(&s->hygiene, r, transaction(s, r->number, id));
}

static const char *outcome_of(enum gate_fault fault)
{
    switch (fault) {
    case GATE_FAULT_CONNECT:
    case GATE_FAULT_FULL:
        return "connect";
    case GATE_FAULT_IDENTITY:
        return "identity";
    case GATE_FAULT_TIMEOUT:
    case GATE_FAULT_GONE:
        return "timeout";
    case GATE_FAULT_NONE:
    case GATE_FAULT_GREETING:
    case GATE_FAULT_HELLO:
    case GATE_FAULT_TLS:
    case GATE_FAULT_PROTOCOL:
        break;
    }
    return "protocol";
}

static void on_trouble(void *owner, const struct gate_route *route, enum gate_fault fault,
                       const struct smtp_reply *reply)
{
    struct session *s = owner;

    /* A connection that we had no room for says nothing of the backend. */
    if (fault != GATE_FAULT_FULL)
        backends_doubt(s->all->watch, route);
    metrics_add_named(hygiene_metrics(s->all->hygiene), METRIC_BACKENDS, outcome_of(fault), 1);
    if (fault == GATE_FAULT_IDENTITY)
        log_error("identity", "session", s->client.id, "backend", route->name, "by",
                  gate_identity_name(route->identity), "code", LOG_NUM(reply->code), "text",
                  LOG_SPAN(reply->text), "meaning",
                  "the backend does not take the client's address; nothing is passed to it", NULL);
    else if (fault == GATE_FAULT_TLS)
        log_error("backend", "session", s->client.id, "backend", route->name, "fault",
                  gate_fault_name(fault), "text", s->why ? s->why : "it does not offer TLS now",
                  "meaning", "it can't be known who it is; nothing is passed to it", NULL);
    else
        log_warn("backend", "session", s->client.id, "backend", route->name, "fault",
                 gate_fault_name(fault), "code", LOG_NUM(reply->code), "text",
                 LOG_SPAN(reply->text), NULL);
}

const struct gate_pass_ops session_ops = {
    .greet = on_greet,
    .hello = on_hello,
    .auth = on_auth,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .text = on_text,
    .answered = on_answered,
    .done = on_done,
    .trouble = on_trouble,
};

/* A probe of a balancer (HAProxy's smtpchk) says hello and goes: not worth a line. */
static bool is_health_check(const struct session *s)
{
    const struct smtp_server *v = &s->pass.server;

    return v->mails == 0 && v->errors == 0 && v->commands <= 2 && !s->turned_away &&
           (v->end == SMTP_END_QUIT || v->end == SMTP_END_NONE);
}

void session_log(struct session *s, const char *end)
{
    const struct smtp_server *v = &s->pass.server;
    struct logline_session line = {
        .end = v->end == SMTP_END_NONE ? end : smtp_server_end_name(v->end),
        .mails = v->mails,
        .messages = s->pass.passed,
        .errors = v->errors,
        .commands = v->commands,
        .early = v->early,
        .out_of_turn = v->out_of_turn,
        .ms = session_now(s) - s->started,
    };

    /* Without hygiene it is a balancer that never said whom it speaks for. */
    if (s->told || !s->hygiene.all)
        return;
    s->told = true;
    if (!is_health_check(s) || log_wants(LOG_LEVEL_DEBUG))
        hygiene_tell(&s->hygiene, &line);
}
