/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules and tables of OpenSMTPD, matched against one client. A sender in a table is "user@domain"
 * or "@domain": "domain" alone matches nobody. A condition that asks a table which is not here is
 * in doubt.
 */
#include "audit/mta_opensmtpd_priv.h"

static bool is(struct span s, const char *word)
{
    return span_eq(s, span_str(word));
}

/* --- tables ----------------------------------------------------------------------------------- */

static void note(struct smtpd *c, enum smtpd_key key, struct span item, bool regex,
                 struct audit_place place)
{
    const char *s = NULL;
    bool front, end;
    size_t *n = &c->found_count[key];

    if (!c->collect || item.n == 0 || *n >= SMTPD_CANDIDATES_MAX)
        return;
    if (regex) {
        s = unix_regex_sample(c->a, item, true, &front, &end);
        if (s && key == SMTPD_KEY_SENDER && !strchr(s, '@'))
            s = front ? audit_fmt(c->a, "user@%s", s) : audit_fmt(c->a, "%s@stranger.example", s);
    } else if (key == SMTPD_KEY_SENDER) {
        s = item.p[0] == '@' ? audit_fmt(c->a, "user%.*s", SPAN_ARG(item)) : audit_dup(c->a, item);
    } else if (item.p[0] == '*') {
        s = audit_fmt(c->a, "host%.*s", SPAN_ARG(span_slice(item, 1, item.n)));
    } else {
        s = audit_dup(c->a, item);
    }
    if (!s)
        return;
    if (s[0] == '.') /* the end of a name */
        s = audit_fmt(c->a, "a%s", s);
    for (size_t i = 0; i < *n; i++)
        if (strcmp(c->found[key][i].text, s) == 0)
            return;
    c->found[key][(*n)++] = (struct smtpd_candidate){s, place};
}

/* "*.example.org" and the like. */
static bool wild(struct span pattern, struct span s)
{
    size_t star = span_find(pattern, '*');

    if (star == pattern.n)
        return span_eq_nocase(pattern, s);
    return s.n + 1 >= pattern.n && span_starts_nocase(s, span_slice(pattern, 0, star)) &&
           span_ends_nocase(s, span_slice(pattern, star + 1, pattern.n));
}

static bool item_match(struct smtpd *c, enum smtpd_key key, struct span item, bool regex,
                       const struct smtpd_client *w, struct audit_place place)
{
    struct ip_prefix net;

    note(c, key, item, regex, place);
    switch (key) {
    case SMTPD_KEY_NET:
        if (is(item, "*") || is(item, "any"))
            return true;
        if (item.n > 0 && item.p[0] == '!') /* of no meaning in a table */
            return false;
        return unix_net(item, &net) && w->ip.family && ip_prefix_has(net, w->ip);
    case SMTPD_KEY_SENDER: {
        struct span sender = span_str(w->sender);
        size_t at = span_rfind(sender, '@');

        if (regex)
            return unix_regex(item, sender, true, NULL) == UNIX_MATCH_YES;
        if (item.n > 0 && item.p[0] == '@')
            return wild(span_slice(item, 1, item.n), span_slice(sender, at + 1, sender.n)) &&
                   at < sender.n;
        return span_find(item, '@') < item.n && wild(item, sender);
    }
    case SMTPD_KEY_HELO:
    case SMTPD_KEY_PTR:
    case SMTPD_KEY_DOMAIN: {
        const char *s = key == SMTPD_KEY_HELO ? w->helo : key == SMTPD_KEY_PTR ? w->ptr : w->domain;

        if (!s)
            return false;
        if (regex)
            return unix_regex(item, span_str(s), true, NULL) == UNIX_MATCH_YES;
        return wild(item, span_str(s));
    }
    case SMTPD_KEYS:
        break;
    }
    return false;
}

