/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One pass over the header section. A field is looked up by its name in a table; what it means is
 * a function of a few lines. Results of SPF and DKIM are taken from the topmost field only: those
 * below may be a stranger's, and judge.c looks at the place before it believes any.
 */
#include "trace/facts.h"

#include "base/buf.h"
#include "mail/header.h"
#include "trace/name.h"

#include <errno.h>

typedef void facts_fn(struct facts *f, struct span body, struct facts_mark mark);

static void on_from(struct facts *f, struct span body, struct facts_mark mark)
{
    if (f->from.n)
        return;
    f->from = header_address(body);
    f->from_domain = name_domain(f->from);
}

static void on_return_path(struct facts *f, struct span body, struct facts_mark mark)
{
    if (f->has_return_path)
        return;
    f->return_path = header_address(body);
    f->has_return_path = true;
}

static void on_list(struct facts *f, struct span body, struct facts_mark mark)
{
    if (f->list.line)
        return;
    f->list = mark;
    f->list_name = body;
}

static void on_to(struct facts *f, struct span body, struct facts_mark mark)
{
    if (!f->to.n)
        f->to = header_address(body);
}

static void on_sender(struct facts *f, struct span body, struct facts_mark mark)
{
    static const char *const ends[] = {"-admin", "-owner", "-bounces", "-request", "-bounce"};
    struct span local;

    if (f->sender.n)
        return;
    f->sender = header_address(body);
    local = span_slice(f->sender, 0, span_find(f->sender, '@'));
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (span_ends_nocase(local, span_str(ends[i])))
            on_list(f, f->sender, mark);
    if (span_starts_nocase(local, SPAN_LIT("owner-")))
        on_list(f, f->sender, mark);
}

static void on_reply_to(struct facts *f, struct span body, struct facts_mark mark)
{
    if (!f->reply_to.n)
        f->reply_to = header_address(body);
}

/*
 * "<00005d81258a$00006d51$000022f1@host>": Outlook's form, made by a spamming program that forgets
 * that the first number holds the time and the others are not small.
 */
static bool is_ratware(struct span id)
{
    static const unsigned char widths[3] = {12, 8, 8};
    size_t at = 1;

    if (id.n < 33 || id.p[0] != '<')
        return false;
    for (size_t g = 0; g < 3; g++) {
        struct span part = span_slice(id, at, at + widths[g]);

        for (size_t i = 0; i < part.n; i++)
            if (!ascii_is_digit(part.p[i]) && (part.p[i] < 'a' || part.p[i] > 'f'))
                return false;
        if (!span_starts(part, SPAN_LIT("0000")) || id.p[at + widths[g]] != (g < 2 ? '$' : '@'))
            return false;
        at += widths[g] + 1u;
    }
    return true;
}

static void on_message_id(struct facts *f, struct span body, struct facts_mark mark)
{
    if (f->message_id.n)
        return;
    f->message_id = body;
    f->ratware = is_ratware(body);
    f->zimbra = span_has_nocase(body, SPAN_LIT("JavaMail.zimbra@")) ||
                span_has_nocase(body, SPAN_LIT(".JavaMail.root@"));
}

static void on_mailer(struct facts *f, struct span body, struct facts_mark mark)
{
    static const char *const programs[] = {
        "Mozilla",  "Sylpheed", "KMail", "Evolution",    "Ximian",   "Mutt",        "Apple Mail",
        "QUALCOMM", "Pegasus",  "exmh",  "VM ",          "Gnus",     "Lotus Notes", "Mulberry",
        "Claws",    "Turnpike", "Mew ",  "SquirrelMail", "Entourage"};

    if (f->mailer.n)
        return;
    f->mailer = body;
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        f->has_agent |= span_has_nocase(span_slice(body, 0, 80), span_str(programs[i]));
    if (span_has_nocase(body, SPAN_LIT("PHP")))
        f->script = mark;
}

