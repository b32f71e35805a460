/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The frame of the machine: every reply is written down, given its meaning, counted, and handed to
 * the part of the dialogue that it belongs to. Nothing here knows a socket or a clock.
 */
#include "probe/session_priv.h"

#include "probe/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLOW_MS = 900, /* a reply held back this long, after quick ones, is a tarpit at work */
    QUICK_MS = 400,
    SLOW_REFUSALS = 3, /* nobody slows down earlier than this */
    QUIT_WAIT_MS = 5000,
    BRIEF_LINES = 24, /* of a first session in which all was refused, when evidence is kept short */
};

struct transcript *session_log(struct session *s)
{
    return &s->door->sessions[s->number].log;
}

void session_note(struct session *s, const char *what)
{
    transcript_add(session_log(s), "* ", span_str(what));
}

void session_over(struct session *s, enum door_end end)
{
    if (s->over)
        return;
    s->over = true;
    s->want_tls = false;
    s->end = end;
    s->ended_in = s->phase;
    s->phase = SESSION_OVER;
}

/*
 * What happened had waited for us, by up to lag_ms: neither a tarpit nor the server's share of the
 * time for its door.
 */
static void heard(struct session *s, int64_t now)
{
    int64_t since = now - s->heard_at, lag = s->door->host->run->lag_ms;

    s->lagged += lag < since ? lag : since;
    s->heard_at = now;
}

int64_t session_busy(const struct session *s, int64_t now)
{
    return now - s->door->sessions[s->number].began - s->lagged;
}

static bool said(struct session *s, int err)
{
    if (err == 0)
        return true;
    session_note(s, "out of memory");
    session_over(s, DOOR_END_LOCAL);
    return false;
}

uint16_t session_say(struct session *s, enum smtp_stage stage, unsigned cookie, struct span line,
                     int64_t now)
{
    uint16_t at = transcript_add(session_log(s), "C: ", line);

    said(s, smtp_client_send(&s->client, stage, cookie, line, now));
    s->deadline = now + s->door->host->run->timeout_ms;
    return at;
}

uint16_t session_say_raw(struct session *s, enum smtp_stage stage, unsigned cookie,
                         struct span bytes, const char *what, int64_t now)
{
    uint16_t at = transcript_add(session_log(s), "C: ", span_str(what));

    said(s, smtp_client_send_raw(&s->client, stage, cookie, bytes, now));
    s->deadline = now + 2 * s->door->host->run->timeout_ms;
    return at;
}

void session_count_error(struct session *s, enum meaning m, int64_t now)
{
    s->spent.refusals++;
    s->spent.syntax += m == MEANING_SYNTAX || m == MEANING_UNSUPPORTED || m == MEANING_SEQUENCE;
    pace_refused(&s->door->host->pace, now);
}

/* Nobody waits long for a farewell; but other replies may stand before it. */
static void quit_patience(struct session *s, int64_t now)
{
    if (s->quit_sent && smtp_client_awaiting(&s->client) <= 1)
        s->deadline = now + QUIT_WAIT_MS;
}

static bool smuggles(const struct session *s)
{
    return s->channel && s->channel->channel == CHANNEL_SMUGGLE;
}

void session_quit(struct session *s, enum door_end end, int64_t now)
{
    s->end = end;
    s->phase = SESSION_QUIT;
    if (!s->quit_sent && smtp_client_may_send(&s->client, SMTP_STAGE_QUIT)) {
        s->quit_sent = true;
        session_say(s, SMTP_STAGE_QUIT, SESSION_NO_PROBE, SPAN_LIT("QUIT"), now);
        quit_patience(s, now);
        if (s->door->budget.quit_alone && !smuggles(s))
            session_over(s, end);
    }
}

