/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Why identities and not sessions: a monitor that connects each second, or one busy inside client,
 * makes most sessions of a small site, and neither hides anybody. Strangers behind a translator
 * can't help bringing their own names. An attacker who is alone behind one and always gives the
 * same name is not seen; the first honest senders beside him are.
 *
 * A suspension forgets what was seen before it, so that what ends it is what came after it.
 */
#include "gate/guard_priv.h"

enum { V4 = 0, V6 = 1 };

void guard_init(struct guard *g, unsigned sessions_min, uint32_t seed, bool container)
{
    memset(g, 0, sizeof(*g));
    g->sessions_min = sessions_min ? sessions_min : GUARD_SESSIONS;
    g->seed = seed;
    g->container = container;
    g->calm_need = GUARD_CALM;
}

void guard_host_clear(struct guard *g)
{
    g->host_count = g->net_count = 0;
}

void guard_net(struct guard *g, struct ip_prefix net)
{
    if (g->net_count < GUARD_NETS)
        g->nets[g->net_count++] = net;
}

enum guard_role guard_role_of(const struct guard *g, struct ip ip)
{
    for (unsigned i = 0; i < g->host_count; i++)
        if (ip_eq(g->host[i].ip, ip))
            return g->host[i].role;
    return GUARD_NOBODY;
}

void guard_host(struct guard *g, struct ip ip, enum guard_role role)
{
    unsigned at = 0;

    while (at < g->host_count && !ip_eq(g->host[at].ip, ip))
        at++;
    if (at < g->host_count) {
        if (role < g->host[at].role)
            g->host[at].role = role;
        return;
    }
    if (at == GUARD_HOST_IPS) { /* a gateway counts more than one of a thousand own addresses */
        at = 0;
        while (at < g->host_count && g->host[at].role != GUARD_OWN)
            at++;
        if (role == GUARD_OWN || at == g->host_count)
            return;
    } else {
        g->host_count++;
    }
    g->host[at] = (struct guard_host_ip){ip, role};
}

/* --- the table ------------------------------------------------------------------------------ */

unsigned guard_weight(const struct guard_address *a)
{
    return a->count + a->evicted;
}

/* Forgets identities that are too old; those that found no room fade. */
static void age(struct guard_address *a, int64_t now)
{
    for (unsigned i = 0; i < a->count;) {
        if (now - a->identities[i].last > GUARD_WINDOW)
            a->identities[i] = a->identities[--a->count];
        else
            i++;
    }
    if (now - a->evicted_at > GUARD_WINDOW) {
        a->evicted /= 2;
        a->evicted_at = now;
    }
    if (now - a->paths_at > GUARD_WINDOW)
        a->paths = 0;
    if (now - a->strange_at > GUARD_WINDOW)
        a->strange = 0;
}

/* Of public addresses there are many; the few others are what the guard is about. */
static bool goes_before(const struct guard_address *a, const struct guard_address *b)
{
    bool a_public = guard_is_public(a->ip), b_public = guard_is_public(b->ip);

    return a_public != b_public ? a_public : a->last < b->last;
}

static struct guard_address *address_of(struct guard *g, struct ip ip, int64_t now)
{
    struct guard_address *victim = NULL;

    for (unsigned i = 0; i < GUARD_ADDRESSES; i++) {
        struct guard_address *a = &g->addresses[i];

        if (ip_eq(a->ip, ip)) {
            age(a, now);
            return a;
        }
        if (a->ip.family == IP_NONE) {
            victim = a;
            break;
        }
        if (!victim || goes_before(a, victim))
            victim = a;
    }
    /* The rest of the table need not be searched: slots are never freed one by one. */
    memset(victim, 0, sizeof(*victim));
    victim->ip = ip;
    victim->evicted_at = now;
    return victim;
}

/* True when the identity is new to the address. */
static bool add_identity(struct guard_address *a, uint32_t hash, bool v6, int64_t now)
{
    unsigned at = 0, oldest = 0;

    for (; at < a->count && a->identities[at].hash != hash; at++)
        if (a->identities[at].last < a->identities[oldest].last)
            oldest = at;
    if (at < a->count) {
        a->identities[at].last = now;
        return false;
    }
    if (a->count < GUARD_IDENTITIES) {
        a->count++;
    } else {
        at = oldest;
        a->evicted++;
    }
    a->identities[at] = (struct guard_identity){.hash = hash, .v6_literal = v6, .last = now};
    return true;
}

void guard_forget(struct guard *g)
{
    memset(g->addresses, 0, sizeof(g->addresses));
    g->sessions[V4] = g->sessions[V6] = 0;
}

/* A stranger with IPv6 has all of a network to come from. */
static struct ip stranger_of(const struct guard *g, struct ip ip)
{
    if (ip.family == IP_V6 && guard_is_public(ip) && guard_role_of(g, ip) == GUARD_NOBODY)
        return ip_prefix_of(ip, 64).ip;
    return ip;
}

