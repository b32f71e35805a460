/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whose address does a container see? Docker rewrites only the destination of what comes to a
 * published port, so that clients keep their own address, save in these cases:
 *
 * - IPv6 to a network without IPv6: the userland proxy takes the connection and makes a new one
 *   over IPv4, from the bridge's gateway. Most incidents of the last years are this one.
 * - The daemon makes no rules (iptables or ip6tables off): the userland proxy takes all.
 * - Rootless engines: the port forwarder in user space takes all (10.0.2.2, 10.0.2.100, or the
 *   gateway), unless it is pasta or slirp4netns' own handler.
 * - Swarm's ingress network: the mesh rewrites the source.
 * - A proxy in another container that does not speak PROXY.
 *
 * What the daemon does without its daemon.json at hand is not known: then the IPv6 case is told as
 * possible. Where the host has no public IPv6 address it is none.
 */
#include "audit/boxes.h"

static bool net_bridged(const struct audit_box_net *net)
{
    return !net->driver || strcmp(net->driver, "bridge") == 0 ||
           strcmp(net->driver, "overlay") == 0 || strcmp(net->driver, "default") == 0;
}

/* Whether the network carries IPv6 by itself: then nothing is translated. */
static enum audit_answer net_v6(const struct audit_docker *d, const struct audit_box_net *net)
{
    bool subnet = false;

    for (size_t i = 0; i < net->subnet_count; i++)
        subnet = subnet || net->subnets[i].net.ip.family == IP_V6;
    if (d->ip6tables == AUDIT_NO || d->iptables == AUDIT_NO)
        return AUDIT_NO;
    if (net->ipv6 == AUDIT_YES || (subnet && net->ipv6 != AUDIT_NO))
        return AUDIT_YES;
    return net->external && net->ipv6 == AUDIT_UNKNOWN ? AUDIT_UNKNOWN : AUDIT_NO;
}

/* Whether strangers can come over IPv6 at all. */
static enum audit_answer host_v6(const struct audit *a, const struct audit_box_port *p)
{
    size_t count;
    const struct audit_interface *v = audit_host_interfaces(a, &count);

    if (!p->v6)
        return AUDIT_NO;
    if (p->host.family == IP_V6)
        return AUDIT_YES;
    for (size_t i = 0; i < count; i++)
        if (v[i].ip.family == IP_V6 && ip_space(v[i].ip) == IP_PUBLIC)
            return AUDIT_YES;
    return count > 0 ? AUDIT_NO : AUDIT_UNKNOWN;
}

struct lent {
    const char *what;
    bool certain;
    struct audit_place place;
};

static void lend(struct audit *a, struct ip gateway, const struct lent *why, const char *net)
{
    struct ip_prefix one = ip_prefix_of(gateway, gateway.family == IP_V4 ? 32 : 128);

    audit_host_nat(a, one, why->certain,
                   audit_fmt(a, "the gateway of Docker's network %s, by %s", net, why->what),
                   why->place);
}

/* Networks without a subnet get one of the daemon's pools: any of these gateways. */
static void lend_pools(struct audit *a, const struct audit_docker *d, const struct lent *why,
                       const char *net)
{
    for (size_t i = 0; i < d->pool_count; i++)
        audit_host_nat(a, d->pools[i], why->certain,
                       audit_fmt(a,
                                 "the gateway of Docker's network %s (a pool of daemon.json), "
                                 "by %s",
                                 net, why->what),
                       why->place);
    for (unsigned i = 17; d->pool_count == 0 && i <= 31; i++)
        lend(a, (struct ip){.family = IP_V4, .b = {172, (uint8_t)i, 0, 1}}, why, net);
    for (unsigned i = 0; d->pool_count == 0 && i < 256; i += 16)
        lend(a, (struct ip){.family = IP_V4, .b = {192, 168, (uint8_t)i, 1}}, why, net);
}

static void lend_net(struct audit *a, const struct audit_docker *d, const struct audit_box_net *net,
                     const struct lent *why, bool v6)
{
    bool known = false;

    for (size_t i = 0; i < net->subnet_count; i++) {
        const struct audit_box_subnet *s = &net->subnets[i];

        if (s->net.ip.family == IP_V4 || v6)
            lend(a, audit_box_gateway(s), why, net->name);
        known = known || s->net.ip.family == IP_V4;
    }
    if (!known)
        lend_pools(a, d, why, net->name);
}