int session_init(struct session *s, struct door *d, unsigned refusals, int64_t now)
{
    const struct probe *lead;

    *s = (struct session){.door = d, .phase = SESSION_CONNECT, .heard_at = now};
    plan_skip_unmet(d);
    if (!plan_make(d, now, refusals, PLAN_ANY, &s->plan))
        return 1;
    if (array_grow(&d->sessions, &d->session_cap, sizeof(d->sessions[0]), d->session_count + 1) < 0)
        return -ENOMEM;
    s->number = (uint16_t)d->session_count++;
    d->sessions[s->number] = (struct door_session){.began = now};
    transcript_init(&d->sessions[s->number].log);
    lead = &d->host->run->list->probes[s->plan.lead];
    s->channel = s->plan.login ? channel_login(d) : s->plan.scout ? NULL : lead->channel;
    d->control.login_tried |= s->plan.login;
    s->want_certificate = s->channel && s->channel->channel == CHANNEL_CERT;
    s->allowed = refusals;
    if (smtp_client_init(&s->client, now) < 0) {
        session_deinit(s);
        d->session_count--;
        return -ENOMEM;
    }
    s->deadline = now + d->host->run->timeout_ms;
    return 0;
}

void session_deinit(struct session *s)
{
    smtp_client_deinit(&s->client);
    free(s->steps);
    free(s->txs);
    s->steps = NULL;
    s->txs = NULL;
}

void session_connected(struct session *s, struct ip mine, int64_t now)
{
    heard(s, now);
    s->door->host->mine = mine;
    s->phase = SESSION_PRELUDE;
    s->last_reply_at = now;
    s->deadline = now + s->door->host->run->timeout_ms;
    buf_reserve(&session_log(s)->text, TRANSCRIPT_USUAL);
    session_note(s, "connected");
    prelude_connected(s, now);
}

/* Replies that come much later than those before, once refusals have piled up. */
static void watch_pace(struct session *s, const struct smtp_sent *sent, int64_t now)
{
    int64_t since = sent->at > s->last_reply_at ? sent->at : s->last_reply_at;
    /* What waited for us is no tarpit. */
    int64_t gap = now - since - s->door->host->run->lag_ms;

    s->last_reply_at = now;
    if (sent->stage == SMTP_STAGE_EHLO)
        s->round_trip = gap;
    if (gap < QUICK_MS)
        s->quick_seen = true;
    if (gap >= SLOW_MS && s->quick_seen && !s->slow && s->spent.refusals >= SLOW_REFUSALS &&
        sent->stage != SMTP_STAGE_BODY) {
        s->slow = true;
        s->spent.slow_at = s->spent.refusals;
    }
}

static void cut_short(struct session *s, const struct smtp_reply *reply)
{
    s->spent.cut = true;
    span_copy(span_slice(reply->text, 0, sizeof(s->cut_reason) - 1), s->cut_reason,
              sizeof(s->cut_reason));
    s->spent.reason = span_str(s->cut_reason);
}

/* Replies and commands no longer belong together: nothing that this session heard may count. */
static void out_of_step(struct session *s, const char *why)
{
    session_note(s, why);
    envelopes_void(s);
    session_over(s, DOOR_END_GARBAGE);
}

/*
 * A closed server says the same to each recipient. Some two hundred phrases are looked for in a
 * refusal: once, then, for as long as it repeats itself.
 */
static enum meaning meaning_here(struct session *s, enum smtp_stage stage,
                                 const struct smtp_reply *reply)
{
    struct session_heard *last = &s->refusal;
    struct span text = span_of(last->text, last->n);

    if (reply->code < 400)
        return meaning_of(stage, reply);
    if (last->stage == stage && last->code == reply->code && span_eq(text, reply->text))
        return last->meaning;
    last->meaning = meaning_of(stage, reply);
    last->code = 0;
    if (reply->text.n <= sizeof(last->text)) {
        last->stage = stage;
        last->code = reply->code;
        last->n = reply->text.n;
        memcpy(last->text, reply->text.n ? reply->text.p : "", last->n);
    }
    return last->meaning;
}