static void on_agent(struct facts *f, struct span body, struct facts_mark mark)
{
    f->has_agent = !span_has_nocase(body, SPAN_LIT("AppleWebKit")); /* a browser is none */
}

static void on_refers(struct facts *f, struct span body, struct facts_mark mark)
{
    f->refers |= span_find(body, '<') < body.n;
}

/* "Account check,192.0.2.7": those who look for relays write the relay's address there. */
static void on_subject(struct facts *f, struct span body, struct facts_mark mark)
{
    size_t at = 0;

    f->subject = body;
    f->spam |= span_starts(body, SPAN_LIT("ADV:")); /* some laws asked for it */
    while (at < body.n && f->probe_ip.family == IP_NONE) {
        size_t to = at;

        while (to < body.n && (ascii_is_digit(body.p[to]) || body.p[to] == '.'))
            to++;
        if (to - at >= 7 && !ip_parse(span_slice(body, at, to), &f->probe_ip))
            f->probe_ip = (struct ip){0};
        at = to > at ? to : at + 1;
    }
}

static void on_precedence(struct facts *f, struct span body, struct facts_mark mark)
{
    f->bulk |=
        span_starts_nocase(body, SPAN_LIT("bulk")) || span_starts_nocase(body, SPAN_LIT("list"));
}

static void on_bulk(struct facts *f, struct span body, struct facts_mark mark)
{
    f->bulk = true;
}

static void on_forward(struct facts *f, struct span body, struct facts_mark mark)
{
    if (!f->forward.line)
        f->forward = mark;
}

static void on_delivered(struct facts *f, struct span body, struct facts_mark mark)
{
    f->delivered_to++;
}

static void on_type(struct facts *f, struct span body, struct facts_mark mark)
{
    f->report |= span_starts_nocase(body, SPAN_LIT("multipart/report"));
}

static void on_login(struct facts *f, struct span body, struct facts_mark mark)
{
    if (!f->login.line && body.n && !span_eq_nocase(body, SPAN_LIT("no")))
        f->login = mark;
}

/* cPanel: "host: authenticated_id: user@example.org" or "host: user/from_h". */
static void on_sender_via(struct facts *f, struct span body, struct facts_mark mark)
{
    if (span_has_nocase(body, SPAN_LIT("authenticated_id")))
        on_login(f, body, mark);
    else if (!f->script.line)
        f->script = mark;
}

static void on_script(struct facts *f, struct span body, struct facts_mark mark)
{
    if (!f->script.line && body.n)
        f->script = mark;
}

static void on_wall(struct facts *f, struct span body, struct facts_mark mark)
{
    if (!f->wall.line)
        f->wall = mark;
}

static void on_origin(struct facts *f, struct span body, struct facts_mark mark)
{
    uint16_t port;

    if (f->origin.line)
        return;
    if (body.n && body.p[0] == '[')
        body = span_slice(body, 1, span_find(body, ']'));
    if (received_ip(span_trim(body), &f->origin_ip, &port))
        f->origin = mark;
}

static enum facts_spf spf_of(struct span s)
{
    if (span_starts_nocase(s, SPAN_LIT("pass")))
        return FACTS_SPF_PASS;
    if (span_starts_nocase(s, SPAN_LIT("soft")))
        return FACTS_SPF_SOFT;
    if (span_starts_nocase(s, SPAN_LIT("fail")) || span_starts_nocase(s, SPAN_LIT("hardfail")))
        return FACTS_SPF_FAIL;
    return FACTS_SPF_NONE;
}

static void on_spf(struct facts *f, struct span body, struct facts_mark mark)
{
    if (f->spf.line)
        return;
    f->spf = mark;
    f->spf_result = spf_of(body);
}

static struct span value_at(struct span s, size_t at)
{
    size_t to = at;

    while (to < s.n && !memchr(" \t\r\n;,", s.p[to], 6))
        to++;
    return span_slice(s, at, to);
}