static enum guard_event clear(struct guard *g, int64_t now)
{
    guard_forget(g);
    g->suspended = g->only_culprits = false;
    g->cause = GUARD_CAUSE_NONE;
    g->culprit_count = 0;
    g->since = now;
    return GUARD_CLEARS;
}

/* Many addresses, and no crowd for long enough. */
static enum guard_event calm(struct guard *g, int64_t now)
{
    unsigned addresses = 0;

    if (now - g->calm_since < g->calm_need || g->sessions[V4] + g->sessions[V6] < g->sessions_min)
        return GUARD_SAME;
    for (unsigned i = 0; i < GUARD_ADDRESSES; i++)
        addresses += g->addresses[i].ip.family != IP_NONE && guard_is_public(g->addresses[i].ip);
    if (addresses < GUARD_DIVERSE)
        return GUARD_SAME;
    if (g->calm_need < GUARD_CALM_MAX)
        g->calm_need *= 2;
    return clear(g, now);
}

enum guard_event guard_see(struct guard *g, const struct guard_session *s, int64_t now)
{
    struct guard_address *a;
    enum guard_event e = GUARD_SAME;
    uint64_t *sessions;
    uint32_t hash;
    bool v6, enough, far;

    g->news = false;
    if (!s->helo.n || s->client.family == IP_NONE)
        return GUARD_SAME;
    a = address_of(g, stranger_of(g, s->client), now);
    a->last = now;
    sessions = &g->sessions[a->ip.family == IP_V6 ? V6 : V4];
    enough = ++*sessions == g->sessions_min;
    hash = guard_identity_of(g, s, &v6);
    if (hash != GUARD_NOT_A_STRANGER)
        g->news = add_identity(a, hash, v6, now);
    far = guard_path(g, a, s, now);
    if (g->news || enough)
        e = guard_judge(g, now);
    if (far && e != GUARD_SUSPENDS)
        e = guard_blame_one(g, s->client, true, now);
    if (e == GUARD_SUSPENDS)
        return e;
    return g->suspended ? calm(g, now) : GUARD_SAME;
}

enum guard_event guard_relay(struct guard *g, const struct guard_session *s, int64_t now)
{
    struct guard_address *a;
    uint32_t hash;
    bool v6;

    g->news = false;
    if (!s->helo.n || s->client.family == IP_NONE)
        return GUARD_SAME;
    hash = guard_identity_of(g, s, &v6);
    if (hash == GUARD_NOT_A_STRANGER)
        return GUARD_SAME;
    /* Of an inside network with IPv6 each host has an address of its own. */
    a = address_of(g, s->client, now);
    a->last = now;
    if (a->strange == 0)
        a->strange_left = GUARD_STRANGE_RELAYS;
    if (a->strange != hash) {
        a->strange = hash;
        a->strange_left -= a->strange_left > 0;
        g->news = true;
    }
    a->strange_at = now;
    return a->strange_left ? GUARD_SAME : guard_blame_one(g, s->client, false, now);
}

bool guard_doubtful(const struct guard *g, struct ip client)
{
    enum guard_role role = guard_role_of(g, client);

    if (role == GUARD_GATEWAY || role == GUARD_BRIDGE)
        return true;
    if (!g->suspended)
        return false;
    if (guard_is_culprit(g, client) ||
        (client.family == IP_V6 && guard_is_culprit(g, ip_prefix_of(client, 64).ip)))
        return true;
    return !g->only_culprits && (!guard_is_public(client) || guard_translator_limit(g, client));
}

enum guard_event guard_suspend(struct guard *g, int64_t now)
{
    if (g->suspended && !g->only_culprits)
        return GUARD_SAME;
    guard_forget(g);
    g->suspended = true;
    g->only_culprits = false;
    g->cause = GUARD_CAUSE_TOLD;
    g->since = g->calm_since = now;
    return GUARD_SUSPENDS;
}

enum guard_event guard_clear(struct guard *g, int64_t now)
{
    g->calm_need = GUARD_CALM;
    if (!g->suspended) {
        guard_forget(g);
        return GUARD_SAME;
    }
    return clear(g, now);
}

void guard_report(const struct guard *g, int64_t now, struct buf *out)
{
    char text[IP_TEXT_MAX];

    buf_addf(out, "guard %s", g->suspended ? "suspended" : "watching");
    if (!g->suspended) {
        buf_addf(out, " sessions=%llu", (unsigned long long)(g->sessions[V4] + g->sessions[V6]));
        return;
    }
    buf_addf(out, " for=%llds whom=%s cause=%s", (long long)((now - g->since) / 1000),
             g->only_culprits ? "these" : "all", guard_cause_name(g->cause));
    for (unsigned i = 0; i < g->culprit_count; i++)
        buf_addf(out, "%s%s", i ? "," : " clients=", ip_text(g->culprits[i], text));
    buf_addf(out, " advice=\"%s\"", guard_cause_advice(g->cause));
}