static void reply_in(struct session *s, const struct smtp_sent *sent,
                     const struct smtp_reply *reply, int64_t now)
{
    uint16_t line = transcript_add_reply(session_log(s), reply->code, reply->text);
    enum meaning m = meaning_here(s, sent->stage, reply);

    watch_pace(s, sent, now);
    s->deadline = now + s->door->host->run->timeout_ms;
    quit_patience(s, now);
    if (sent->stage == SMTP_STAGE_QUIT) {
        /* The replies to a smuggled envelope come before the one to QUIT. */
        if (reply->code == 221 || (reply->code == 421 && !smuggles(s)))
            session_over(s, s->end);
        else if (!smuggles(s))
            out_of_step(s, "the answer to QUIT belongs to another command");
        return;
    }
    if (m != MEANING_OK && sent->stage > SMTP_STAGE_HELO)
        session_count_error(s, m, now);
    if (meaning_ends_session(m) || reply->code == 421)
        cut_short(s, reply);
    if (sent->stage >= SMTP_STAGE_MAIL)
        envelopes_reply(s, sent, reply, m, line, now);
    else
        prelude_reply(s, sent, reply, m, line, now);
    if (reply->code == 421 && !s->over)
        session_over(s, sent->stage <= SMTP_STAGE_HELO ? DOOR_END_BANNER : DOOR_END_CUT);
}

static void unasked(struct session *s, const struct smtp_reply *reply)
{
    bool header = s->channel &&
                  (s->channel->channel == CHANNEL_PROXY1 || s->channel->channel == CHANNEL_PROXY2);

    transcript_add_reply(session_log(s), reply->code, reply->text);
    if (header && s->phase == SESSION_PRELUDE) {
        session_note(s, "the PROXY header was taken for a command");
        envelopes_channel_refused(s, SMTP_STAGE_BANNER, reply, MEANING_UNSUPPORTED);
        session_over(s, DOOR_END_DONE);
    } else if (reply->code == 421) {
        cut_short(s, reply);
        session_over(s, DOOR_END_CUT);
    } else if (smuggles(s)) {
        session_note(s, "a reply to a command inside the message");
    } else {
        out_of_step(s, "a reply that no command asked for");
    }
}

static void pump(struct session *s, int64_t now)
{
    if (s->phase == SESSION_ENVELOPES)
        envelopes_pump(s, now);
    else if (s->phase == SESSION_QUIT && !s->quit_sent)
        session_quit(s, s->end, now);
}

void session_input(struct session *s, struct span bytes, int64_t now)
{
    struct smtp_reply reply;
    struct smtp_sent sent;
    int got;

    heard(s, now);
    while (!s->over && bytes.n) {
        got = smtp_client_feed(&s->client, &bytes, &reply, &sent);
        if (got == SMTP_CLIENT_MORE)
            break;
        if (got == SMTP_CLIENT_REPLY) {
            reply_in(s, &sent, &reply, now);
        } else if (got == SMTP_CLIENT_UNASKED) {
            unasked(s, &reply);
        } else {
            session_note(s, got == SMTP_CLIENT_BAD ? "not an SMTP reply, or one beyond all bounds"
                                                   : "out of memory");
            session_over(s, got == SMTP_CLIENT_BAD ? DOOR_END_GARBAGE : DOOR_END_LOCAL);
        }
        if (s->want_tls && bytes.n) {
            /* RFC 3207 §6: what stands behind the 220 came before TLS, from anyone. */
            s->door->plaintext_injected = true;
            session_note(s, "plaintext behind the reply to STARTTLS, thrown away");
            break;
        }
    }
    if (!s->over)
        pump(s, now);
}

void session_secured(struct session *s, const char *version, const char *cipher, int64_t now)
{
    heard(s, now);
    s->secured = true;
    s->want_tls = false;
    span_copy(span_slice(span_str(version), 0, sizeof(s->door->tls_version) - 1),
              s->door->tls_version, sizeof(s->door->tls_version));
    span_copy(span_slice(span_str(cipher), 0, sizeof(s->door->tls_cipher) - 1), s->door->tls_cipher,
              sizeof(s->door->tls_cipher));
    session_note(s, "TLS is up");
    s->last_reply_at = now;
    s->deadline = now + s->door->host->run->timeout_ms;
    if (s->phase == SESSION_TLS) {
        s->phase = SESSION_PRELUDE;
        smtp_reply_parser_deinit(&s->client.parser);
        prelude_next(s, now);
    } else {
        prelude_connected(s, now);
    }
    if (!s->over)
        pump(s, now);
}

