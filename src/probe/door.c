/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A door goes through sessions until every probe has an answer, the server has shut us out, or
 * patience ends. What one session could not ask, the next one does, exactly from there. Three kinds
 * of silence are told apart: a server that hangs up at its error limit (the budget is lowered and
 * we go on), one that no longer lets us in (a ban, which is a finding), and one that was never
 * there.
 */
#include "probe/door.h"

#include "probe/channel.h"
#include "probe/plan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum { WALL_SENDERS = 3 }; /* kinds of senders that must be told to log in before all are */

/* When a deferred probe is asked again, counted from the refusal before, ms. */
static const int64_t retry_ladder[] = {10000, 20000, 60000, 180000, 600000, 900000, 1800000};
/* Between connections that were refused after an earlier one was not. */
static const int64_t shut_out_ladder[] = {1000, 5000, 15000};

const char *door_tls_name(enum door_tls tls)
{
    static const char *const names[] = {
        [DOOR_PLAIN] = "none", [DOOR_STARTTLS] = "starttls", [DOOR_IMPLICIT] = "implicit"};

    return names[tls];
}

const char *probe_state_name(enum probe_state s)
{
    static const char *const names[] = {
        [PROBE_UNTRIED] = "untried",    [PROBE_SKIPPED] = "skipped",
        [PROBE_REFUSED] = "refused",    [PROBE_INFERRED] = "inferred",
        [PROBE_DEFERRED] = "deferred",  [PROBE_LOST] = "lost",
        [PROBE_TAKEN] = "accepted",     [PROBE_HELD] = "accepted",
        [PROBE_DELIVERED] = "accepted", [PROBE_BOUNCED] = "bounced",
        [PROBE_PROVED] = "proved",
    };

    return names[s];
}

static const struct {
    const char *name, *text;
} ends[DOOR_ENDS] = {
    [DOOR_END_NONE] = {"none", "not yet ended"},
    [DOOR_END_DONE] = {"done", "all was answered"},
    [DOOR_END_BUDGET] = {"slowed", "the server began to hold its replies back"},
    [DOOR_END_CUT] = {"cut", "the server hung up"},
    [DOOR_END_TIMEOUT] = {"timeout", "no reply in time"},
    [DOOR_END_REFUSED] = {"refused", "connection refused"},
    [DOOR_END_UNREACHABLE] = {"unreachable", "no answer to the connection"},
    [DOOR_END_BANNER] = {"turned-away", "the server turned us away in its greeting"},
    [DOOR_END_GARBAGE] = {"not-smtp", "what came back is not SMTP"},
    [DOOR_END_TLS] = {"tls-failed", "TLS failed"},
    [DOOR_END_NO_TLS] = {"no-tls", "STARTTLS is not to be had"},
    [DOOR_END_LOCAL] = {"local", "ended on our side"},
};

const char *door_end_name(enum door_end end)
{
    assert(end < DOOR_ENDS);
    return ends[end].name;
}

const char *door_end_text(enum door_end end)
{
    assert(end < DOOR_ENDS);
    return ends[end].text;
}

/* The conditions that are known before the first connection. */
static uint32_t unmet_by_setting(const struct door *d, uint32_t needs)
{
    const struct door_host *h = d->host;
    uint32_t met = NEED_HOST | NEED_SMTPUTF8 | NEED_8BITMIME | NEED_CHUNKING | NEED_XCLIENT |
                   NEED_XFORWARD | NEED_PIPELINING | NEED_AUTH;

    met |= h->local_domain ? NEED_LOCAL_DOMAIN : 0;
    met |= h->ip.family == IP_V4 ? NEED_IPV4 : NEED_IPV6;
    met |= h->mailbox ? NEED_LOCAL_RCPT : 0;
    met |= d->tls != DOOR_PLAIN ? NEED_STARTTLS : 0;
    met |= h->run->certificate ? NEED_CERTIFICATE : 0;
    met |= h->run->account && h->run->password ? NEED_ACCOUNT : 0;
    met |= h->mx_label ? NEED_MX_LABEL : 0;
    met |= h->run->wildcard_mx ? NEED_WILDCARD_MX : 0;
    met |= h->run->partner ? NEED_PARTNER : 0;
    needs &= ~met;
    return needs & ~(needs - 1); /* one of them is enough to say */
}

