/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the replies to an envelope's commands mean for its probes. A refused MAIL answers every
 * recipient behind it; the reply to the body holds for each recipient that was taken; what was
 * asked and not answered goes back to the door.
 */
#include "probe/session_priv.h"

static const struct probe *probe_at(const struct session *s, size_t i)
{
    return &s->door->host->run->list->probes[i];
}

static void control_reply(struct session *s, const struct session_step *step,
                          const struct smtp_reply *reply, enum meaning m, uint16_t line,
                          int64_t now)
{
    enum control_state state = m == MEANING_OK          ? CONTROL_ACCEPTED
                               : meaning_is_deferral(m) ? CONTROL_DEFERRED
                                                        : CONTROL_REFUSED;

    if (state == CONTROL_ACCEPTED && s->plan.login)
        s->door->control.by_login = true;
    if (!meaning_ends_session(m))
        door_control(s->door, state, step->control, m, reply, line, now);
}

static void mail_reply(struct session *s, const struct session_step *step,
                       const struct smtp_reply *reply, enum meaning m, uint16_t line, int64_t now)
{
    struct session_tx *tx = &s->txs[step->tx];

    tx->mail_reply_line = line;
    tx->mail_taken = m == MEANING_OK;
    tx->mail_failed = m != MEANING_OK;
    if (tx->kind == PLAN_CONTROL && tx->mail_failed)
        control_reply(s, step, reply, m, line, now);
    for (size_t i = 0; i < s->step_count; i++) {
        const struct session_step *other = &s->steps[i];
        struct result *r;

        if (other->tx != step->tx || other->stage != SMTP_STAGE_RCPT || other->filler ||
            other->probe == SESSION_NO_PROBE)
            continue;
        r = &s->door->results[other->probe];
        r->session = s->number;
        r->lines[LINE_MAIL] = tx->mail_line;
        r->lines[LINE_MAIL_REPLY] = line;
        if (!tx->mail_failed || meaning_ends_session(m))
            continue;
        if (i >= s->cursor) /* its RCPT was not sent, and will not be */
            r->attempts += r->attempts < UINT8_MAX;
        s->answered++;
        if (meaning_is_deferral(m))
            door_deferred(s->door, other->probe, SMTP_STAGE_MAIL, reply, m, now);
        else
            door_refused(s->door, other->probe, PROBE_REFUSED, SMTP_STAGE_MAIL, reply, m);
    }
}

static void rcpt_answer(struct session *s, size_t probe, unsigned taken,
                        const struct smtp_reply *reply, enum meaning m, int64_t now)
{
    struct door *d = s->door;
    struct result *r = &d->results[probe];

    if (m == MEANING_RCPT_LIMIT) {
        if (taken > 0 && taken < d->budget.rcpts)
            d->budget.rcpts = taken;
        else
            door_deferred(d, probe, SMTP_STAGE_RCPT, reply, MEANING_TEMPORARY, now);
        return;
    }
    s->answered++;
    /* What was taken now has all its chances of a body before it. */
    if (r->state != PROBE_TAKEN)
        r->tries = 0;
    if (meaning_is_deferral(m))
        door_deferred(d, probe, SMTP_STAGE_RCPT, reply, m, now);
    else
        door_refused(d, probe, m == MEANING_OK ? PROBE_TAKEN : PROBE_REFUSED, SMTP_STAGE_RCPT,
                     reply, m);
    if (r->state == PROBE_TAKEN && probe_at(s, probe)->before == BEFORE_LOCAL && !d->host->mailbox)
        r->state = PROBE_HELD;
}

static void rcpt_reply(struct session *s, const struct session_step *step,
                       const struct smtp_reply *reply, enum meaning m, uint16_t line, int64_t now)
{
    struct session_tx *tx = &s->txs[step->tx];

    if (step->filler)
        return;
    if (step->probe == SESSION_NO_PROBE) {
        if (!tx->mail_failed)
            control_reply(s, step, reply, m, line, now);
        return;
    }
    struct result *r = &s->door->results[step->probe];

    r->lines[LINE_RCPT_REPLY] = line;
    r->ms = (int32_t)(now - r->sent_at);
    /* "Need MAIL first" only repeats what MAIL was told; a cut says nothing of this envelope. */
    if (meaning_ends_session(m) || tx->mail_failed)
        return;
    if (m == MEANING_OK)
        tx->taken++;
    rcpt_answer(s, step->probe, tx->taken, reply, m, now);
}