void session_closed(struct session *s, enum door_end end, const char *why, int64_t now)
{
    if (s->over)
        return;
    if (why)
        session_note(s, why);
    /* A server that closes instead of answering QUIT has answered all that we wanted. */
    if (s->phase == SESSION_QUIT && smtp_client_awaiting(&s->client) <= 1) {
        session_over(s, s->end);
        return;
    }
    /*
     * At QUIT a server may throw away what it had not sent yet. That is no cut for errors: from now
     * on QUIT waits for the replies. One that cuts for errors will do so again, and is known then.
     */
    if (s->quit_sent && !s->door->budget.quit_alone)
        s->door->budget.quit_alone = true;
    else if (end == DOOR_END_CUT && s->phase != SESSION_CONNECT)
        s->spent.cut = true;
    if (end == DOOR_END_CUT && !s->door->banner_seen && s->phase == SESSION_PRELUDE)
        end = DOOR_END_BANNER;
    session_over(s, end);
}

void session_tick(struct session *s, int64_t now)
{
    if (s->over || now < s->deadline)
        return;
    if (s->phase == SESSION_QUIT && smtp_client_awaiting(&s->client) <= 1) {
        session_over(s, s->end);
        return;
    }
    session_note(s, "no reply in time");
    session_over(s, s->phase == SESSION_CONNECT ? DOOR_END_UNREACHABLE : DOOR_END_TIMEOUT);
}

/*
 * A server may hold a whole group back and answer it at once: then no single reply is late, but the
 * session is, by about a second for each refusal beyond its limit.
 */
static void watch_group(struct session *s, int64_t now)
{
    int64_t took = session_busy(s, now) - s->client.waits * s->round_trip;
    unsigned late = took > 0 ? (unsigned)(took / SLOW_MS) : 0;

    if (s->slow || !s->quick_seen || s->spent.refusals <= SLOW_REFUSALS || late < 2)
        return;
    s->spent.slow_at =
        s->spent.refusals > late + SLOW_REFUSALS ? s->spent.refusals - late : SLOW_REFUSALS + 1;
}

/*
 * A channel may be turned away where plain sessions are not, and a server may hang up at a HELO
 * name that is not ours: neither is a ban; it is the answer to those probes.
 */
static void end_as_answer(struct session *s)
{
    const struct form *helo = s->door->host->run->list->probes[s->plan.lead].helo;
    struct smtp_reply none = {.code = 554};
    bool own = s->plan.scout || span_eq(span_str(helo->id), SPAN_LIT("own"));

    if (s->answered)
        return;
    if (s->channel && s->end != DOOR_END_REFUSED && !s->banner_taken) {
        envelopes_channel_refused(s, SMTP_STAGE_BANNER, &none, MEANING_REFUSED);
        s->end = DOOR_END_DONE;
    } else if (!own && s->end == DOOR_END_CUT && s->ended_in == SESSION_PRELUDE &&
               s->banner_taken && s->door->ehlo_seen) {
        envelopes_channel_refused(s, SMTP_STAGE_HELO, &none, MEANING_REFUSED);
        s->end = DOOR_END_DONE;
    }
}

void session_finish(struct session *s, int64_t now)
{
    struct door_session *entry = &s->door->sessions[s->number];

    end_as_answer(s);
    if (s->plan.scout && s->door->ehlo_seen)
        s->answered++;
    /* It offered pipelining and could not bear it: one command at a time from now on. */
    if (s->client.pipelining && !s->answered &&
        (s->end == DOOR_END_CUT || s->end == DOOR_END_GARBAGE || s->end == DOOR_END_TIMEOUT))
        s->door->budget.lock_step = true;
    watch_group(s, now);
    envelopes_unanswered(s);
    entry->ended = now;
    entry->end = s->end;
    entry->refusals = s->spent.refusals;
    entry->waits = s->client.waits;
    /* One beginning shows how a server refuses; the others would only repeat it. */
    if (s->door->host->run->brief && envelopes_all_refused(s))
        transcript_trim(&entry->log, s->number == 0 ? BRIEF_LINES : 0);
    s->door->waits += s->client.waits;
    s->door->busy += session_busy(s, now);
    door_session_ended(s->door, s->end, s->channel, &s->spent, s->answered, now);
}
