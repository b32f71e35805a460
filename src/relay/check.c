/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each granting prefix is looked at by itself, then all together: some hundred wide networks are
 * the world too. Nothing is counted twice, as prefixes that lie in others are left out. A gateway
 * is asked for as a client would be, so "!address" answers for it.
 *
 * One kind of finding stands once for a line: "ALL EXCEPT x" is many prefixes and one fault.
 */
#include "relay/check.h"

#include "relay/policy_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool same_place(struct relay_place a, struct relay_place b)
{
    return a.line == b.line && strcmp(a.file ? a.file : "", b.file ? b.file : "") == 0;
}

static int found(struct relay_findings *f, enum relay_finding_kind kind, struct relay_place place,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static int found(struct relay_findings *f, enum relay_finding_kind kind, struct relay_place place,
                 const char *fmt, ...)
{
    struct relay_finding *one;
    va_list ap;

    for (size_t i = 0; i < f->count; i++)
        if (f->v[i].kind == kind && same_place(f->v[i].place, place))
            return 0;
    if (array_grow(&f->v, &f->cap, sizeof(f->v[0]), f->count + 1) < 0)
        return -ENOMEM;
    one = &f->v[f->count++];
    one->kind = kind;
    one->place = place;
    va_start(ap, fmt);
    vsnprintf(one->text, sizeof(one->text), fmt, ap);
    va_end(ap);
    return 0;
}

/* Networks of one's own: the whole of such a space may be a site's, and no stranger is in it. */
static bool is_inner(struct ip_prefix net)
{
    static const struct {
        uint8_t b[2], len;
        enum ip_family family;
    } inner[] = {
        {{10}, 8, IP_V4},          {{172, 16}, 12, IP_V4},  {{192, 168}, 16, IP_V4},
        {{127}, 8, IP_V4},         {{169, 254}, 16, IP_V4}, {{0xfc}, 7, IP_V6},
        {{0xfe, 0x80}, 10, IP_V6},
    };

    for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++) {
        struct ip ip = {.family = inner[i].family, .b = {inner[i].b[0], inner[i].b[1]}};
        struct ip_prefix wide = {ip, inner[i].len};

        if (net.len >= wide.len && ip_prefix_has(wide, net.ip))
            return true;
    }
    return false;
}

static bool is_open_grant(const struct relay_net *e)
{
    return e->rule.verb == RELAY_VERB_GRANT && !e->rule.deliberate;
}

static int check_width(const struct relay_net *e, struct relay_findings *f)
{
    char text[IP_TEXT_MAX];
    bool v4 = e->net.ip.family == IP_V4;
    unsigned least = v4 ? RELAY_WIDE_V4 : RELAY_WIDE_V6;

    ip_text(e->net.ip, text);
    if (e->net.len == 0)
        return found(f, RELAY_OPEN_WORLD, e->rule.place,
                     "%s/0 lets everyone relay; write the networks of your own", text);
    if (e->net.len < least && !is_inner(e->net))
        return found(f, RELAY_OPEN_WIDE, e->rule.place,
                     "%s/%u is wider than /%u and lets strangers relay; write your own networks",
                     text, e->net.len, least);
    return 0;
}

/* --- all together ----------------------------------------------------------------------------- */

struct total {
    uint64_t v4, v6; /* addresses, and networks of /64 */
    struct ip_prefix last;
};

/* In the order of addresses, wider before narrower. */
static int by_address(const void *pa, const void *pb)
{
    const struct relay_net *const *a = pa, *const *b = pb;
    int r = ip_cmp((*a)->net.ip, (*b)->net.ip);

    return r ? r : ((*a)->net.len > (*b)->net.len) - ((*a)->net.len < (*b)->net.len);
}

static void count_net(struct total *t, struct ip_prefix net)
{
    unsigned len = net.len;

    if (t->last.ip.family != IP_NONE && t->last.len <= len && ip_prefix_has(t->last, net.ip))
        return;
    t->last = net;
    if (net.ip.family == IP_V4)
        t->v4 += UINT64_C(1) << (32 - len);
    else
        t->v6 += UINT64_C(1) << (len == 0 ? 63 : len < 64 ? 64 - len : 0);
}