int door_init(struct door *d, struct door_host *host, uint16_t port, enum door_tls tls,
              uint16_t serial_base, int64_t wait, int64_t now)
{
    const struct probe_list *list = host->run->list;

    *d = (struct door){.host = host,
                       .port = port,
                       .tls = tls,
                       .serial_base = serial_base,
                       .wait = wait,
                       .began = now,
                       .budget = budget_careful(),
                       .result_count = list->count};
    if (list->count > PLAN_PROBES_MAX)
        return -E2BIG;
    token_target(host->ip, host->digest);
    d->results = calloc(list->count ? list->count : 1, sizeof(d->results[0]));
    if (!d->results)
        return -ENOMEM;
    for (size_t i = 0; i < list->count; i++) {
        struct result *r = &d->results[i];

        for (int k = 0; k < RESULT_LINES; k++)
            r->lines[k] = TRANSCRIPT_NONE;
        r->need = unmet_by_setting(d, list->probes[i].needs);
        if (r->need)
            r->state = PROBE_SKIPPED;
    }
    return 0;
}

void door_deinit(struct door *d)
{
    for (size_t i = 0; i < d->session_count; i++)
        transcript_deinit(&d->sessions[i].log);
    free(d->sessions);
    free(d->results);
    *d = (struct door){0};
}

/* Whether patience lasts until this deferred thing is due. */
static bool worth_waiting(const struct door *d, int64_t first_at, int64_t retry_at)
{
    return retry_at < INT64_MAX && retry_at <= first_at + d->wait;
}

int64_t door_due(const struct door *d)
{
    int64_t due = INT64_MAX;

    for (size_t i = 0; i < d->result_count; i++) {
        const struct result *r = &d->results[i];

        if (r->state == PROBE_DEFERRED && r->retry_at < due &&
            worth_waiting(d, r->first_at, r->retry_at))
            due = r->retry_at;
    }
    if (d->control.state == CONTROL_DEFERRED && d->control.retry_at < due &&
        worth_waiting(d, d->control.first_at, d->control.retry_at))
        due = d->control.retry_at;
    return due;
}

bool door_control_due(const struct door *d, int64_t now)
{
    return d->control.state == CONTROL_DEFERRED && d->control.retry_at <= now;
}

bool door_login_due(const struct door *d)
{
    const struct control *c = &d->control;

    return c->state == CONTROL_REFUSED && c->meaning == MEANING_AUTH && !c->login_tried &&
           d->tls != DOOR_PLAIN && d->host->run->account && d->host->run->password &&
           channel_login(d);
}

static bool any_due(const struct door *d, int64_t now)
{
    if (door_control_due(d, now) || door_login_due(d) || plan_scout(d))
        return true;
    for (size_t i = 0; i < d->result_count; i++)
        if (plan_due(d, i, now))
            return true;
    return false;
}

static enum door_next done(struct door *d, int64_t now)
{
    for (size_t i = 0; i < d->result_count; i++)
        if (d->results[i].state == PROBE_UNTRIED)
            d->results[i].state = PROBE_LOST;
    if (!d->ended)
        d->ended = now;
    return DOOR_DONE;
}

bool door_time_up(const struct door *d, int64_t more)
{
    unsigned asked = 0;

    if (!d->host->run->limit_ms || d->busy + more < d->host->run->limit_ms)
        return false;
    for (size_t i = 0; i < d->result_count; i++)
        asked += d->results[i].attempts > 0;
    return asked >= DOOR_JUDGED_LEAST;
}

/*
 * A tarpit makes every envelope cost seconds. The likeliest stand first, so that what is left out
 * when the time is up is what was least likely to get through; it is said, and counted.
 */
static void mind_time(struct door *d)
{
    if (d->out_of_time || !door_time_up(d, 0))
        return;
    for (size_t i = 0; i < d->result_count; i++) {
        if (d->results[i].state != PROBE_UNTRIED)
            continue;
        d->results[i].state = PROBE_SKIPPED;
        d->out_of_time = true;
    }
}

enum door_next door_next(struct door *d, int64_t now, int64_t *ret_until)
{
    int64_t due;

