/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the connection to the first MAIL: greeting, EHLO, STARTTLS, and what the channel of the
 * probes asks for. After each step prelude_next() looks at what is still missing, so that the order
 * of the steps stands in one place.
 */
#include "probe/session_priv.h"

#include "probe/channel.h"

enum { USUAL_LINE = 48 }; /* bytes of a command, RSETs among them */

static const struct probe *lead_of(const struct session *s)
{
    return &s->door->host->run->list->probes[s->plan.lead];
}

static bool channel_is(const struct session *s, enum channel_type type)
{
    return s->channel && s->channel->channel == type;
}

static void say_helo(struct session *s, enum smtp_stage stage, bool own_name, int64_t now)
{
    struct buf line = BUF_INIT(SESSION_LINE_MAX);

    buf_add_str(&line, stage == SMTP_STAGE_EHLO ? "EHLO " : "HELO ");
    if (own_name || s->plan.scout)
        buf_add_str(&line, s->door->host->run->helo);
    else if (door_helo_text(s->door, s->plan.lead, &line) != EXPAND_OK)
        buf_add_str(&line, s->door->host->run->helo);
    session_say(s, stage, SESSION_NO_PROBE, buf_span(&line), now);
    buf_deinit(&line);
}

/* Only now, when the server has shown what it is, is it decided how much one session may ask. */
static void lay(struct session *s, int64_t now)
{
    uint16_t like = s->plan.lead;

    if (s->plan.scout) {
        if (envelopes_lay(s) < 0)
            session_over(s, DOOR_END_LOCAL);
        return;
    }
    if (plan_make(s->door, now, s->allowed, like, &s->plan) && envelopes_lay(s) < 0)
        session_over(s, DOOR_END_LOCAL);
    s->plan.lead = like;
}

static void envelopes_begin(struct session *s, int64_t now)
{
    lay(s, now);
    s->phase = s->over ? SESSION_OVER : SESSION_ENVELOPES;
    if (s->client.pipelining)
        buf_reserve(&s->client.out, s->step_count * USUAL_LINE);
    envelopes_pump(s, now);
}

static void say_expanded(struct session *s, enum smtp_stage stage, const char *verb, int64_t now)
{
    struct buf line = BUF_INIT(SESSION_LINE_MAX);

    buf_add_str(&line, verb);
    if (door_expand(s->door, s->plan.lead, s->channel->with, &line) == EXPAND_OK && !line.err)
        session_say(s, stage, SESSION_NO_PROBE, buf_span(&line), now);
    else
        session_quit(s, DOOR_END_DONE, now);
    buf_deinit(&line);
}

static void say_auth(struct session *s, int64_t now)
{
    struct buf line = BUF_INIT(SESSION_LINE_MAX);

    if (channel_auth_line(s->door, s->channel, s->plan.lead, s->auth_step, &line) == 0) {
        smtp_client_send(&s->client, SMTP_STAGE_AUTH, SESSION_NO_PROBE, buf_span(&line), now);
        /* What stands behind AUTH is a secret of the operator's: it stays out of the evidence. */
        transcript_add(session_log(s), "C: ",
                       s->auth_step ? SPAN_LIT("(credentials)") : SPAN_LIT("AUTH (mechanism)"));
        s->auth_step++;
    } else {
        session_note(s, "the login row has no further response");
        session_quit(s, DOOR_END_DONE, now);
    }
    buf_deinit(&line);
}

static bool wants_starttls(const struct session *s)
{
    return s->door->tls == DOOR_STARTTLS || channel_is(s, CHANNEL_CERT);
}

static enum helo_verb helo_of(const struct session *s)
{
    return s->plan.scout ? HELO_EHLO : lead_of(s)->helo->verb;
}

/* The greeting that the probes ask for; STARTTLS needs an EHLO before it in any case. */
static void say_greeting(struct session *s, int64_t now)
{
    enum helo_verb verb = helo_of(s);
    bool for_tls = wants_starttls(s) && !s->secured;

    if (for_tls)
        say_helo(s, SMTP_STAGE_EHLO, verb != HELO_EHLO, now);
    else if (verb == HELO_NONE)
        envelopes_begin(s, now);
    else
        say_helo(s, verb == HELO_HELO ? SMTP_STAGE_HELO : SMTP_STAGE_EHLO, verb == HELO_BOTH, now);
}