/* "x", "{ a, b }" or "<name>"; a file has one item a line. */
static enum smtpd_tri match(struct smtpd *c, enum smtpd_key key, struct span list, bool regex,
                            const struct smtpd_client *w, struct audit_place place)
{
    const struct smtpd_table *t = c->tables;
    struct audit_source_file f;
    struct audit_lines r;
    struct audit_line line;
    struct span item, path;
    enum smtpd_tri got = SMTPD_NO;

    if (list.n > 2 && list.p[0] == '<') {
        struct span name = span_slice(list, 1, list.n - 1);

        while (t && !span_eq(t->name, name))
            t = t->next;
        if (!t) {
            c->doubt = "names a table that is not there";
            return is(name, "localhost") || is(name, "localnames") ? SMTPD_NO : SMTPD_DOUBT;
        }
        /* smtpd.conf(5): a table holds values, no tables; one that names itself would never end. */
        if (c->in_table) {
            c->doubt = "names a table within a table";
            return SMTPD_DOUBT;
        }
        if (t->items.n > 0) {
            c->in_table = true;
            got = match(c, key, t->items, regex, w, t->place);
            c->in_table = false;
            return got;
        }
        path = t->source;
        if (span_starts(path, SPAN_LIT("file:")))
            path = span_slice(path, 5, path.n);
        else if (span_starts(path, SPAN_LIT("db:")))
            path = span_slice(path, 3, path.n - (span_ends_nocase(path, SPAN_LIT(".db")) ? 3 : 0));
        if (path.n == 0 || path.p[0] != '/' ||
            audit_text(c->a, audit_dup(c->a, path), &f) != AUDIT_FILE_OK) {
            c->doubt =
                audit_fmt(c->a, "asks the table %.*s, which is not here", SPAN_ARG(t->source));
            return SMTPD_DOUBT;
        }
        audit_lines_open(&r, c->a, AUDIT_LINES_PLAIN, &f);
        while (audit_lines_next(&r, &line)) {
            struct span s = line.text;

            if (s.p[0] != '#' && audit_word(&s, " \t:", false, &item) &&
                item_match(c, key,
                           span_find(line.text, ':') < line.text.n && key == SMTPD_KEY_NET
                               ? span_trim(line.text)
                               : item,
                           regex, w, (struct audit_place){f.name, line.first}))
                got = SMTPD_YES;
        }
        return got;
    }
    if (list.n > 0 && list.p[0] == '{') {
        list = span_slice(list, 1, list.n - 1);
        while (audit_word(&list, ", \t\n", false, &item)) {
            item = smtpd_unquoted(item);
            if (item.n > 1 && item.p[0] == '<' && key != SMTPD_KEYS) {
                enum smtpd_tri one = match(c, key, item, regex, w, place);

                got = one == SMTPD_YES || got == SMTPD_NO ? one : got;
            } else if (item_match(c, key, item, regex, w, place))
                got = SMTPD_YES;
        }
        return got;
    }
    return item_match(c, key, list, regex, w, place) ? SMTPD_YES : SMTPD_NO;
}

/* --- rules ------------------------------------------------------------------------------------ */

struct walk {
    struct smtpd *c;
    const struct smtpd_rule *r;
    const struct smtpd_client *w;
    size_t i;
    enum smtpd_tri t;
    bool from, to; /* were said */
};

static struct span next(struct walk *k)
{
    return k->i < k->r->count ? k->r->words[k->i++] : SPAN_NULL;
}

static bool take(struct walk *k, const char *word)
{
    if (k->i >= k->r->count || !is(k->r->words[k->i], word))
        return false;
    k->i++;
    return true;
}

static void and (struct walk * k, enum smtpd_tri t, bool negated)
{
    if (negated && t != SMTPD_DOUBT)
        t = t == SMTPD_YES ? SMTPD_NO : SMTPD_YES;
    if (t == SMTPD_NO || k->t == SMTPD_NO)
        k->t = SMTPD_NO;
    else if (t == SMTPD_DOUBT)
        k->t = SMTPD_DOUBT;
}

static void keyed(struct walk *k, enum smtpd_key key, bool negated)
{
    bool regex = take(k, "regex");

    and(k, match(k->c, key, next(k), regex, k->w, k->r->place), negated);
}

static void from(struct walk *k, bool negated)
{
    k->from = true;
    negated = take(k, "!") || negated;
    if (take(k, "any"))
        and(k, SMTPD_YES, negated);
    else if (take(k, "local") || take(k, "socket"))
        and(k, k->w->ip.family && ip_space(k->w->ip) == IP_LOOPBACK ? SMTPD_YES : SMTPD_NO,
            negated);
    else if (take(k, "auth"))
        and(k, k->w->login ? SMTPD_YES : SMTPD_NO, negated);
    else if (take(k, "mail-from"))
        keyed(k, SMTPD_KEY_SENDER, negated);
    else if (take(k, "rdns"))
        keyed(k, SMTPD_KEY_PTR, negated);
    else if (take(k, "src") || take(k, "source"))
        keyed(k, SMTPD_KEY_NET, negated);
    else
        keyed(k, SMTPD_KEY_NET, negated);
}

