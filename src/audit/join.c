/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What holds for every MTA: findings that come from a door's networks and the facts of its host,
 * whoever trusts them.
 *
 * Width. A network wider than RELAY_WIDE_V4 or RELAY_WIDE_V6 outside of private space has strangers
 * in it, unless the operator says that it is all his own: the same limit as of the gate's own
 * policy check. Most such networks are a slip: 172.0.0.0/8 was meant to be 172.16.0.0/12.
 *
 * NAT (J1). Trusted networks are held against the addresses that a NAT, bridge or balancer is known
 * to lend to strangers. Where nothing is known of that, only networks that are made for it are
 * told, as possible: whole private blocks, and the well-known pools of container engines. An office
 * network alone is no finding: nearly every server trusts one, rightly.
 *
 * Proxies (J3). Whoever may name the client's address may name a trusted one.
 */
#include "audit/audit_priv.h"

#include <errno.h>
#include <stdio.h>

static const struct audit_rules joint = {.wide = "J5", .nat = "J1", .proxy = "J3"};

static const char *rule(const struct audit_door *d, size_t at)
{
    const struct audit_rules *r = d->kind ? &d->kind->rules : &joint;
    const char *own = *(const char *const *)((const char *)r + at);

    return own ? own : *(const char *const *)((const char *)&joint + at);
}

static const char *net_text(struct audit *a, struct ip_prefix net)
{
    char ip[IP_TEXT_MAX];

    return audit_fmt(a, "%s/%u", ip_text(net.ip, ip), net.len);
}

static struct ip_prefix net_of(unsigned b0, unsigned b1, unsigned len)
{
    struct ip ip = {.family = IP_V4, .b = {(uint8_t)b0, (uint8_t)b1}};

    return ip_prefix_of(ip, len);
}

static bool holds(struct ip_prefix a, struct ip_prefix b)
{
    return a.len <= b.len && ip_prefix_has(a, b.ip);
}

static void take_fix(struct audit_finding *f, const struct audit_net *net)
{
    f->edit = net->edit;
    f->fix = net->fix;
}

/* --- width ------------------------------------------------------------------------------------ */

/* The widest public piece that is too wide; false when there is none. */
static bool wide_piece(const struct audit *a, const struct relay_nets *left, struct ip_prefix *ret,
                       struct ip *ret_client)
{
    bool found = false;

    for (size_t i = 0; i < left->count; i++) {
        struct ip_prefix net = left->v[i];
        struct ip ip;

        if (net.len >= audit_wide_len(net.ip.family) || audit_host_owns(a, net) ||
            (found && net.len >= ret->len) || !audit_public_in(NULL, net, &ip))
            continue;
        *ret = net;
        *ret_client = ip;
        found = true;
    }
    return found;
}

static const char *meant(struct ip_prefix net)
{
    static const struct {
        unsigned first;
        const char *words;
    } slips[] = {
        {172, "; 172.16.0.0/12 was meant, perhaps"},
        {192, "; 192.168.0.0/16 was meant, perhaps"},
        {100, "; 100.64.0.0/10 was meant, perhaps"},
    };

    for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++)
        if (net.ip.family == IP_V4 && net.len >= 8 && net.ip.b[0] == slips[i].first)
            return slips[i].words;
    return "";
}

static void join_wide(struct audit *a, struct audit_door *d, const struct audit_net *n,
                      const struct relay_nets *left)
{
    struct audit_finding *f;
    struct ip_prefix net;
    struct ip client;

    if (!wide_piece(a, left, &net, &client))
        return;
    f = audit_find(a, rule(d, offsetof(struct audit_rules, wide)),
                   n->mail ? AUDIT_FORGED : AUDIT_OPEN, d, n->place);
    if (n->net.len == 0)
        f->why = audit_fmt(a,
                           "the trusted network %s is the whole Internet%s: any client may send "
                           "anywhere",
                           n->text, n->net.ip.family == IP_V6 ? " (over IPv6)" : "");
    else
        f->why = audit_fmt(a, "the trusted network %s has strangers in it, who may send anywhere%s",
                           n->text, meant(n->net));
    f->witness = audit_witness(d, client, n->mail, NULL);
    if (n->net.len >= 8)
        f->unless = "all of that network is the operator's own (--own-net)";
    take_fix(f, n);
}

/* --- NAT -------------------------------------------------------------------------------------- */

