/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lines as Postfix' daemons write them, for tools that know those. The parts that such tools read:
 *
 *     smtpd: connect from NAME[ADDR]
 *     smtpd: NOQUEUE: reject: RCPT from NAME[ADDR]: 554 5.7.1 <a@b>: text; from=<f> to=<t>
 *            proto=ESMTP helo=<h>
 *     smtpd: warning: NAME[ADDR]: SASL PLAIN authentication failed: text, sasl_username=user
 *     smtpd: lost connection after RCPT from NAME[ADDR]          (timeout, too many errors, …)
 *     smtpd: disconnect from NAME[ADDR] mail=1 rcpt=0/1 commands=3/4
 *     smtpd: ID: client=NAME[ADDR], sasl_method=…, sasl_username=…
 *     qmgr:  ID: from=<f>, size=n, nrcpt=n (queue active)
 *     smtp:  ID: to=<t>, relay=R, delay=s, delays=0/0/0/s, dsn=2.0.0, status=sent (250 text)
 *     qmgr:  ID: removed
 *
 * A rule of fail2ban finds the client by the first "[…]" behind "from": so a name that was looked
 * up is cleaned of all but letters, digits, dots and hyphens.
 */
#include "gate/logline_priv.h"

enum { NAME_MAX_SHOWN = 100 };

void logline_clean(struct span s, struct buf *out)
{
    static const struct span odd = {"<>[]()\"\\;,=", 11};

    for (size_t i = 0; i < s.n && i < LOGLINE_TEXT_MAX; i++) {
        char c = s.p[i];

        if (c < 32 || c > 126)
            buf_add_char(out, '?');
        else
            buf_add_char(out, c == ' ' || span_find(odd, c) < odd.n ? '_' : c);
    }
    if (s.n > LOGLINE_TEXT_MAX)
        buf_add_str(out, "...");
}

/* A reply's text: blanks and brackets stay, for rules look for words; nothing ends it early. */
static void add_reply(struct buf *out, struct span s, bool ours)
{
    for (size_t i = 0; i < s.n && i < LOGLINE_TEXT_MAX; i++) {
        char c = s.p[i];

        if (c < 32 || c > 126)
            c = c == '\n' ? ' ' : '?';
        buf_add_char(out, c == ';' && !ours ? ',' : c);
    }
}

void logline_client(const struct gate_client *c, struct buf *out)
{
    struct span name = span_str(c->name_ok ? c->name : "");
    char text[IP_TEXT_MAX];

    for (size_t i = 0; i < name.n && i < NAME_MAX_SHOWN; i++) {
        bool fine = ascii_is_alnum(name.p[i]) || name.p[i] == '.' || name.p[i] == '-';

        buf_add_char(out, fine ? name.p[i] : '_');
    }
    buf_addf(out, "%s[%s]", name.n ? "" : "unknown", ip_text(c->ip, text));
}

static void add_path(struct buf *out, const char *key, struct span s)
{
    buf_addf(out, "%s=<", key);
    logline_clean(s, out);
    buf_add_char(out, '>');
}

/* "done/tried" as Postfix counts, or nothing when none was tried. */
static void add_tally(struct buf *out, const char *key, unsigned done, unsigned tried)
{
    if (!tried)
        return;
    if (done == tried)
        buf_addf(out, " %s=%u", key, done);
    else
        buf_addf(out, " %s=%u/%u", key, done, tried);
}

void logline_postfix_connect(const struct gate_client *c, struct buf *out)
{
    buf_add_str(out, "smtpd: connect from ");
    logline_client(c, out);
}

/* What Postfix says when a session did not end by QUIT; NULL for one that did. */
static const char *fault_of(struct span end)
{
    static const struct {
        const char *end, *text;
    } faults[] = {
        {"quit", NULL},
        {"refused", NULL},
        {"timeout", "timeout"},
        {"errors", "too many errors"},
        {"turn", "improper command pipelining"},
    };

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        if (span_eq(end, span_str(faults[i].end)))
            return faults[i].text;
    return "lost connection";
}

