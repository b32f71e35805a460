/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's half: what the server machine asks, and the life of a transaction.
 *
 *     (none) ─MAIL─▶ KEPT ─RCPT to a backend─▶ SAID ─DATA, BDAT─▶ TEXT ─end─▶ ENDED ─▶ OVER
 *
 * MAIL is answered by us: which backend it belongs to is known only with a recipient, and refused
 * mail shall cost no backend a connection. If the backend then refuses MAIL, each RCPT to it gets
 * that answer. Whatever ends a transaction comes through on_reset(), which reports it.
 */
#include "gate/pass_priv.h"

#include <stdlib.h>

const char *gate_result_name(enum gate_result result)
{
    static const char *const names[] = {
        [GATE_RESULT_NONE] = "none",       [GATE_RESULT_PASSED] = "passed",
        [GATE_RESULT_REFUSED] = "refused", [GATE_RESULT_FOUL] = "foul",
        [GATE_RESULT_CUT] = "cut",         [GATE_RESULT_LOST] = "lost",
        [GATE_RESULT_UNKNOWN] = "unknown",
    };

    return names[result];
}

enum { LINE_MAX_TO_BACKEND = SMTP_COMMAND_TAKEN };

static void rcpt_free(struct gate_mail *m)
{
    if (!m->rcpt)
        return;
    buf_deinit(&m->rcpt->line);
    buf_deinit(&m->rcpt->asked);
    buf_deinit(&m->rcpt->params);
    free(m->rcpt);
    m->rcpt = NULL;
}

/* An empty one in place of the last. */
static bool rcpt_new(struct gate_mail *m)
{
    rcpt_free(m);
    m->rcpt = calloc(1, sizeof(*m->rcpt));
    if (!m->rcpt)
        return false;
    buf_init(&m->rcpt->line, LINE_MAX_TO_BACKEND);
    buf_init(&m->rcpt->asked, SMTP_COMMAND_TAKEN);
    buf_init(&m->rcpt->params, LINE_MAX_TO_BACKEND);
    return true;
}

static void mail_free(struct gate_mail *m)
{
    if (!m)
        return;
    rcpt_free(m);
    buf_deinit(&m->path);
    buf_deinit(&m->params);
    buf_deinit(&m->no);
    if (m->stream)
        gate_stream_deinit(m->stream);
    free(m->stream);
    free(m);
}

/* With room for one decision. */
static struct gate_mail *mail_new(struct gate_pass *p)
{
    struct gate_mail *m = calloc(1, sizeof(*m));

    if (!m || !rcpt_new(m)) {
        free(m);
        return NULL;
    }
    buf_init(&m->path, RELAY_PATH_SIZE);
    buf_init(&m->params, LINE_MAX_TO_BACKEND);
    buf_init(&m->no, SMTP_REPLY_KEPT);
    m->number = ++p->number;
    m->started = p->now;
    return m;
}

void pass_stick(struct gate_mail *m, enum gate_result result, enum gate_fault fault,
                const struct smtp_say *say)
{
    if (m->no_code)
        return;
    m->result = result;
    m->fault = fault;
    m->no_code = say->code;
    if (say->enhanced)
        buf_addf(&m->no, "%s ", say->enhanced);
    buf_add(&m->no, span_slice(span_str(say->text), 0, SMTP_REPLY_KEPT - m->no.n));
}

void pass_stick_route(struct gate_mail *m, const struct gate_route *route, enum gate_result result,
                      enum gate_fault fault, const struct smtp_say *say)
{
    if (!m->no_code && !m->accepted)
        m->no_route = route;
    pass_stick(m, result, fault, say);
}

/* Another backend than the one that could not be had is asked for. */
static void unstick(struct gate_mail *m)
{
    m->no_code = 0;
    m->no_route = NULL;
    buf_clear(&m->no);
    m->result = GATE_RESULT_NONE;
    m->fault = GATE_FAULT_NONE;
}

struct smtp_say pass_stuck(const struct gate_mail *m)
{
    return (struct smtp_say){(uint16_t)m->no_code, NULL, buf_str(&m->no)};
}

