/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One command: may it be asked for now (the flags of its row say), then its own function, which
 * may put a question to the owner; server_answered() is where every answer arrives, at once or
 * later.
 *
 * The order of refusals is the order of what a client can do about them: a verb that nobody knows
 * (500, 502), TLS first (530), login first (530), out of sequence (503), and only then what is
 * wrong with the argument (501, 553, 555).
 */
#include "smtp/server_priv.h"

#include <assert.h>
#include <stdlib.h>

void server_listen(struct smtp_server *s, int64_t now)
{
    if (s->state == SMTP_SERVER_CLOSED)
        return;
    s->state = SMTP_SERVER_COMMAND;
    s->deadline = server_later(now, s->config->wait_command);
}

static void forget_params(struct smtp_server *s)
{
    s->params = 0;
    s->body = SMTP_BODY_7BIT;
}

void server_drop_mail(struct smtp_server *s)
{
    bool open = s->in_mail;

    s->in_mail = false;
    forget_params(s);
    s->rcpts = s->rcpts_bad = 0;
    s->by_bdat = s->full = false;
    s->message_deadline = s->rate_deadline = INT64_MAX;
    if (open && s->ops->reset)
        s->ops->reset(s->owner, s);
}

/* A constant while there is none: most of a crowd of idle sessions have said little. */
void server_forget_hello(struct smtp_server *s)
{
    char *own;

    if (s->hello && s->hello[0]) {
        memcpy(&own, &s->hello, sizeof(own)); /* ours, and const only for the readers */
        free(own);
    }
    s->hello = "";
}

static void forget_client(struct smtp_server *s)
{
    server_drop_mail(s);
    server_forget_hello(s);
    s->esmtp = s->authed = false;
}

void server_asked(struct smtp_server *s, enum server_ask ask, enum smtp_now when,
                  const struct smtp_say *say, int64_t now)
{
    if (when == SMTP_NOW) {
        server_answered(s, ask, say, now);
        return;
    }
    s->asked = ask;
    s->state = SMTP_SERVER_ASKED;
}

void server_ask_greeting(struct smtp_server *s, int64_t now)
{
    struct smtp_say say = {220, NULL, NULL};
    enum smtp_now when = s->ops->greet ? s->ops->greet(s->owner, s, &say) : SMTP_NOW;

    server_asked(s, SERVER_ASK_GREET, when, &say, now);
}

static bool take_hello(struct smtp_server *s, struct span name)
{
    char *own;

    server_forget_hello(s);
    if (!name.n)
        return true;
    own = span_dup(span_slice(name, 0, SMTP_DOMAIN_MAX));
    if (!own)
        return false;
    for (size_t i = 0; i < name.n && i < SMTP_DOMAIN_MAX; i++) {
        unsigned char c = (unsigned char)own[i];

        own[i] = c <= 32 || c == 127 ? '?' : own[i];
    }
    s->hello = own;
    return true;
}

/* EHLO in mid-session is RSET too, RFC 5321 §4.1.4. */
static void do_hello(struct smtp_server *s, const struct smtp_command *cmd, int64_t now)
{
    struct smtp_say say = {250, NULL, NULL};

    server_drop_mail(s);
    if (!take_hello(s, cmd->arg)) {
        server_end(s, SMTP_END_FAULT, 421, "4.3.0", "Out of memory");
        return;
    }
    s->esmtp = cmd->verb == SMTP_VERB_EHLO;
    server_asked(s, SERVER_ASK_HELLO, s->ops->hello ? s->ops->hello(s->owner, s, &say) : SMTP_NOW,
                 &say, now);
}

static void do_mail(struct smtp_server *s, const struct smtp_command *cmd, int64_t now)
{
    const struct smtp_server_config *c = s->config;
    struct smtp_say say = {250, "2.1.0", NULL};
    enum smtp_now when;

    if (c->size_max && cmd->params.size > c->size_max) {
        server_say(s, 552, "5.3.4", "Message too big");
        return;
    }
    if (++s->mails > c->mail_max && c->mail_max) {
        server_end(s, SMTP_END_ERRORS, 421, "4.7.0", "Too many messages in one session");
        return;
    }
    s->params = cmd->params.given;
    s->body = cmd->params.body;
    when = s->ops->mail(s->owner, s, cmd, &say);
    server_asked(s, SERVER_ASK_MAIL, when, &say, now);
}

