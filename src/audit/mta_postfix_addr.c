/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where a recipient goes: what trivial-rewrite and the resolver make of an address before any table
 * is asked. An address in a local domain is unpacked again and again (quotes, "%", "!"), so a
 * routed form is judged by what is inside of it; in other domains a route stays and marks the
 * address as "routed", for which nothing says OK unless allow_untrusted_routing is set.
 *
 * A domain that only an SQL or LDAP table could know is taken to be foreign: such tables hold the
 * operator's own domains, and a stranger asks for others.
 */
#include "audit/mta_postfix_priv.h"

void pf_domains_read(struct pf_conf *c, struct pf_domains *ret)
{
    struct pf_words w = pf_list(c, "mydestination");

    ret->mydestination = pf_unfold(c, &w);
    w = pf_list(c, "virtual_alias_domains");
    ret->alias = pf_unfold(c, &w);
    w = pf_list(c, "virtual_mailbox_domains");
    ret->mailbox = pf_unfold(c, &w);
    w = pf_list(c, "relay_domains");
    ret->relay = pf_unfold(c, &w);
}

static struct span unquoted(struct pf_conf *c, struct span s)
{
    char *out;
    size_t n = 0;

    if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
        return s;
    out = audit_alloc(c->a, s.n);
    if (audit_failed(c->a))
        return s;
    for (size_t i = 1; i + 1 < s.n; i++) {
        if (s.p[i] == '\\' && i + 2 < s.n)
            i++;
        out[n++] = s.p[i];
    }
    return span_of(out, n);
}

/* One layer of a local address off: what is inside, or nothing. */
static bool unpack(struct pf_conf *c, struct span local, struct span *ret)
{
    struct span in = pf_yes(c, "resolve_dequoted_address") ? unquoted(c, local) : local;
    size_t at = span_rfind(in, '@'), percent = span_rfind(in, '%'), bang = span_find(in, '!');

    if (at < in.n) {
        *ret = in;
        return true;
    }
    if (bang < in.n && pf_yes(c, "swap_bangpath")) {
        *ret = span_str(
            audit_fmt(c->a, "%.*s@%.*s", (int)(in.n - bang - 1), in.p + bang + 1, (int)bang, in.p));
        return true;
    }
    if (percent < in.n && pf_yes(c, "allow_percent_hack")) {
        *ret = span_str(audit_fmt(c->a, "%.*s@%.*s", (int)percent, in.p, (int)(in.n - percent - 1),
                                  in.p + percent + 1));
        return true;
    }
    return false;
}

static bool has_route(struct span local)
{
    return span_find(local, '%') < local.n || span_find(local, '!') < local.n ||
           span_find(local, '@') < local.n;
}

static bool in_list(struct pf_conf *c, struct pf_dest *d, const struct pf_words *w,
                    struct span domain)
{
    struct pf_match m = pf_match_string(c, w, domain);

    if (m.hit != PF_HIT)
        return false;
    d->place = m.place;
    d->word = m.word;
    return true;
}

static void classify(struct pf_conf *c, const struct pf_domains *all, struct pf_dest *d,
                     struct span local, struct span domain)
{
    struct pf_match m;

    d->routed = has_route(local);
    if (in_list(c, d, &all->alias, domain) || in_list(c, d, &all->mailbox, domain)) {
        d->class = PF_FINAL;
        return;
    }
    m = pf_match_domain(c, "relay_domains", &all->relay, domain);
    d->class = m.hit == PF_HIT ? PF_RELAYED : PF_FOREIGN;
    d->place = m.place;
    d->word = m.word;
}

struct pf_dest pf_resolve(struct pf_conf *c, const struct pf_domains *all, struct span address)
{
    struct pf_dest d = {.class = PF_FINAL, .address = address};

    for (unsigned depth = 0; depth < AUDIT_NEST_MAX; depth++) {
        struct span local, domain;
        size_t at;

        /* A source route means its last part (RFC 5321 §3.6.1). */
        if (address.n > 0 && address.p[0] == '@' && span_find(address, ':') < address.n)
            address = span_slice(address, span_find(address, ':') + 1, address.n);
        d.address = address;
        at = span_rfind(address, '@');
        local = span_slice(address, 0, at);
        domain = span_slice(address, at + 1, address.n);
        if (at < address.n && !(domain.n > 0 && domain.p[0] == '[') &&
            !in_list(c, &d, &all->mydestination, domain)) {
            classify(c, all, &d, local, domain);
            return d;
        }
        if (!unpack(c, local, &address))
            return d;
    }
    return d;
}

/* --- a domain of our own ---------------------------------------------------------------------- */

static bool good_name(struct span s)
{
    size_t dot = span_find(s, '.');

    if (dot == 0 || dot >= s.n || span_starts_nocase(s, SPAN_LIT("localhost")))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_alnum(s.p[i]) && s.p[i] != '.' && s.p[i] != '-')
            return false;
    return ascii_is_alpha(s.p[s.n - 1]);
}

static const char *first_name(struct pf_conf *c, const struct pf_words *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct span s = w->v[i].s;
        const struct pf_table *t;

        if (good_name(s))
            return audit_dup(c->a, s);
        if (!pf_is_table(s) || s.p[0] == '!')
            continue;
        t = pf_table(c, s, w->v[i].place);
        for (size_t k = 0; t->kind == PF_TABLE_KEYS && k < t->count; k++) {
            if (good_name(t->v[k].key))
                return audit_dup(c->a, t->v[k].key);
        }
    }
    return NULL;
}

const char *pf_own_domain(struct pf_conf *c, const struct pf_domains *d)
{
    const char *name = first_name(c, &d->mailbox);

    if (!name)
        name = first_name(c, &d->alias);
    if (!name)
        name = first_name(c, &d->mydestination);
    if (!name)
        name = first_name(c, &d->relay);
    if (!name && good_name(pf_value(c, "mydomain").s) && pf_find(c, "mydomain"))
        name = pf_string(c, "mydomain");
    if (!name && pf_find(c, "myhostname") && good_name(pf_value(c, "mydomain").s))
        name = pf_string(c, "mydomain");
    return name;
}