/* RFC 8601 §2.2: "dkim=pass header.d=example.org", one after the other. */
static void on_results(struct facts *f, struct span body, struct facts_mark mark)
{
    struct span rest = body, part;
    size_t at = span_find_nocase(body, SPAN_LIT("spf="));

    if (at < body.n)
        on_spf(f, span_slice(body, at + 4, body.n), mark);
    at = span_find_nocase(body, SPAN_LIT("dmarc="));
    if (at < body.n && !f->dmarc_pass && !f->dmarc_fail) {
        f->dmarc_pass = span_starts_nocase(span_slice(body, at + 6, body.n), SPAN_LIT("pass"));
        f->dmarc_fail = span_starts_nocase(span_slice(body, at + 6, body.n), SPAN_LIT("fail"));
    }
    while (span_cut(&rest, ';', &part)) {
        size_t d = span_find_nocase(part, SPAN_LIT("header.d="));

        if (d == part.n)
            d = span_find_nocase(part, SPAN_LIT("header.i="));
        if (d == part.n || !span_has_nocase(part, SPAN_LIT("dkim=pass")) ||
            f->dkim_count == TRACE_DOMAINS_MAX)
            continue;
        part = value_at(part, d + 9);
        d = span_rfind(part, '@');
        f->dkim_pass[f->dkim_count++] = d < part.n ? span_slice(part, d + 1, part.n) : part;
    }
}

static void on_spam_flag(struct facts *f, struct span body, struct facts_mark mark)
{
    f->spam |= span_starts_nocase(body, SPAN_LIT("yes"));
    f->ham |= span_starts_nocase(body, SPAN_LIT("no"));
}

/* Microsoft's: "CIP:…;SCL:5;…;CAT:PHSH;…" */
static void on_antispam(struct facts *f, struct span body, struct facts_mark mark)
{
    size_t at = span_find_nocase(body, SPAN_LIT("SCL:"));

    if (at + 4 < body.n && body.p[at + 4] >= '5' && body.p[at + 4] <= '9')
        f->spam = true;
}

static void on_scl(struct facts *f, struct span body, struct facts_mark mark)
{
    f->spam |= body.n == 1 && body.p[0] >= '5' && body.p[0] <= '9';
}

