/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backend's half: opening it, what is said next, and what its answers mean.
 *
 * A backend that was kept from an earlier transaction may have closed meanwhile. If it is lost
 * before it has accepted anything of this one, it is opened again, once, and nobody notices.
 */
#include "gate/pass_priv.h"

#include <stdlib.h>

struct smtp_say pass_fault_say(enum gate_fault fault)
{
    const char *enhanced, *text;
    unsigned code;

    gate_fault_say(fault, &code, &enhanced, &text);
    return (struct smtp_say){(uint16_t)code, enhanced, text};
}

/* The backend's words as they are. 421 is about its connection, not about the client's. */
static struct smtp_say say_of(const struct smtp_reply *r)
{
    const char *text = r->text.n ? r->text.p : r->code < 400 ? "Ok" : "Refused";

    return (struct smtp_say){r->code == 421 ? 451 : r->code, NULL, text};
}

static void drop(struct gate_pass *p)
{
    if (p->backend)
        gate_backend_deinit(p->backend);
    free(p->backend);
    p->backend = NULL;
}

static void open_backend(struct gate_pass *p, const struct gate_route *route)
{
    struct gate_backend *b = calloc(1, sizeof(*b));

    p->next = NULL;
    p->changed = false;
    if (b && gate_backend_init(b, route, p->client, p->server.config->name, p->now) == 0) {
        p->backend = b;
        p->want = GATE_WANT_OPEN;
        return;
    }
    free(b);
    pass_fail(p, GATE_FAULT_FULL, true);
}

void pass_close(struct gate_pass *p)
{
    if (!p->backend || p->want == GATE_WANT_ABORT)
        return;
    if (p->want == GATE_WANT_OPEN) { /* not even begun */
        p->want = GATE_WANT_NOTHING;
        drop(p);
        return;
    }
    gate_backend_quit(p->backend, p->now);
    p->want = GATE_WANT_CLOSE;
}

void pass_abort(struct gate_pass *p)
{
    if (!p->backend)
        return;
    if (p->want == GATE_WANT_OPEN) {
        p->want = GATE_WANT_NOTHING;
        drop(p);
        return;
    }
    p->backend->state = GATE_BACKEND_CLOSED;
    p->backend->deadline = INT64_MAX;
    p->want = GATE_WANT_ABORT;
}

void pass_ask(struct gate_pass *p, const struct gate_route *route)
{
    struct gate_backend *b = p->backend;
    struct gate_mail *m = p->mail;

    m->routed = true;
    if (!b)
        m->mail_said = m->ident_said = false; /* it was said to one that is lost */
    if (b &&
        (b->route != route || b->state == GATE_BACKEND_CLOSED || (p->changed && !m->accepted))) {
        m->mail_said = m->ident_said = false;
        p->next = route;
        pass_close(p);
        b = p->backend;
        if (b)
            return; /* opened by gate_pass_closed() */
    }
    if (!b)
        open_backend(p, route);
    else
        pass_advance(p);
}

void gate_pass_closed(struct gate_pass *p, int64_t now)
{
    p->now = now;
    p->want = GATE_WANT_NOTHING;
    drop(p);
    if (p->next && p->mail && p->mail->routed)
        open_backend(p, p->next);
    p->next = NULL;
}

/* Whether the backend can carry this transaction; else the RCPT is answered. */
static bool suits(struct gate_pass *p)
{
    static const struct smtp_say less = {451, "4.3.0",
                                         "Mail server does not offer now what this message needs"};
    static const struct smtp_say small = {552, "5.3.4", "Message too big for the mail server"};
    struct gate_mail *m = p->mail;
    struct gate_backend *b = p->backend;
    unsigned needs = m->needs | (m->rcpt->params.n ? (unsigned)SMTP_EXT_DSN : 0) |
                     (m->rcpt->decision.utf8 ? (unsigned)SMTP_EXT_SMTPUTF8 : 0);

    if (needs & ~b->ext)
        pass_rcpt_answer(p, &less, false, GATE_FAULT_NONE);
    else if ((b->ext & SMTP_EXT_SIZE) && b->size && m->size_told > b->size)
        pass_rcpt_answer(p, &small, false, GATE_FAULT_NONE);
    else
        return true;
    return false;
}