static void do_rcpt(struct smtp_server *s, const struct smtp_command *cmd, int64_t now)
{
    struct smtp_say say = {250, "2.1.5", NULL};
    enum smtp_now when;

    if (s->by_bdat) {
        server_say(s, 503, "5.5.1", "Message has begun");
        return;
    }
    if (s->config->rcpt_max && s->rcpts >= s->config->rcpt_max) {
        server_say(s, 452, "4.5.3", "Too many recipients");
        return;
    }
    when = s->ops->rcpt(s->owner, s, cmd, &say);
    server_asked(s, SERVER_ASK_RCPT, when, &say, now);
}

static void do_rset(struct smtp_server *s, const struct smtp_command *cmd, int64_t now)
{
    server_drop_mail(s);
    server_say(s, 250, "2.0.0", NULL);
}

static void do_noop(struct smtp_server *s, const struct smtp_command *cmd, int64_t now)
{
    server_say(s, 250, "2.0.0", NULL);
}

static void do_quit(struct smtp_server *s, const struct smtp_command *cmd, int64_t now)
{
    server_end(s, SMTP_END_QUIT, 221, "2.0.0", "Bye");
}

static void do_foreign(struct smtp_server *s, const struct smtp_command *cmd, int64_t now)
{
    server_end(s, SMTP_END_FOREIGN, 554, "5.5.1", "This is a mail server");
}

static void do_starttls(struct smtp_server *s, const struct smtp_command *cmd, int64_t now)
{
    server_say(s, 220, "2.0.0", "Ready to start TLS");
    if (s->state == SMTP_SERVER_CLOSED)
        return;
    s->state = SMTP_SERVER_TLS;
    s->deadline = server_later(now, s->config->wait_command);
}

static void do_auth(struct smtp_server *s, const struct smtp_command *cmd, int64_t now)
{
    struct smtp_say say = {504, "5.5.4", "Mechanism not recognized"};
    enum smtp_now when;

    if (s->authed) {
        server_say(s, 503, "5.5.1", "Logged in already");
        return;
    }
    when = s->ops->auth(s->owner, s, cmd->arg, true, &say);
    server_asked(s, SERVER_ASK_AUTH, when, &say, now);
}

static void do_other(struct smtp_server *s, const struct smtp_command *cmd, int64_t now)
{
    const struct smtp_fault fault = smtp_command_fault(SMTP_COMMAND_NOT_OFFERED, cmd);
    struct smtp_say say = {fault.code, fault.enhanced, fault.text};
    enum smtp_now when = SMTP_NOW;

    if (cmd->verb == SMTP_VERB_VRFY)
        say = (struct smtp_say){252, "2.5.2", "Cannot verify, send mail and see"};
    else if (cmd->verb == SMTP_VERB_HELP)
        say = (struct smtp_say){214, "2.0.0", s->config->help ? s->config->help : "See RFC 5321"};
    s->asked_verb = cmd->verb;
    if (s->ops->other)
        when = s->ops->other(s->owner, s, cmd, &say);
    server_asked(s, SERVER_ASK_OTHER, when, &say, now);
}

typedef void verb_fn(struct smtp_server *s, const struct smtp_command *cmd, int64_t now);

static verb_fn *const verbs[] = {
    [SMTP_VERB_AUTH] = do_auth,       [SMTP_VERB_BDAT] = server_bdat,
    [SMTP_VERB_DATA] = server_data,   [SMTP_VERB_EHLO] = do_hello,
    [SMTP_VERB_ETRN] = do_other,      [SMTP_VERB_EXPN] = do_other,
    [SMTP_VERB_HELO] = do_hello,      [SMTP_VERB_HELP] = do_other,
    [SMTP_VERB_MAIL] = do_mail,       [SMTP_VERB_NOOP] = do_noop,
    [SMTP_VERB_QUIT] = do_quit,       [SMTP_VERB_RCPT] = do_rcpt,
    [SMTP_VERB_RSET] = do_rset,       [SMTP_VERB_STARTTLS] = do_starttls,
    [SMTP_VERB_TURN] = do_other,      [SMTP_VERB_VRFY] = do_other,
    [SMTP_VERB_XCLIENT] = do_other,   [SMTP_VERB_XFORWARD] = do_other,
    [SMTP_VERB_FOREIGN] = do_foreign,
};

