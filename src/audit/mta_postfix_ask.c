/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Access tables: with which keys each kind is asked, and what its answers do (access(5)).
 */
#include "audit/mta_postfix_walk.h"

/* A fingerprint that nobody's key has. */
#define SOME_PRINT "00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f"

/* --- tables ----------------------------------------------------------------------------------- */

struct question {
    struct pf_walking *w;
    const struct pf_table *t;
    struct pf_found found;
    enum pf_hit hit;
};

static bool ask(struct question *q, struct span key)
{
    enum pf_hit hit = pf_lookup(q->w->c, q->t, key, &q->found);

    if (hit != PF_MISS)
        q->hit = hit;
    return hit == PF_HIT;
}

/* A name and its parents: "a.b.c", then "b.c", "c", or ".b.c", ".c" by the style. */
static bool ask_domain(struct question *q, struct span name)
{
    bool parent = pf_parent_style(q->w->c, "smtpd_access_maps");
    struct ip ip;

    for (;;) {
        size_t dot;

        if (name.n == 0 || ask(q, name))
            return name.n > 0;
        if (!pf_table_fixed(q->t) || ip_parse(name, &ip))
            return false;
        dot = span_find(span_slice(name, 1, name.n), '.') + 1;
        if (dot >= name.n)
            return false;
        name = span_slice(name, dot + parent, name.n);
    }
}

static bool ask_address(struct question *q, struct ip ip)
{
    char text[IP_TEXT_MAX];
    struct span s = span_str(ip_text(ip, text));
    char delim = ip.family == IP_V4 ? '.' : ':';

    for (;;) {
        size_t at;

        if (ask(q, s))
            return true;
        if (!pf_table_fixed(q->t))
            return false;
        at = span_rfind(s, delim);
        if (at >= s.n)
            return false;
        s = span_slice(s, 0, at);
    }
}

/* "user@domain", the domain and its parents, "user@". */
static bool ask_mail(struct question *q, struct span address)
{
    size_t at = span_rfind(address, '@');

    if (ask(q, address))
        return true;
    if (!pf_table_fixed(q->t) || at >= address.n)
        return false;
    return ask_domain(q, span_slice(address, at + 1, address.n)) ||
           ask(q, span_slice(address, 0, at + 1));
}

static bool ask_sender(struct question *q)
{
    const char *mail = q->w->who->mail;

    if (!*mail)
        return ask(q, span_trim(pf_value(q->w->c, "smtpd_null_access_lookup_key").s));
    return ask_mail(q, pf_resolve(q->w->c, &q->w->l->domains, span_str(mail)).address);
}

static bool all_digits(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_digit(s.p[i]))
            return false;
    return s.n > 0;
}

/* What the right side of an access table does: access(5). */
static enum pf_status result(struct pf_walking *w, struct span value, const struct pf_word *at,
                             enum pf_why why, enum pf_action implied)
{
    static const char *const passing[] = {"dunno",           "hold",  "filter", "redirect",
                                          "prepend",         "bcc",   "info",   "warn",
                                          "defer_if_reject", "delay", "chat",   NULL};
    struct span rest = value, first;
    struct pf_text text = {.s = value};
    struct pf_words words;
    struct pf_seg seg = {0, at->place};
    enum pf_status s;

    if (!audit_word(&rest, " \t", false, &first))
        return pf_granted(w, why, at);
    for (size_t i = 0; passing[i]; i++)
        if (span_eq_nocase(first, span_str(passing[i])))
            return PF_DUNNO;
    if (span_eq_nocase(first, SPAN_LIT("ok")) || span_eq_nocase(first, SPAN_LIT("relay")) ||
        all_digits(value))
        return pf_granted(w, why, at);
    if (span_eq_nocase(first, SPAN_LIT("reject")) || span_eq_nocase(first, SPAN_LIT("defer")) ||
        (first.n == 3 && all_digits(first) && (first.p[0] == '4' || first.p[0] == '5')))
        return pf_refused(w, at->place);
    if (span_eq_nocase(first, SPAN_LIT("hangup")))
        return PF_NO;
    if (span_eq_nocase(first, SPAN_LIT("discard")))
        return PF_DROP;
    if (span_eq_nocase(first, SPAN_LIT("defer_if_permit"))) {
        w->defer = w->defer || !w->warn;
        return PF_DUNNO;
    }
    if (span_find(value, ':') < value.n) /* "do not specify lookup tables inside": 451 */
        return pf_refused(w, at->place);
    text.segs = &seg;
    text.count = 1;
    words = pf_words(w->c, &text);
    s = pf_walk_words(w, &words, implied);
    if (s == PF_OK)
        pf_note(w, why, at->place, at->s);
    return s;
}