static void say_ident(struct gate_pass *p)
{
    struct buf line = BUF_INIT(SMTP_COMMAND_MAX);

    p->mail->ident_said = true;
    if (!(p->backend->xforward & SMTP_ATTR_IDENT))
        return;
    buf_addf(&line, "XFORWARD IDENT=%s.%u", p->client->id, p->mail->number);
    gate_backend_say(p->backend, SMTP_STAGE_XFORWARD, buf_span(&line), p->now);
    buf_deinit(&line);
}

/* Written anew for each backend: not every one wants the SIZE. */
static void say_mail(struct gate_pass *p)
{
    struct gate_mail *m = p->mail;
    struct gate_backend *b = p->backend;
    struct buf line = BUF_INIT(SMTP_COMMAND_TAKEN);

    buf_addf(&line, "MAIL FROM:%s%s", buf_str(&m->path), buf_str(&m->params));
    if (m->size_told && (b->ext & SMTP_EXT_SIZE))
        buf_addf(&line, " SIZE=%llu", (unsigned long long)m->size_told);
    if (line.err)
        b->wire.out.err = line.err;
    gate_backend_say(b, SMTP_STAGE_MAIL, buf_span(&line), p->now);
    buf_deinit(&line);
    m->mail_said = b->dirty = true;
    m->stage = GATE_STAGE_SAID;
}

void pass_advance(struct gate_pass *p)
{
    struct gate_mail *m = p->mail;
    struct gate_backend *b = p->backend;

    if (!m || !b || b->state != GATE_BACKEND_READY || !m->routed || m->rcpt_said || m->no_code)
        return;
    if (!suits(p))
        return;
    if (!m->mail_said) {
        if (b->dirty && gate_backend_may(b, SMTP_STAGE_RSET)) {
            gate_backend_say(b, SMTP_STAGE_RSET, SPAN_LIT("RSET"), p->now);
            b->dirty = false;
        }
        if (!b->dirty && !m->ident_said && gate_backend_may(b, SMTP_STAGE_XFORWARD))
            say_ident(p);
        if (m->ident_said && gate_backend_may(b, SMTP_STAGE_MAIL))
            say_mail(p);
    }
    if (m->mail_said && gate_backend_may(b, SMTP_STAGE_RCPT)) {
        if (m->rcpt->line.err)
            b->wire.out.err = m->rcpt->line.err;
        gate_backend_say(b, SMTP_STAGE_RCPT, buf_span(&m->rcpt->line), p->now);
        m->rcpt_said = true;
    }
    if (b->wire.out.err)
        pass_fail(p, GATE_FAULT_FULL, false);
}

static bool may_try_again(const struct gate_pass *p, enum gate_fault fault)
{
    const struct gate_mail *m = p->mail;

    return m->routed && !m->accepted && !m->retried && p->backend && p->backend->messages &&
           p->backend->state == GATE_BACKEND_READY && fault == GATE_FAULT_GONE && !p->gone;
}

static void try_again(struct gate_pass *p, bool gone)
{
    struct gate_mail *m = p->mail;
    const struct gate_route *route = p->backend->route;

    m->retried = true;
    m->mail_said = m->ident_said = m->rcpt_said = false;
    if (gone) {
        drop(p);
        open_backend(p, route);
    } else {
        p->next = route;
        pass_abort(p);
    }
}

/* The transaction depends on the backend that is there. */
static bool at_stake(const struct gate_pass *p)
{
    return p->mail && (p->mail->mail_said || p->mail->routed);
}

static void tell_trouble(struct gate_pass *p, enum gate_fault fault)
{
    static const struct smtp_reply nothing;
    const struct gate_backend *b = p->backend;

    if (p->ops->trouble && b && fault != GATE_FAULT_NONE)
        p->ops->trouble(p->owner, b->route, fault, b->reply.code ? &b->reply : &nothing);
}

static void lose(struct gate_pass *p, const struct gate_route *route, enum gate_fault fault,
                 const struct smtp_say *say)
{
    struct gate_mail *m = p->mail;
    struct smtp_say lost = pass_fault_say(GATE_FAULT_GONE);

    if (!at_stake(p) || m->stage == GATE_STAGE_OVER)
        return;
    if (m->stage == GATE_STAGE_ENDED) {
        m->fault = fault;
        pass_verdict(p, GATE_RESULT_UNKNOWN, &lost);
        return;
    }
    /* An answer of its own says more than ours; it is one only if it refuses. */
    pass_stick_route(
        m, route, m->stage == GATE_STAGE_TEXT || m->data_open ? GATE_RESULT_LOST : GATE_RESULT_NONE,
        fault, say);
    if (m->routed)
        pass_rcpt_answer(p, say, fault == GATE_FAULT_NONE, fault);
    else if (m->data_open)
        pass_data_answer(p, say);
}

