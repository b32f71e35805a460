/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a decoy says to each command, and what it keeps. It says yes: to every sender, every
 * recipient, every message. What it took goes into the depot and nowhere else; there is no code
 * here, nor in anything this program links, that sends mail.
 *
 * The yes to a message is said after its record is written. When nothing can be written it says
 * 452, as a full server would: better a spammer who comes again than one who is not on record.
 */
#include "cmd/decoy/decoy.h"

#include "io/log.h"
#include "io/random.h"
#include "mail/header.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static const struct smtp_say no_room = {452, "4.3.1", "Insufficient system storage"};

struct persona_words deal_words(const struct visit *v)
{
    return (struct persona_words){
        .host = v->decoy->name,
        .client = v->talk.smtp.client,
        .helo = span_str(v->talk.smtp.hello),
        .mail = buf_span(&v->mail),
        .rcpt = v->rcpt_shown ? buf_span(&v->rcpts[v->rcpt_shown - 1]) : SPAN_NULL,
        .date_wall = loop_wall(),
        .size = v->talk.smtp.dot.seen.octets,
        .tls = v->decoy->tls != NULL,
        .tls_on = v->talk.smtp.tls,
        .recipients = v->rcpt_count,
    };
}

struct record_peer deal_peer(const struct visit *v)
{
    return (struct record_peer){
        .id = v->id,
        .client = v->talk.smtp.client,
        .port = v->port,
        .local = v->local,
        .persona = v->decoy->persona->id,
        .wall = loop_wall(),
    };
}

/* The persona's words for this place. They stand in v->say until the next reply. */
static enum smtp_now say(struct visit *v, enum persona_line line, const struct persona_words *w,
                         struct smtp_say *ret)
{
    buf_deinit(&v->say);
    buf_init(&v->say, PERSONA_REPLY_MAX * 4);
    ret->code = (uint16_t)persona_say(v->decoy->persona, line, w, &v->say, v->say_enhanced);
    ret->enhanced = v->say_enhanced[0] ? v->say_enhanced : NULL;
    ret->text = buf_str(&v->say);
    return SMTP_NOW;
}

/* The same, `ms` later. */
static enum smtp_now say_late(struct visit *v, const struct smtp_say *what, int64_t ms)
{
    if (ms <= 0)
        return SMTP_NOW;
    buf_init(&v->held_text, PERSONA_REPLY_MAX * 4);
    buf_add_str(&v->held_text, what->text ? what->text : "");
    if (v->held_text.err)
        return SMTP_NOW;
    span_copy(span_str(what->enhanced), v->held_enhanced, sizeof(v->held_enhanced));
    v->held = *what;
    timer_start(&v->hold, v->decoy->loop, ms);
    return SMTP_LATER;
}

/* The teergrube: a second for each spam that the client has sent, up to the operator's bound. */
static int64_t tarpit_of(const struct visit *v)
{
    struct decoy *d = v->decoy;
    struct decoy_known *k =
        d->args->tarpit ? known_find(d, v->talk.smtp.client, loop_wall()) : NULL;
    int64_t ms = k ? (int64_t)k->spam * 1000 : 0;

    return ms < d->args->tarpit ? ms : d->args->tarpit;
}

void deal_reset(struct visit *v)
{
    for (size_t i = 0; i < v->rcpt_shown; i++)
        buf_deinit(&v->rcpts[i]);
    v->rcpt_shown = v->rcpt_count = 0;
    buf_deinit(&v->mail);
    buf_deinit(&v->text);
}

static enum smtp_now on_greet(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    struct visit *v = owner;
    struct persona_words w = deal_words(v);

    if (v->decoy->stopping || !v->client) {
        *ret = (struct smtp_say){421, NULL, "Service not available, try again later"};
        return SMTP_NOW;
    }
    return say(v, PERSONA_BANNER, &w, ret);
}

static void keep_helo(struct visit *v)
{
    struct span name = span_str(v->talk.smtp.hello);

    for (size_t i = 0; i < v->helo_count; i++)
        if (span_eq(buf_span(&v->helos[i]), name))
            return;
    if (v->helo_count == RECORD_HELOS)
        return;
    buf_init(&v->helos[v->helo_count], SMTP_DOMAIN_MAX + 1);
    buf_add(&v->helos[v->helo_count++], name);
}