static void report(struct gate_pass *p, struct gate_mail *m, bool told)
{
    struct gate_report r = {
        .number = m->number,
        .result = m->result,
        .mail = buf_str(&m->path),
        .route = m->pinned,
        .accepted = m->accepted,
        .refused = m->refused,
        .octets = m->octets,
        .code = m->no_code,
        .text = buf_str(&m->no),
        .fault = m->fault,
        .chunked = m->chunked,
        .told = told,
        .ms = p->now - m->started,
        .ended = m->ended_at ? p->now - m->ended_at : 0,
    };

    if (p->ops->done)
        p->ops->done(p->owner, &r);
}

static const struct smtp_say too_big = {552, "5.3.4", "Message too big"};

/* The transaction is over, by verdict or not. */
static void finish(struct gate_pass *p)
{
    struct gate_mail *m = p->mail;

    if (!m)
        return;
    p->mail = NULL;
    if (m->path.n == 0) { /* MAIL was refused: there was no transaction */
        mail_free(m);
        return;
    }
    if (m->stage == GATE_STAGE_TEXT || m->stage == GATE_STAGE_ENDED) {
        if (m->result == GATE_RESULT_NONE && p->server.too_big)
            pass_stick(m, GATE_RESULT_FOUL, GATE_FAULT_NONE, &too_big);
        else if (m->result == GATE_RESULT_NONE)
            m->result = m->stage == GATE_STAGE_TEXT ? GATE_RESULT_CUT : GATE_RESULT_UNKNOWN;
        pass_abort(p);
    } else if (m->routed || m->data_open) {
        /* An answer is on its way that nobody waits for. */
        pass_abort(p);
    }
    report(p, m, !p->gone);
    mail_free(m);
}

void pass_verdict(struct gate_pass *p, enum gate_result result, const struct smtp_say *say)
{
    struct gate_mail *m = p->mail;
    struct smtp_say stuck;

    pass_stick(m, result, m->fault, say);
    m->stage = GATE_STAGE_OVER;
    p->passed += m->result == GATE_RESULT_PASSED;
    if (p->gone) {
        finish(p);
        return;
    }
    stuck = pass_stuck(m);
    smtp_server_resume(&p->server, &stuck, p->now); /* frees m */
}

static enum smtp_now on_greet(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    struct gate_pass *p = owner;

    return p->ops->greet ? p->ops->greet(p->owner, ret) : SMTP_NOW;
}

static enum smtp_now on_hello(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    struct gate_pass *p = owner;

    p->changed = true;
    p->client->esmtp = s->esmtp;
    if (!gate_client_set(&p->client->helo, span_str(s->hello))) {
        *ret = (struct smtp_say){421, "4.3.0", "Out of memory"};
        return SMTP_NOW;
    }
    return p->ops->hello ? p->ops->hello(p->owner, ret) : SMTP_NOW;
}

static enum smtp_now on_auth(void *owner, struct smtp_server *s, struct span line, bool first,
                             struct smtp_say *ret)
{
    struct gate_pass *p = owner;

    p->changed = true;
    return p->ops->auth ? p->ops->auth(p->owner, line, first, ret) : SMTP_NOW;
}

/* MAIL's parameters, written anew. SIZE is added when the backend is known. */
static void mail_params(struct gate_mail *m, const struct smtp_params *in)
{
    if ((in->given & SMTP_PARAM_BODY) && in->body == SMTP_BODY_8BITMIME) {
        buf_add_str(&m->params, " BODY=8BITMIME");
        m->needs |= SMTP_EXT_8BITMIME;
    }
    if (in->given & SMTP_PARAM_SMTPUTF8) {
        buf_add_str(&m->params, " SMTPUTF8");
        m->needs |= SMTP_EXT_SMTPUTF8;
    }
    if (in->given & SMTP_PARAM_RET)
        buf_add_str(&m->params, in->ret_full ? " RET=FULL" : " RET=HDRS");
    if (in->given & SMTP_PARAM_ENVID) {
        buf_add_str(&m->params, " ENVID=");
        buf_add(&m->params, in->envid);
    }
    if (in->given & (SMTP_PARAM_RET | SMTP_PARAM_ENVID))
        m->needs |= SMTP_EXT_DSN;
    if (in->given & SMTP_PARAM_SIZE)
        m->size_told = in->size;
}