    mind_time(d);
    if (d->gave_up || d->session_count >= DOOR_SESSIONS_MAX)
        return done(d, now);
    if (d->next_at > now) {
        *ret_until = d->next_at;
        return DOOR_WAIT;
    }
    if (any_due(d, now)) {
        if (pace_left(&d->host->pace, now, ret_until) > 0)
            return DOOR_SESSION;
        return DOOR_WAIT;
    }
    due = door_due(d);
    if (due < INT64_MAX) {
        *ret_until = due;
        return DOOR_WAIT;
    }
    return done(d, now);
}

void door_server_seen(struct door *d, struct span banner, struct span ehlo)
{
    const struct budget_server *server;

    if (d->server || !d->host->run->servers)
        return;
    server = budget_find(d->host->run->servers, banner, ehlo);
    if (!server)
        return;
    d->server = server;
    if (!d->server_asked)
        d->budget = server->budget;
    d->server_asked = true;
}

static void result_reply(struct result *r, enum smtp_stage stage, const struct smtp_reply *reply,
                         enum meaning m)
{
    r->stage = (uint8_t)stage;
    r->meaning = (uint8_t)m;
    r->code = reply->code;
    for (int i = 0; i < 3; i++)
        r->enhanced[i] = reply->enhanced[i];
}

void door_refused(struct door *d, size_t probe, enum probe_state as, enum smtp_stage stage,
                  const struct smtp_reply *reply, enum meaning m)
{
    d->results[probe].state = (uint8_t)as;
    result_reply(&d->results[probe], stage, reply, m);
}

/*
 * The time of the next try: what the server asked for, else the next rung of the ladder; but never
 * so late that nothing is tried again before patience ends.
 */
static int64_t retry_time(const struct door *d, int64_t first_at, unsigned attempts, unsigned hint,
                          int64_t now)
{
    size_t rungs = sizeof(retry_ladder) / sizeof(retry_ladder[0]);
    size_t rung = attempts ? attempts - 1u : 0;
    int64_t at = now + retry_ladder[rung < rungs ? rung : rungs - 1], last;

    if (hint)
        at = now + (int64_t)hint * 1000 + 1000;
    /* A last try early enough for an arrival to be seen. */
    last = first_at + d->wait - d->wait / 4;
    if (at > last && now + 3000 < last)
        at = last;
    return at;
}

void door_deferred(struct door *d, size_t probe, enum smtp_stage stage,
                   const struct smtp_reply *reply, enum meaning m, int64_t now)
{
    struct result *r = &d->results[probe];

    result_reply(r, stage, reply, m);
    r->state = PROBE_DEFERRED;
    if (!r->first_at)
        r->first_at = now;
    r->retry_at = retry_time(d, r->first_at, r->attempts, meaning_retry_hint(reply->text), now);
    if (r->attempts >= DOOR_ATTEMPTS_MAX)
        r->retry_at = INT64_MAX;
}

/*
 * Whether what is known of the control outweighs a new reply. Once accepted is enough to know that
 * the address is good; what a later session says of it shows in the counts. Among several
 * candidates the best reply counts.
 */
static bool control_stands(const struct door *d, enum control_state news)
{
    const struct control *c = &d->control;

    switch ((enum control_state)c->state) {
    case CONTROL_ACCEPTED:
        return true;
    case CONTROL_REFUSED:
        return news == CONTROL_REFUSED && c->meaning != MEANING_SEQUENCE;
    case CONTROL_DEFERRED:
        return news == CONTROL_REFUSED && c->session == d->session_count - 1;
    case CONTROL_UNTRIED:
        break;
    }
    return false;
}

void door_control(struct door *d, enum control_state state, unsigned which, enum meaning m,
                  const struct smtp_reply *reply, uint16_t line, int64_t now)
{
    struct control *c = &d->control;

    c->last = (uint8_t)state;
    c->accepted += state == CONTROL_ACCEPTED;
    c->refused += state == CONTROL_REFUSED && c->state == CONTROL_ACCEPTED;
    if (control_stands(d, state))
        return;
    c->state = (uint8_t)state;
    c->which = (uint8_t)which;
    c->meaning = (uint8_t)m;
    c->code = reply->code;
    c->session = (uint16_t)(d->session_count - 1);
    c->line = line;
    if (state == CONTROL_DEFERRED) {
        c->tries++;
        if (!c->first_at)
            c->first_at = now;
        c->retry_at =
            c->tries < DOOR_ATTEMPTS_MAX
                ? retry_time(d, c->first_at, c->tries, meaning_retry_hint(reply->text), now)
                : INT64_MAX;
    }
}