static void greeted(struct smtp_server *s, const struct smtp_say *say, int64_t now)
{
    if (say->code != 220) {
        server_end(s, SMTP_END_REFUSED, say->code, say->enhanced, say->text);
        return;
    }
    server_say_greeting(s, say);
    server_listen(s, now);
}

static void hello_answered(struct smtp_server *s, const struct smtp_say *say)
{
    if (say->code == 250) {
        server_say_hello(s, say);
        return;
    }
    server_forget_hello(s);
    s->esmtp = false;
    server_reply(s, say);
}

static void mail_answered(struct smtp_server *s, const struct smtp_say *say)
{
    s->in_mail = say->code < 300;
    if (!s->in_mail)
        forget_params(s);
    server_reply(s, say);
}

static void rcpt_answered(struct smtp_server *s, const struct smtp_say *say)
{
    if (say->code < 300)
        s->rcpts++;
    else
        s->rcpts_bad++;
    server_reply(s, say);
}

static void end_answered(struct smtp_server *s, const struct smtp_say *say)
{
    if (say->code < 300) {
        s->messages++;
        s->junk = 0;
    }
    /* In this order: the owner's words may stand in what its reset frees. */
    server_reply(s, say);
    server_drop_mail(s);
}

/* XCLIENT's 220 is a greeting: the session begins anew (Postfix XCLIENT_README). */
static void other_answered(struct smtp_server *s, const struct smtp_say *say)
{
    if (s->asked_verb == SMTP_VERB_XCLIENT && say->code == 220) {
        forget_client(s);
        server_say_greeting(s, say);
        return;
    }
    server_reply(s, say);
}

static void auth_answered(struct smtp_server *s, const struct smtp_say *say)
{
    s->authed = say->code == 235;
    server_reply(s, say);
    if (say->code == 334 && s->state != SMTP_SERVER_CLOSED)
        s->state = SMTP_SERVER_AUTH;
}

void server_answered(struct smtp_server *s, enum server_ask ask, const struct smtp_say *say,
                     int64_t now)
{
    s->asked = SERVER_ASK_NONE;
    server_listen(s, now);
    switch (ask) {
    case SERVER_ASK_NONE:
        assert(!"an answer to nothing");
        break;
    case SERVER_ASK_GREET:
        greeted(s, say, now);
        break;
    case SERVER_ASK_HELLO:
        hello_answered(s, say);
        break;
    case SERVER_ASK_MAIL:
        mail_answered(s, say);
        break;
    case SERVER_ASK_RCPT:
        rcpt_answered(s, say);
        break;
    case SERVER_ASK_DATA:
        server_data_answered(s, say, now);
        break;
    case SERVER_ASK_CHUNKS:
        server_chunks_answered(s, say, now);
        break;
    case SERVER_ASK_END:
        end_answered(s, say);
        break;
    case SERVER_ASK_OTHER:
        other_answered(s, say);
        break;
    case SERVER_ASK_AUTH:
        auth_answered(s, say);
        break;
    }
}

void server_auth_line(struct smtp_server *s, struct span line, int64_t now)
{
    struct smtp_say say = {501, "5.5.4", "Bad response"};
    enum smtp_now when;

    server_listen(s, now);
    if (span_eq(line, SPAN_LIT("*"))) {
        server_say(s, 501, "5.7.0", "Login cancelled");
        return;
    }
    when = s->ops->auth(s->owner, s, line, false, &say);
    server_asked(s, SERVER_ASK_AUTH, when, &say, now);
}

static const struct smtp_fault needs_tls = {530, "5.7.0", "Must issue a STARTTLS command first"};
static const struct smtp_fault needs_auth = {530, "5.7.0", "Authentication required"};
static const struct smtp_fault needs_hello = {503, "5.5.1", "Send HELO or EHLO first"};
static const struct smtp_fault needs_mail = {503, "5.5.1", "Need MAIL command"};
static const struct smtp_fault in_mail = {503, "5.5.1", "Not inside a mail transaction"};