static void rcpt_params(struct gate_mail *m, const struct smtp_params *in)
{
    static const char *const words[] = {"NEVER", "SUCCESS", "FAILURE", "DELAY"};
    char sep = '=';

    if (in->given & SMTP_PARAM_NOTIFY) {
        buf_add_str(&m->rcpt->params, " NOTIFY");
        for (unsigned i = 0; i < 4; i++) {
            if (!(in->notify & (1u << i)))
                continue;
            buf_addf(&m->rcpt->params, "%c%s", sep, words[i]);
            sep = ',';
        }
    }
    if (in->given & SMTP_PARAM_ORCPT) {
        buf_add_str(&m->rcpt->params, " ORCPT=");
        buf_add(&m->rcpt->params, in->orcpt);
    }
}

static struct smtp_say say_of(const struct relay_decision *d)
{
    return (struct smtp_say){(uint16_t)d->code, d->enhanced, d->text};
}

static enum smtp_now on_mail(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    struct gate_pass *p = owner;
    struct gate_mail *m;
    struct relay_mail mail = {cmd->path_text, (cmd->params.given & SMTP_PARAM_SMTPUTF8) != 0};

    mail_free(p->mail); /* of a MAIL that was refused */
    p->mail = m = mail_new(p);
    if (!m) {
        *ret = (struct smtp_say){451, "4.3.0", "Out of memory"};
        return SMTP_NOW;
    }
    m->smtputf8 = mail.smtputf8;
    p->ops->mail(p->owner, &mail, &m->rcpt->decision);
    if (m->rcpt->decision.answer != RELAY_TAKE) {
        *ret = say_of(&m->rcpt->decision);
        return SMTP_NOW;
    }
    buf_add_str(&m->path, m->rcpt->decision.mail);
    buf_fit(&m->path);
    mail_params(m, &cmd->params);
    rcpt_free(m);
    if (m->params.err || m->path.err)
        *ret = (struct smtp_say){451, "4.3.0", "Out of memory"};
    return SMTP_NOW;
}

static void tell_answer(struct gate_pass *p, const struct smtp_say *say, bool by_backend,
                        enum gate_fault fault)
{
    struct gate_mail *m = p->mail;
    struct gate_answer a = {
        .number = m->number,
        .decision = &m->rcpt->decision,
        .rcpt = buf_span(&m->rcpt->asked),
        .mail = buf_str(&m->path),
        .code = say->code,
        .text = say->text ? say->text : "",
        .by_backend = by_backend,
        .fault = fault,
    };

    if (p->ops->answered)
        p->ops->answered(p->owner, &a);
}

void pass_rcpt_answer(struct gate_pass *p, const struct smtp_say *say, bool by_backend,
                      enum gate_fault fault)
{
    struct gate_mail *m = p->mail;

    if (!m->open)
        return;
    m->open = m->routed = m->rcpt_said = false;
    if (say->code < 300) {
        m->accepted++;
        m->pinned = p->backend->route;
    } else {
        m->refused++;
        p->refused += !by_backend;
    }
    tell_answer(p, say, by_backend, fault);
    if (say->code < 300) /* its words are in no answer: a kilobyte of an active session */
        rcpt_free(m);
    if (p->asking) {
        *p->asking = *say;
        p->asking = NULL;
    } else {
        smtp_server_resume(&p->server, say, p->now);
    }
}

void pass_data_answer(struct gate_pass *p, const struct smtp_say *say)
{
    p->mail->data_open = false;
    smtp_server_resume(&p->server, say, p->now);
}

/* What the owner decided about the RCPT that is open. */
static void decided(struct gate_pass *p, const struct gate_route *route)
{
    struct gate_mail *m = p->mail;
    const struct relay_decision *d = &m->rcpt->decision;
    struct smtp_say say;

    if (d->answer != RELAY_TAKE) {
        say = say_of(d);
        pass_rcpt_answer(p, &say, false, GATE_FAULT_NONE);
    } else if (m->no_code && (!m->no_route || m->no_route == route)) {
        say = pass_stuck(m);
        pass_rcpt_answer(p, &say, m->fault == GATE_FAULT_NONE, m->fault);
    } else if (m->pinned && m->pinned != route) {
        /* One answer to the message must hold for all its recipients: no fan-out. */
        say = (struct smtp_say){451, "4.5.3", "Send to this recipient in a message of its own"};
        pass_rcpt_answer(p, &say, false, GATE_FAULT_NONE);
    } else {
        unstick(m);
        buf_clear(&m->rcpt->line);
        buf_addf(&m->rcpt->line, "RCPT TO:%s%s", d->rcpt, buf_str(&m->rcpt->params));
        m->rcpt_said = false;
        pass_ask(p, route);
    }
}

