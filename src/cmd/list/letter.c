/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * banner ─ EHLO ─┬─ STARTTLS ─ (secured) ─ EHLO ─┬─ (AUTH) ─ MAIL ─ RCPT ─ DATA ─ body ─ QUIT
 *                └───────────────────────────────┘
 *
 * Step by step, without pipelining: a notice is rare. What a server sends behind its answer to
 * STARTTLS was injected, and ends the session. Once the message is out and no answer has come, the
 * outcome is unknown: the caller counts it as sent, for a second copy is worse than none.
 *
 * What is refused before a recipient is named, and a recipient that is refused for policy (5.7.x,
 * "relay access denied"), is a quarrel between the smarthost and us: the operator mends it, and the
 * letter goes out another time.
 */
#include "cmd/list/letter.h"

#include "base/escape.h"
#include "cmd/list/letter_login.h"
#include "io/conn.h"
#include "smtp/client.h"
#include "smtp/dot.h"
#include "smtp/ehlo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct letter *l;
    struct loop *loop;
    struct conn *conn;
    struct smtp_client smtp;
    struct tls_context *tls;
    struct letter_login *login;
    bool up; /* smtp is initialised */
    bool said_body, over;
    int result;
    char *why;
};

static void finish(struct run *r, int result, const char *what, const struct smtp_reply *reply)
{
    struct buf text = BUF_INIT(LETTER_WHY_MAX - 1);

    if (r->over)
        return;
    r->over = true;
    r->result = result;
    escape_text(&text, span_slice(span_str(what), 0, 100));
    if (reply) {
        buf_addf(&text, ": %u ", reply->code);
        escape_text(&text, span_slice(reply->text, 0, 120));
    }
    span_copy(buf_span(&text), r->why, LETTER_WHY_MAX);
    buf_deinit(&text);
    if (r->conn && !result)
        conn_close(r->conn); /* QUIT still goes out; on_closed() stops the loop */
    else
        loop_stop(r->loop);
}

static void flush(struct run *r)
{
    if (r->over || !r->smtp.out.n)
        return;
    conn_deadline(r->conn, loop_now(r->loop) + (r->said_body ? LETTER_WAIT_BODY : LETTER_WAIT));
    conn_queue_limit(r->conn, r->smtp.out.n + (1 << 16));
    if (conn_write(r->conn, buf_span(&r->smtp.out)) < 0)
        finish(r, LETTER_DEFERRED, "could not be written", NULL);
    else
        smtp_client_flushed(&r->smtp);
}

static void say(struct run *r, enum smtp_stage stage, const char *fmt, const char *word)
{
    struct buf line = BUF_INIT(LETTER_LOGIN_LINE_MAX);

    buf_add_str(&line, fmt);
    if (word) {
        buf_clear(&line);
        buf_addf(&line, "%s%s%s", fmt, word, stage == SMTP_STAGE_RCPT ? ">" : "");
    }
    if (line.err || smtp_client_send(&r->smtp, stage, 0, buf_span(&line), loop_now(r->loop)) < 0)
        finish(r, -ENOMEM, "out of memory", NULL);
    buf_deinit(&line);
    flush(r);
}

static void say_body(struct run *r)
{
    struct buf wire = BUF_INIT(r->l->message.n * 2 + 100);
    struct smtp_dot_out dots = {0};

    smtp_dot_write(&dots, r->l->message, &wire);
    smtp_dot_close(&dots, &wire);
    r->said_body = true;
    if (wire.err ||
        smtp_client_send_raw(&r->smtp, SMTP_STAGE_BODY, 0, buf_span(&wire), loop_now(r->loop)) < 0)
        finish(r, -ENOMEM, "out of memory", NULL);
    buf_deinit(&wire);
    flush(r);
}

static bool this_host(struct ip ip)
{
    return ip_space(ip) == IP_LOOPBACK;
}

/* Must the certificate hold? */
static bool only_tls(const struct letter *l)
{
    return l->tls == LETTER_TLS_ONLY ||
           (l->tls == LETTER_TLS_AUTO && l->login && !this_host(l->ip));
}