/* Of whom the table was asked. */
enum pf_why pf_table_why(enum pf_action action, const struct pf_client *who)
{
    switch ((int)action) {
    case A_TABLE_SENDER:
        return PF_WHY_SENDER;
    case A_TABLE_HELO:
        return PF_WHY_HELO;
    case A_TABLE_RCPT:
        return PF_WHY_RCPT;
    case A_TABLE_CERT:
        return PF_WHY_CERT;
    case A_TABLE_SASL:
        return PF_WHY_LOGIN;
    default:
        return who->name && strcmp(who->name, "unknown") != 0 ? PF_WHY_PTR : PF_WHY_CLIENT;
    }
}

static bool question(struct question *q, enum pf_action action)
{
    const struct pf_client *who = q->w->who;

    switch ((int)action) {
    case A_TABLE_CLIENT:
    case A_TABLE_REVERSE:
        return ask_domain(q, span_str(who->name)) || ask_address(q, who->ip);
    case A_TABLE_HELO:
        return ask_domain(q, span_str(who->helo));
    case A_TABLE_SENDER:
        return ask_sender(q);
    case A_TABLE_RCPT:
        return ask_mail(q, q->w->dest.address);
    case A_TABLE_CERT:
        return who->cert && ask(q, span_str(SOME_PRINT));
    case A_TABLE_SASL:
        return who->login && ask(q, SPAN_LIT("user"));
    default:
        return false;
    }
}

enum pf_status pf_by_table(struct pf_walking *w, enum pf_action action, const struct pf_word *spec,
                           enum pf_action implied)
{
    struct question q = {.w = w};
    struct span name = spec->s;
    struct pf_word at = *spec;
    enum pf_status s;

    if (action == A_TABLE_SERVER || action == A_TABLE_ETRN)
        return PF_DUNNO;
    if (name.n > 1 && name.p[0] == '{') { /* { type:name, search_order = … } */
        struct span rest = span_slice(name, 1, name.n - 1);

        if (!audit_word(&rest, ", \t\r\n", true, &name))
            return pf_refused(w, spec->place);
    }
    if (!pf_is_table(name))
        return pf_refused(w, spec->place);
    q.t = pf_table(w->c, name, spec->place);
    if (!question(&q, action)) {
        if (q.t->kind == PF_TABLE_FAIL)
            return pf_refused(w, spec->place);
        /* Recipients and addresses in a database are the operator's; senders may be anyone's. */
        if (q.hit != PF_MAYBE || ((action == A_TABLE_RCPT || action == A_TABLE_CLIENT ||
                                   action == A_TABLE_CERT || action == A_TABLE_SASL) &&
                                  !q.t->file))
            return PF_DUNNO;
        return pf_maybe(w, &at);
    }
    at.place = q.found.place;
    s = result(w, q.found.value, &at, pf_table_why(action, w->who), implied);
    if (s == PF_OK &&
        action == A_TABLE_REVERSE) /* "this is not allowed for security reasons": 451 */
        return pf_refused(w, spec->place);
    if (s == PF_OK && action == A_TABLE_RCPT && w->dest.routed &&
        !pf_yes(w->c, "allow_untrusted_routing"))
        return PF_DUNNO;
    return s;
}

enum pf_hit pf_ask_owner(struct pf_walking *w, const struct pf_table *t, struct span address)
{
    struct question q = {.w = w, .t = t};
    size_t at = span_rfind(address, '@');

    if (ask_mail(&q, address) || (at < address.n && ask(&q, span_slice(address, at, address.n))))
        return PF_HIT;
    return q.hit;
}

bool pf_ask_cert(struct pf_walking *w, const struct pf_table *t)
{
    struct question q = {.w = w, .t = t};

    return ask(&q, span_str(SOME_PRINT));
}
