/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Conditions of ${if}. Comparing something that the client chooses with a constant tells which
 * constant would please: it becomes a candidate that the judge tries as sender, HELO or name.
 *
 * Passwords are not guessed: checks against PAM, a password file and so on fail for a stranger. An
 * LDAP bind with an empty password succeeds at many servers, without being one.
 */
#include "audit/mta_exim_priv.h"

#include "base/num.h"

enum exim_tri exim_not(enum exim_tri t)
{
    return t == EXIM_NO ? EXIM_YES : t == EXIM_YES ? EXIM_NO : t;
}

enum exim_tri exim_and(enum exim_tri a, enum exim_tri b)
{
    if (a == EXIM_NO || b == EXIM_NO)
        return EXIM_NO;
    if (a == EXIM_DOUBT || b == EXIM_DOUBT)
        return EXIM_DOUBT;
    return a == EXIM_ANY || b == EXIM_ANY ? EXIM_ANY : EXIM_YES;
}

enum exim_tri exim_or(enum exim_tri a, enum exim_tri b)
{
    if (a == EXIM_YES || b == EXIM_YES)
        return EXIM_YES;
    if (a == EXIM_ANY || b == EXIM_ANY)
        return EXIM_ANY;
    return a == EXIM_DOUBT || b == EXIM_DOUBT ? EXIM_DOUBT : EXIM_NO;
}

static bool word_in(struct span s, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (span_eq_nocase(s, span_str(words[i])))
            return true;
    return false;
}

enum exim_tri exim_truth(const struct exim_value *v, bool lax)
{
    static const char *const yes[] = {"yes", "true"}, *const no[] = {"no", "false", ""};
    struct span s = span_trim(v->text);
    bool number = s.n > 0;

    if (v->fail)
        return EXIM_NO;
    if (v->state != EXIM_YES)
        return v->state;
    for (size_t i = s.n > 0 && s.p[0] == '-' ? 1 : 0; i < s.n; i++)
        number = number && ascii_is_digit(s.p[i]);
    if (number) {
        while (s.n > 0 && (s.p[0] == '0' || s.p[0] == '-'))
            s = span_slice(s, 1, s.n);
        return s.n > 0 ? EXIM_YES : EXIM_NO;
    }
    if (word_in(s, no, 3))
        return EXIM_NO;
    return lax || word_in(s, yes, 2) ? EXIM_YES : EXIM_DOUBT;
}

void exim_candidate(struct exim_run *r, unsigned from, struct span text, bool regex,
                    struct audit_place place)
{
    struct exim_found *f = r->found;
    struct exim_candidates *to;
    const char *s;
    struct ip ip;
    bool front = false, end = false;

    if (!f || text.n == 0 || text.n > 300)
        return;
    to = from & (EXIM_FROM_SENDER | EXIM_FROM_SENDER_DOMAIN) ? &f->senders
         : from & EXIM_FROM_HELO                             ? &f->helos
         : from & EXIM_FROM_PTR                              ? &f->ptrs
         : from & EXIM_FROM_LOCAL                            ? &f->locals
         : from & EXIM_FROM_RCPT                             ? &f->domains
                                                             : NULL;
    if (!to || to->count >= EXIM_CANDIDATES_MAX)
        return;
    s = regex ? unix_regex_sample(r->a, text, true, &front, &end) : audit_dup(r->a, text);
    if (!s)
        return;
    if (from & EXIM_FROM_SENDER_DOMAIN && !strchr(s, '@'))
        s = audit_fmt(r->a, "user@%s", s);
    if (to == &f->ptrs && regex && !end)
        return; /* anchored at its end: the name is in the operator's own domain */
    if (to == &f->ptrs && ip_parse(text, &ip))
        return; /* a reverse name that is an address leads back to no other client */
    if (to == &f->ptrs && regex)
        s = audit_fmt(r->a, "%s%s.stranger.example", s[0] == '.' ? "a" : "", s);
    if (to == &f->domains) {
        if (!regex)
            return;
        s = end ? audit_fmt(r->a, "%s.%s", s, AUDIT_VICTIM_DOMAIN)
                : audit_fmt(r->a, "%s%s", AUDIT_VICTIM_DOMAIN, s);
    }
    for (size_t i = 0; i < to->count; i++)
        if (strcmp(to->v[i], s) == 0)
            return;
    to->place[to->count] = place;
    to->v[to->count++] = s;
}

