/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A line is believed for what its writer saw: the address of the peer. What the peer said (HELO)
 * and what the peer wrote (the next line) is his. So the next line down is genuine only if its
 * writer is that peer: by address, by reverse name, in the last place by HELO. The first that is
 * not ends it; spammers put what they invent below the last true line, never above.
 *
 * The boundary between own lines and strangers' is the operator's to name. Where nobody named it,
 * the unbroken block of one organisation at the top is taken: it may be too short (a forwarder of
 * the operator's under another name), which costs a link, or hold a stranger of the same house (a
 * cloud's other customer), whose lines the cloud wrote all the same.
 */
#include "trace/chain.h"

#include "trace/name.h"
#include "trace/shape.h"

bool chain_is_private(struct ip ip)
{
    switch (ip_space(ip)) {
    case IP_LOOPBACK:
    case IP_PRIVATE:
    case IP_LINKLOCAL:
    case IP_SHARED:
        return ip.family != IP_NONE;
    case IP_PUBLIC:
    case IP_DOCUMENT:
    case IP_BENCHMARK:
    case IP_MULTICAST:
    case IP_RESERVED:
        break;
    }
    return false;
}

bool chain_is_mute(const struct received *r)
{
    return !r->by.n && r->ip.family == IP_NONE && !r->helo.n;
}

static bool is_fetched(const struct received *r)
{
    return r->writer == RECEIVED_BY_FETCHMAIL || span_starts_nocase(r->with, SPAN_LIT("POP3")) ||
           span_starts_nocase(r->with, SPAN_LIT("IMAP"));
}

static bool is_loopback(struct ip ip)
{
    return ip.family != IP_NONE && ip_space(ip) == IP_LOOPBACK;
}

static bool same(struct span a, struct span b)
{
    return name_same_host(a, b) || name_same_org(a, b);
}

/* The lower line was written on the same machine, or next to it. */
static enum trace_link local_link(const struct received *up, const struct received *down)
{
    if (same(up->by, down->by) || same(up->helo, down->by) || same(up->name, down->by))
        return TRACE_BY_LOCAL;
    if (name_is_useless(down->by) || name_is_useless(up->by) || name_akin(up->by, down->by))
        return TRACE_BY_LOCAL;
    return TRACE_NO_LINK;
}

static enum trace_link private_link(const struct received *up, const struct received *down)
{
    if (ip_eq(up->ip, down->by_ip))
        return TRACE_BY_IP;
    if (same(up->name, down->by) || same(up->helo, down->by))
        return TRACE_BY_NAME;
    if (same(up->by, down->by) || name_is_useless(down->by) || name_akin(up->by, down->by) ||
        name_akin(up->helo, down->by) || name_is_useless(up->by))
        return TRACE_BY_PLACE;
    return TRACE_NO_LINK;
}

/*
 * Only the peer's own word says that it is the writer. Bots say HELO with the name that stands in
 * the lines they invent, so what cannot be checked must at least look like a mail system's line,
 * and the peer must not be known by the name of a line to some customer.
 */
static enum trace_link by_helo(const struct received *up, const struct received *down)
{
    bool named = up->name.n && !up->may_be_forged && !name_is_useless(up->name);

    if (down->writer == RECEIVED_BY_UNKNOWN &&
        ((!down->id.n && down->auth != RECEIVED_YES) || down->ip.family == IP_NONE))
        return TRACE_NO_LINK;
    if (named && name_is_freemail(down->by))
        return TRACE_NO_LINK;
    return TRACE_BY_HELO;
}

/* mirage.shop.example and mirage.hoster.example: one machine under two names. */
static bool same_label(struct span a, struct span b)
{
    size_t n = span_find(a, '.');

    return n >= 5 && n < a.n && n == span_find(b, '.') &&
           span_eq_nocase(span_slice(a, 0, n), span_slice(b, 0, n));
}

static enum trace_link public_link(const struct received *up, const struct received *down)
{
    bool known = down->writer != RECEIVED_BY_UNKNOWN;

    if (down->by_ip.family != IP_NONE && ip_eq(up->ip, down->by_ip))
        return TRACE_BY_IP;
    if (same(up->name, down->by) && !up->may_be_forged)
        return TRACE_BY_NAME;
    /* Providers' own houses under another name of theirs. */
    if (name_same_org(up->by, down->by) && name_is_provider(down->by) && !up->name.n)
        return TRACE_BY_HELO;
    if (same(up->helo, down->by) || same(up->name, down->by))
        return by_helo(up, down);
    if (name_same_org(up->by, down->by) && name_is_provider(down->by))
        return TRACE_BY_NAME;
    if (!known && name_is_useless(down->by) && down->id.n && down->with.n &&
        (chain_is_private(down->ip) || name_is_provider(up->name)))
        return TRACE_BY_PLACE;
    if (!known)
        return TRACE_NO_LINK;
    if (same_label(up->name, down->by) || same_label(up->helo, down->by))
        return TRACE_BY_PLACE;
    /* Behind the peer: a host that nobody outside has a name for. */
    if (name_akin(up->name, down->by) || name_akin(up->helo, down->by))
        return TRACE_BY_PLACE;
    if (chain_is_private(down->by_ip) && !is_loopback(down->by_ip))
        return TRACE_BY_PLACE;
    if (name_is_useless(down->by))
        return TRACE_BY_PLACE;
    return TRACE_NO_LINK;
}

/* `up` is the nearest line above that tells something. */
static enum trace_link link_of(const struct received *up, const struct received *down)
{
    if (!down->by.n && chain_is_mute(down) && down->field.n && down->field.p[0] == '(')
        return TRACE_BY_LOCAL;
    if (!down->by.n)
        return down->local || down->writer == RECEIVED_BY_QMAIL || is_fetched(down) ? TRACE_BY_LOCAL
                                                                                    : TRACE_NO_LINK;
    if (chain_is_mute(up))
        return TRACE_BY_LOCAL;
    if (is_fetched(up) && (chain_is_private(up->ip) || up->ip.family == IP_NONE))
        return TRACE_BY_LOCAL; /* from a mailbox that stands beside us */
    /* A mailbox in place of a host: handed on by a scanner, or by the house's own parts. */
    if (up->local || is_loopback(up->ip) ||
        (up->ip.family == IP_NONE && (!up->helo.n || span_find(up->helo, '@') < up->helo.n)))
        return local_link(up, down);
    if (up->ip.family == IP_NONE)
        return same(up->helo, down->by) || same(up->by, down->by) ? TRACE_BY_HELO : TRACE_NO_LINK;
    return chain_is_private(up->ip) ? private_link(up, down) : public_link(up, down);
}

static bool below(struct span name, struct span domain)
{
    return span_eq_nocase(name, domain) ||
           (name.n > domain.n && domain.n && name.p[name.n - domain.n - 1] == '.' &&
            span_ends_nocase(name, domain));
}

static bool is_named(const struct trace_options *o, const struct received *r)
{
    for (size_t i = 0; i < o->host_count; i++)
        if (below(r->by, o->hosts[i]))
            return true;
    for (size_t i = 0; i < o->org_count; i++)
        if (below(r->by, o->orgs[i]))
            return true;
    for (size_t i = 0; i < o->net_count; i++)
        if (r->by_ip.family != IP_NONE && ip_prefix_has(o->nets[i], r->by_ip))
            return true;
    return false;
}

/* The peer of an own line is trusted itself, so the line that it wrote is, too. */
static bool is_trusted_peer(const struct trace_options *o, const struct received *r)
{
    for (size_t i = 0; i < o->net_count; i++)
        if (r->ip.family != IP_NONE && ip_prefix_has(o->nets[i], r->ip))
            return true;
    for (size_t i = 0; i < o->host_count; i++)
        if (r->name.n && !r->may_be_forged && below(r->name, o->hosts[i]))
            return true;
    return false;
}

/* Without a word of the operator: does the block at the top go on with this line? */
static bool block_goes_on(const struct received *up, const struct received *down)
{
    if (chain_is_mute(up) || is_fetched(up))
        return true;
    if (chain_is_private(up->ip) || up->local || up->ip.family == IP_NONE)
        return true;
    if (name_is_tenant_out(up->helo) || name_is_tenant_out(up->name))
        return false;
    if (name_same_host(up->name, down->by))
        return name_same_org(up->by, up->name);
    return name_same_org(up->by, down->by) &&
           (name_is_microsoft(down->by) || !name_is_freemail(down->by));
}

struct walk {
    struct trace *t;
    const struct trace_options *o;
    size_t up; /* nearest line above that tells something */
};

static enum trace_fault fault_of(const struct trace *t, size_t k, size_t up)
{
    const struct received *r = &t->hops[k].r, *above = &t->hops[up].r;
    enum trace_fault fault = shape_fault(r);

    if (fault)
        return fault;
    /* A day and more: zones are often wrong, clocks by minutes. */
    if (r->has_date && above->has_date && r->date_wall > above->date_wall + TRACE_SKEW + 86400)
        return TRACE_BAD_ORDER;
    for (size_t i = 0; i < k && r->id.n >= 8; i++)
        if (span_eq(t->hops[i].r.id, r->id) && !name_same_org(t->hops[i].r.by, r->by) &&
            name_is_host(r->by) && r->writer != RECEIVED_BY_EXCHANGE)
            return TRACE_REPEATED;
    return TRACE_SOUND;
}

static size_t own_lines(struct trace *t, const struct trace_options *o, bool *ret_named)
{
    size_t own = t->count ? 1 : 0, named = 0, up = 0;

    *ret_named = false;
    for (size_t k = 0; k < t->count; k++) {
        enum trace_link link = k ? link_of(&t->hops[up].r, &t->hops[k].r) : TRACE_BY_TOP;

        if (!link)
            break;
        if (is_named(o, &t->hops[k].r) || (k && is_trusted_peer(o, &t->hops[up].r)))
            named = k + 1;
        if (!chain_is_mute(&t->hops[k].r))
            up = k;
    }
    if (named) {
        *ret_named = true;
        return named;
    }
    up = 0;
    for (size_t k = 1; k < t->count; k++) {
        size_t told = k; /* a mute line belongs to the next one that tells something */

        while (told + 1 < t->count && chain_is_mute(&t->hops[told].r))
            told++;
        if (!link_of(&t->hops[up].r, &t->hops[k].r) ||
            !block_goes_on(&t->hops[up].r, &t->hops[told].r))
            break;
        own = k + 1;
        if (!chain_is_mute(&t->hops[k].r))
            up = k;
    }
    return own;
}

static enum trace_role role_of(const struct trace *t, size_t k)
{
    if (k < t->own)
        return TRACE_OWN_LINE;
    return t->hops[k].link == TRACE_BY_PLACE || t->hops[k].link == TRACE_BY_LOCAL ? TRACE_INSIDE
                                                                                  : TRACE_GENUINE;
}

void chain_judge(struct trace *t, const struct trace_options *o)
{
    bool named, broken = false;
    size_t up = 0;

    t->own = own_lines(t, o, &named);
    t->guessed = !named;
    t->genuine = 0;
    for (size_t k = 0; k < t->count; k++) {
        struct trace_hop *hop = &t->hops[k];

        if (broken) {
            hop->role = TRACE_BELOW;
            hop->fault = shape_fault(&hop->r);
            continue;
        }
        hop->link = k ? link_of(&t->hops[up].r, &hop->r) : TRACE_BY_TOP;
        /* qmail's two lines belong together; a login is nothing that a forger would invent. */
        if (!hop->link && chain_is_mute(&t->hops[k - 1].r) && hop->r.writer == RECEIVED_BY_QMAIL &&
            hop->r.auth == RECEIVED_YES)
            hop->link = TRACE_BY_LOCAL;
        if (k >= t->own)
            hop->fault = fault_of(t, k, up);
        if (!hop->link || hop->fault) {
            broken = true;
            hop->role = TRACE_FORGED;
            continue;
        }
        hop->role = role_of(t, k);
        t->genuine = k + 1;
        if (!chain_is_mute(&hop->r))
            up = k;
    }
}