static int check_total(const struct relay_policy *p, struct relay_findings *f)
{
    const struct relay_net **all;
    struct total t = {0};
    size_t count = 0, n = 0;
    int r = 0;

    for (size_t i = 0; i < p->source_count; i++)
        count += p->sources[i].clients.count;
    all = calloc(count + 1, sizeof(*all));
    if (!all)
        return -ENOMEM;
    for (size_t i = 0; i < p->source_count; i++)
        for (size_t k = 0; k < p->sources[i].clients.count; k++)
            if (is_open_grant(&p->sources[i].clients.v[k]) &&
                !is_inner(p->sources[i].clients.v[k].net))
                all[n++] = &p->sources[i].clients.v[k];
    if (n)
        qsort(all, n, sizeof(all[0]), by_address);
    for (size_t i = 0; i < n && r == 0 && f->count == 0; i++) {
        count_net(&t, all[i]->net);
        if (t.v4 > (uint64_t)RELAY_WIDE_TOTAL << (32 - RELAY_WIDE_V4) ||
            t.v6 > (uint64_t)RELAY_WIDE_TOTAL << (64 - RELAY_WIDE_V6))
            r = found(f, RELAY_OPEN_TOTAL, all[i]->rule.place,
                      "with this one, all networks together are more than %d of /%d or /%d",
                      RELAY_WIDE_TOTAL, RELAY_WIDE_V4, RELAY_WIDE_V6);
    }
    free(all);
    return r;
}

/* --- this host -------------------------------------------------------------------------------- */

static int check_fact(const struct relay_source *s, const struct relay_fact *fact,
                      struct relay_findings *f)
{
    const struct relay_net *e = relay_table_find(&s->clients, fact->ip);
    char text[IP_TEXT_MAX];

    if (!e || !is_open_grant(e) || fact->kind == RELAY_FACT_ADDRESS)
        return 0;
    ip_text(fact->ip, text);
    if (fact->kind == RELAY_FACT_GATEWAY)
        return found(f, RELAY_OPEN_GATEWAY, e->rule.place,
                     "holds %s, the gateway on %.15s: where that hides its clients, all of them "
                     "relay; add \"!%s\"",
                     text, fact->interface, text);
    return found(f, RELAY_OPEN_BRIDGE, e->rule.place,
                 "holds %s, the address of the bridge %.15s, as which a proxy for containers shows "
                 "strangers; add \"!%s\"",
                 text, fact->interface, text);
}

/* --- domains ---------------------------------------------------------------------------------- */

static int check_domain(const struct relay_key *k, struct relay_findings *f)
{
    if (k->rule.deliberate || k->key[0] != '.')
        return 0;
    if (k->key[1] == '\0')
        return found(f, RELAY_OPEN_EVERY_DOMAIN, k->rule.place,
                     "takes mail for every domain there is; write your own domains");
    if (!strchr(k->key + 1, '.'))
        return found(f, RELAY_OPEN_TOP_DOMAIN, k->rule.place,
                     "takes mail for all domains below %.80s; write your own domains", k->key);
    return 0;
}

static int finding_order(const void *pa, const void *pb)
{
    const struct relay_finding *a = pa, *b = pb;
    int r = strcmp(a->place.file ? a->place.file : "", b->place.file ? b->place.file : "");

    if (r == 0)
        r = (a->place.line > b->place.line) - (a->place.line < b->place.line);
    return r ? r : (a->kind > b->kind) - (a->kind < b->kind);
}

int relay_check(const struct relay_policy *p, const struct relay_fact *facts, size_t fact_count,
                struct relay_findings *ret)
{
    int r = 0;

    *ret = (struct relay_findings){0};
    for (size_t i = 0; i < p->source_count && r == 0; i++) {
        const struct relay_source *s = &p->sources[i];

        for (size_t k = 0; k < s->clients.count && r == 0; k++)
            if (is_open_grant(&s->clients.v[k]))
                r = check_width(&s->clients.v[k], ret);
    }
    if (r == 0)
        r = check_total(p, ret); /* says nothing new where a single one is too wide */
    for (size_t i = 0; i < p->source_count && r == 0; i++)
        for (size_t k = 0; k < fact_count && r == 0; k++)
            r = check_fact(&p->sources[i], &facts[k], ret);
    for (size_t i = 0; i < p->domains.count && r == 0; i++)
        r = check_domain(&p->domains.v[i], ret);
    if (ret->count)
        qsort(ret->v, ret->count, sizeof(ret->v[0]), finding_order);
    if (r < 0)
        relay_findings_deinit(ret);
    return r;
}

void relay_findings_deinit(struct relay_findings *f)
{
    free(f->v);
    *f = (struct relay_findings){0};
}