static void candidate_of_two(struct exim_run *r, const struct exim_value *a,
                             const struct exim_value *b, bool regex, struct audit_place place)
{
    unsigned keys = EXIM_FROM_SENDER | EXIM_FROM_HELO | EXIM_FROM_PTR | EXIM_FROM_SENDER_DOMAIN |
                    EXIM_FROM_RCPT;
    struct ip_prefix net;

    if (a->from & keys && b->from == 0 && b->state == EXIM_YES)
        exim_candidate(r, a->from, b->text, regex, place);
    else if (b->from & keys && a->from == 0 && a->state == EXIM_YES)
        exim_candidate(r, b->from, a->text, regex, place);
    if (r->found && a->from & EXIM_FROM_CLIENT && unix_net(b->text, &net)) {
        struct exim_hit hit;
        struct exim_value client = {.state = EXIM_YES};

        exim_list_span(r, EXIM_HOSTS, b->text, place, &client, &hit);
    }
}

/* --- comparisons ------------------------------------------------------------------------------ */

static bool number(struct span s, long long *ret)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    uint64_t n;

    s = span_trim(minus ? span_slice(s, 1, s.n) : s);
    if (s.n == 0) {
        *ret = 0;
        return true;
    }
    if (strchr("kKmMgG", s.p[s.n - 1]))
        s.n--;
    if (!num_u64(s, 0, INT64_MAX, &n))
        return false;
    *ret = minus ? -(long long)n : (long long)n;
    return true;
}

static enum exim_tri compare_numbers(struct span op, struct span a, struct span b)
{
    long long x, y;
    bool t;

    if (!number(a, &x) || !number(b, &y))
        return EXIM_DOUBT;
    t = span_eq(op, SPAN_LIT(">"))    ? x > y
        : span_eq(op, SPAN_LIT(">=")) ? x >= y
        : span_eq(op, SPAN_LIT("<"))  ? x < y
        : span_eq(op, SPAN_LIT("<=")) ? x <= y
                                      : x == y;
    return t ? EXIM_YES : EXIM_NO;
}

static enum exim_tri compare(struct exim_expand *e, struct span op, const struct exim_value *a,
                             const struct exim_value *b)
{
    struct exim_hit hit;
    enum unix_match m;

    if (span_eq(op, SPAN_LIT("eq")) || span_eq(op, SPAN_LIT("eqi"))) {
        candidate_of_two(e->r, a, b, false, e->place);
        return (op.n == 3 ? span_eq_nocase(a->text, b->text) : span_eq(a->text, b->text)) ? EXIM_YES
                                                                                          : EXIM_NO;
    }
    if (span_eq(op, SPAN_LIT("match"))) {
        candidate_of_two(e->r, a, b, true, e->place);
        m = unix_regex(b->text, a->text, false, e->r->captures);
        return m == UNIX_MATCH_YES ? EXIM_YES : m == UNIX_MATCH_NO ? EXIM_NO : EXIM_DOUBT;
    }
    if (span_eq(op, SPAN_LIT("match_domain")))
        return exim_list_span(e->r, EXIM_DOMAINS, b->text, e->place, a, &hit);
    if (span_eq(op, SPAN_LIT("match_address")))
        return exim_list_span(e->r, EXIM_ADDRESSES, b->text, e->place, a, &hit);
    if (span_eq(op, SPAN_LIT("match_local_part")))
        return exim_list_span(e->r, EXIM_LOCALS, b->text, e->place, a, &hit);
    if (span_eq(op, SPAN_LIT("match_ip")))
        return exim_list_span(e->r, EXIM_HOSTS, b->text, e->place, a, &hit);
    if (span_starts(op, SPAN_LIT("inlist"))) {
        struct exim_list_reader l;
        const char *at;
        struct span item;

        exim_list_open(&l, b->text, &item);
        while (exim_list_next(e->r->a, &l, &item, &at)) {
            exim_candidate(e->r, a->from, item, false, e->place);
            if (op.n == 7 ? span_eq_nocase(a->text, item) : span_eq(a->text, item))
                return EXIM_YES;
        }
        return EXIM_NO;
    }
    return compare_numbers(op, a->text, b->text);
}

static const char *const two_args[] = {"eq",
                                       "eqi",
                                       "match",
                                       "match_domain",
                                       "match_address",
                                       "match_local_part",
                                       "match_ip",
                                       "inlist",
                                       "inlisti",
                                       ">",
                                       ">=",
                                       "<",
                                       "<=",
                                       "=",
                                       "=="};

/* --- one argument ----------------------------------------------------------------------------- */