static const struct {
    struct span name;
    facts_fn *fn;
} fields[] = {
    {SPAN_LIT("From"), on_from},
    {SPAN_LIT("Return-Path"), on_return_path},
    {SPAN_LIT("To"), on_to},
    {SPAN_LIT("Sender"), on_sender},
    {SPAN_LIT("Reply-To"), on_reply_to},
    {SPAN_LIT("Message-ID"), on_message_id},
    {SPAN_LIT("X-Mailer"), on_mailer},
    {SPAN_LIT("User-Agent"), on_agent},
    {SPAN_LIT("In-Reply-To"), on_refers},
    {SPAN_LIT("References"), on_refers},
    {SPAN_LIT("Subject"), on_subject},
    {SPAN_LIT("List-Id"), on_list},
    {SPAN_LIT("X-BeenThere"), on_list},
    {SPAN_LIT("List-Post"), on_list},
    {SPAN_LIT("X-Mailing-List"), on_list},
    {SPAN_LIT("X-Loop"), on_list},
    {SPAN_LIT("Mailing-List"), on_list},
    {SPAN_LIT("X-List-Received-Date"), on_list},
    {SPAN_LIT("Precedence"), on_precedence},
    {SPAN_LIT("List-Unsubscribe"), on_bulk},
    {SPAN_LIT("Resent-From"), on_forward},
    {SPAN_LIT("Resent-Sender"), on_forward},
    {SPAN_LIT("X-Forwarded-To"), on_forward},
    {SPAN_LIT("X-Forwarded-For"), on_forward},
    {SPAN_LIT("Delivered-To"), on_delivered},
    {SPAN_LIT("Content-Type"), on_type},
    {SPAN_LIT("X-Authenticated-Sender"), on_login},
    {SPAN_LIT("X-Authenticated-User"), on_login},
    {SPAN_LIT("X-Authenticated-By"), on_login},
    {SPAN_LIT("X-Authenticated"), on_login},
    {SPAN_LIT("X-Authenticated-Id"), on_login},
    {SPAN_LIT("X-Authenticated-As"), on_login},
    {SPAN_LIT("X-AuthUser"), on_login},
    {SPAN_LIT("X-Auth-ID"), on_login},
    {SPAN_LIT("X-Auth-User"), on_login},
    {SPAN_LIT("X-FEAS-AUTH-USER"), on_login},
    {SPAN_LIT("X-Virus-Scanned-User"), on_login},
    {SPAN_LIT("X-SMTP-Auth-User"), on_login},
    {SPAN_LIT("X-Get-Message-Sender-Via"), on_sender_via},
    {SPAN_LIT("X-PHP-Originating-Script"), on_script},
    {SPAN_LIT("X-PHP-Script"), on_script},
    {SPAN_LIT("X-Source-Dir"), on_script},
    {SPAN_LIT("X-CGI-Script"), on_script},
    {SPAN_LIT("X-Originating-IP"), on_origin},
    {SPAN_LIT("X-ASG-Debug-ID"), on_wall},
    {SPAN_LIT("X-Barracuda-Connect"), on_wall},
    {SPAN_LIT("X-Barracuda-Envelope-From"), on_wall},
    {SPAN_LIT("Received-SPF"), on_spf},
    {SPAN_LIT("Authentication-Results"), on_results},
    {SPAN_LIT("X-Spam-Flag"), on_spam_flag},
    {SPAN_LIT("X-Spam-Status"), on_spam_flag},
    {SPAN_LIT("X-Forefront-Antispam-Report"), on_antispam},
    {SPAN_LIT("X-MS-Exchange-Organization-SCL"), on_scl},
};

static int add_hop(struct trace *t, const struct header_field *field)
{
    struct trace_hop *hop;

    if (t->count == TRACE_HOPS_MAX) {
        t->left_out++;
        return 0;
    }
    if (array_grow(&t->hops, &t->cap, sizeof(t->hops[0]), t->count + 1) < 0)
        return -ENOMEM;
    hop = &t->hops[t->count++];
    *hop = (struct trace_hop){.line = field->line};
    received_parse(field->body, &hop->r);
    return 0;
}

/*
 * A Barracuda's line does not name its writer, but has an id of sixteen letters and digits, and the
 * fields that go with it stand right above or below.
 */
static void name_wall(struct trace *t, const struct facts *f)
{
    for (size_t k = f->wall.place ? f->wall.place - 1 : 0; k <= f->wall.place && k < t->count;
         k++) {
        struct received *r = &t->hops[k].r;
        bool fits = r->writer == RECEIVED_BY_UNKNOWN && r->id.n == 16 && r->ip.family != IP_NONE;

        for (size_t i = 0; fits && i < r->id.n; i++)
            fits = ascii_is_alnum(r->id.p[i]);
        if (fits) {
            r->writer = RECEIVED_BY_BARRACUDA;
            return;
        }
    }
}

int facts_read(struct span message, struct trace *t, struct facts *f)
{
    struct header_iter it;
    struct header_field field;

    *f = (struct facts){0};
    header_open(&it, message);
    while (header_next(&it, &field) == HEADER_FIELD) {
        const struct facts_mark mark = {t->count, field.line, field.body};

        if (span_eq_nocase(field.name, SPAN_LIT("Received"))) {
            if (add_hop(t, &field) < 0)
                return -ENOMEM;
            continue;
        }
        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
            if (fields[i].name.n == field.name.n && span_eq_nocase(field.name, fields[i].name)) {
                fields[i].fn(f, field.body, mark);
                break;
            }
        }
    }
    if (f->wall.line)
        name_wall(t, f);
    if (!f->list.line && f->bulk && f->delivered_to > 2)
        f->forward.line = 1;
    return 0;
}