/* --- the cases -------------------------------------------------------------------------------- */

static void port_rootless(struct audit *a, const struct audit_docker *d, const struct audit_box *b,
                          const struct audit_box_port *p)
{
    static const struct ip slirp[] = {{.family = IP_V4, .b = {10, 0, 2, 2}},
                                      {.family = IP_V4, .b = {10, 0, 2, 100}}};
    struct lent why = {"the port forwarder of a rootless engine", true,
                       d->rootless_place.file ? d->rootless_place : p->place};

    for (const struct audit_box_link *l = b->links; l; l = l->next)
        lend_net(a, d, l->net, &why, false);
    for (size_t i = 0; i < 2; i++)
        audit_host_nat(a, ip_prefix_of(slirp[i], 32), true,
                       audit_fmt(a, "slirp4netns (rootless: %s)",
                                 d->rootless_why ? d->rootless_why : "as it was told"),
                       why.place);
}

/* Podman's network modes of one container. */
static bool port_podman(struct audit *a, const struct audit_box *b, const struct audit_box_port *p)
{
    struct span mode = span_str(b->network_mode);
    struct ip ip = {.family = IP_V4, .b = {10, 0, 2, 100}};

    if (span_starts(mode, SPAN_LIT("pasta")))
        return true;
    if (!span_starts(mode, SPAN_LIT("slirp4netns")))
        return false;
    if (!span_has_nocase(mode, SPAN_LIT("port_handler=slirp4netns")))
        audit_host_nat(a, ip_prefix_of(ip, 32), true, "slirp4netns with rootlesskit's port handler",
                       p->place);
    return true;
}

static void port_ipv6(struct audit *a, const struct audit_docker *d, const struct audit_box *b,
                      const struct audit_box_port *p)
{
    enum audit_answer v6 = host_v6(a, p);

    if (v6 == AUDIT_NO || d->userland_proxy == AUDIT_NO)
        return;
    for (const struct audit_box_link *l = b->links; l; l = l->next) {
        enum audit_answer own = net_v6(d, l->net);
        struct lent why = {.what = "the userland proxy for clients over IPv6",
                           .certain = v6 == AUDIT_YES && own == AUDIT_NO,
                           .place = p->place};

        if (own != AUDIT_YES && net_bridged(l->net))
            lend_net(a, d, l->net, &why, l->net->ipv6 == AUDIT_YES);
    }
}

static void port_no_rules(struct audit *a, const struct audit_docker *d, const struct audit_box *b)
{
    struct lent why = {"the userland proxy for all clients (iptables is off)", true, d->place};

    for (const struct audit_box_link *l = b->links; l; l = l->next)
        if (net_bridged(l->net))
            lend_net(a, d, l->net, &why, true);
}

static void port_mesh(struct audit *a, const struct audit_box *b, const struct audit_box_port *p)
{
    struct ip ip = {.family = IP_V4, .b = {10, 0, 0, 0}};
    bool overlay = false;

    for (const struct audit_box_link *l = b->links; l; l = l->next)
        overlay = overlay || (l->net->driver && strcmp(l->net->driver, "overlay") == 0);
    if (p->mesh != AUDIT_NO && (overlay || p->mesh == AUDIT_YES))
        audit_host_nat(a, ip_prefix_of(ip, 24), overlay, "Swarm's ingress network (mode: ingress)",
                       p->place);
}

/* --- proxies in other containers -------------------------------------------------------------- */

static bool proxy_image(const struct audit_box *b)
{
    static const char *const words[] = {"haproxy", "traefik", "nginx",    "envoy",
                                        "caddy",   "socat",   "tcp-proxy"};
    struct span image = span_str(b->image);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_has_nocase(image, span_str(words[i])))
            return !span_has_nocase(image, SPAN_LIT("mailu")) &&
                   !span_has_nocase(image, SPAN_LIT("mailcow"));
    return false;
}

static bool publishes_mail(const struct audit_box *b)
{
    for (const struct audit_box_port *p = b->ports; p; p = p->next)
        for (unsigned i = p->first; i <= p->last; i++)
            if (audit_mail_port(i) && p->bind != AUDIT_BIND_LOOPBACK)
                return true;
    return false;
}

