/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * banner ── EHLO ─┬─ STARTTLS ── (secured) ── EHLO ─┬─ MAIL ── RCPT ── DATA ── body ── QUIT
 *                 └─────────────────────────────────┘
 *
 * Step by step, without pipelining: a notice is rare. What a server sends behind its answer to
 * STARTTLS was injected, and ends the session. Once the message is out and no answer has come, the
 * outcome is unknown: the caller counts it as sent, for a second copy is worse than none.
 */
#include "cmd/list/letter.h"

#include "base/escape.h"
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
    struct buf line = BUF_INIT(600);

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

static void after_ehlo(struct run *r, const struct smtp_reply *reply)
{
    struct smtp_ehlo e;

    smtp_ehlo_parse(reply->text, &e);
    if (!conn_secured(r->conn) && r->l->tls != LETTER_TLS_NO && (e.ext & SMTP_EXT_STARTTLS))
        say(r, SMTP_STAGE_STARTTLS, "STARTTLS", NULL);
    else if (!conn_secured(r->conn) && r->l->tls == LETTER_TLS_ONLY)
        finish(r, LETTER_DEFERRED, "the smarthost offers no TLS", NULL);
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
            finish(r, LETTER_DEFERRED, "something was injected before TLS", NULL);
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

    if (reply->code / 100U == wanted)
        on_ok(r, stage, reply, rest);
    else
        finish(r, reply->code >= 500 ? LETTER_REFUSED : LETTER_DEFERRED, smtp_stage_name(stage),
               reply);
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
            finish(r, r->said_body ? LETTER_UNKNOWN : LETTER_DEFERRED, "the smarthost said",
                   &reply);
        else
            finish(r, got < 0 ? got : LETTER_DEFERRED, "the smarthost speaks no SMTP", NULL);
    }
}

static void on_secured(void *cookie, struct conn *c)
{
    struct run *r = cookie;

    say(r, SMTP_STAGE_EHLO, "EHLO ", r->l->helo);
}

static void on_connected(void *cookie, struct conn *c)
{
    struct run *r = cookie;

    conn_deadline(c, loop_now(r->loop) + LETTER_WAIT);
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct run *r = cookie;

    r->conn = NULL;
    finish(r, r->said_body ? LETTER_UNKNOWN : LETTER_DEFERRED, end->text, NULL);
    loop_stop(r->loop);
}

static int start(struct run *r)
{
    static const struct conn_events events = {
        .connected = on_connected, .data = on_data, .secured = on_secured, .closed = on_closed};
    struct conn_target to = {.ip = r->l->ip, .port = r->l->port, .timeout_ms = 30000};
    struct tls_client_options strict = {.verify = true, .strict = true};
    char err[TLS_ERROR_MAX];
    int rc = loop_new(&r->loop);

    if (rc == 0 && r->l->tls != LETTER_TLS_NO)
        rc = tls_client_new(r->l->tls == LETTER_TLS_ONLY ? &strict : NULL, &r->tls, err);
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
    *r = (struct run){.l = l, .why = why, .result = LETTER_DEFERRED};
    why[0] = '\0';
    rc = start(r);
    if (rc == 0) {
        loop_run(r->loop);
        rc = r->result;
    } else {
        snprintf(why, LETTER_WHY_MAX, "%s", strerror(-rc));
    }
    conn_drop(&r->conn);
    if (r->up)
        smtp_client_deinit(&r->smtp);
    tls_context_free(&r->tls);
    loop_free(&r->loop);
    free(r);
    return rc;
}