static enum smtp_now on_hello(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    struct visit *v = owner;
    struct persona_words w = deal_words(v);

    keep_helo(v);
    v->esmtp = v->esmtp || s->esmtp;
    if (!s->esmtp)
        return say(v, PERSONA_HELO, &w, ret);
    if (v->hello_count == DECOY_HELLOS) {
        *ret = (struct smtp_say){421, "4.7.0", "Too many errors"};
        return SMTP_NOW;
    }
    /* What the machine is about to write here is replaced when it is sent. */
    v->hello_at[v->hello_count++] = s->out.n;
    return SMTP_NOW;
}

static enum smtp_now on_mail(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    struct visit *v = owner;
    struct persona_words w;

    deal_reset(v);
    buf_init(&v->mail, SMTP_COMMAND_TAKEN);
    buf_init(&v->text, v->decoy->args->body_max);
    buf_add(&v->mail, cmd->path_text);
    w = deal_words(v);
    say(v, PERSONA_MAIL, &w, ret);
    return say_late(v, ret, tarpit_of(v));
}

static enum smtp_now on_rcpt(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    struct visit *v = owner;
    struct persona_words w;

    v->rcpt_count++;
    if (v->rcpt_shown < RECORD_RCPTS) {
        buf_init(&v->rcpts[v->rcpt_shown], SMTP_COMMAND_TAKEN);
        buf_add(&v->rcpts[v->rcpt_shown++], cmd->path_text);
    }
    w = deal_words(v);
    w.rcpt = cmd->path_text;
    return say(v, PERSONA_RCPT, &w, ret);
}

static enum smtp_now on_data(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    struct visit *v = owner;
    struct persona_words w = deal_words(v);

    return say(v, PERSONA_DATA, &w, ret);
}

static bool on_chunk(void *owner, struct smtp_server *s, struct span text)
{
    struct visit *v = owner;

    buf_add(&v->text, span_slice(text, 0, v->text.max - v->text.n));
    return !v->text.err && v->text.n < v->text.max;
}

static enum smtp_now on_other(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                              struct smtp_say *ret)
{
    struct visit *v = owner;
    struct persona_words w = deal_words(v);

    w.rcpt = cmd->arg;
    if (cmd->verb == SMTP_VERB_VRFY)
        return say(v, PERSONA_VRFY, &w, ret);
    if (cmd->verb == SMTP_VERB_HELP)
        *ret = (struct smtp_say){214, "2.0.0", "Commands: HELO EHLO MAIL RCPT DATA RSET NOOP QUIT"};
    return SMTP_NOW;
}

/* --- logins ----------------------------------------------------------------------------------- */

static void keep_login(struct visit *v)
{
    struct record_login *to;

    if (v->login_count++ >= RECORD_LOGINS)
        return;
    to = &v->logins[v->login_count - 1];
    span_copy(span_str(v->login.mech), to->mech, sizeof(to->mech));
    span_copy(span_str(v->login.user), to->user, sizeof(to->user));
    span_copy(span_str(v->login.hash), to->hash, sizeof(to->hash));
}

static enum smtp_now on_auth(void *owner, struct smtp_server *s, struct span line, bool first,
                             struct smtp_say *ret)
{
    struct visit *v = owner;
    struct persona_words w = deal_words(v);
    uint64_t chance = 0;
    enum login_got got;

    if (first) {
        if (random_bytes(&chance, sizeof(chance)) < 0)
            chance = (uint64_t)loop_wall();
        got = login_first(&v->login, line, v->decoy->key, chance, v->decoy->name);
    } else {
        got = login_line(&v->login, line, v->decoy->key);
    }
    switch (got) {
    case LOGIN_MORE:
        *ret = (struct smtp_say){334, NULL, v->login.challenge};
        return SMTP_NOW;
    case LOGIN_GARBLED:
    case LOGIN_UNKNOWN:
        return SMTP_NOW; /* the machine's own refusal */
    case LOGIN_TRIED:
        break;
    }
    keep_login(v);
    if (!v->decoy->persona->takes_logins)
        return say(v, PERSONA_LOGIN_BAD, &w, ret);
    span_copy(span_str(v->login.user), v->login_user, sizeof(v->login_user));
    return say(v, PERSONA_LOGIN_OK, &w, ret);
}

/* --- messages --------------------------------------------------------------------------------- */

