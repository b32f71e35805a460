/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The envelopes of one session as a list of steps, sent as far as pipelining allows. Survey
 * transactions only ask; a recipient that is taken gets its body in a delivery transaction of the
 * same session, one body for all recipients of one sender. Where the server works in lock step, the
 * survey transaction itself goes on to DATA.
 *
 * As long as a door has taken nothing, QUIT rides at the end of the group: a closed server costs
 * three waits a session (greeting, EHLO, all envelopes).
 */
#include "probe/session_priv.h"

#include "probe/channel.h"

#include <errno.h>
#include <string.h>

static const struct probe *probe_at(const struct session *s, size_t i)
{
    return &s->door->host->run->list->probes[i];
}

static int step_add(struct session *s, enum smtp_stage stage, size_t tx, size_t probe,
                    unsigned control, bool filler)
{
    if (array_grow(&s->steps, &s->step_cap, sizeof(s->steps[0]), s->step_count + 1) < 0)
        return -ENOMEM;
    s->steps[s->step_count++] = (struct session_step){
        .stage = (uint8_t)stage,
        .filler = filler,
        .control = (uint8_t)control,
        .tx = (uint16_t)tx,
        .probe = (uint16_t)probe,
    };
    return 0;
}

static int tx_add(struct session *s, enum plan_kind kind, size_t lead)
{
    if (array_grow(&s->txs, &s->tx_cap, sizeof(s->txs[0]), s->tx_count + 1) < 0)
        return -ENOMEM;
    s->txs[s->tx_count++] = (struct session_tx){
        .kind = kind,
        .lead = (uint16_t)lead,
        .mail_line = TRANSCRIPT_NONE,
        .mail_reply_line = TRANSCRIPT_NONE,
    };
    return 0;
}

/* MAIL, then RCPT for each probe; a probe may want another recipient before its own. */
static int lay_probes(struct session *s, enum plan_kind kind, const uint16_t *items, size_t count)
{
    size_t tx = s->tx_count;
    int err = tx_add(s, kind, items[0]);

    if (!err)
        err = step_add(s, SMTP_STAGE_MAIL, tx, items[0], 0, false);
    for (size_t i = 0; i < count && !err; i++) {
        if (probe_at(s, items[i])->before != BEFORE_NONE)
            err = step_add(s, SMTP_STAGE_RCPT, tx, items[i], 0, true);
        if (!err)
            err = step_add(s, SMTP_STAGE_RCPT, tx, items[i], 0, false);
    }
    if (!err && kind == PLAN_DELIVER)
        err = step_add(s, SMTP_STAGE_DATA, tx, items[0], 0, false);
    if (!err && kind == PLAN_DELIVER)
        err = step_add(s, SMTP_STAGE_BODY, tx, items[0], 0, false);
    return err ? err : step_add(s, SMTP_STAGE_RSET, tx, items[0], 0, false);
}

static int lay_controls(struct session *s, const struct plan_tx *p)
{
    size_t tx = s->tx_count;
    int err = tx_add(s, PLAN_CONTROL, SESSION_NO_PROBE);

    if (!err)
        err = step_add(s, SMTP_STAGE_MAIL, tx, SESSION_NO_PROBE, 0, false);
    for (unsigned i = 0; i < p->count && !err; i++)
        err = step_add(s, SMTP_STAGE_RCPT, tx, SESSION_NO_PROBE, p->from + i, false);
    return err ? err : step_add(s, SMTP_STAGE_RSET, tx, SESSION_NO_PROBE, 0, false);
}

int envelopes_lay(struct session *s)
{
    int err = 0;

    for (size_t i = 0; i < s->plan.tx_count && !err; i++) {
        const struct plan_tx *p = &s->plan.txs[i];

        if (p->kind == PLAN_CONTROL)
            err = lay_controls(s, p);
        else
            err = lay_probes(s, p->kind, s->plan.items + p->from, p->count);
    }
    return err;
}

/* What MAIL carries behind the reverse-path. */
static void mail_params(const struct session *s, const struct session_tx *tx, struct buf *line)
{
    uint32_t needs = probe_at(s, tx->lead == SESSION_NO_PROBE ? s->plan.lead : tx->lead)->needs;

    if (needs & NEED_SMTPUTF8)
        buf_add_str(line, " SMTPUTF8");
    else if (needs & NEED_8BITMIME)
        buf_add_str(line, " BODY=8BITMIME");
}