/* An empty password makes an LDAP bind anonymous, and that succeeds. */
static enum exim_tri ldap_bind(const struct exim_value *v)
{
    size_t at = span_find_nocase(v->text, SPAN_LIT("pass="));
    struct span pass = span_slice(v->text, at + 5, v->text.n);

    if (at == v->text.n || v->state != EXIM_YES)
        return EXIM_NO;
    pass = span_slice(pass, 0, span_find(pass, ' '));
    return pass.n == 0 || span_eq(pass, SPAN_LIT("\"\"")) ? EXIM_YES : EXIM_NO;
}

static enum exim_tri one_arg(struct exim_expand *e, struct span name, const struct exim_value *v)
{
    struct ip ip;

    if (span_eq(name, SPAN_LIT("exists"))) {
        if (v->state != EXIM_YES)
            return v->state;
        return audit_there(e->r->a, audit_dup(e->r->a, v->text)) ? EXIM_YES : EXIM_NO;
    }
    if (v->state != EXIM_YES && !span_starts(name, SPAN_LIT("ldapauth")))
        return span_eq(name, SPAN_LIT("pam")) || span_eq(name, SPAN_LIT("radius")) ? EXIM_NO
                                                                                   : v->state;
    if (span_starts(name, SPAN_LIT("bool")))
        return exim_truth(v, name.n > 4);
    if (span_starts(name, SPAN_LIT("isip")))
        return ip_parse(v->text, &ip) && (name.n == 4 || (name.p[4] == '4') == (ip.family == IP_V4))
                   ? EXIM_YES
                   : EXIM_NO;
    if (span_eq(name, SPAN_LIT("ldapauth")))
        return ldap_bind(v);
    if (span_eq(name, SPAN_LIT("pam")) || span_eq(name, SPAN_LIT("radius")) ||
        span_eq(name, SPAN_LIT("pwcheck")))
        return EXIM_NO;
    exim_doubt(e->r, e->place,
               audit_fmt(e->r->a, "has the condition %.*s, which is not known",
                         SPAN_ARG(span_slice(name, 0, 30))));
    return EXIM_DOUBT;
}

/* crypteq, saslauthd: a password that the stranger does not have. */
static enum exim_tri password(struct exim_expand *e, bool skip)
{
    struct exim_value v;

    exim_skip_blank(e);
    if (exim_take(e, '{')) {
        for (unsigned i = 0; i < 4 && exim_expand_braced(e, skip, &v); i++)
            exim_skip_blank(e);
        if (!exim_take(e, '}'))
            e->bad = true;
    }
    return EXIM_NO;
}

/* acl{{name}{arg}…} */
static enum exim_tri if_acl(struct exim_expand *e, bool skip)
{
    struct exim_value name = {0}, v;
    const struct exim_acl *acl;
    unsigned n = 0;

    exim_skip_blank(e);
    if (!exim_take(e, '{') || !exim_expand_braced(e, skip, &name))
        e->bad = true;
    while (n < 9 && exim_expand_braced(e, skip, &v))
        e->r->args[n++] = v.text;
    exim_skip_blank(e);
    if (!exim_take(e, '}'))
        e->bad = true;
    acl = skip ? NULL : exim_acl_find(e->r->c, name.text);
    return skip ? EXIM_NO : acl ? exim_acl_run(e->r, acl) : EXIM_DOUBT;
}

/* and{{…}{…}}, or{{…}{…}} */
static enum exim_tri several(struct exim_expand *e, bool all, bool skip)
{
    enum exim_tri t = all ? EXIM_YES : EXIM_NO;
    bool look = e->r->found != NULL;

    exim_skip_blank(e);
    if (!exim_take(e, '{'))
        e->bad = true;
    for (exim_skip_blank(e); !e->bad && exim_take(e, '{'); exim_skip_blank(e)) {
        bool done = !look && t == (all ? EXIM_NO : EXIM_YES);
        enum exim_tri one = exim_if(e, skip || done);

        exim_skip_blank(e);
        if (!exim_take(e, '}'))
            e->bad = true;
        if (!done)
            t = all ? exim_and(t, one) : exim_or(t, one);
    }
    if (!exim_take(e, '}'))
        e->bad = true;
    return t;
}

/* forany{list}{condition}, forall{list}{condition} */
static enum exim_tri each(struct exim_expand *e, bool all, bool skip)
{
    enum exim_tri t = all ? EXIM_YES : EXIM_NO;
    struct span item, before = e->r->item, condition;
    struct exim_list_reader l;
    struct exim_value list;
    struct exim_expand look;
    const char *at;
    unsigned n = 0;

