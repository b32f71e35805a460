/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * States and what moves them (f: feed, t: tick, o: the owner's answer):
 *
 *     IDLE ─start─▶ QUIET ─t,f─▶ (greeting) ─▶ COMMAND ─f line─▶ (the verb's function) ─▶ COMMAND
 *                                                 │                │   │    │
 *                      ASKED ◀─ owner: later ─────┼────────────────┘   │    └─▶ TLS ─tls─▶ COMMAND
 *                        └─ o ─▶ back             ├─ DATA 354 ─▶ DATA ─f CRLF.CRLF─▶ COMMAND
 *                                                 ├─ BDAT n ───▶ BDAT ─f n octets──▶ COMMAND
 *     any ─ last reply ─▶ CLOSED                  └─ AUTH 334 ─▶ AUTH ─f line──────▶ COMMAND
 *
 * This file assembles lines and keeps time. server_verb.c has the commands, server_data.c the
 * message, server_say.c the replies.
 *
 * The machine keeps no input but the line that is open. A pipelining client can therefore make it
 * hold no more than one line and SMTP_OUT_HIGH octets of replies, whatever it sends.
 */
#include "smtp/server.h"
#include "smtp/server_priv.h"

#include <assert.h>
#include <string.h>

const char *smtp_server_state_name(enum smtp_server_state state)
{
    static const char *const names[] = {
        [SMTP_SERVER_IDLE] = "idle",       [SMTP_SERVER_QUIET] = "quiet",
        [SMTP_SERVER_COMMAND] = "command", [SMTP_SERVER_AUTH] = "auth",
        [SMTP_SERVER_DATA] = "data",       [SMTP_SERVER_BDAT] = "bdat",
        [SMTP_SERVER_ASKED] = "asked",     [SMTP_SERVER_TLS] = "tls",
        [SMTP_SERVER_CLOSED] = "closed",
    };

    return names[state];
}

const char *smtp_server_end_name(enum smtp_server_end end)
{
    static const char *const names[] = {
        [SMTP_END_NONE] = "none",       [SMTP_END_QUIT] = "quit",
        [SMTP_END_REFUSED] = "refused", [SMTP_END_TIMEOUT] = "timeout",
        [SMTP_END_ERRORS] = "errors",   [SMTP_END_TURN] = "turn",
        [SMTP_END_LINE] = "line",       [SMTP_END_FOREIGN] = "foreign",
        [SMTP_END_TOO_BIG] = "too-big", [SMTP_END_FAULT] = "fault",
    };

    return names[end];
}

void smtp_server_init(struct smtp_server *s, const struct smtp_server_config *config,
                      const struct smtp_server_ops *ops, void *owner, struct ip client)
{
    assert(config->name && ops->mail && ops->rcpt && ops->chunk && ops->end);
    *s = (struct smtp_server){
        .config = config,
        .ops = ops,
        .owner = owner,
        .client = client,
        .hello = "",
        .out = BUF_INIT(SMTP_OUT_MAX),
        .line = BUF_INIT(SMTP_AUTH_MAX),
        .later = BUF_INIT(SMTP_OUT_HIGH),
        .deadline = INT64_MAX,
        .message_deadline = INT64_MAX,
        .session_deadline = INT64_MAX,
        .rate_deadline = INT64_MAX,
    };
}

void smtp_server_deinit(struct smtp_server *s)
{
    if (s->ops)
        server_drop_mail(s);
    server_forget_hello(s);
    buf_deinit(&s->out);
    buf_deinit(&s->line);
    buf_deinit(&s->later);
    s->state = SMTP_SERVER_CLOSED;
}

/* Somebody who talks first does not read what we say: a spammer's tool, or another protocol. */
static void talked_early(struct smtp_server *s, int64_t now)
{
    s->early = true;
    s->out_of_turn++;
    if (s->config->turns == SMTP_TURNS_STRICT)
        server_end(s, SMTP_END_TURN, 554, "5.5.0", "Commands sent before the greeting");
    else
        server_ask_greeting(s, now);
}

void smtp_server_start(struct smtp_server *s, int64_t now)
{
    const struct smtp_server_config *c = s->config;

    assert(s->state == SMTP_SERVER_IDLE);
    s->session_deadline = server_later(now, c->wait_session);
    if (s->early) {
        talked_early(s, now);
        return;
    }
    if (c->greet_wait) {
        s->state = SMTP_SERVER_QUIET;
        s->deadline = now + c->greet_wait;
        return;
    }
    server_ask_greeting(s, now);
}

/* Behind these a client has to wait for our answer, whatever it offers to pipeline. */
static void talked_while_asked(struct smtp_server *s)
{
    switch ((enum server_ask)s->asked) {
    case SERVER_ASK_GREET:
        s->early = true;
        break;
    case SERVER_ASK_HELLO:
    case SERVER_ASK_DATA:
    case SERVER_ASK_AUTH:
        break;
    case SERVER_ASK_NONE:
    case SERVER_ASK_MAIL:
    case SERVER_ASK_RCPT:
    case SERVER_ASK_CHUNKS:
    case SERVER_ASK_END:
    case SERVER_ASK_OTHER:
        return;
    }
    if (s->config->turns != SMTP_TURNS_STRICT)
        return;
    s->out_of_turn++;
    s->asked = SERVER_ASK_NONE;
    server_drop_mail(s);
    server_end(s, SMTP_END_TURN, 554, "5.5.0", "Commands sent without waiting for a reply");
}

int64_t server_later(int64_t now, int64_t wait)
{
    return wait ? now + wait : INT64_MAX;
}

static size_t line_limit(const struct smtp_server *s)
{
    return s->state == SMTP_SERVER_AUTH ? SMTP_AUTH_MAX : SMTP_COMMAND_TAKEN;
}

/* Of a line that is too long only the last octets are kept: they tell where it ends. */
static void add_to_line(struct smtp_server *s, struct span bytes)
{
    s->passed += bytes.n;
    if (s->line_long || s->line.n + bytes.n > line_limit(s)) {
        s->line_long = true;
        buf_consume(&s->line, s->line.n ? s->line.n - 1 : 0);
        bytes = span_slice(bytes, bytes.n > 2 ? bytes.n - 2 : 0, bytes.n);
        if (s->passed > SMTP_LINE_PASSED)
            server_end(s, SMTP_END_LINE, 500, "5.5.2", "Line too long");
    }
    buf_add(&s->line, bytes);
    if (s->line.err)
        server_end(s, SMTP_END_FAULT, 421, "4.3.0", "Out of memory");
}

/* The octets of the line's end if it has come to one, else 0. A lone LF is one only if so set. */
static size_t line_end(const struct smtp_server *s)
{
    size_t n = s->line.n;

    if (n == 0 || s->line.p[n - 1] != '\n')
        return 0;
    if (n > 1 && s->line.p[n - 2] == '\r')
        return 2;
    return s->config->lf_commands ? 1 : 0;
}

static void take_line(struct smtp_server *s, struct span *in, int64_t now)
{
    struct span part = span_slice(*in, 0, span_find(*in, '\n') + 1);
    bool is_auth = s->state == SMTP_SERVER_AUTH;
    size_t end;

    *in = span_slice(*in, part.n, in->n);
    add_to_line(s, part);
    if (s->state == SMTP_SERVER_CLOSED)
        return;
    end = line_end(s);
    if (end == 0)
        return;
    s->lf_lines += end == 1;
    s->passed = 0;
    part = span_slice(buf_span(&s->line), 0, s->line.n - end);
    if (s->line_long) {
        server_listen(s, now);
        server_say(s, 500, "5.5.2", "Line too long");
    } else if (is_auth) {
        server_auth_line(s, part, now);
    } else {
        server_command(s, part, in->n > 0, now);
    }
    s->line_long = false;
    buf_clear(&s->line);
    buf_shrink(&s->line);
}

static bool may_take(const struct smtp_server *s)
{
    switch (s->state) {
    case SMTP_SERVER_QUIET:
    case SMTP_SERVER_COMMAND:
    case SMTP_SERVER_AUTH:
        return s->out.n < SMTP_OUT_HIGH;
    case SMTP_SERVER_DATA:
    case SMTP_SERVER_BDAT:
        return true;
    case SMTP_SERVER_IDLE:
    case SMTP_SERVER_ASKED:
    case SMTP_SERVER_TLS:
    case SMTP_SERVER_CLOSED:
        return false;
    }
    return false;
}

size_t smtp_server_feed(struct smtp_server *s, struct span in, int64_t now)
{
    size_t given = in.n;

    if (in.n && s->state == SMTP_SERVER_ASKED)
        talked_while_asked(s);
    while (in.n && may_take(s)) {
        if (s->state == SMTP_SERVER_QUIET)
            talked_early(s, now);
        else if (s->state == SMTP_SERVER_DATA)
            server_take_data(s, &in, now);
        else if (s->state == SMTP_SERVER_BDAT)
            server_take_chunk(s, &in, now);
        else
            take_line(s, &in, now);
    }
    return given - in.n;
}

void smtp_server_resume(struct smtp_server *s, const struct smtp_say *say, int64_t now)
{
    enum server_ask ask = s->asked;

    if (s->state != SMTP_SERVER_ASKED)
        return;
    server_answered(s, ask, say, now);
}

void smtp_server_tls(struct smtp_server *s, int64_t now)
{
    bool asked = s->state == SMTP_SERVER_TLS;

    assert(asked || s->state == SMTP_SERVER_IDLE || s->state == SMTP_SERVER_CLOSED);
    s->tls = true;
    if (!asked)
        return;
    server_drop_mail(s);
    server_forget_hello(s);
    s->esmtp = s->authed = false;
    server_listen(s, now);
}

void smtp_server_excuse(struct smtp_server *s, int64_t now)
{
    if (s->state != SMTP_SERVER_DATA && s->state != SMTP_SERVER_BDAT)
        return;
    s->deadline = server_later(now, s->config->wait_chunk);
    server_rate_begin(s, now);
}

static int64_t next_deadline(const struct smtp_server *s)
{
    int64_t at = s->deadline < s->session_deadline ? s->deadline : s->session_deadline;

    at = at < s->rate_deadline ? at : s->rate_deadline;
    return at < s->message_deadline ? at : s->message_deadline;
}

static void stop(struct smtp_server *s, enum smtp_server_end end, const char *enhanced,
                 const char *text)
{
    server_drop_mail(s);
    if (s->state == SMTP_SERVER_TLS) {
        /* Plain text in a handshake would be noise. */
        s->state = SMTP_SERVER_CLOSED;
        s->end = end;
        return;
    }
    server_end(s, end, 421, enhanced, text);
}

void smtp_server_tick(struct smtp_server *s, int64_t now)
{
    if (s->state == SMTP_SERVER_ASKED || s->state == SMTP_SERVER_CLOSED || now < next_deadline(s))
        return;
    if (s->state == SMTP_SERVER_QUIET && now < s->session_deadline) {
        server_ask_greeting(s, now);
        return;
    }
    if (s->rate_deadline < INT64_MAX && now >= s->rate_deadline && s->state != SMTP_SERVER_DATA &&
        s->state != SMTP_SERVER_BDAT) {
        /* Between two chunks wait_command counts. */
        s->rate_deadline = INT64_MAX;
        smtp_server_tick(s, now);
        return;
    }
    stop(s, SMTP_END_TIMEOUT, "4.4.2", "Timeout");
}

void smtp_server_shut(struct smtp_server *s, const char *text)
{
    s->asked = SERVER_ASK_NONE;
    stop(s, SMTP_END_REFUSED, "4.3.2", text);
}

struct smtp_server_todo smtp_server_todo(const struct smtp_server *s)
{
    bool waits = s->state != SMTP_SERVER_ASKED && s->state != SMTP_SERVER_CLOSED &&
                 s->state != SMTP_SERVER_IDLE;

    return (struct smtp_server_todo){
        .read = may_take(s),
        .start_tls = s->state == SMTP_SERVER_TLS,
        .close = s->state == SMTP_SERVER_CLOSED,
        .deadline = waits ? next_deadline(s) : INT64_MAX,
    };
}
