/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Stalwart's expressions, worked out for one client: && and ||, !, parentheses, and the comparisons
 * that decide about relaying. What is not known here is in doubt.
 */
#include "audit/mta_stalwart_priv.h"

#include "base/num.h"

/* --- expressions ------------------------------------------------------------------------------ */

struct cursor {
    struct span s;
    struct stalwart_asker *w;
    unsigned depth;
};

static enum stalwart_tri or_term(struct cursor *c);

static void blank(struct cursor *c)
{
    c->s = span_trim(c->s);
}

static enum stalwart_tri negated(enum stalwart_tri t)
{
    return t == STALWART_DOUBT ? STALWART_DOUBT : t == STALWART_YES ? STALWART_NO : STALWART_YES;
}

/* The text between quotes, or the first word. */
struct span stalwart_literal(struct span s)
{
    size_t quote = span_find(s, '\'') < s.n ? span_find(s, '\'') : span_find(s, '"');

    if (quote == s.n)
        return SPAN_NULL;
    return span_slice(s, quote + 1,
                      quote + 1 + span_find(span_slice(s, quote + 1, s.n), s.p[quote]));
}

/* Addresses in an expression are trusted networks. */
static void note_nets(struct stalwart_asker *w, struct span s)
{
    while (w->collect && s.n > 0) {
        struct span text = stalwart_literal(s);
        struct ip_prefix net;

        if (!text.p)
            return;
        if (unix_net(text, &net) || unix_octets(text, &net))
            audit_net_add(w->s->a, &w->d->trusted, net, false, w->place, text)->fix =
                "name the very hosts that send through this server";
        s = span_slice(s, (size_t)(text.p - s.p) + text.n + 1, s.n);
    }
}

static bool has(struct span s, const char *word)
{
    return span_has_nocase(s, span_str(word));
}

/* "listener = 'smtp'", "local_port != 25" */
static enum stalwart_tri by_listener(const struct stalwart_asker *w, struct span s)
{
    struct span text = stalwart_literal(s);
    bool same = false, differs = has(s, "!=");
    unsigned port = 0;

    if (has(s, "listener")) {
        same = span_eq(text, span_str(w->l ? w->l->name : "smtp"));
    } else {
        size_t eq = span_find(s, '=');

        same = num_uint(span_trim(span_slice(s, span_rfind(s, '=') + 1, s.n)), 0, 65535, &port) &&
               port == w->port && eq < s.n;
    }
    return same != differs ? STALWART_YES : STALWART_NO;
}

static enum stalwart_tri atom(struct stalwart_asker *w, struct span s)
{
    bool equal = span_find(s, '=') < s.n, differs = has(s, "!=");

    s = span_trim(s);
    if (span_eq_nocase(s, SPAN_LIT("true")) || span_eq(s, SPAN_LIT("1")) || has(s, "is_tls"))
        return STALWART_YES;
    if (span_eq_nocase(s, SPAN_LIT("false")) || span_eq(s, SPAN_LIT("0")) || s.n == 0)
        return STALWART_NO;
    if (has(s, "authenticated_as")) {
        bool empty = has(s, "is_empty") || (equal && stalwart_literal(s).n == 0);

        return (empty && !differs) != w->login ? STALWART_YES : STALWART_NO;
    }
    if (has(s, "listener") || has(s, "local_port"))
        return by_listener(w, s);
    if (has(s, "remote_ip") && !has(s, "reverse")) {
        note_nets(w, s);
        return differs ? STALWART_YES : STALWART_NO;
    }
    if (has(s, "sender")) {
        w->asked |= AUDIT_KEY_SENDER;
        return w->sender != differs ? STALWART_YES : STALWART_NO;
    }
    if (has(s, "helo")) {
        w->asked |= AUDIT_KEY_HELO;
        return w->helo != differs ? STALWART_YES : STALWART_NO;
    }
    if (has(s, "rcpt"))
        return differs ? STALWART_YES : STALWART_NO;
    return STALWART_DOUBT;
}

static enum stalwart_tri not_term(struct cursor *c)
{
    size_t depth = 0, i = 0;
    enum stalwart_tri t;

    blank(c);
    if (c->depth++ > STALWART_NEST_MAX)
        return STALWART_DOUBT;
    if (c->s.n > 1 && c->s.p[0] == '!' && c->s.p[1] != '=') {
        c->s = span_slice(c->s, 1, c->s.n);
        t = negated(not_term(c));
    } else if (c->s.n > 0 && c->s.p[0] == '(') {
        c->s = span_slice(c->s, 1, c->s.n);
        t = or_term(c);
        blank(c);
        c->s = span_slice(c->s, 1, c->s.n);
    } else {
        while (i < c->s.n) {
            char ch = c->s.p[i];

            if (ch == '\'')
                i += 1 + span_find(span_slice(c->s, i + 1, c->s.n), '\'');
            else if (depth == 0 && (ch == ')' || ch == '&' || ch == '|'))
                break;
            depth += ch == '(';
            depth -= ch == ')' && depth > 0;
            i++;
        }
        t = atom(c->w, span_slice(c->s, 0, i));
        c->s = span_slice(c->s, i, c->s.n);
    }
    c->depth--;
    return t;
}

static enum stalwart_tri and_term(struct cursor *c)
{
    enum stalwart_tri t = not_term(c);

    for (blank(c); span_starts(c->s, SPAN_LIT("&&")); blank(c)) {
        enum stalwart_tri one;

        c->s = span_slice(c->s, 2, c->s.n);
        one = not_term(c);
        t = t == STALWART_NO || one == STALWART_NO         ? STALWART_NO
            : t == STALWART_DOUBT || one == STALWART_DOUBT ? STALWART_DOUBT
                                                           : STALWART_YES;
    }
    return t;
}

static enum stalwart_tri or_term(struct cursor *c)
{
    enum stalwart_tri t = and_term(c);

    for (blank(c); span_starts(c->s, SPAN_LIT("||")); blank(c)) {
        enum stalwart_tri one;

        c->s = span_slice(c->s, 2, c->s.n);
        one = and_term(c);
        t = t == STALWART_YES || one == STALWART_YES       ? STALWART_YES
            : t == STALWART_DOUBT || one == STALWART_DOUBT ? STALWART_DOUBT
                                                           : STALWART_NO;
    }
    return t;
}

static enum stalwart_tri evaluate(struct stalwart_asker *w, struct span s)
{
    struct cursor c = {s, w, 0};

    return or_term(&c);
}

enum stalwart_tri stalwart_decide(struct stalwart_asker *w, const struct stalwart_expression *e)
{
    enum stalwart_tri doubt = STALWART_NO;

    w->place = e->place;
    for (size_t i = 0; i < e->count; i++) {
        enum stalwart_tri cond = e->v[i].cond.p ? evaluate(w, e->v[i].cond) : STALWART_YES;
        enum stalwart_tri value = evaluate(w, e->v[i].value);

        if (cond == STALWART_YES)
            return doubt == STALWART_DOUBT && value != STALWART_YES ? STALWART_DOUBT : value;
        if (cond == STALWART_DOUBT && value != STALWART_NO)
            doubt = STALWART_DOUBT;
    }
    return doubt;
}

void stalwart_clause(struct stalwart_expression *e, struct span cond, struct span value)
{
    if (e->count < STALWART_CLAUSES_MAX)
        e->v[e->count++] = (struct stalwart_clause){cond, value};
}