/* For the operator: what was said, as a header of its own over the message. */
static void review(struct visit *v, const struct record_message *m)
{
    struct buf text = BUF_INIT(v->text.max + 64 * 1024);
    struct buf line = BUF_INIT(48 * 1024);
    int got;

    if (record_message(m, &line) == 0)
        buf_addf(&text,
                 "X-Postern-Decoy: not delivered; judged a relay test\r\n"
                 "X-Postern-Decoy-Envelope: %.*s\r\n",
                 (int)(line.n < 900 ? line.n - 1 : 900), buf_str(&line));
    buf_add(&text, buf_span(&v->text));
    got = text.err ? text.err
                   : depot_add_review(v->decoy->depot, m->id, m->peer.wall, buf_span(&text));
    if (got < 0)
        log_warn("review", "id", m->id, "error", LOG_ERRNO(got), NULL);
    buf_deinit(&text);
    buf_deinit(&line);
}

static void judge_it(struct visit *v, const struct record_message *m, unsigned earlier,
                     struct judge *ret)
{
    struct decoy *d = v->decoy;
    struct ip own[DECOY_OWN + 1];
    size_t n = 0;

    for (; n < d->own_count; n++)
        own[n] = d->own[n];
    own[n++] = m->peer.local;
    judge_message(&d->marks,
                  &(struct judge_case){.helo = m->helo,
                                       .mail = m->mail,
                                       .rcpts = m->rcpts,
                                       .rcpt_shown = m->rcpt_shown,
                                       .rcpt_count = m->rcpt_count,
                                       .text = buf_span(&v->text),
                                       .size = m->size,
                                       .host = d->name,
                                       .own = own,
                                       .own_count = n,
                                       .earlier = earlier,
                                       .again = m->again},
                  ret);
}

static int keep(struct visit *v, struct record_message *m)
{
    struct decoy *d = v->decoy;
    struct decoy_known *k = known_find(d, v->talk.smtp.client, m->peer.wall);
    struct span text = buf_span(&v->text), body = header_body(text);
    struct buf line = BUF_INIT(RECORD_LINE_MAX);
    char id[RECORD_BODY_ID + 1] = "";
    struct judge judge;
    int err = depot_add_body(d->depot, body, id, &m->again);

    m->header = span_slice(text, 0, text.n - body.n);
    m->body = id;
    m->body_kept = body.n;
    judge_it(v, m, k ? k->messages : 0, &judge);
    m->judge = &judge;
    err = err < 0 ? err : record_message(m, &line);
    err = err < 0 ? err : depot_add_line(d->depot, buf_span(&line), m->peer.wall);
    if (err == 0) {
        d->messages++;
        d->tests += judge.test;
        known_judged(d, k, m);
        if (judge.test && d->args->review)
            review(v, m);
    }
    m->judge = NULL;
    buf_deinit(&line);
    return err;
}

static struct record_message message_of(struct visit *v, struct span rcpts[RECORD_RCPTS],
                                        char tls[DECOY_TLS_TEXT], const char *id)
{
    for (size_t i = 0; i < v->rcpt_shown; i++)
        rcpts[i] = buf_span(&v->rcpts[i]);
    snprintf(tls, DECOY_TLS_TEXT, "%s%s%s", v->tls_version, *v->tls_version ? " " : "",
             v->tls_cipher);
    return (struct record_message){
        .peer = deal_peer(v),
        .id = id,
        .helo = span_str(v->talk.smtp.hello),
        .tls = span_str(tls),
        .login = span_str(v->login_user),
        .mail = buf_span(&v->mail),
        .rcpts = rcpts,
        .rcpt_shown = v->rcpt_shown,
        .rcpt_count = v->rcpt_count,
        .size = v->talk.smtp.dot.seen.octets,
        .foul = smtp_text_foul(&v->talk.smtp.dot.seen),
    };
}

/* Over its rate a client is served as before, and only counted. */
static int take(struct visit *v, const char *id)
{
    struct decoy *d = v->decoy;
    struct span rcpts[RECORD_RCPTS];
    char tls[DECOY_TLS_TEXT];
    struct record_message m = message_of(v, rcpts, tls, id);
    int err;

    if (rate_deed(&d->rate, v->client, loop_now(d->loop)) != RATE_OK) {
        v->unrecorded++;
        d->unrecorded++;
        return 0;
    }
    err = keep(v, &m);
    if (err < 0) {
        log_warn("put-off", "client", LOG_IP(v->talk.smtp.client), "error", LOG_ERRNO(err), NULL);
        return err;
    }
    return 0;
}