void prelude_next(struct session *s, int64_t now)
{
    bool want_tls = wants_starttls(s);
    enum helo_verb verb = helo_of(s);

    if (s->secured && s->door->tls != DOOR_IMPLICIT && !s->helo_second && want_tls) {
        /* RFC 3207 §4.2: what was said before TLS is forgotten on both sides. */
        s->helo_second = true;
        s->ehlo_fell_back = false;
        say_greeting(s, now);
    } else if (want_tls && !s->secured) {
        if (!(s->door->ehlo.ext & SMTP_EXT_STARTTLS))
            session_quit(s, DOOR_END_NO_TLS, now);
        else
            session_say(s, SMTP_STAGE_STARTTLS, SESSION_NO_PROBE, SPAN_LIT("STARTTLS"), now);
    } else if (channel_is(s, CHANNEL_AUTH) && !s->auth_done) {
        say_auth(s, now);
    } else if (channel_is(s, CHANNEL_XCLIENT) && !s->xclient_done) {
        say_expanded(s, SMTP_STAGE_XCLIENT, "XCLIENT ", now);
    } else if (channel_is(s, CHANNEL_XFORWARD) && !s->xforward_done) {
        say_expanded(s, SMTP_STAGE_XFORWARD, "XFORWARD ", now);
    } else if (verb == HELO_BOTH && !s->ehlo_fell_back) {
        s->ehlo_fell_back = true;
        say_helo(s, SMTP_STAGE_HELO, false, now);
    } else {
        envelopes_begin(s, now);
    }
}

/* Early talk past DATA begins as every session does. */
static bool talks_first(const struct session *s)
{
    return channel_is(s, CHANNEL_EARLY) && channel_early_at_banner(s->channel);
}

/* Everything up to QUIT in one write, before the server has said a word. */
static void say_all_early(struct session *s, int64_t now)
{
    smtp_client_pipelining(&s->client, true);
    say_helo(s, SMTP_STAGE_EHLO, false, now);
    lay(s, now);
    s->phase = s->over ? SESSION_OVER : SESSION_ENVELOPES;
    envelopes_early(s, now);
}

void prelude_connected(struct session *s, int64_t now)
{
    struct buf header = BUF_INIT(SESSION_LINE_MAX);

    /* On a TLS-wrapped port the caller secures first; nothing but a PROXY header goes before. */
    if (s->door->tls == DOOR_IMPLICIT && !s->secured) {
        s->want_tls = true;
        return;
    }
    if (channel_is(s, CHANNEL_PROXY1) || channel_is(s, CHANNEL_PROXY2)) {
        if (channel_proxy_header(s->door, s->plan.lead, &header) == 0) {
            buf_add(&s->client.out, buf_span(&header));
            transcript_add(session_log(s), "C: ", buf_span(&header));
        } else {
            session_quit(s, DOOR_END_DONE, now);
        }
    }
    buf_deinit(&header);
    if (talks_first(s))
        say_all_early(s, now);
}

static void banner_in(struct session *s, const struct smtp_reply *reply, enum meaning m,
                      uint16_t line, int64_t now)
{
    struct door *d = s->door;
    struct smtp_ehlo name;

    s->banner_line = line;
    if (m != MEANING_OK) {
        d->banner_session = s->number;
        d->banner_line = line;
        session_over(s, DOOR_END_BANNER);
        return;
    }
    /* The first word of a greeting is the server's name, RFC 5321 §4.2; read as in EHLO. */
    smtp_ehlo_parse(reply->text, &name);
    if (!d->banner_seen && span_find(span_str(name.name), '.') < span_str(name.name).n)
        span_copy(span_str(name.name), d->name, sizeof(d->name));
    if (!d->banner_seen) {
        d->banner_session = s->number;
        d->banner_line = line;
    }
    d->banner_seen = s->banner_taken = true;
    door_server_seen(d, reply->text, SPAN_NULL);
    if (talks_first(s))
        return;
    say_greeting(s, now);
}

static bool says_own_name(const struct session *s)
{
    return s->plan.scout || span_eq(span_str(lead_of(s)->helo->id), SPAN_LIT("own"));
}

/*
 * The name that the probes say is not welcome: that answers them, and no others. Our own name not
 * being welcome is another matter.
 */
static void greeting_refused(struct session *s, enum smtp_stage stage,
                             const struct smtp_reply *reply, enum meaning m, int64_t now)
{
    if (says_own_name(s) || (reply->code == 421 && !s->door->ehlo_seen)) {
        session_over(s, DOOR_END_BANNER);
        return;
    }
    envelopes_channel_refused(s, stage, reply, m == MEANING_BLOCKED ? MEANING_REFUSED : m);
    session_quit(s, DOOR_END_DONE, now);
}