static void say_mail(struct session *s, const struct session_step *step, int64_t now)
{
    struct session_tx *tx = &s->txs[step->tx];
    struct buf line = BUF_INIT(SESSION_LINE_MAX);

    buf_add_str(&line, "MAIL FROM:");
    /* Always the same sender, whoever leads the session: greylisting passes only the same triple. */
    if (tx->kind == PLAN_CONTROL)
        door_expand(s->door, 0, "<{s}@{d}>", &line);
    else
        door_mail_text(s->door, tx->lead, &line);
    if (tx->kind != PLAN_CONTROL)
        mail_params(s, tx, &line);
    tx->mail_line = session_say(s, SMTP_STAGE_MAIL, (unsigned)s->cursor, buf_span(&line), now);
    buf_deinit(&line);
}

/* Ours, and of a kind whose arrival proves nothing: it only stands before the probe's recipient. */
static void say_filler(const struct session *s, size_t probe, struct buf *line)
{
    const struct door_run *run = s->door->host->run;
    char token[TOKEN_TEXT + 1];

    door_token(s->door, probe, TOKEN_INNER, token);
    buf_addf(line, "<%s%s%s@%s>", run->u_prefix ? run->u_prefix : "", token,
             run->u_suffix ? run->u_suffix : "", run->domain);
}

static void say_rcpt(struct session *s, const struct session_step *step, int64_t now)
{
    const struct probe *p = step->probe == SESSION_NO_PROBE ? NULL : probe_at(s, step->probe);
    struct buf line = BUF_INIT(SESSION_LINE_MAX);
    uint16_t at;

    buf_add_str(&line, "RCPT TO:");
    if (!p)
        buf_add_str(&line, s->door->host->controls[step->control]);
    else if (step->filler && p->before == BEFORE_LOCAL)
        door_expand(s->door, step->probe, "<{mailbox}>", &line);
    else if (step->filler)
        say_filler(s, step->probe, &line);
    else
        door_rcpt_text(s->door, step->probe, &line);
    at = session_say(s, SMTP_STAGE_RCPT, (unsigned)s->cursor, buf_span(&line), now);
    if (p && !step->filler) {
        struct result *r = &s->door->results[step->probe];

        r->session = s->number;
        r->lines[LINE_MAIL] = s->txs[step->tx].mail_line;
        r->lines[LINE_MAIL_REPLY] = s->txs[step->tx].mail_reply_line;
        r->lines[LINE_RCPT] = at;
        r->sent_at = now;
        r->attempts += r->attempts < UINT8_MAX;
    }
    buf_deinit(&line);
}

static void say_body(struct session *s, const struct session_step *step, int64_t now)
{
    struct buf body = BUF_INIT(BODY_MAX);
    int err = body_build(s, step->tx, now, &body);

    if (err < 0) {
        session_note(s, "the message could not be built");
        session_over(s, DOOR_END_LOCAL);
    } else {
        session_say_raw(s, SMTP_STAGE_BODY, (unsigned)s->cursor, buf_span(&body),
                        "(the probe's message, and its end)", now);
    }
    buf_deinit(&body);
}

/* RFC 3030: chunks stand in DATA's place and follow each other; each has a reply of its own. */
static void say_bdat(struct session *s, const struct session_step *step, int64_t now)
{
    struct buf body = BUF_INIT(BODY_MAX);
    struct channel_chunk chunk = {0};
    int err = body_build(s, step->tx, now, &body);

    while (!err && !s->over && channel_bdat_next(s->channel, buf_span(&body), &chunk)) {
        struct buf wire = BUF_INIT(BODY_MAX);

        buf_addf(&wire, "BDAT %zu%s\r\n", chunk.bytes.n, chunk.last ? " LAST" : "");
        buf_add(&wire, chunk.bytes);
        session_say_raw(s, chunk.last ? SMTP_STAGE_BODY : SMTP_STAGE_DATA, (unsigned)s->cursor,
                        buf_span(&wire),
                        chunk.last ? "BDAT LAST (the probe's message)"
                                   : "BDAT (a chunk of the probe's message)",
                        now);
        buf_deinit(&wire);
    }
    if (err < 0) {
        session_note(s, "the message could not be built");
        session_over(s, DOOR_END_LOCAL);
    }
    buf_deinit(&body);
}

