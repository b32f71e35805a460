/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The plain lines: one table of keys a line kind, every text through escape_log(), so that a blank,
 * a quote or an equals sign in it puts the whole text in quotes and no field can be forged. A field
 * without a value is left out: most sessions have no login, and lines are read by people too.
 */
#include "gate/logline.h"

#include "base/escape.h"
#include "gate/logline_priv.h"

static void add_span(struct buf *out, const char *key, struct span s)
{
    if (!s.n)
        return;
    buf_addf(out, " %s=", key);
    escape_log(out, span_slice(s, 0, LOGLINE_TEXT_MAX));
    if (s.n > LOGLINE_TEXT_MAX)
        buf_add_str(out, "...");
}

static void add_str(struct buf *out, const char *key, const char *s)
{
    add_span(out, key, span_str(s));
}

/* An address is shown even when it is empty: <> says something. */
static void add_path(struct buf *out, const char *key, struct span s)
{
    struct buf path = BUF_INIT(LOGLINE_TEXT_MAX + 2);

    buf_add_char(&path, '<');
    buf_add(&path, span_slice(s, 0, LOGLINE_TEXT_MAX));
    buf_add_char(&path, '>');
    buf_addf(out, " %s=", key);
    escape_log(out, buf_span(&path));
    buf_deinit(&path);
}

static void add_count(struct buf *out, const char *key, uint64_t n)
{
    if (n)
        buf_addf(out, " %s=%llu", key, (unsigned long long)n);
}

static void add_client(struct buf *out, const struct gate_client *c)
{
    char text[IP_TEXT_MAX];

    buf_addf(out, " role=%s client=%s port=%u", gate_role_name(c->role), ip_text(c->ip, text),
             c->port);
    if (c->proxied)
        buf_addf(out, " via=%s", ip_text(c->peer, text));
    add_str(out, c->name_ok ? "name" : "ptr", c->name);
    add_str(out, "helo", c->helo);
    add_str(out, "tls", c->tls_version);
    add_str(out, "login", c->login);
    add_str(out, "cert", c->cert);
}

static void plain_session(const struct logline_session *s, struct buf *out)
{
    buf_addf(out, "event=session id=%s", s->client->id);
    add_client(out, s->client);
    add_str(out, "cipher", s->client->tls_cipher);
    add_str(out, "sni", s->client->sni);
    add_str(out, "end", s->end);
    add_span(out, "last", s->last);
    if (s->early)
        buf_add_str(out, " early=yes");
    add_count(out, "out_of_turn", s->out_of_turn);
    buf_addf(out, " ms=%lld", (long long)s->ms);
    add_count(out, "mails", s->mails);
    add_count(out, "rcpts", s->rcpts);
    add_count(out, "refused", s->rcpts_refused);
    add_count(out, "sent", s->messages);
    add_count(out, "errors", s->errors);
    add_count(out, "commands", s->commands);
    add_count(out, "login-failures", s->auths_failed);
    if (s->score)
        buf_addf(out, " score=%d", s->score);
    add_str(out, "lists", s->lists);
    add_count(out, "held", s->held);
}

static void plain_mail(const struct logline_mail *m, struct buf *out)
{
    buf_addf(out, "event=mail id=%s", m->id);
    add_client(out, m->client);
    add_path(out, "from", m->from);
    for (unsigned i = 0; i < m->rcpt_named && i < LOGLINE_RCPTS; i++)
        add_path(out, "to", m->rcpts[i]);
    buf_addf(out, " rcpts=%u", m->rcpt_count);
    add_count(out, "refused", m->refused);
    add_count(out, "size", m->size);
    add_count(out, "hops", m->hops);
    add_str(out, "backend", m->backend);
    add_str(out, "result", m->result);
    add_str(out, "fault", m->fault);
    if (m->untold)
        buf_add_str(out, " told=no");
    add_count(out, "code", m->code);
    add_span(out, "reply", m->reply);
    buf_addf(out, " ms=%lld wait=%lld", (long long)m->ms, (long long)m->wait);
}

static void plain_refusal(const struct logline_refusal *r, struct buf *out)
{
    buf_addf(out, "event=refusal id=%s", r->id);
    add_client(out, r->client);
    add_str(out, "at", r->verb);
    add_str(out, "reason", r->reason);
    buf_addf(out, " by=%s", r->ours ? "gate" : "backend");
    add_path(out, "from", r->from);
    if (r->rcpt.n)
        add_path(out, "to", r->rcpt);
    buf_addf(out, " code=%u", r->code);
    add_span(out, "reply", r->reply);
}

static void plain_login_failed(const struct logline_login *l, struct buf *out)
{
    buf_addf(out, "event=login-failed id=%s", l->client->id);
    add_client(out, l->client);
    add_str(out, "mech", l->mech);
    add_span(out, "user", l->user);
    add_str(out, "why", l->why);
}

void logline_connect(enum logline_style style, const struct gate_client *c, struct buf *out)
{
    if (style == LOGLINE_POSTFIX)
        logline_postfix_connect(c, out);
}

void logline_session(enum logline_style style, const struct logline_session *s, struct buf *out)
{
    if (style == LOGLINE_POSTFIX)
        logline_postfix_session(s, out);
    else
        plain_session(s, out);
}

void logline_refusal(enum logline_style style, const struct logline_refusal *r, struct buf *out)
{
    if (style == LOGLINE_POSTFIX)
        logline_postfix_refusal(r, out);
    else
        plain_refusal(r, out);
}

void logline_login_failed(enum logline_style style, const struct logline_login *l, struct buf *out)
{
    if (style == LOGLINE_POSTFIX)
        logline_postfix_login_failed(l, out);
    else
        plain_login_failed(l, out);
}

void logline_mail(enum logline_style style, const struct logline_mail *m, struct buf *out)
{
    if (style == LOGLINE_POSTFIX)
        logline_postfix_mail(m, out);
    else
        plain_mail(m, out);
}