/* What a server says of relaying decides one probe; only other words may decide more. */
static bool may_decide(const struct result *r)
{
    return r->state == PROBE_REFUSED &&
           (r->stage < SMTP_STAGE_MAIL || r->meaning == MEANING_SENDER ||
            r->meaning == MEANING_SYNTAX || r->meaning == MEANING_UNSUPPORTED ||
            r->meaning == MEANING_AUTH || r->meaning == MEANING_TLS);
}

static bool is_proxy(const struct form *channel)
{
    return channel && (channel->channel == CHANNEL_PROXY1 || channel->channel == CHANNEL_PROXY2);
}

/* Whether what was said of `known` decides `open` too, although it was never asked. */
static bool decides(const struct door *d, size_t known, size_t open)
{
    const struct probe *k = &d->host->run->list->probes[known];
    const struct probe *o = &d->host->run->list->probes[open];
    const struct result *r = &d->results[known];

    if (!may_decide(r))
        return false;
    /* A port that does not know one PROXY header knows no other of that version. */
    if (r->stage == SMTP_STAGE_BANNER && is_proxy(k->channel) && is_proxy(o->channel) &&
        k->channel->channel == o->channel->channel)
        return true;
    if (k->channel != o->channel || k->helo != o->helo)
        return false;
    /* It does not take this name in HELO, whatever comes after it. */
    if (r->stage == SMTP_STAGE_HELO || r->stage == SMTP_STAGE_EHLO)
        return true;
    if (k->sender->needs != o->sender->needs)
        return false;
    /* The server does not take this sender, whatever the recipient. */
    if (k->sender == o->sender && (r->stage == SMTP_STAGE_MAIL || r->meaning == MEANING_SENDER))
        return true;
    /* It cannot read this recipient, whatever the sender. */
    return k->rcpt == o->rcpt && r->stage == SMTP_STAGE_RCPT && r->meaning == MEANING_SYNTAX &&
           (r->code == 500 || r->code == 501);
}

static bool any_may_decide(const struct door *d)
{
    for (size_t i = 0; i < d->result_count; i++)
        if (may_decide(&d->results[i]))
            return true;
    return false;
}

static bool wants_first(const struct result *r)
{
    return r->state == PROBE_REFUSED && r->stage == SMTP_STAGE_MAIL &&
           (r->meaning == MEANING_AUTH || r->meaning == MEANING_TLS);
}

/* This sender got past MAIL: its other recipients may fare better. */
static bool mail_was_taken(const struct result *r)
{
    return (r->state == PROBE_REFUSED || r->state == PROBE_DEFERRED) && r->stage > SMTP_STAGE_MAIL;
}

/*
 * A submission port asks everyone for a login at MAIL. When senders of several kinds were told so
 * and none was taken, the rest need not run into the same wall.
 */
static bool login_wall(const struct door *d, size_t *ret_known)
{
    const struct form *met[WALL_SENDERS];
    size_t count = 0;

    for (size_t i = 0; i < d->result_count; i++) {
        const struct form *sender = d->host->run->list->probes[i].sender;
        size_t k = 0;

        if (d->results[i].state >= PROBE_TAKEN || mail_was_taken(&d->results[i]))
            return false;
        if (!wants_first(&d->results[i]) || count == WALL_SENDERS)
            continue;
        while (k < count && met[k] != sender)
            k++;
        if (k == count)
            met[count++] = sender;
        *ret_known = i;
    }
    return count == WALL_SENDERS;
}

static void infer_from(struct door *d, size_t open, size_t known)
{
    struct result *r = &d->results[open];

    *r = d->results[known]; /* its evidence is this one's */
    r->state = PROBE_INFERRED;
    r->because = (uint16_t)known;
    r->attempts = 0;
}

static void infer(struct door *d)
{
    const struct probe *probes = d->host->run->list->probes;
    size_t before = 0;
    bool all_must_login = login_wall(d, &before);

    for (size_t i = 0; all_must_login && i < d->result_count; i++)
        if (d->results[i].state == PROBE_UNTRIED && !probes[i].channel)
            infer_from(d, i, before);
    if (!any_may_decide(d))
        return;
    for (size_t open = 0; open < d->result_count; open++) {
        if (d->results[open].state != PROBE_UNTRIED)
            continue;
        for (size_t known = 0; known < d->result_count; known++) {
            if (!decides(d, known, open))
                continue;
            infer_from(d, open, known);
            break;
        }
    }
}