static bool by_bdat(const struct session *s)
{
    return s->channel && s->channel->channel == CHANNEL_BDAT;
}

/* A step that what happened before has made pointless. */
static bool step_skipped(const struct session *s, const struct session_step *step)
{
    const struct session_tx *tx = &s->txs[step->tx];

    if (step->stage != SMTP_STAGE_MAIL && tx->mail_failed)
        return true;
    /* A body that was handed over ended its transaction. */
    if (step->stage == SMTP_STAGE_RSET)
        return tx->kind == PLAN_DELIVER && tx->taken > 0 && !tx->data_failed;
    if (step->stage == SMTP_STAGE_DATA)
        return tx->taken == 0 || by_bdat(s);
    return step->stage == SMTP_STAGE_BODY && (tx->data_failed || tx->taken == 0);
}

/* In lock step nothing is lost by going on to DATA at once where a recipient was just taken. */
static int deliver_here(struct session *s)
{
    struct session_step step = s->steps[s->cursor];
    struct session_tx *tx = &s->txs[step.tx];
    size_t behind = s->step_count - s->cursor;

    if (step.stage != SMTP_STAGE_RSET || tx->kind != PLAN_SURVEY || tx->taken == 0 ||
        smtp_client_awaiting(&s->client) > 0)
        return 0;
    if (array_grow(&s->steps, &s->step_cap, sizeof(step), s->step_count + 2) < 0)
        return -ENOMEM;
    tx->kind = PLAN_DELIVER;
    memmove(s->steps + s->cursor + 2, s->steps + s->cursor, behind * sizeof(step));
    s->step_count += 2;
    s->steps[s->cursor + 1] = step;
    s->steps[s->cursor].stage = SMTP_STAGE_DATA;
    s->steps[s->cursor + 1].stage = SMTP_STAGE_BODY;
    return 0;
}

/* DATA, the body, and what follows depend on replies that must have come. */
static bool step_decidable(const struct session *s, const struct session_step *step)
{
    /* One channel is there to talk past DATA's reply. */
    if (step->stage == SMTP_STAGE_BODY && channel_early_past_data(s->channel))
        return true;
    if (step->stage == SMTP_STAGE_DATA || step->stage == SMTP_STAGE_BODY ||
        (step->stage == SMTP_STAGE_RSET && s->txs[step->tx].kind == PLAN_DELIVER))
        return smtp_client_awaiting(&s->client) == 0;
    /* A refused MAIL would make each RCPT behind it one more refusal, and these are counted. */
    if (step->stage == SMTP_STAGE_RCPT && s->door->host->pace.limited &&
        !s->txs[step->tx].mail_taken)
        return smtp_client_awaiting(&s->client) == 0;
    return true;
}

static bool step_ready(const struct session *s, const struct session_step *step)
{
    if (step->stage == SMTP_STAGE_DATA || step->stage == SMTP_STAGE_BODY)
        return true;
    return smtp_client_may_send(&s->client, (enum smtp_stage)step->stage);
}

static void step_say(struct session *s, const struct session_step *step, int64_t now)
{
    switch ((unsigned)step->stage) {
    case SMTP_STAGE_MAIL:
        say_mail(s, step, now);
        break;
    case SMTP_STAGE_RCPT:
        say_rcpt(s, step, now);
        break;
    case SMTP_STAGE_DATA:
        session_say(s, SMTP_STAGE_DATA, (unsigned)s->cursor, SPAN_LIT("DATA"), now);
        break;
    case SMTP_STAGE_BODY:
        if (by_bdat(s))
            say_bdat(s, step, now);
        else
            say_body(s, step, now);
        break;
    default:
        session_say(s, SMTP_STAGE_RSET, (unsigned)s->cursor, SPAN_LIT("RSET"), now);
    }
}

