/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Facts that grant are taken from few attributes: client_address, sasl_username (which Postfix sets
 * only after a login), ccert_pubkey_fingerprint (of a key that the client has proved). A HELO name,
 * a client name or a sender is never looked at for a right.
 *
 * Postfix tells addresses without their quoting. The last @ ends the local part; whatever else is
 * in it goes into quotes again, and relay_decide() then refuses what some later hop could read as a
 * route. A source route is stripped by Postfix itself before we see the address.
 */
#include "policy/question.h"

#include "base/num.h"

#include <errno.h>
#include <stdio.h>

void question_init(struct question *q)
{
    *q = (struct question){.mail_text = BUF_INIT(POLICY_REQUEST_MAX),
                           .rcpt_text = BUF_INIT(POLICY_REQUEST_MAX)};
}

void question_deinit(struct question *q)
{
    buf_deinit(&q->mail_text);
    buf_deinit(&q->rcpt_text);
}

/* atext of RFC 5322 §3.2.3, and what RFC 6531 adds. */
static bool is_atext(char c)
{
    return ascii_is_alnum(c) || ((unsigned char)c & 0x80) ||
           (c && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_dot_string(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool dot = s.p[i] == '.';

        if (dot ? i == 0 || i + 1 == s.n || s.p[i - 1] == '.' : !is_atext(s.p[i]))
            return false;
    }
    return s.n > 0;
}

void question_path(struct span internal, struct buf *out)
{
    size_t at = span_rfind(internal, '@');
    struct span local = span_slice(internal, 0, at);

    buf_add_char(out, '<');
    if (internal.n == 0 || is_dot_string(local)) {
        buf_add(out, local);
    } else {
        buf_add_char(out, '"');
        for (size_t i = 0; i < local.n; i++) {
            if (local.p[i] == '"' || local.p[i] == '\\')
                buf_add_char(out, '\\');
            buf_add_char(out, local.p[i]);
        }
        buf_add_char(out, '"');
    }
    buf_add(out, span_slice(internal, at, internal.n));
    buf_add_char(out, '>');
}

enum relay_role question_role(enum question_role role, struct span port, struct span context)
{
    if (role == QUESTION_ROLE_MX)
        return RELAY_ROLE_MX;
    if (role == QUESTION_ROLE_SUBMISSION)
        return RELAY_ROLE_SUBMISSION;
    if (context.n)
        return span_eq_nocase(context, SPAN_LIT("submission")) ? RELAY_ROLE_SUBMISSION
                                                               : RELAY_ROLE_MX;
    return span_eq(port, SPAN_LIT("587")) || span_eq(port, SPAN_LIT("465")) ? RELAY_ROLE_SUBMISSION
                                                                            : RELAY_ROLE_MX;
}

/* "AB:CD:…" as hex digits. Another digest (Postfix's old MD5) can name no key of ours. */
static void take_cert(struct question *q, struct span fingerprint)
{
    size_t n = 0;

    q->cert[0] = '\0';
    for (size_t i = 0; i < fingerprint.n; i++) {
        char c = ascii_lower(fingerprint.p[i]);

        if (c == ':')
            continue;
        if (n == QUESTION_CERT || !(ascii_is_digit(c) || (c >= 'a' && c <= 'f')))
            return;
        q->cert[n++] = c;
    }
    if (n != QUESTION_CERT)
        return;
    q->cert[n] = '\0';
    q->client.cert = span_of(q->cert, n);
}

static enum question_ask ask_of(struct span state, struct span rcpt)
{
    if (span_eq(state, SPAN_LIT("RCPT")))
        return QUESTION_RECIPIENT;
    if (span_eq(state, SPAN_LIT("MAIL")))
        return QUESTION_SENDER;
    /* With one recipient Postfix still tells it; with more, nobody could say no to one of them. */
    if (span_eq(state, SPAN_LIT("DATA")) || span_eq(state, SPAN_LIT("BDAT")) ||
        span_eq(state, SPAN_LIT("END-OF-MESSAGE")))
        return rcpt.n ? QUESTION_RECIPIENT : QUESTION_BLIND;
    return QUESTION_NOTHING;
}

static bool has_8bit(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] & 0x80)
            return true;
    return false;
}

static void set_paths(struct question *q)
{
    q->mail.path = buf_span(&q->mail_text);
    q->rcpt = buf_span(&q->rcpt_text);
    /* An MTA that took 8-bit addresses was given SMTPUTF8; neither protocol tells it. */
    q->mail.smtputf8 = has_8bit(q->mail.path) || has_8bit(q->rcpt);
}

bool question_of_request(struct question *q, const struct policy_request *r,
                         enum question_role role)
{
    const struct span *v = r->values;

    q->client = (struct relay_client){
        .login = v[POLICY_SASL_USERNAME],
        .role = question_role(role, v[POLICY_SERVER_PORT], v[POLICY_CONTEXT]),
    };
    ip_parse(v[POLICY_CLIENT_ADDRESS], &q->client.ip);
    take_cert(q, v[POLICY_CCERT_KEY]);
    q->ask = ask_of(v[POLICY_STATE], v[POLICY_RECIPIENT]);
    buf_clear(&q->mail_text);
    buf_clear(&q->rcpt_text);
    question_path(v[POLICY_SENDER], &q->mail_text);
    question_path(v[POLICY_RECIPIENT], &q->rcpt_text);
    set_paths(q);
    return !q->mail_text.err && !q->rcpt_text.err;
}

static void bracketed(const char *path, struct buf *out)
{
    struct span s = span_str(path);

    buf_clear(out);
    if (s.n && s.p[0] == '<')
        buf_add(out, s);
    else
        buf_addf(out, "<%s>", path ? path : "");
}

bool question_paths(struct question *q, const char *mail, const char *rcpt)
{
    q->ask = rcpt ? QUESTION_RECIPIENT : QUESTION_SENDER;
    bracketed(mail, &q->mail_text);
    bracketed(rcpt, &q->rcpt_text);
    set_paths(q);
    return !q->mail_text.err && !q->rcpt_text.err;
}

bool question_decide(const struct question *q, const struct relay_policy *policy,
                     struct relay_decision *ret)
{
    switch (q->ask) {
    case QUESTION_NOTHING:
    case QUESTION_BLIND:
        return false;
    case QUESTION_SENDER:
        relay_decide_mail(policy, &q->client, &q->mail, ret);
        return true;
    case QUESTION_RECIPIENT:
        relay_decide(policy, &q->client, &q->mail, q->rcpt, ret);
        return true;
    }
    return false;
}

/* "<a@b>: " in front is left out: Postfix writes the address there itself. */
static struct span text_of(const struct relay_decision *d)
{
    struct span text = span_str(d->text);
    size_t end = span_find_nocase(text, SPAN_LIT(">: "));

    return text.n && text.p[0] == '<' && end < text.n ? span_slice(text, end + 3, text.n) : text;
}

void question_action(const struct relay_decision *d, char ret[QUESTION_ANSWER_MAX])
{
    const char *word = "DUNNO";
    struct span text;

    if (!d || d->answer == RELAY_TAKE) {
        snprintf(ret, QUESTION_ANSWER_MAX, "%s", word);
        return;
    }
    word = d->answer == RELAY_DEFER ? "DEFER_IF_PERMIT" : "REJECT";
    text = text_of(d);
    snprintf(ret, QUESTION_ANSWER_MAX, "%s %s %.*s", word, d->enhanced, SPAN_ARG(text));
    /* relay_decide() writes printable ASCII alone; an LF here would be a second answer. */
    for (char *p = ret; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = '?';
}