void logline_postfix_session(const struct logline_session *s, struct buf *out)
{
    const char *fault = fault_of(span_str(s->end));

    if (fault) {
        buf_addf(out, "smtpd: %s after ", fault);
        if (s->last.n)
            logline_clean(s->last, out);
        else
            buf_add_str(out, "CONNECT");
        buf_add_str(out, " from ");
        logline_client(s->client, out);
        buf_add_char(out, '\n');
    }
    buf_add_str(out, "smtpd: disconnect from ");
    logline_client(s->client, out);
    add_tally(out, "mail", s->mails, s->mails);
    add_tally(out, "rcpt", s->rcpts, s->rcpts + s->rcpts_refused);
    add_tally(out, "data", s->messages, s->messages);
    if (s->client->login[0])
        add_tally(out, "auth", 1, s->auths_failed + 1);
    else
        add_tally(out, "auth", 0, s->auths_failed);
    add_tally(out, "commands", s->commands - (s->errors < s->commands ? s->errors : s->commands),
              s->commands);
}

void logline_postfix_refusal(const struct logline_refusal *r, struct buf *out)
{
    buf_addf(out, "smtpd: NOQUEUE: reject: %s from ", r->verb);
    logline_client(r->client, out);
    buf_addf(out, ": %u ", r->code);
    add_reply(out, r->reply, r->ours);
    buf_add_char(out, ';');
    if (r->from.n || r->rcpt.n) {
        add_path(out, " from", r->from);
        add_path(out, " to", r->rcpt);
    }
    buf_addf(out, " proto=%s", r->client->esmtp ? "ESMTP" : "SMTP");
    if (r->client->helo[0])
        add_path(out, " helo", span_str(r->client->helo));
}

void logline_postfix_login_failed(const struct logline_login *l, struct buf *out)
{
    buf_add_str(out, "smtpd: warning: ");
    logline_client(l->client, out);
    buf_add_str(out, ": SASL ");
    logline_clean(span_str(l->mech), out);
    buf_add_str(out, " authentication failed: ");
    add_reply(out, span_str(l->why), false);
    if (l->user.n) {
        buf_add_str(out, ", sasl_username=");
        logline_clean(l->user, out);
    }
}

/* Queue ids there are letters and digits. */
static void add_id(struct buf *out, const char *program, const char *id)
{
    buf_addf(out, "%s: ", program);
    for (const char *p = id; *p; p++)
        buf_add_char(out, ascii_is_alnum(*p) ? *p : 'x');
    buf_add_str(out, ": ");
}

static void add_delivery(const struct logline_mail *m, struct span rcpt, struct buf *out)
{
    static const char *const words[] = {"bounced", "deferred", "sent"};
    unsigned class = m->code >= 500 ? 0 : m->code >= 200 && m->code < 300 ? 2 : 1;
    double seconds = (double)m->ms / 1000;

    add_id(out, "smtp", m->id);
    add_path(out, "to", rcpt);
    buf_addf(out, ", relay=%s, delay=%.2f, delays=0/0/0/%.2f, dsn=%u.0.0, status=%s (",
             m->backend && m->backend[0] ? m->backend : "none", seconds, seconds,
             class == 0   ? 5U
             : class == 2 ? 2U
                          : 4U,
             words[class]);
    if (m->code)
        buf_addf(out, "%u ", m->code);
    add_reply(out, m->reply.n ? m->reply : span_str(m->result), false);
    buf_add_str(out, ")\n");
}

/* A transaction without a reply to its data leaves only its client line: nothing was in a queue. */
void logline_postfix_mail(const struct logline_mail *m, struct buf *out)
{
    add_id(out, "smtpd", m->id);
    buf_add_str(out, "client=");
    logline_client(m->client, out);
    if (m->client->login[0]) {
        buf_add_str(out, ", sasl_method=PLAIN, sasl_username=");
        logline_clean(span_str(m->client->login), out);
    }
    if (!m->code || !m->rcpt_count)
        return;
    buf_add_char(out, '\n');
    add_id(out, "qmgr", m->id);
    add_path(out, "from", m->from);
    buf_addf(out, ", size=%llu, nrcpt=%u (queue active)\n", (unsigned long long)m->size,
             m->rcpt_count);
    for (unsigned i = 0; i < m->rcpt_named && i < LOGLINE_RCPTS; i++)
        add_delivery(m, m->rcpts[i], out);
    add_id(out, "qmgr", m->id);
    buf_add_str(out, "removed");
}