/* False with *ret filled when the command can't be asked for in this state. */
static bool fits(const struct smtp_server *s, const struct smtp_command *cmd,
                 enum smtp_command_got got, struct smtp_fault *ret)
{
    unsigned flags = cmd->flags;

    *ret = smtp_command_fault(got, cmd);
    if (got == SMTP_COMMAND_UNKNOWN || got == SMTP_COMMAND_NOT_OFFERED || got == SMTP_COMMAND_BYTES)
        return false;
    if (s->config->tls_needed && !s->tls && !(flags & SMTP_BEFORE_TLS))
        *ret = needs_tls;
    else if (s->config->auth_needed && !s->authed && !(flags & SMTP_BEFORE_AUTH))
        *ret = needs_auth;
    else if ((flags & SMTP_NEEDS_HELLO) && !s->hello[0])
        *ret = needs_hello;
    else if ((flags & SMTP_NEEDS_MAIL) && !s->in_mail)
        *ret = needs_mail;
    else if ((flags & SMTP_NOT_IN_MAIL) && s->in_mail)
        *ret = in_mail;
    else
        return got == SMTP_COMMAND_OK;
    return false;
}

/* RFC 2920 §3.1: what may have more behind it. The octets of a chunk are part of BDAT. */
static bool out_of_turn(const struct smtp_server *s, const struct smtp_command *cmd)
{
    bool pipelines = s->esmtp && (server_offers(s) & SMTP_EXT_PIPELINING);

    if (cmd->verb == SMTP_VERB_BDAT)
        return false;
    return !pipelines || (cmd->flags & SMTP_GROUP_LAST);
}

/* False when the session is over. */
static bool keep_turns(struct smtp_server *s, const struct smtp_command *cmd)
{
    s->out_of_turn++;
    /* Behind STARTTLS even one octet is an injection: CVE-2011-0411. */
    if (cmd->verb == SMTP_VERB_STARTTLS || s->config->turns == SMTP_TURNS_STRICT) {
        server_end(s, SMTP_END_TURN, 554, "5.5.0", "Commands sent without waiting for a reply");
        return false;
    }
    return true;
}

static bool within_budget(struct smtp_server *s, const struct smtp_command *cmd)
{
    const struct smtp_server_config *c = s->config;

    s->commands++;
    s->junk += (cmd->flags & SMTP_JUNK) != 0;
    if ((c->command_max && s->commands > c->command_max) ||
        (c->junk_max && s->junk > c->junk_max)) {
        server_end(s, SMTP_END_ERRORS, 421, "4.7.0", "Too many commands");
        return false;
    }
    return true;
}

void server_command(struct smtp_server *s, struct span line, bool behind, int64_t now)
{
    struct smtp_command_rules rules = {
        .ext = s->esmtp ? server_offers(s) : 0,
        .utf8 = (s->params & SMTP_PARAM_SMTPUTF8) != 0,
        .any_path = s->config->any_path,
    };
    struct smtp_command cmd;
    struct smtp_fault fault;
    enum smtp_command_got got = smtp_command_parse(line, &rules, &cmd);

    server_listen(s, now);
    if (!within_budget(s, &cmd))
        return;
    if (behind && out_of_turn(s, &cmd) && !keep_turns(s, &cmd))
        return;
    if (fits(s, &cmd, got, &fault)) {
        verbs[cmd.verb](s, &cmd, now);
    } else if (cmd.verb == SMTP_VERB_BDAT && got == SMTP_COMMAND_SYNTAX) {
        /* How many octets follow is not known, and none of them may be read as a command. */
        server_end(s, SMTP_END_LINE, fault.code, fault.enhanced, fault.text);
    } else if (cmd.verb == SMTP_VERB_BDAT && cmd.arg.n) {
        struct smtp_say say = {fault.code, fault.enhanced, fault.text};

        server_bdat_refuse(s, &cmd, &say, now);
    } else {
        server_fault(s, &fault);
    }
}