static void ehlo_in(struct session *s, const struct smtp_reply *reply, enum meaning m,
                    uint16_t line, int64_t now)
{
    struct door *d = s->door;

    /* The header of the PROXY protocol was taken for a command: this is its reply, not EHLO's. */
    if (m != MEANING_OK && (channel_is(s, CHANNEL_PROXY1) || channel_is(s, CHANNEL_PROXY2))) {
        envelopes_channel_refused(s, SMTP_STAGE_EHLO, reply, MEANING_UNSUPPORTED);
        session_over(s, DOOR_END_DONE);
        return;
    }
    if (m != MEANING_OK) {
        if (reply->code < 500 || (m != MEANING_UNSUPPORTED && !says_own_name(s))) {
            greeting_refused(s, SMTP_STAGE_EHLO, reply, m, now);
        } else {
            session_count_error(s, MEANING_UNSUPPORTED, now);
            say_helo(s, SMTP_STAGE_HELO, false, now);
        }
        return;
    }
    smtp_ehlo_parse(reply->text, &d->ehlo);
    d->ehlo_line = line;
    if (!d->name[0] && span_find(span_str(d->ehlo.name), '.') < span_str(d->ehlo.name).n)
        span_copy(span_str(d->ehlo.name), d->name, sizeof(d->name));
    if (!s->secured)
        d->tls_offered = d->ehlo.ext & SMTP_EXT_STARTTLS;
    door_server_seen(d, SPAN_NULL, reply->text);
    smtp_client_pipelining(&s->client, (d->ehlo.ext & SMTP_EXT_PIPELINING) && !d->budget.lock_step);
    /* Before STARTTLS a server may hide what it offers inside TLS. */
    if (s->secured || s->door->tls != DOOR_STARTTLS) {
        d->ehlo_seen = true;
        plan_skip_unmet(d);
    }
    if (!talks_first(s))
        prelude_next(s, now);
}

static void helo_in(struct session *s, const struct smtp_reply *reply, enum meaning m, int64_t now)
{
    struct door *d = s->door;
    struct smtp_ehlo name;

    if (m != MEANING_OK) {
        greeting_refused(s, SMTP_STAGE_HELO, reply, m, now);
        return;
    }
    /* Nothing is offered after HELO, but a server that knows no EHLO says its name here. */
    smtp_ehlo_parse(reply->text, &name);
    if (!d->name[0] && span_find(span_str(name.name), '.') < span_str(name.name).n)
        span_copy(span_str(name.name), d->name, sizeof(d->name));
    smtp_client_pipelining(&s->client, false);
    if (!d->ehlo_seen)
        d->ehlo = (struct smtp_ehlo){0};
    d->ehlo_seen = true;
    plan_skip_unmet(d);
    prelude_next(s, now);
}

static void auth_in(struct session *s, const struct smtp_reply *reply, enum meaning m, int64_t now)
{
    if (reply->code == 334) {
        say_auth(s, now);
    } else if (m == MEANING_OK) {
        s->auth_done = true;
        prelude_next(s, now);
    } else {
        envelopes_channel_refused(s, SMTP_STAGE_AUTH, reply, m);
        session_quit(s, DOOR_END_DONE, now);
    }
}

/* XCLIENT starts the session over: a new greeting, then EHLO. XFORWARD does not. */
static void xcommand_in(struct session *s, enum smtp_stage stage, const struct smtp_reply *reply,
                        enum meaning m, int64_t now)
{
    if (m != MEANING_OK) {
        envelopes_channel_refused(s, stage, reply, m);
        session_quit(s, DOOR_END_DONE, now);
    } else if (stage == SMTP_STAGE_XCLIENT) {
        s->xclient_done = true;
        say_helo(s, SMTP_STAGE_EHLO, false, now);
    } else {
        s->xforward_done = true;
        prelude_next(s, now);
    }
}

void prelude_reply(struct session *s, const struct smtp_sent *sent, const struct smtp_reply *reply,
                   enum meaning m, uint16_t line, int64_t now)
{
    switch ((unsigned)sent->stage) {
    case SMTP_STAGE_BANNER:
        banner_in(s, reply, m, line, now);
        break;
    case SMTP_STAGE_EHLO:
        ehlo_in(s, reply, m, line, now);
        break;
    case SMTP_STAGE_HELO:
        helo_in(s, reply, m, now);
        break;
    case SMTP_STAGE_STARTTLS:
        if (m == MEANING_OK) {
            s->want_tls = true;
            s->phase = SESSION_TLS;
        } else {
            session_quit(s, DOOR_END_NO_TLS, now);
        }
        break;
    case SMTP_STAGE_AUTH:
        auth_in(s, reply, m, now);
        break;
    default:
        xcommand_in(s, sent->stage, reply, m, now);
    }
}