/* The reply to DATA or to the body holds for every recipient of the transaction that was taken. */
static void tx_reply(struct session *s, const struct session_step *step, enum result_line which,
                     const struct smtp_reply *reply, enum meaning m, uint16_t line, int64_t now)
{
    bool body = which == LINE_BODY_REPLY;

    for (size_t i = 0; i < s->step_count; i++) {
        const struct session_step *other = &s->steps[i];
        struct result *r;

        if (other->tx != step->tx || other->stage != SMTP_STAGE_RCPT || other->filler)
            continue;
        r = &s->door->results[other->probe];
        if (r->state >= PROBE_BOUNCED && r->session == s->number) {
            /* It came back before the server had said that it took it. */
            r->lines[which] = line;
            if (m == MEANING_OK && body)
                door_refused(s->door, other->probe, (enum probe_state)r->state, SMTP_STAGE_BODY,
                             reply, m);
            continue;
        }
        if (r->state != PROBE_TAKEN)
            continue;
        r->lines[which] = line;
        if (m == MEANING_OK && !body)
            continue;
        if (m == MEANING_OK) {
            door_refused(s->door, other->probe, PROBE_DELIVERED, SMTP_STAGE_BODY, reply, m);
            r->sent_at = now;
        } else if (meaning_is_deferral(m)) {
            door_deferred(s->door, other->probe, body ? SMTP_STAGE_BODY : SMTP_STAGE_DATA, reply, m,
                          now);
        } else if (!meaning_ends_session(m)) {
            door_refused(s->door, other->probe, PROBE_REFUSED,
                         body ? SMTP_STAGE_BODY : SMTP_STAGE_DATA, reply, m);
        }
    }
}

void envelopes_reply(struct session *s, const struct smtp_sent *sent,
                     const struct smtp_reply *reply, enum meaning m, uint16_t line, int64_t now)
{
    const struct session_step *step;

    if (sent->cookie >= s->step_count)
        return;
    step = &s->steps[sent->cookie];
    switch ((unsigned)sent->stage) {
    case SMTP_STAGE_MAIL:
        mail_reply(s, step, reply, m, line, now);
        break;
    case SMTP_STAGE_RCPT:
        rcpt_reply(s, step, reply, m, line, now);
        break;
    case SMTP_STAGE_DATA:
        s->txs[step->tx].data_failed = m != MEANING_OK;
        tx_reply(s, step, LINE_DATA_REPLY, reply, m, line, now);
        break;
    case SMTP_STAGE_BODY:
        tx_reply(s, step, LINE_BODY_REPLY, reply, m, line, now);
        break;
    case SMTP_STAGE_RSET:
        s->spent.resets++;
        break;
    default:
        break;
    }
    /* Exim's "too many nonmail commands" is a 554 with the end of the connection behind it. */
    if (m == MEANING_TOO_MANY && !s->over)
        session_over(s, DOOR_END_CUT);
}

void envelopes_channel_refused(struct session *s, enum smtp_stage stage,
                               const struct smtp_reply *reply, enum meaning m)
{
    for (size_t i = 0; i < s->plan.item_count; i++) {
        struct result *r = &s->door->results[s->plan.items[i]];

        if (r->state != PROBE_UNTRIED)
            continue;
        r->session = s->number;
        r->attempts++;
        s->answered++;
        door_refused(s->door, s->plan.items[i], PROBE_REFUSED, stage, reply, m);
    }
}

bool envelopes_all_refused(const struct session *s)
{
    for (size_t i = 0; i < s->plan.item_count; i++)
        if (s->door->results[s->plan.items[i]].state != PROBE_REFUSED)
            return false;
    return true;
}

void envelopes_void(struct session *s)
{
    for (size_t i = 0; i < s->plan.item_count; i++) {
        struct result *r = &s->door->results[s->plan.items[i]];

        if (r->session == s->number &&
            (r->state == PROBE_REFUSED || r->state == PROBE_TAKEN || r->state == PROBE_DEFERRED))
            r->state = PROBE_UNTRIED;
    }
    s->answered = 0;
}

static bool gone_unanswered(const struct session *s, const struct result *r)
{
    return (r->state == PROBE_UNTRIED || r->state == PROBE_TAKEN) && r->session == s->number &&
           r->lines[LINE_RCPT] != TRANSCRIPT_NONE;
}

/* Whether this session went on to the delivery of a probe that the server had taken. */
static bool delivery_begun(const struct session *s, size_t probe)
{
    for (size_t i = 0; i < s->cursor && i < s->step_count; i++)
        if (s->steps[i].stage == SMTP_STAGE_RCPT && !s->steps[i].filler &&
            s->steps[i].probe == probe && s->txs[s->steps[i].tx].kind == PLAN_DELIVER)
            return true;
    return false;
}

void envelopes_unanswered(struct session *s)
{
    size_t count = 0;

    for (size_t i = 0; i < s->plan.item_count; i++)
        count += gone_unanswered(s, &s->door->results[s->plan.items[i]]);
    for (size_t i = 0; i < s->plan.item_count; i++) {
        struct result *r = &s->door->results[s->plan.items[i]];

        /* Whatever this probe does to the server, it has had its chances. */
        if (!gone_unanswered(s, r) ||
            (r->state == PROBE_TAKEN && !delivery_begun(s, s->plan.items[i])) ||
            ++r->tries < PROBE_TRIES_MAX)
            continue;
        if (r->state == PROBE_TAKEN) {
            r->state = PROBE_HELD;
        } else if (count == 1 && s->end == DOOR_END_CUT) {
            /* It alone was open when the server hung up, again: that is its answer. */
            r->state = PROBE_REFUSED;
            r->stage = SMTP_STAGE_RCPT;
            r->meaning = MEANING_TOO_MANY;
            s->answered++;
        } else {
            r->state = PROBE_LOST;
        }
    }
}