static enum smtp_now on_rcpt(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    struct gate_pass *p = owner;
    struct gate_mail *m = p->mail;
    const struct gate_route *route = NULL;
    struct relay_mail mail = {buf_span(&m->path), m->smtputf8};

    if (rcpt_new(m)) {
        buf_add(&m->rcpt->asked, cmd->path_text);
        rcpt_params(m, &cmd->params);
    }
    if (!m->rcpt || m->rcpt->asked.err || m->rcpt->params.err) {
        *ret = (struct smtp_say){451, "4.3.0", "Out of memory"};
        return SMTP_NOW;
    }
    m->open = true;
    if (p->ops->rcpt(p->owner, &mail, buf_span(&m->rcpt->asked), &m->rcpt->decision, &route) ==
        SMTP_LATER)
        return SMTP_LATER;
    p->asking = ret;
    decided(p, route);
    if (!p->asking)
        return SMTP_NOW;
    p->asking = NULL;
    return SMTP_LATER;
}

static void on_reset(void *owner, struct smtp_server *s)
{
    finish(owner);
}

const struct smtp_server_ops pass_server_ops = {
    .greet = on_greet,
    .hello = on_hello,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .data = pass_on_data,
    .chunk = pass_on_chunk,
    .end = pass_on_end,
    .reset = on_reset,
    .auth = on_auth,
};

void gate_pass_init(struct gate_pass *p, const struct smtp_server_config *config,
                    const struct gate_pass_ops *ops, void *owner, struct gate_client *client)
{
    *p = (struct gate_pass){.ops = ops, .owner = owner, .client = client};
    smtp_server_init(&p->server, config, &pass_server_ops, p, client->ip);
}

void gate_pass_deinit(struct gate_pass *p)
{
    smtp_server_deinit(&p->server);
    finish(p);
    if (p->backend)
        gate_backend_deinit(p->backend);
    free(p->backend);
    p->backend = NULL;
    p->want = GATE_WANT_NOTHING;
}

void gate_pass_start(struct gate_pass *p, int64_t now)
{
    p->now = now;
    smtp_server_start(&p->server, now);
}

size_t gate_pass_feed(struct gate_pass *p, struct span in, int64_t now)
{
    p->now = now;
    return smtp_server_feed(&p->server, in, now);
}

void gate_pass_tls(struct gate_pass *p, int64_t now)
{
    p->now = now;
    p->changed = true;
    smtp_server_tls(&p->server, now);
}

void gate_pass_tick(struct gate_pass *p, int64_t now)
{
    p->now = now;
    smtp_server_tick(&p->server, now);
}

void gate_pass_answer(struct gate_pass *p, const struct smtp_say *say, int64_t now)
{
    p->now = now;
    smtp_server_resume(&p->server, say, now);
}

void gate_pass_decided(struct gate_pass *p, const struct relay_decision *d,
                       const struct gate_route *route, int64_t now)
{
    p->now = now;
    if (!p->mail || !p->mail->open)
        return;
    p->mail->rcpt->decision = *d;
    decided(p, route);
}

bool gate_pass_client_gone(struct gate_pass *p, int64_t now)
{
    p->now = now;
    p->gone = true;
    if (p->mail && p->mail->stage == GATE_STAGE_ENDED)
        return true;
    finish(p);
    pass_close(p);
    return false;
}

bool gate_pass_over(const struct gate_pass *p)
{
    return p->gone && !p->mail;
}

void gate_pass_slim(struct gate_pass *p)
{
    struct gate_mail *m = p->mail;

    buf_fit(&p->server.out);
    buf_shrink(&p->server.line);
    if (m && !m->open)
        rcpt_free(m);
}

bool gate_pass_shut(struct gate_pass *p, const char *text, int64_t now)
{
    p->now = now;
    if (p->mail && (p->mail->stage == GATE_STAGE_TEXT || p->mail->stage == GATE_STAGE_ENDED ||
                    p->mail->data_open))
        return false;
    smtp_server_shut(&p->server, text);
    pass_close(p);
    return true;
}