/* A mail server beside a proxy sees the proxy, anywhere in their network. */
static void proxy_facts(struct audit *a, const struct audit_boxes *all, const struct audit_box *b)
{
    for (const struct audit_box *m = all->boxes; m; m = m->next)
        if (m != b && m->proxied)
            return;
    for (const struct audit_box_link *l = b->links; l; l = l->next)
        for (size_t i = 0; i < l->net->subnet_count; i++) {
            const struct audit_box_subnet *s = &l->net->subnets[i];
            struct ip own = s->net.ip.family == IP_V4 ? l->v4 : l->v6;
            struct ip_prefix net = s->net;

            if (own.family)
                net = ip_prefix_of(own, own.family == IP_V4 ? 32 : 128);
            audit_host_nat(a, net, false,
                           audit_fmt(a, "the proxy %s, unless it sends PROXY", b->name), b->place);
        }
}

/* --- all of it -------------------------------------------------------------------------------- */

static void publish(struct audit *a, const struct audit_box_port *p)
{
    for (unsigned port = p->first; port <= p->last; port++)
        if (audit_mail_port(port) || p->last == p->first)
            audit_host_publish(a, port, p->v4, p->v6);
}

static void port_facts(struct audit *a, const struct audit_docker *d, const struct audit_box *b,
                       const struct audit_box_port *p)
{
    if (p->bind == AUDIT_BIND_LOOPBACK)
        return;
    publish(a, p);
    if (!audit_box_mail(b) && !audit_mail_port(p->first))
        return;
    if (b->network_mode && port_podman(a, b, p))
        return;
    if (d->rootless == AUDIT_YES)
        port_rootless(a, d, b, p);
    else if (d->iptables == AUDIT_NO)
        port_no_rules(a, d, b);
    else
        port_ipv6(a, d, b, p);
    port_mesh(a, b, p);
}

/*
 * The addresses of the one box that is the mail server, for "the networks of my interfaces" in its
 * own files. Docker gives 172.18.0.0/16 to the first network without a subnet; any other pool would
 * be trusted as well, and would have its gateway as well.
 */
static void box_addresses(struct audit *a, const struct audit_docker *d, const struct audit_box *b)
{
    for (const struct audit_box_link *l = b->links; l; l = l->next) {
        struct ip ip = {.family = IP_V4, .b = {172, 18, 0, 2}};

        for (size_t i = 0; i < l->net->subnet_count; i++) {
            const struct ip_prefix net = l->net->subnets[i].net;

            ip = net.ip.family == IP_V4 ? l->v4 : l->v6;
            if (!ip.family) {
                ip = net.ip;
                ip.b[ip.family == IP_V4 ? 3 : 15] |= 2;
            }
            audit_host_address(a, ip, net.len);
        }
        if (l->net->subnet_count == 0 && net_bridged(l->net) && d->pool_count == 0)
            audit_host_address(a, ip, 16);
    }
}

static void mail_addresses(struct audit *a, const struct audit_boxes *all)
{
    const struct audit_box *one = NULL;
    size_t known, count = 0;

    audit_host_interfaces(a, &known);
    for (const struct audit_box *b = all->boxes; b; b = b->next)
        if (!b->bare && !b->pod && !proxy_image(b) && publishes_mail(b)) {
            one = b;
            count++;
        }
    if (known == 0 && count == 1 && !one->host_network)
        box_addresses(a, &all->docker, one);
}

void audit_docker_facts(struct audit *a)
{
    struct audit_boxes *all = audit_boxes(a);
    bool mail = false, every = false, published = false, told = false;
    size_t haproxy, nginx;

    audit_inputs(a, &audit_kind_haproxy, &haproxy);
    audit_inputs(a, &audit_kind_nginx, &nginx);
    told = haproxy + nginx > 0; /* by the proxy's own configuration */
    for (const struct audit_box *b = all->boxes; b; b = b->next) {
        if (b->bare || b->pod)
            continue;
        mail = mail || audit_box_mail(b);
        for (const struct audit_box_port *p = b->ports; p; p = p->next)
            port_facts(a, &all->docker, b, p);
        published = published || publishes_mail(b);
        if (!told && proxy_image(b) && publishes_mail(b))
            proxy_facts(a, all, b);
        every = every || (b->host_network && audit_box_mail(b));
    }
    if (!mail)
        return;
    /* Beside a server that publishes its ports, a box on the host's network is a helper. */
    every = every && !published;
    audit_host_publish(a, 0, every, every);
    audit_host_nat_told(a);
    mail_addresses(a, all);
}
