/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where Exim would send an address: routers in their order, the first whose conditions hold and
 * that does not decline. Needed for "verify = recipient", for recipients that are rewritten into
 * others after the ACL has looked at them, and to name a smarthost.
 *
 * Users of the host are not known: those of the witness are none.
 */
#include "audit/mta_exim_priv.h"

struct address {
    struct span local, domain;
};

static enum exim_tri precondition(struct exim_run *r, const struct exim_option *o,
                                  const struct address *to)
{
    static const char *const names[] = {"domains", "local_parts", "senders"};
    static const enum exim_list_kind kinds[] = {EXIM_DOMAINS, EXIM_LOCALS, EXIM_ADDRESSES};
    struct exim_hit hit;

    for (size_t i = 0; i < 3; i++) {
        struct exim_value subject = exim_known(i == 0   ? to->domain
                                               : i == 1 ? to->local
                                                        : span_str(r->w.sender));

        subject.from = i < 2 ? EXIM_FROM_RCPT : EXIM_FROM_SENDER;
        if (strcmp(o->name, names[i]) == 0)
            return exim_list(r, kinds[i], &o->value, &subject, &hit);
    }
    if (strcmp(o->name, "condition") == 0) {
        struct exim_value v = exim_expand(r, &o->value);

        return v.fail ? EXIM_NO : exim_truth(&v, true);
    }
    if (strcmp(o->name, "require_files") == 0)
        return EXIM_DOUBT;
    return EXIM_YES;
}

/* "real-" and its like, when not optional. */
static bool affixed(const struct exim_driver *d, const struct address *to)
{
    const struct exim_option *p = exim_option(d->options, "local_part_prefix");
    const struct exim_option *s = exim_option(d->options, "local_part_suffix");

    if (p && !exim_option_true(d->options, "local_part_prefix_optional", false) &&
        !span_starts_nocase(to->local, span_slice(p->value.s, 0, span_find(p->value.s, '*'))))
        return false;
    return !s || exim_option_true(d->options, "local_part_suffix_optional", false);
}

static enum exim_tri applies(struct exim_run *r, const struct exim_driver *d,
                             const struct address *to)
{
    enum exim_tri t = EXIM_YES;

    if (!affixed(d, to) || exim_option_true(d->options, "check_local_user", false) ||
        !exim_option_true(d->options, "verify", true) ||
        !exim_option_true(d->options, "verify_recipient", true))
        return EXIM_NO;
    for (const struct exim_option *o = d->options; o && t != EXIM_NO; o = o->next)
        t = exim_and(t, precondition(r, o, to));
    return t;
}

static enum exim_route route(struct exim_run *r, const struct address *to, struct span *ret_domain);

/* A redirection's list: the first address in it that leaves, else where the first goes. */
static enum exim_route redirected(struct exim_run *r, struct span data, const struct address *from,
                                  struct span *ret_domain)
{
    struct span word;

    if (span_find_nocase(data, SPAN_LIT(":fail:")) < data.n ||
        span_find_nocase(data, SPAN_LIT(":blackhole:")) < data.n ||
        span_find_nocase(data, SPAN_LIT(":defer:")) < data.n)
        return EXIM_ROUTE_NONE;
    while (audit_word(&data, ", \t\n", false, &word)) {
        size_t at = span_rfind(word, '@');
        struct address to = {span_slice(word, 0, at), span_slice(word, at + 1, word.n)};

        if (strchr("/|:\"", word.p[0]) || at == word.n)
            return EXIM_ROUTE_LOCAL;
        if (span_eq_nocase(to.local, from->local) && span_eq_nocase(to.domain, from->domain))
            continue;
        return route(r, &to, ret_domain);
    }
    return EXIM_ROUTE_LOCAL;
}

/* "pattern hosts options; pattern …" of manualroute. */
static enum exim_tri in_route_list(struct exim_run *r, const struct exim_option *o,
                                   const struct address *to, struct span *ret_hosts)
{
    struct exim_value v = exim_expand(r, &o->value), name = exim_known(to->domain);
    struct span all = v.text, one, pattern;
    struct exim_hit hit;

    name.from = EXIM_FROM_RCPT;
    if (v.state != EXIM_YES)
        return EXIM_DOUBT;
    while (span_cut(&all, ';', &one)) {
        enum exim_tri t;

        one = span_trim(one);
        if (!audit_word(&one, " \t", false, &pattern))
            continue;
        *ret_hosts = span_trim(one);
        t = span_eq(pattern, SPAN_LIT("*"))
                ? EXIM_YES
                : exim_list_span(r, EXIM_DOMAINS, pattern, o->place, &name, &hit);
        if (t != EXIM_NO)
            return t;
    }
    return EXIM_NO;
}

enum outcome { DECLINES, ENDS };

/* What a router does with an address that it applies to. */
static enum outcome drive(struct exim_run *r, const struct exim_driver *d, const struct address *to,
                          enum exim_route *ret, struct span *ret_domain)
{
    const struct exim_option *driver = exim_option(d->options, "driver"), *o;
    struct span name = driver ? driver->value.s : SPAN_NULL, hosts;
    struct exim_value v;
    enum exim_tri t;