static bool tls_at_once(const struct letter *l)
{
    return l->port == LETTER_PORT_TLS && l->tls != LETTER_TLS_NO;
}

static void begin_login(struct run *r, struct span ehlo)
{
    const char *mech =
        letter_login_choose(ehlo, conn_secured(r->conn) || this_host(conn_peer_ip(r->conn)));
    int rc;

    if (!mech && letter_login_choose(ehlo, true)) {
        finish(r, LETTER_GONE, "the smarthost wants the password without TLS", NULL);
        return;
    }
    if (!mech) {
        finish(r, LETTER_GONE, "the smarthost offers no login that we know", NULL);
        return;
    }
    rc = letter_login_new(mech, r->l->login, r->l->password, &r->login);
    if (rc < 0)
        finish(r, rc, strerror(-rc), NULL);
    else
        say(r, SMTP_STAGE_AUTH, "AUTH ", mech);
}

static void go_on_login(struct run *r, const struct smtp_reply *reply)
{
    struct buf answer = BUF_INIT(LETTER_LOGIN_LINE_MAX);

    if (letter_login_step(r->login, reply->text, &answer))
        say(r, SMTP_STAGE_AUTH, buf_str(&answer), NULL);
    else
        finish(r, LETTER_GONE, "the smarthost does not know the login", NULL);
    if (answer.p)
        explicit_bzero(answer.p, answer.n);
    buf_deinit(&answer);
}

static void after_ehlo(struct run *r, const struct smtp_reply *reply)
{
    struct smtp_ehlo e;

    smtp_ehlo_parse(reply->text, &e);
    if (!conn_secured(r->conn) && r->l->tls != LETTER_TLS_NO && (e.ext & SMTP_EXT_STARTTLS))
        say(r, SMTP_STAGE_STARTTLS, "STARTTLS", NULL);
    else if (!conn_secured(r->conn) && only_tls(r->l))
        finish(r, LETTER_GONE, "the smarthost offers no TLS", NULL);
    else if (r->l->login)
        begin_login(r, reply->text);
    else
        say(r, SMTP_STAGE_MAIL, "MAIL FROM:<>", NULL);
}

static void on_ok(struct run *r, enum smtp_stage stage, const struct smtp_reply *reply,
                  struct span rest)
{
    if (stage == SMTP_STAGE_BANNER)
        say(r, SMTP_STAGE_EHLO, "EHLO ", r->l->helo);
    else if (stage == SMTP_STAGE_EHLO)
        after_ehlo(r, reply);
    else if (stage == SMTP_STAGE_STARTTLS) {
        if (conn_tls_client(r->conn, r->tls, r->l->host, rest) != CONN_TLS_STARTED)
            finish(r, LETTER_GONE, "something was injected before TLS", NULL);
    } else if (stage == SMTP_STAGE_AUTH) {
        if (letter_login_done(r->login))
            say(r, SMTP_STAGE_MAIL, "MAIL FROM:<>", NULL);
        else
            finish(r, LETTER_GONE, "the smarthost has not proved that it knows the login", NULL);
    } else if (stage == SMTP_STAGE_MAIL)
        say(r, SMTP_STAGE_RCPT, "RCPT TO:<", r->l->rcpt);
    else if (stage == SMTP_STAGE_RCPT)
        say(r, SMTP_STAGE_DATA, "DATA", NULL);
    else if (stage == SMTP_STAGE_DATA)
        say_body(r);
    else if (stage == SMTP_STAGE_BODY) {
        say(r, SMTP_STAGE_QUIT, "QUIT", NULL);
        finish(r, LETTER_TAKEN, "taken", reply);
    }
}

static void on_reply(struct run *r, enum smtp_stage stage, const struct smtp_reply *reply,
                     struct span rest)
{
    unsigned wanted = stage == SMTP_STAGE_DATA ? 3 : 2;
    bool policy = reply->enhanced[0] == 5 && reply->enhanced[1] == 7;
    int result = reply->code < 500                    ? LETTER_DEFERRED
                 : stage == SMTP_STAGE_RCPT && policy ? LETTER_DEFERRED
                                                      : LETTER_REFUSED;

