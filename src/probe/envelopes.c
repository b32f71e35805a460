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

/* What MAIL carries behind the reverse-path. */
static void mail_params(const struct session *s, const struct session_tx *tx, struct buf *line)
{
    uint32_t needs = probe_at(s, tx->lead == SESSION_NO_PROBE ? s->plan.lead : tx->lead)->needs;

    if (needs & NEED_SMTPUTF8)
        buf_add_str(line, " SMTPUTF8");
    else if (needs & NEED_8BITMIME)
        buf_add_str(line, " BODY=8BITMIME");
}

/* Half a command is never sent: where its text cannot be made, the probe is left out. */
static void left_out(struct session *s, size_t probe)
{
    struct result *r = &s->door->results[probe];
    uint32_t needs = probe_at(s, probe)->needs;

    session_note(s, "the text of a probe cannot be made here, and it is left out");
    r->state = needs ? PROBE_SKIPPED : PROBE_LOST;
    r->need = needs & ~(needs - 1);
}

static void say_mail(struct session *s, const struct session_step *step, int64_t now)
{
    struct session_tx *tx = &s->txs[step->tx];
    struct buf line = BUF_INIT(SESSION_LINE_MAX);
    int bad;

    buf_add_str(&line, "MAIL FROM:");
    /*
     * Always the same sender, whoever leads the session: greylisting passes only the same triple.
     */
    if (tx->kind == PLAN_CONTROL)
        bad = door_expand(s->door, 0, "<{s}@{d}>", &line);
    else
        bad = door_mail_text(s->door, tx->lead, &line);
    if (tx->kind != PLAN_CONTROL)
        mail_params(s, tx, &line);
    if (!bad && !line.err) {
        tx->mail_line = session_say(s, SMTP_STAGE_MAIL, (unsigned)s->cursor, buf_span(&line), now);
    } else {
        tx->mail_failed = true;
        for (size_t i = 0; i < s->step_count; i++)
            if (s->steps[i].tx == step->tx && s->steps[i].stage == SMTP_STAGE_RCPT &&
                !s->steps[i].filler && s->steps[i].probe != SESSION_NO_PROBE)
                left_out(s, s->steps[i].probe);
    }
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
    int bad = 0;

    buf_add_str(&line, "RCPT TO:");
    if (!p)
        buf_add_str(&line, s->door->host->controls[step->control]);
    else if (step->filler && p->before == BEFORE_LOCAL)
        bad = door_expand(s->door, step->probe, "<{mailbox}>", &line);
    else if (step->filler)
        say_filler(s, step->probe, &line);
    else
        bad = door_rcpt_text(s->door, step->probe, &line);
    if (bad || line.err) {
        left_out(s, step->probe);
        buf_deinit(&line);
        return;
    }
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
    if (step->stage == SMTP_STAGE_RCPT && step->probe != SESSION_NO_PROBE &&
        s->door->results[step->probe].state == PROBE_SKIPPED)
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

/* A probe that was put off is likely to be taken when it comes again. */
static bool comes_again(const struct session *s)
{
    for (size_t i = 0; i < s->plan.item_count; i++)
        if (s->door->results[s->plan.items[i]].state == PROBE_DEFERRED)
            return true;
    return false;
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
    return !s->client.pipelining || (nothing_taken_here(s) && !comes_again(s));
}

static void envelopes_done(struct session *s, int64_t now)
{
    bool any = false;

    if (smtp_client_awaiting(&s->client) > 0)
        return;
    if (envelopes_lay_deliveries(s, &any) < 0) {
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
    return s->slow || door_time_up(s->door, session_busy(s, now));
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