    *ret = EXIM_ROUTE_DOUBT;
    if (span_eq(name, SPAN_LIT("accept"))) {
        const struct exim_option *transport = exim_option(d->options, "transport");

        *ret = transport && span_has_nocase(transport->value.s, SPAN_LIT("smtp"))
                   ? EXIM_ROUTE_REMOTE
                   : EXIM_ROUTE_LOCAL;
    } else if (span_eq(name, SPAN_LIT("dnslookup"))) {
        *ret = EXIM_ROUTE_REMOTE;
    } else if (span_eq(name, SPAN_LIT("ipliteral"))) {
        if (to->domain.n == 0 || to->domain.p[0] != '[')
            return DECLINES;
        *ret = EXIM_ROUTE_REMOTE;
    } else if (span_eq(name, SPAN_LIT("manualroute"))) {
        o = exim_option(d->options, "route_list");
        if (o) {
            t = in_route_list(r, o, to, &hosts);
        } else if ((o = exim_option(d->options, "route_data"))) {
            v = exim_expand(r, &o->value);
            t = v.fail ? EXIM_NO : v.state != EXIM_YES ? v.state : v.text.n ? EXIM_YES : EXIM_NO;
        } else {
            t = EXIM_NO;
        }
        if (t == EXIM_NO)
            return DECLINES;
        *ret = t == EXIM_YES ? EXIM_ROUTE_REMOTE : EXIM_ROUTE_DOUBT;
    } else if (span_eq(name, SPAN_LIT("redirect"))) {
        o = exim_option(d->options, "data");
        if (!o)
            return DECLINES; /* a file of a user */
        v = exim_expand(r, &o->value);
        if (v.fail || (v.state == EXIM_YES && span_trim(v.text).n == 0))
            return DECLINES;
        if (v.state == EXIM_YES)
            *ret = redirected(r, v.text, to, ret_domain);
        else if (span_has_nocase(o->value.s, SPAN_LIT("lookup")))
            return DECLINES; /* an alias of this witness is most unlikely */
    }
    return ENDS;
}

static enum exim_route route(struct exim_run *r, const struct address *to, struct span *ret_domain)
{
    const char *local = r->w.rcpt_local, *domain = r->w.rcpt_domain;
    enum exim_route got = EXIM_ROUTE_NONE;
    bool doubt = false;

    if (r->depth >= EXIM_DEPTH_MAX)
        return EXIM_ROUTE_DOUBT;
    r->depth++;
    r->w.rcpt_local = audit_dup(r->a, to->local);
    r->w.rcpt_domain = audit_dup(r->a, to->domain);
    *ret_domain = span_str(r->w.rcpt_domain);
    for (const struct exim_driver *d = r->c->routers; d; d = d->next) {
        enum exim_tri t = applies(r, d, to);
        struct span at = *ret_domain;

        if (t == EXIM_NO)
            continue;
        if (drive(r, d, to, &got, &at) == ENDS) {
            if (t == EXIM_DOUBT) {
                doubt = true;
                got = EXIM_ROUTE_NONE;
                continue;
            }
            *ret_domain = at;
            break;
        }
        got = EXIM_ROUTE_NONE;
        if (!exim_option_true(d->options, "more", true) && t == EXIM_YES)
            break;
    }
    r->w.rcpt_local = local;
    r->w.rcpt_domain = domain;
    r->depth--;
    return doubt && got == EXIM_ROUTE_NONE ? EXIM_ROUTE_DOUBT : got;
}

enum exim_route exim_route(struct exim_run *r, struct span local, struct span domain,
                           struct span *ret_domain)
{
    struct address to = {local, domain};
    struct audit_place place = r->doubt_place;
    const char *doubt = r->doubt;
    enum exim_route got;

    if (r->c->rewrites) {
        struct span made = exim_rewritten(
            r, span_str(audit_fmt(r->a, "%.*s@%.*s", SPAN_ARG(local), SPAN_ARG(domain))));
        size_t at = span_rfind(made, '@');

        to = (struct address){span_slice(made, 0, at), span_slice(made, at + 1, made.n)};
    }
    *ret_domain = to.domain;
    if (!r->c->router_section) /* a part of a configuration: routers that send mail out */
        return EXIM_ROUTE_REMOTE;
    got = route(r, &to, ret_domain);

    /* Doubts about routers count only where the route hangs on them. */
    if (got != EXIM_ROUTE_DOUBT) {
        r->doubt = doubt;
        r->doubt_place = place;
    }
    return got;
}

const char *exim_smarthost(struct exim_conf *c, struct audit_place *ret)
{
    struct exim_world w = {.sender = AUDIT_SPAMMER,
                           .helo = AUDIT_SPAMMER_HELO,
                           .rcpt_local = AUDIT_VICTIM_LOCAL,
                           .rcpt_domain = AUDIT_VICTIM_DOMAIN};
    struct exim_run r = exim_run_new(c, &w);
    struct address to = {SPAN_LIT(AUDIT_VICTIM_LOCAL), SPAN_LIT(AUDIT_VICTIM_DOMAIN)};

    for (const struct exim_driver *d = c->routers; d; d = d->next) {
        const struct exim_option *driver = exim_option(d->options, "driver");
        const struct exim_option *list = exim_option(d->options, "route_list");
        struct span hosts, host;

        if (!driver || applies(&r, d, &to) != EXIM_YES)
            continue;
        if (span_eq(driver->value.s, SPAN_LIT("dnslookup")))
            return NULL;
        if (!list || !span_eq(driver->value.s, SPAN_LIT("manualroute")) ||
            in_route_list(&r, list, &to, &hosts) != EXIM_YES || !span_word(&hosts, &host))
            continue;
        *ret = list->place;
        return audit_dup(c->a, host);
    }
    return NULL;
}