/* What makes a network look as if strangers could come from it; NULL when nothing does. */
static const char *nat_like(struct ip_prefix net)
{
    static const struct ip_prefix unique = {{.family = IP_V6, .b = {0xfc}}, 7};

    if (net.ip.family == IP_V6)
        return holds(unique, net) && net.len <= 8
                   ? "all private IPv6 networks, so the gateway of every container bridge"
                   : NULL;
    if (holds(net_of(10, 0, 8), net)) {
        struct ip slirp = {.family = IP_V4, .b = {10, 0, 2, 2}};

        if (net.len <= 12)
            return "nearly all of 10.0.0.0/8, so the inside of any firewall, node or balancer";
        if (net.len == 16 && (holds(net_of(10, 42, 16), net) || holds(net_of(10, 244, 16), net)))
            return "the pod network of a Kubernetes cluster, where nodes and balancers lend their "
                   "addresses";
        return ip_prefix_has(net, slirp) && net.len >= 24
                   ? "the network of slirp4netns and of virtual machines behind NAT, where every "
                     "client comes from 10.0.2.2"
                   : NULL;
    }
    for (unsigned i = 17; i <= 31; i++) {
        struct ip bridge = {.family = IP_V4, .b = {172, (uint8_t)i, 0, 1}};

        if (holds(net_of(172, 16, 12), net) && ip_prefix_has(net, bridge))
            return "networks that Docker gives to its bridges, whose gateway lends its address to "
                   "clients (IPv6 through the userland proxy)";
    }
    if (holds(net_of(192, 168, 16), net) && net.len <= 17)
        return "all of 192.168.0.0/16, so the inside of any firewall or bridge";
    return NULL;
}

/* A host with an address of its own in the Internet has no NAT before it. */
static bool public_host(const struct audit *a)
{
    for (size_t i = 0; i < a->interface_count; i++)
        if (ip_space(a->interfaces[i].ip) == IP_PUBLIC)
            return true;
    return false;
}

static struct audit_finding *nat_found(struct audit *a, struct audit_door *d,
                                       const struct audit_net *n, struct ip client)
{
    struct audit_finding *f =
        audit_find(a, rule(d, offsetof(struct audit_rules, nat)), AUDIT_NAT, d, n->place);

    f->witness = audit_witness(d, client, n->mail, NULL);
    f->unless = "clients keep their own address all the way to this server (--no-nat)";
    take_fix(f, n);
    return f;
}

static struct ip first_host(struct ip_prefix net)
{
    struct ip ip = net.ip;

    if (net.len < (ip.family == IP_V4 ? 32u : 128u))
        ip.b[ip.family == IP_V4 ? 3 : 15] |= 1;
    return ip;
}

/*
 * A single trusted host inside of a network that a NAT is somewhere in: most likely a program of
 * the operator's, and no reason for alarm.
 */
static bool one_of_many(struct ip_prefix trusted, struct ip_prefix nat)
{
    return trusted.len + 2 >= (trusted.ip.family == IP_V4 ? 32u : 128u) && nat.len < trusted.len;
}

/* Only ever the first known source: one is enough to be open by. */
static bool join_known_nat(struct audit *a, struct audit_door *d, const struct audit_net *n,
                           const struct relay_nets *left)
{
    for (unsigned certain = 2; certain-- > 0;)
        for (size_t i = 0; i < a->nat_count; i++)
            for (size_t k = 0; k < left->count; k++) {
                const struct audit_nat *nat = &a->nats[i];
                struct audit_finding *f;

                if (nat->certain != (certain == 1) || one_of_many(left->v[k], nat->net) ||
                    !(holds(left->v[k], nat->net) || holds(nat->net, left->v[k])))
                    continue;
                f = nat_found(a, d, n,
                              first_host(holds(nat->net, left->v[k]) ? left->v[k] : nat->net));
                /* Of a source that is known to be in a network only, not where, a part may miss. */
                f->certain = nat->certain && holds(left->v[k], nat->net);
                f->unless_state = f->certain ? AUDIT_UNLESS_RULED : AUDIT_UNLESS_OPEN;
                f->why = audit_fmt(
                    a,
                    "%s is trusted, and clients from the Internet %s with the "
                    "address of %s (%s)%s%s",
                    n->text, f->certain ? "come" : "can come", nat->what, net_text(a, nat->net),
                    nat->place.file ? ", see " : "",
                    nat->place.file ? audit_fmt(a, "%s:%u", nat->place.file, nat->place.line) : "");
                return true;
            }
    return false;
}

/* Of many networks of one kind the first is told. */
static bool told_of(const struct audit *a, const struct audit_door *d, const char *like)
{
    for (size_t i = 0; i < a->finding_count; i++)
        if (a->findings[i]->door == d && a->findings[i]->severity == AUDIT_NAT &&
            strstr(a->findings[i]->why, like))
            return true;
    return false;
}