static bool no_greeting(enum door_end end)
{
    return end == DOOR_END_REFUSED || end == DOOR_END_UNREACHABLE || end == DOOR_END_BANNER;
}

/* Connections that fail after one that did not: slow down, then call it a ban. */
static void shut_out(struct door *d, int64_t now)
{
    size_t rungs = sizeof(shut_out_ladder) / sizeof(shut_out_ladder[0]);

    d->shut_out++;
    if (d->shut_out < DOOR_BAN_TRIES) {
        d->next_at = now + shut_out_ladder[d->shut_out - 1 < rungs ? d->shut_out - 1 : rungs - 1];
        return;
    }
    d->banned = true;
    d->gave_up = true;
}

/*
 * This door is not for us. A port that greets only behind a PROXY header turns away, or keeps
 * silent towards, everyone without one: then the probes that bring a header are still worth a try.
 */
static void give_up(struct door *d, const struct form *channel)
{
    bool other = false;

    for (size_t i = 0; i < d->result_count && !is_proxy(channel); i++) {
        bool proxy = is_proxy(d->host->run->list->probes[i].channel);

        if (d->results[i].state != PROBE_UNTRIED)
            continue;
        other = other || proxy;
        if (!proxy)
            d->results[i].state = PROBE_LOST;
    }
    d->gave_up = !other;
}

void door_session_ended(struct door *d, enum door_end end, const struct form *channel,
                        const struct budget_spent *spent, unsigned answered, int64_t now)
{
    bool met_before = d->ehlo_seen;

    d->last_end = end;
    d->refusals += spent->refusals;
    if (no_greeting(end) && (met_before || end == DOOR_END_BANNER) && answered == 0) {
        /* Turned away at the very first greeting is no ban: nobody counted anything yet. */
        if (!met_before)
            give_up(d, channel);
        else
            shut_out(d, now);
        return;
    }
    d->shut_out = 0;
    if (no_greeting(end) || end == DOOR_END_NO_TLS || end == DOOR_END_LOCAL) {
        d->gave_up = true;
        return;
    }
    if (!d->banner_seen) {
        give_up(d, channel);
        return;
    }
    budget_learn(&d->budget, spent, d->server != NULL);
    d->fruitless = answered ? 0 : d->fruitless + 1;
    if (d->fruitless >= DOOR_TRIES_MAX)
        d->gave_up = true;
    else if (!answered)
        d->next_at = now + 500 * d->fruitless;
    infer(d);
}

bool door_serial(const struct door *d, uint16_t serial, size_t *ret_probe)
{
    if (serial < d->serial_base || (size_t)(serial - d->serial_base) >= d->result_count)
        return false;
    *ret_probe = (size_t)(serial - d->serial_base);
    return true;
}

void door_arrived(struct door *d, size_t probe)
{
    d->results[probe].state = PROBE_PROVED;
}

void door_bounced(struct door *d, size_t probe)
{
    /* A bounce may be faster than the reply to the body that it is about. */
    if (d->results[probe].state == PROBE_DELIVERED || d->results[probe].state == PROBE_TAKEN)
        d->results[probe].state = PROBE_BOUNCED;
}

void door_count_more(const struct door *d, struct door_counts *n)
{
    unsigned *const by_state[] = {
        [PROBE_UNTRIED] = &n->untried,     [PROBE_SKIPPED] = &n->skipped,
        [PROBE_REFUSED] = &n->refused,     [PROBE_INFERRED] = &n->inferred,
        [PROBE_DEFERRED] = &n->deferred,   [PROBE_LOST] = &n->lost,
        [PROBE_TAKEN] = &n->taken,         [PROBE_HELD] = &n->held,
        [PROBE_DELIVERED] = &n->delivered, [PROBE_BOUNCED] = &n->bounced,
        [PROBE_PROVED] = &n->proved,
    };

    for (size_t i = 0; i < d->result_count; i++)
        ++*by_state[d->results[i].state];
}

struct door_counts door_count(const struct door *d)
{
    struct door_counts n = {0};

    door_count_more(d, &n);
    return n;
}
