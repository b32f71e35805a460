/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rules of guard.h's head: which addresses are crowded, what that is worth, and what the likely
 * cause is. What an address is to this host comes from the caller; a missing fact only makes the
 * guard slower (the share rule), never blind.
 */
#include "gate/guard_priv.h"

enum { V4 = 0, V6 = 1 };

static const struct {
    const char *name, *advice;
} causes[] = {
    [GUARD_CAUSE_NONE] = {"none", "Nothing is wrong."},
    [GUARD_CAUSE_FIREWALL] = {"firewall-nat",
                              "The router rewrites source addresses (masquerade or hairpin NAT) on "
                              "the way in. Forward the port without source NAT."},
    [GUARD_CAUSE_USERLAND] = {"userland-proxy",
                              "A container's userland proxy takes the connections. Let the packet "
                              "filter forward them (iptables on, userland-proxy off), or use the "
                              "host's network."},
    [GUARD_CAUSE_ROOTLESS] = {"rootless-container",
                              "Rootless port forwarding hides the clients. Use pasta, "
                              "slirp4netns with port_handler=slirp4netns, the host's network, or "
                              "socket activation."},
    [GUARD_CAUSE_V6_PROXY] = {"ipv6-to-ipv4-proxy",
                              "Clients of IPv6 are proxied into an IPv4 container network. Give "
                              "the container network IPv6 (ip6tables on), or drop the AAAA record "
                              "until it has it."},
    [GUARD_CAUSE_CLUSTER] = {"cluster-snat",
                             "Several nodes rewrite source addresses. In Kubernetes set "
                             "externalTrafficPolicy: Local, or send PROXY."},
    [GUARD_CAUSE_BALANCER] = {"balancer",
                              "A load balancer or firewall connects in the clients' place. Let it "
                              "send PROXY and name it in proxy-from, or make it transparent."},
    [GUARD_CAUSE_LOCAL] = {"local-proxy",
                           "A proxy on this host (stunnel, ssh, socat, HAProxy) connects in the "
                           "clients' place. Let it send PROXY and name it in proxy-from."},
    [GUARD_CAUSE_TOLD] = {"told", "Another worker or the operator suspended it."},
};

const char *guard_cause_name(enum guard_cause cause)
{
    return causes[cause].name;
}

const char *guard_cause_advice(enum guard_cause cause)
{
    return causes[cause].advice;
}

static bool is_slirp(struct ip ip)
{
    static const uint8_t net[3] = {10, 0, 2};

    return ip.family == IP_V4 && memcmp(ip.b, net, 3) == 0 && (ip.b[3] == 2 || ip.b[3] == 100);
}

unsigned guard_translator_limit(const struct guard *g, struct ip ip)
{
    switch (guard_role_of(g, ip)) {
    case GUARD_GATEWAY:
    case GUARD_BRIDGE:
        return GUARD_STRANGERS_FEW;
    case GUARD_OWN:
        return g->container && is_slirp(ip) ? GUARD_STRANGERS_FEW : GUARD_STRANGERS;
    case GUARD_NOBODY:
        break;
    }
    if (g->container && (is_slirp(ip) || ip_space(ip) == IP_LOOPBACK))
        return GUARD_STRANGERS_FEW;
    return ip_space(ip) == IP_LOOPBACK ? GUARD_STRANGERS : 0;
}

/* Crowded addresses of one kind, and the identities that they bring. */
struct guard_crowd {
    const struct guard_address *who[GUARD_CULPRITS];
    unsigned count;
    unsigned identities;
};

static void crowd_add(struct guard_crowd *c, const struct guard_address *a)
{
    if (c->count < GUARD_CULPRITS)
        c->who[c->count++] = a;
    c->identities += guard_weight(a);
}

struct crowds {
    struct guard_crowd translators;
    struct guard_crowd inside[2], outside[2]; /* by family */
    unsigned all[2];                          /* identities of a family, loopback left out */
};

static void crowds_find(const struct guard *g, struct crowds *ret)
{
    *ret = (struct crowds){0};
    for (unsigned i = 0; i < GUARD_ADDRESSES; i++) {
        const struct guard_address *a = &g->addresses[i];
        unsigned limit, family = a->ip.family == IP_V6 ? V6 : V4;

        if (a->ip.family == IP_NONE)
            break;
        limit = guard_translator_limit(g, a->ip);
        if (limit && guard_weight(a) >= limit)
            crowd_add(&ret->translators, a);
        if (ip_space(a->ip) == IP_LOOPBACK)
            continue;
        ret->all[family] += guard_weight(a);
        if (limit)
            continue;
        if (!guard_is_public(a->ip) && guard_weight(a) >= GUARD_STRANGERS)
            crowd_add(&ret->inside[family], a);
        else if (guard_is_public(a->ip) && guard_weight(a) >= GUARD_STRANGERS_PUBLIC)
            crowd_add(&ret->outside[family], a);
    }
}

static bool is_share(const struct guard *g, const struct crowds *all, const struct guard_crowd *c,
                     unsigned family)
{
    return c->count && g->sessions[family] >= g->sessions_min &&
           c->identities * 100 >= all->all[family] * GUARD_SHARE;
}