static void to(struct walk *k, bool negated)
{
    k->to = true;
    negated = take(k, "!") || negated;
    if (take(k, "any"))
        and(k, SMTPD_YES, negated);
    else if (take(k, "local"))
        and(k, SMTPD_NO, negated); /* the victim's domain is none of ours */
    else if (take(k, "rcpt-to"))
        and(k, take(k, "regex") ? SMTPD_DOUBT : (next(k), SMTPD_NO), negated);
    else {
        take(k, "domain");
        keyed(k, SMTPD_KEY_DOMAIN, negated);
    }
}

static void option(struct walk *k)
{
    bool negated = take(k, "!");

    if (take(k, "from")) {
        from(k, negated);
    } else if (take(k, "for")) {
        to(k, negated);
    } else if (take(k, "auth")) {
        and(k, k->w->login ? SMTPD_YES : SMTPD_NO, negated);
        if (k->i < k->r->count && k->r->words[k->i].n > 0 && strchr("<{", k->r->words[k->i].p[0]))
            k->i++;
    } else if (take(k, "helo")) {
        keyed(k, SMTPD_KEY_HELO, negated);
    } else if (take(k, "mail-from") || take(k, "sender")) {
        keyed(k, SMTPD_KEY_SENDER, negated);
    } else if (take(k, "rcpt-to")) {
        and(k, take(k, "regex") ? SMTPD_DOUBT : (next(k), SMTPD_NO), negated);
    } else if (take(k, "tag") || take(k, "tagged")) {
        if (take(k, "regex"))
            next(k);
        and(k, span_eq(next(k), span_str(k->w->tag)) ? SMTPD_YES : SMTPD_NO, negated);
    } else {
        k->i++; /* tls: any client can; action and what follows is looked at elsewhere */
    }
}

/* The method of the action that a rule names: "relay", "maildir", …; empty: it refuses. */
struct span smtpd_method(const struct smtpd *c, const struct smtpd_rule *r)
{
    for (size_t i = 1; i < r->count; i++) {
        if (is(r->words[i], "reject"))
            return SPAN_NULL;
        if (is(r->words[0], "accept") && (is(r->words[i], "relay") || is(r->words[i], "deliver")))
            return r->words[i];
        if (is(r->words[i], "action") && i + 1 < r->count) {
            for (const struct smtpd_action *act = c->actions; act; act = act->next)
                if (span_eq(act->name, r->words[i + 1]))
                    return act->method;
            return r->words[i + 1];
        }
    }
    return SPAN_NULL;
}

enum smtpd_tri smtpd_rule_matches(struct smtpd *c, const struct smtpd_rule *r,
                                  const struct smtpd_client *w)
{
    struct walk k = {.c = c, .r = r, .w = w, .i = 1, .t = SMTPD_YES};

    while (k.i < r->count && !is(r->words[k.i], "action") && !is(r->words[k.i], "deliver") &&
           !is(r->words[k.i], "relay"))
        option(&k);
    if (!k.from && !(w->ip.family && ip_space(w->ip) == IP_LOOPBACK))
        k.t = SMTPD_NO;
    if (!k.to)
        k.t = SMTPD_NO;
    return k.t;
}

/* The rule that lets the client relay; NULL: none. *ret_doubt: one that may. */
const struct smtpd_rule *smtpd_walk(struct smtpd *c, const struct smtpd_client *w,
                                    const struct smtpd_rule **ret_doubt)
{
    *ret_doubt = NULL;
    for (const struct smtpd_rule *r = c->rules; r; r = r->next) {
        struct span method = smtpd_method(c, r);
        enum smtpd_tri t = smtpd_rule_matches(c, r, w);

        if (t == SMTPD_DOUBT && is(method, "relay") && !*ret_doubt)
            *ret_doubt = r;
        if (t != SMTPD_YES)
            continue;
        return is(method, "relay") ? r : NULL;
    }
    return NULL;
}