void pass_fail(struct gate_pass *p, enum gate_fault fault, bool gone)
{
    const struct gate_route *route = p->backend ? p->backend->route : NULL;
    struct smtp_say say = pass_fault_say(fault);

    if (p->mail && may_try_again(p, fault)) {
        try_again(p, gone);
        return;
    }
    if (at_stake(p))
        tell_trouble(p, fault);
    if (gone)
        drop(p);
    else
        pass_abort(p);
    lose(p, route, fault, &say);
}

void gate_pass_lost(struct gate_pass *p, enum gate_fault fault, int64_t now)
{
    p->now = now;
    if (p->want == GATE_WANT_CLOSE || p->want == GATE_WANT_ABORT) {
        /* It went before it could be closed. */
        gate_pass_closed(p, now);
        return;
    }
    p->want = GATE_WANT_NOTHING;
    if (p->backend)
        pass_fail(p, fault, true);
}

/* --- answers --------------------------------------------------------------------------------- */

static void mail_answered(struct gate_pass *p, const struct smtp_reply *r)
{
    struct gate_mail *m = p->mail;
    struct smtp_say say = say_of(r);

    if (r->code < 300)
        return;
    pass_stick_route(m, p->backend->route, GATE_RESULT_NONE, GATE_FAULT_NONE, &say);
    p->backend->dirty = false;
    if (!m->rcpt_said)
        pass_rcpt_answer(p, &say, true, GATE_FAULT_NONE);
}

static void rcpt_answered(struct gate_pass *p, const struct smtp_reply *r)
{
    struct smtp_say say = p->mail->no_code ? pass_stuck(p->mail) : say_of(r);

    pass_rcpt_answer(p, &say, true, GATE_FAULT_NONE);
}

static void data_answered(struct gate_pass *p, const struct smtp_reply *r)
{
    struct gate_mail *m = p->mail;
    struct smtp_say say = say_of(r);

    if (r->code == 354) {
        m->stage = GATE_STAGE_TEXT;
        say.text = "End data with <CR><LF>.<CR><LF>";
    }
    pass_data_answer(p, &say);
}

static void text_answered(struct gate_pass *p, const struct smtp_reply *r, bool last)
{
    struct gate_mail *m = p->mail;
    struct smtp_say say = say_of(r);

    if (!last && r->code < 300) {
        pass_chunks(p);
    } else if (!last) {
        pass_abort(p);
        if (m->stage == GATE_STAGE_ENDED)
            pass_verdict(p, GATE_RESULT_REFUSED, &say);
        else
            pass_stick(m, GATE_RESULT_REFUSED, GATE_FAULT_NONE, &say);
    } else {
        p->backend->dirty = false;
        p->backend->messages += r->code < 300;
        if (r->code == 421)
            pass_abort(p);
        pass_verdict(p, r->code < 300 ? GATE_RESULT_PASSED : GATE_RESULT_REFUSED, &say);
    }
}

/* 3xx is the answer to DATA and to nothing else, and 2xx is none to DATA. */
static bool makes_sense(const struct gate_backend *b)
{
    unsigned class = b->reply.code / 100;

    if (b->reply_to.stage == SMTP_STAGE_DATA)
        return b->reply.code == 354 || class >= 4;
    return class != 3;
}

/* 421: it closes, and says why. */
static void leaves(struct gate_pass *p)
{
    const struct gate_route *route = p->backend->route;
    struct smtp_say say = say_of(&p->backend->reply);

    if (p->mail && may_try_again(p, GATE_FAULT_GONE)) {
        try_again(p, false);
        return;
    }
    if (at_stake(p))
        tell_trouble(p, GATE_FAULT_GONE);
    pass_abort(p);
    lose(p, route, GATE_FAULT_GONE, &say);
}