static void join_nat(struct audit *a, struct audit_door *d, const struct audit_net *n,
                     const struct relay_nets *left)
{
    struct ip_prefix wide;
    struct ip client;

    /* Of a network that is too wide anyhow, NAT is no cause. */
    if (a->no_nat || audit_exposed(a, d) == AUDIT_NO || wide_piece(a, left, &wide, &client) ||
        join_known_nat(a, d, n, left))
        return;
    if (a->nat_count > 0 || a->nat_told || public_host(a))
        return;
    for (size_t i = 0; i < left->count; i++) {
        const char *like = nat_like(left->v[i]);
        struct audit_finding *f;

        if (!like || told_of(a, d, like))
            continue;
        f = nat_found(a, d, n, first_host(left->v[i]));
        f->why = audit_fmt(a,
                           "the trusted network %s holds %s: where one of them stands before "
                           "this server, the whole Internet may send anywhere",
                           n->text, like);
        return;
    }
}

/* --- proxies ---------------------------------------------------------------------------------- */

/* The trusted address that a stranger would claim; false when claiming gains nothing. */
static bool claim(const struct audit_door *d, struct ip *ret)
{
    struct ip loopback = {.family = IP_V4, .b = {127, 0, 0, 1}};

    *ret = loopback;
    if (audit_nets_has(&d->trusted, loopback))
        return true;
    for (size_t i = 0; i < d->trusted.count; i++)
        if (!d->trusted.v[i].except) {
            *ret = first_host(d->trusted.v[i].net);
            return true;
        }
    return false;
}

static void join_proxy(struct audit *a, struct audit_door *d, const struct audit_net *n,
                       const struct relay_nets *left)
{
    bool xclient = d->proxy_how && strcmp(d->proxy_how, "XCLIENT") == 0, gains;
    struct audit_finding *f;
    char ip[IP_TEXT_MAX];
    struct ip_prefix net;
    struct ip client, as;

    if (!wide_piece(a, left, &net, &client))
        return;
    gains = claim(d, &as);
    f = audit_find(a, rule(d, offsetof(struct audit_rules, proxy)),
                   gains || (xclient && d->login) ? AUDIT_OPEN : AUDIT_LATENT, d, n->place);
    f->why = audit_fmt(a, "any client may say by %s that it is %s", d->proxy_how,
                       gains                 ? "a trusted one, and send anywhere"
                       : xclient && d->login ? "logged in, and send anywhere"
                                             : "another; nothing is trusted by address now");
    f->witness = audit_witness(d, client, NULL, NULL);
    if (xclient && !gains)
        f->witness.proxy = "XCLIENT LOGIN=user";
    else if (xclient)
        f->witness.proxy =
            audit_fmt(a, "XCLIENT ADDR=%s%s", as.family == IP_V6 ? "IPv6:" : "", ip_text(as, ip));
    else
        f->witness.proxy = audit_fmt(a, "PROXY TCP%u %s %s 40000 %u", as.family, ip_text(as, ip),
                                     as.family == IP_V4 ? "192.0.2.1" : "2001:db8::1", d->port);
    f->unless = "a firewall lets only the proxy itself reach this port";
    take_fix(f, n);
}

/* --- all of it -------------------------------------------------------------------------------- */

typedef void (*row_fn)(struct audit *a, struct audit_door *d, const struct audit_net *n,
                       const struct relay_nets *left);

/* Whether a row could be told of at all: lists are long, and most rows are harmless. */
static bool matters(const struct audit *a, const struct audit_net *n)
{
    if (n->except)
        return false;
    if (n->net.len < audit_wide_len(n->net.ip.family) || nat_like(n->net))
        return true;
    for (size_t i = 0; i < a->nat_count; i++)
        if (holds(a->nats[i].net, n->net) || holds(n->net, a->nats[i].net))
            return true;
    return false;
}

static void each_row(struct audit *a, struct audit_door *d, const struct audit_nets *nets,
                     row_fn fn)
{
    for (size_t i = 0; i < nets->count && !a->err; i++) {
        struct relay_nets left;
        int r;

        if (!matters(a, &nets->v[i]))
            continue;
        r = audit_nets_left(nets, i, &left);
        if (r < 0)
            audit_stick(a, r);
        else
            fn(a, d, &nets->v[i], &left);
        if (r == 0)
            relay_nets_deinit(&left);
    }
}

void audit_join(struct audit *a)
{
    for (size_t i = 0; i < a->door_count && !a->err; i++) {
        struct audit_door *d = a->doors[i];

        each_row(a, d, &d->trusted, join_wide);
        each_row(a, d, &d->trusted, join_nat);
        each_row(a, d, &d->proxies, join_proxy);
    }
}