    if (!exim_expand_braced(e, skip, &list))
        e->bad = true;
    exim_skip_blank(e);
    if (!exim_take(e, '{'))
        e->bad = true;
    condition = e->s;
    exim_if(e, true);
    exim_skip_blank(e);
    if (!exim_take(e, '}'))
        e->bad = true;
    if (skip || e->bad || list.state != EXIM_YES)
        return skip || e->bad ? EXIM_NO : list.state;
    exim_list_open(&l, list.text, &item);
    while (n++ < 1000 && exim_list_next(e->r->a, &l, &item, &at)) {
        e->r->item = item;
        look = *e;
        look.s = condition;
        t = all ? exim_and(t, exim_if(&look, false)) : exim_or(t, exim_if(&look, false));
    }
    e->r->item = before;
    return t;
}

/* --- all of them ------------------------------------------------------------------------------ */

static struct span take_condition(struct exim_expand *e)
{
    size_t i = 0;

    exim_skip_blank(e);
    if (e->s.n > 0 && strchr("<>=", e->s.p[0])) {
        i = e->s.n > 1 && e->s.p[1] == '=' ? 2 : 1;
        struct span op = span_slice(e->s, 0, i);

        e->s = span_slice(e->s, i, e->s.n);
        return op;
    }
    return exim_take_name(e);
}

static enum exim_tri if_def(struct exim_expand *e, bool skip)
{
    struct exim_value v;
    struct span name;

    exim_take(e, ':');
    name = exim_take_name(e);
    if (span_starts(name, SPAN_LIT("h_")) || span_starts(name, SPAN_LIT("header_"))) {
        while (e->s.n > 0 && !strchr(":} {", e->s.p[0]))
            e->s = span_slice(e->s, 1, e->s.n);
        exim_take(e, ':');
        return EXIM_ANY;
    }
    if (skip)
        return EXIM_NO;
    v = exim_variable(e->r, name, e->place);
    return v.state != EXIM_YES ? v.state : v.text.n > 0 ? EXIM_YES : EXIM_NO;
}

static enum exim_tri if_two(struct exim_expand *e, struct span op, bool skip)
{
    struct exim_value a, b;

    if (!exim_expand_braced(e, skip, &a) || !exim_expand_braced(e, skip, &b))
        e->bad = true;
    if (skip || e->bad)
        return EXIM_NO;
    if (a.state != EXIM_YES || b.state != EXIM_YES)
        return a.state == EXIM_DOUBT || b.state == EXIM_DOUBT ? EXIM_DOUBT : EXIM_ANY;
    return compare(e, op, &a, &b);
}

static enum exim_tri if_one(struct exim_expand *e, bool skip)
{
    struct exim_value v;
    struct span name = take_condition(e);

    if (span_eq(name, SPAN_LIT("def")))
        return if_def(e, skip);
    if (span_eq(name, SPAN_LIT("and")) || span_eq(name, SPAN_LIT("or")))
        return several(e, name.n == 3, skip);
    if (span_eq(name, SPAN_LIT("forany")) || span_eq(name, SPAN_LIT("forall")))
        return each(e, span_eq(name, SPAN_LIT("forall")), skip);
    if (span_eq(name, SPAN_LIT("acl")))
        return if_acl(e, skip);
    if (span_eq(name, SPAN_LIT("crypteq"))) {
        exim_expand_braced(e, skip, &v);
        exim_expand_braced(e, skip, &v);
        return EXIM_NO;
    }
    if (span_eq(name, SPAN_LIT("saslauthd")))
        return password(e, skip);
    if (span_eq(name, SPAN_LIT("first_delivery")) || span_eq(name, SPAN_LIT("queue_running")))
        return EXIM_NO;
    for (size_t i = 0; i < sizeof(two_args) / sizeof(two_args[0]); i++)
        if (span_eq(name, span_str(two_args[i])))
            return if_two(e, name, skip);
    if (!exim_expand_braced(e, skip, &v)) {
        e->bad = true;
        return EXIM_NO;
    }
    return skip ? EXIM_NO : one_arg(e, name, &v);
}

enum exim_tri exim_if(struct exim_expand *e, bool skip)
{
    bool negated = false;
    enum exim_tri t;

    if (!exim_step(e->r, e->place) || ++e->nest > EXIM_NEST_MAX) {
        e->bad = true;
        return EXIM_DOUBT;
    }
    for (exim_skip_blank(e); exim_take(e, '!'); exim_skip_blank(e))
        negated = !negated;
    t = if_one(e, skip);
    e->nest--;
    return negated ? exim_not(t) : t;
}