static bool has_v6_names(const struct guard_address *a)
{
    for (unsigned i = 0; i < a->count; i++)
        if (a->identities[i].v6_literal)
            return true;
    return false;
}

static bool sees_public_v4(const struct guard *g)
{
    for (unsigned i = 0; i < GUARD_ADDRESSES; i++)
        if (g->addresses[i].ip.family == IP_V4 && guard_is_public(g->addresses[i].ip) &&
            guard_role_of(g, g->addresses[i].ip) == GUARD_NOBODY)
            return true;
    return false;
}

static enum guard_cause cause_of(const struct guard *g, const struct guard_crowd *c)
{
    struct ip ip = c->who[0]->ip;

    switch (guard_role_of(g, ip)) {
    case GUARD_GATEWAY:
        if (!g->container)
            return GUARD_CAUSE_FIREWALL;
        if (is_slirp(ip))
            return GUARD_CAUSE_ROOTLESS;
        return ip.family == IP_V4 && (has_v6_names(c->who[0]) || sees_public_v4(g))
                   ? GUARD_CAUSE_V6_PROXY
                   : GUARD_CAUSE_USERLAND;
    case GUARD_BRIDGE:
        return GUARD_CAUSE_USERLAND;
    case GUARD_OWN:
    case GUARD_NOBODY:
        break;
    }
    if (g->container && (is_slirp(ip) || ip_space(ip) == IP_LOOPBACK))
        return GUARD_CAUSE_ROOTLESS;
    if (guard_translator_limit(g, ip))
        return GUARD_CAUSE_LOCAL;
    return c->count > 1 && !guard_is_public(ip) ? GUARD_CAUSE_CLUSTER : GUARD_CAUSE_BALANCER;
}

bool guard_is_culprit(const struct guard *g, struct ip ip)
{
    for (unsigned i = 0; i < g->culprit_count; i++)
        if (ip_eq(g->culprits[i], ip))
            return true;
    return false;
}

bool guard_add_culprit(struct guard *g, struct ip ip)
{
    if (guard_is_culprit(g, ip))
        return false;
    if (g->culprit_count == GUARD_CULPRITS) {
        memmove(&g->culprits[0], &g->culprits[1], sizeof(g->culprits) - sizeof(g->culprits[0]));
        g->culprit_count--;
    }
    g->culprits[g->culprit_count++] = ip;
    return true;
}

/* Takes the crowd as the reason. True when more is in doubt than before. */
static bool blame(struct guard *g, const struct guard_crowd *c, bool only, int64_t now)
{
    bool more = !g->suspended || (g->only_culprits && !only);

    if (more) {
        g->cause = cause_of(g, c);
        g->only_culprits = only;
        if (!g->suspended)
            g->culprit_count = 0;
        g->since = now;
    }
    for (unsigned i = 0; i < c->count; i++)
        if (guard_add_culprit(g, c->who[i]->ip))
            more = more || only;
    g->suspended = true;
    g->calm_since = now;
    return more;
}

enum guard_event guard_blame_one(struct guard *g, struct ip ip, bool rewritten, int64_t now)
{
    struct guard_address one = {.ip = ip};
    struct guard_crowd c = {.who = {&one}, .count = 1};
    /* So many of them are no single machine's fault, and one more would push one out. */
    bool all = g->only_culprits && g->culprit_count == GUARD_CULPRITS && !guard_is_public(ip) &&
               !guard_is_culprit(g, ip);
    bool before = g->suspended;

    if (!blame(g, &c, !all, now))
        return GUARD_SAME;
    if (rewritten && !before)
        g->cause = GUARD_CAUSE_FIREWALL;
    return GUARD_SUSPENDS;
}

enum guard_event guard_prove(struct guard *g, struct ip seen, int64_t now)
{
    struct guard_address one = {.ip = seen};
    struct guard_crowd c = {.who = {&one}, .count = 1};

    if (guard_is_public(seen) && guard_role_of(g, seen) == GUARD_NOBODY)
        return GUARD_SAME;
    return blame(g, &c, false, now) ? GUARD_SUSPENDS : GUARD_SAME;
}

enum guard_event guard_judge(struct guard *g, int64_t now)
{
    /* Suspended already: any crowd shows that nothing is mended, and no share is asked for. */
    bool only = false, more, any = g->suspended && !g->only_culprits;
    const struct guard_crowd *c = NULL;
    struct crowds all;

    crowds_find(g, &all);
    if (all.translators.count)
        c = &all.translators;
    for (unsigned f = V4; !c && f <= V6; f++)
        if ((any && all.inside[f].count) || is_share(g, &all, &all.inside[f], f))
            c = &all.inside[f];
    for (unsigned f = V4; !c && f <= V6; f++)
        if (is_share(g, &all, &all.outside[f], f)) {
            c = &all.outside[f];
            only = true;
        }
    if (!c)
        return GUARD_SAME;
    more = blame(g, c, only, now);
    guard_forget(g);
    return more ? GUARD_SUSPENDS : GUARD_SAME;
}