    if (stage == SMTP_STAGE_AUTH && reply->code == 334)
        go_on_login(r, reply);
    else if (reply->code / 100U == wanted)
        on_ok(r, stage, reply, rest);
    else if (reply->code == 421 || stage < SMTP_STAGE_RCPT)
        finish(r, LETTER_GONE, smtp_stage_name(stage), reply);
    else
        finish(r, result, smtp_stage_name(stage), reply);
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    struct run *r = cookie;

    while (bytes.n && !r->over) {
        struct smtp_reply reply;
        struct smtp_sent sent;
        int got = smtp_client_feed(&r->smtp, &bytes, &reply, &sent);

        if (got == SMTP_CLIENT_MORE)
            return;
        if (got == SMTP_CLIENT_REPLY)
            on_reply(r, sent.stage, &reply, bytes);
        else if (got == SMTP_CLIENT_UNASKED)
            finish(r, r->said_body ? LETTER_UNKNOWN : LETTER_GONE, "the smarthost said", &reply);
        else
            finish(r, got < 0 ? got : LETTER_GONE, "the smarthost speaks no SMTP", NULL);
    }
}

static void on_secured(void *cookie, struct conn *c)
{
    struct run *r = cookie;

    if (!tls_at_once(r->l))
        say(r, SMTP_STAGE_EHLO, "EHLO ", r->l->helo);
}

static void on_connected(void *cookie, struct conn *c)
{
    struct run *r = cookie;

    conn_deadline(c, loop_now(r->loop) + LETTER_WAIT);
    if (tls_at_once(r->l) && conn_tls_client(c, r->tls, r->l->host, SPAN_NULL) != CONN_TLS_STARTED)
        finish(r, LETTER_GONE, "TLS could not be started", NULL);
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct run *r = cookie;

    r->conn = NULL;
    finish(r, r->said_body ? LETTER_UNKNOWN : LETTER_GONE, end->text, NULL);
    loop_stop(r->loop);
}

static int start(struct run *r)
{
    static const struct conn_events events = {
        .connected = on_connected, .data = on_data, .secured = on_secured, .closed = on_closed};
    struct conn_target to = {.ip = r->l->ip, .port = r->l->port, .timeout_ms = 30000};
    struct tls_client_options strict = {.verify = true, .strict = true, .ca_file = r->l->ca_file};
    char err[TLS_ERROR_MAX];
    int rc = loop_new(&r->loop);

    if (rc == 0 && r->l->tls != LETTER_TLS_NO &&
        tls_client_new(only_tls(r->l) ? &strict : NULL, &r->tls, err) < 0) {
        span_copy(span_slice(span_str(err), 0, LETTER_WHY_MAX - 1), r->why, LETTER_WHY_MAX);
        return LETTER_GONE;
    }
    if (rc == 0)
        rc = smtp_client_init(&r->smtp, loop_now(r->loop));
    r->up = rc == 0;
    if (rc == 0)
        rc = conn_connect(r->loop, &to, &events, r, &r->conn);
    return rc;
}

int letter_send(const struct letter *l, char why[LETTER_WHY_MAX])
{
    struct run *r = calloc(1, sizeof(*r));
    int rc;

    if (!r)
        return -ENOMEM;
    *r = (struct run){.l = l, .why = why, .result = LETTER_GONE};
    why[0] = '\0';
    rc = start(r);
    if (rc == 0) {
        loop_run(r->loop);
        rc = r->result;
    } else if (rc < 0) {
        snprintf(why, LETTER_WHY_MAX, "%s", strerror(-rc));
    }
    conn_drop(&r->conn);
    if (r->up)
        smtp_client_deinit(&r->smtp);
    letter_login_free(&r->login);
    tls_context_free(&r->tls);
    loop_free(&r->loop);
    free(r);
    return rc;
}