/* Recipients taken in a pipelined survey get their delivery now, one transaction a sender. */
static int lay_deliveries(struct session *s, bool *ret_any)
{
    uint16_t items[PLAN_ITEMS_MAX];
    bool laid[PLAN_ITEMS_MAX] = {false};
    int err = 0;

    *ret_any = false;
    for (size_t i = 0; i < s->plan.item_count && !err; i++) {
        const struct probe *lead = probe_at(s, s->plan.items[i]);
        size_t count = 0;

        for (size_t k = i; k < s->plan.item_count && count < s->door->budget.rcpts; k++) {
            uint16_t probe = s->plan.items[k];
            bool alone = probe_at(s, probe)->before != BEFORE_NONE;

            if (laid[k] || s->door->results[probe].state != PROBE_TAKEN ||
                probe_at(s, probe)->sender != lead->sender || (alone && count > 0))
                continue;
            laid[k] = true;
            items[count++] = probe;
            if (alone)
                break;
        }
        if (count) {
            *ret_any = true;
            err = lay_probes(s, PLAN_DELIVER, items, count);
        }
    }
    return err;
}

static bool nothing_taken_here(const struct session *s)
{
    for (size_t i = 0; i < s->door->result_count; i++)
        if (s->door->results[i].state >= PROBE_TAKEN)
            return false;
    return true;
}

/*
 * The last RSET may as well be a QUIT: in a group where no delivery is to be expected, and in lock
 * step, where deliver_here() would have seen to it by now.
 */
static bool quit_rides(const struct session *s, const struct session_step *step)
{
    if (step->stage != SMTP_STAGE_RSET || s->cursor + 1 != s->step_count)
        return false;
    if (s->client.pipelining && s->door->budget.quit_alone)
        return false;
    return !s->client.pipelining || nothing_taken_here(s);
}

static void envelopes_done(struct session *s, int64_t now)
{
    bool any = false;

    if (smtp_client_awaiting(&s->client) > 0)
        return;
    if (lay_deliveries(s, &any) < 0) {
        session_over(s, DOOR_END_LOCAL);
    } else if (any) {
        envelopes_pump(s, now);
    } else {
        session_quit(s, DOOR_END_DONE, now);
    }
}

/* Between two transactions: the server holds its replies back, or the time for this door is up. */
static bool enough(const struct session *s, const struct session_step *step, int64_t now)
{
    if (step->stage != SMTP_STAGE_MAIL || s->txs[step->tx].kind != PLAN_SURVEY)
        return false;
    return s->slow || door_time_up(s->door, now - s->door->sessions[s->number].began);
}

void envelopes_pump(struct session *s, int64_t now)
{
    while (!s->over && s->phase == SESSION_ENVELOPES && s->cursor < s->step_count) {
        struct session_step *step = &s->steps[s->cursor];

        if (enough(s, step, now)) {
            if (smtp_client_awaiting(&s->client) == 0)
                session_quit(s, DOOR_END_BUDGET, now);
            return;
        }
        if (deliver_here(s) < 0) {
            session_over(s, DOOR_END_LOCAL);
            return;
        }
        step = &s->steps[s->cursor];
        if (!step_decidable(s, step))
            return;
        if (step_skipped(s, step)) {
            s->cursor++;
            continue;
        }
        if (!step_ready(s, step))
            return;
        if (quit_rides(s, step)) {
            s->cursor++;
            session_quit(s, DOOR_END_DONE, now);
            return;
        }
        step_say(s, step, now);
        s->cursor++;
    }
    if (!s->over && s->phase == SESSION_ENVELOPES)
        envelopes_done(s, now);
}

void envelopes_early(struct session *s, int64_t now)
{
    while (!s->over && s->cursor < s->step_count) {
        const struct session_step *step = &s->steps[s->cursor];

        if (step->stage == SMTP_STAGE_MAIL || step->stage == SMTP_STAGE_RCPT ||
            step->stage == SMTP_STAGE_RSET)
            step_say(s, step, now);
        s->cursor++;
    }
}

static void control_reply(struct session *s, const struct session_step *step,
                          const struct smtp_reply *reply, enum meaning m, uint16_t line,
                          int64_t now)
{
    enum control_state state = m == MEANING_OK          ? CONTROL_ACCEPTED
                               : meaning_is_deferral(m) ? CONTROL_DEFERRED
                                                        : CONTROL_REFUSED;

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

void envelopes_unanswered(struct session *s)
{
    size_t count = 0;

    for (size_t i = 0; i < s->plan.item_count; i++)
        count += gone_unanswered(s, &s->door->results[s->plan.items[i]]);
    for (size_t i = 0; i < s->plan.item_count; i++) {
        struct result *r = &s->door->results[s->plan.items[i]];

        /* Whatever this probe does to the server, it has had its chances. */
        if (!gone_unanswered(s, r) || r->attempts < PROBE_TRIES_MAX)
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