static void answered(struct gate_pass *p)
{
    struct gate_backend *b = p->backend;
    struct gate_mail *m = p->mail;
    enum smtp_stage stage = b->reply_to.stage;

    if (!makes_sense(b)) {
        pass_fail(p, GATE_FAULT_PROTOCOL, false);
        return;
    }
    if (b->reply.code == 421 && stage != SMTP_STAGE_BODY) {
        leaves(p);
        return;
    }
    if (!m) /* of a transaction that is over */
        return;
    switch (stage) {
    case SMTP_STAGE_RSET:
        if (b->reply.code >= 400)
            pass_fail(p, GATE_FAULT_PROTOCOL, false);
        break;
    case SMTP_STAGE_MAIL:
        mail_answered(p, &b->reply);
        break;
    case SMTP_STAGE_RCPT:
        rcpt_answered(p, &b->reply);
        break;
    case SMTP_STAGE_DATA:
        data_answered(p, &b->reply);
        break;
    case SMTP_STAGE_BODY:
        text_answered(p, &b->reply, b->reply_to.cookie == 1);
        break;
    case SMTP_STAGE_XFORWARD: /* a help for its log: no matter */
    case SMTP_STAGE_BANNER:
    case SMTP_STAGE_EHLO:
    case SMTP_STAGE_HELO:
    case SMTP_STAGE_STARTTLS:
    case SMTP_STAGE_AUTH:
    case SMTP_STAGE_XCLIENT:
    case SMTP_STAGE_QUIT:
    case SMTP_STAGES:
        break;
    }
    pass_advance(p);
}

/* It refuses the client, or the message before its end: its words are for the client. */
static void gave_up(struct gate_pass *p)
{
    const struct gate_route *route = p->backend->route;
    struct smtp_say say = say_of(&p->backend->reply);

    pass_abort(p);
    lose(p, route, GATE_FAULT_NONE, &say);
}

static void take(struct gate_pass *p, enum gate_backend_got got)
{
    switch (got) {
    case GATE_BACKEND_MORE:
        break;
    case GATE_BACKEND_IS_READY:
        pass_advance(p);
        break;
    case GATE_BACKEND_ANSWER:
        answered(p);
        break;
    case GATE_BACKEND_START_TLS:
        p->want = GATE_WANT_TLS;
        break;
    case GATE_BACKEND_EARLY:
    case GATE_BACKEND_REFUSED:
        gave_up(p);
        break;
    case GATE_BACKEND_FAILED:
        pass_fail(p, p->backend->fault, false);
        break;
    }
}

void gate_pass_connected(struct gate_pass *p, int64_t now)
{
    p->now = now;
    if (p->backend && p->backend->state == GATE_BACKEND_CONNECTING)
        take(p, gate_backend_connected(p->backend, now));
}

void gate_pass_secured(struct gate_pass *p, int64_t now)
{
    p->now = now;
    if (p->backend && p->backend->state == GATE_BACKEND_TLS)
        take(p, gate_backend_secured(p->backend, now));
}

void gate_pass_backend_feed(struct gate_pass *p, struct span in, int64_t now)
{
    p->now = now;
    while (in.n && p->backend && p->want == GATE_WANT_NOTHING &&
           p->backend->state != GATE_BACKEND_CLOSED)
        take(p, gate_backend_feed(p->backend, &in, now));
}

void gate_pass_backend_tick(struct gate_pass *p, int64_t now)
{
    p->now = now;
    if (p->backend && now >= p->backend->deadline)
        take(p, gate_backend_late(p->backend));
}

struct buf *gate_pass_out(struct gate_pass *p)
{
    return p->backend && p->backend->wire.out.n && p->want != GATE_WANT_ABORT
               ? &p->backend->wire.out
               : NULL;
}

bool gate_pass_idle(const struct gate_pass *p)
{
    return p->backend && p->backend->state == GATE_BACKEND_READY &&
           smtp_client_awaiting(&p->backend->wire) == 0 &&
           (!p->mail || (!p->mail->mail_said && !p->mail->open));
}

void gate_pass_let_go(struct gate_pass *p, int64_t now)
{
    p->now = now;
    if (gate_pass_idle(p))
        pass_close(p);
}

bool gate_pass_congested(const struct gate_pass *p)
{
    return p->mail && p->mail->stage == GATE_STAGE_TEXT && p->backend &&
           gate_stream_full(p->mail->stream) && smtp_client_awaiting(&p->backend->wire) > 0;
}