static enum smtp_now on_end(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    struct visit *v = owner;
    struct persona_words w = deal_words(v);
    uint8_t chance[PERSONA_CHANCE];
    char id[PERSONA_ID_MAX];

    if (v->text.err || v->mail.err || random_bytes(chance, sizeof(chance)) < 0) {
        *ret = no_room;
        return SMTP_NOW;
    }
    persona_id(v->decoy->persona, chance, id);
    w.id = id;
    v->messages++;
    if (take(v, id) < 0) {
        *ret = no_room;
        return SMTP_NOW;
    }
    say(v, PERSONA_QUEUED, &w, ret);
    return say_late(v, ret, v->decoy->persona->delay);
}

static void on_reset(void *owner, struct smtp_server *s)
{
    deal_reset(owner);
}

const struct smtp_server_ops deal_ops = {
    .greet = on_greet,
    .hello = on_hello,
    .mail = on_mail,
    .rcpt = on_rcpt,
    .data = on_data,
    .chunk = on_chunk,
    .end = on_end,
    .reset = on_reset,
    .other = on_other,
    .auth = on_auth,
};

/* --- the session's record --------------------------------------------------------------------- */

static void md5_of(struct span text, char ret[RECORD_MD5])
{
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    ret[0] = '\0';
    /* A build of OpenSSL without MD5 leaves the text alone, which says the same. */
    if (EVP_Digest(text.p, text.n, md, &n, EVP_md5(), NULL) != 1)
        return;
    for (unsigned i = 0; i < n && i < (RECORD_MD5 - 1) / 2; i++)
        snprintf(ret + (size_t)2 * i, 3, "%02x", md[i]);
}

static bool read_hello(const struct visit *v, struct clienthello *h, char md5[RECORD_MD5])
{
    struct buf ja3 = BUF_INIT(CLIENTHELLO_JA3_MAX);
    bool read = v->hello.n && clienthello_read(buf_span(&v->hello), h);

    if (read) {
        clienthello_ja3(h, &ja3);
        md5_of(buf_span(&ja3), md5);
    }
    buf_deinit(&ja3);
    return read;
}

void deal_session(struct visit *v, const char *end)
{
    struct decoy *d = v->decoy;
    struct buf line = BUF_INIT(RECORD_LINE_MAX), traits = BUF_INIT(200);
    struct span helos[RECORD_HELOS];
    struct clienthello hello;
    char md5[RECORD_MD5] = "";
    struct record_session s = {
        .peer = deal_peer(v),
        .ms = loop_now(d->loop) - v->started,
        .helos = helos,
        .helo_count = v->helo_count,
        .esmtp = v->esmtp,
        .early = v->talk.smtp.early,
        .out_of_turn = v->talk.smtp.out_of_turn,
        .lf_lines = v->talk.smtp.lf_lines,
        .commands = v->talk.smtp.commands,
        .errors = v->talk.smtp.errors,
        .messages = v->messages,
        .unrecorded = v->unrecorded,
        .end = end,
        .tls_version = v->tls_version,
        .tls_cipher = v->tls_cipher,
        .ja3_md5 = md5,
        .logins = v->logins,
        .login_shown = v->login_count < RECORD_LOGINS ? v->login_count : RECORD_LOGINS,
        .login_count = v->login_count,
    };
    int err = 0;

    for (size_t i = 0; i < v->helo_count; i++)
        helos[i] = buf_span(&v->helos[i]);
    judge_helo(v->helo_count ? helos[0] : SPAN_NULL, v->talk.smtp.client, d->name, d->own,
               d->own_count, &traits);
    s.helo_traits = buf_span(&traits);
    if (read_hello(v, &hello, md5))
        s.hello = &hello;
    log_debug("session", "id", v->id, "client", LOG_IP(v->talk.smtp.client), "end", end, "messages",
              LOG_NUM(v->messages), "ms", LOG_NUM(s.ms), NULL);
    /* Who was turned away at the door, or never said a word over its rate, leaves no line. */
    if (v->client)
        err = record_session(&s, &line);
    if (v->client && err == 0)
        err = depot_add_line(d->depot, buf_span(&line), s.peer.wall);
    if (err < 0)
        log_warn("unrecorded", "client", LOG_IP(v->talk.smtp.client), "error", LOG_ERRNO(err),
                 NULL);
    buf_deinit(&line);
    buf_deinit(&traits);
}
