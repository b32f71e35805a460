/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What this host knows of its own network: addresses of interfaces, which of them are bridges, and
 * the gateways of its routes. Of the network namespace that we run in; in a container that is the
 * container's own.
 */
#ifndef POSTERN_IO_NETIF_H
#define POSTERN_IO_NETIF_H

#include "base/buf.h"
#include "base/ip.h"

enum { NETIF_NAME = 16, NETIF_FACTS_MAX = 4096, NETIF_TABLE_MAX = 16 << 20 };

enum netif_kind {
    NETIF_ADDRESS, /* of an interface that is no bridge */
    NETIF_BRIDGE,  /* of a bridge: containers and virtual machines */
    NETIF_GATEWAY, /* of a route */
};

struct netif_fact {
    enum netif_kind kind;
    struct ip ip;
    unsigned len; /* of an address: the bits of its network; all of them on a point-to-point link */
    char interface[NETIF_NAME];
};

struct netif_facts {
    struct netif_fact *v;
    size_t count, cap;
};

/*
 * Asks the kernel, by rtnetlink(7) and the tables of routes in /proc/net. A table that is not
 * there (no IPv6) adds nothing. Needs no right and no bind(2), so that it works after rights were
 * given up. 0 or -errno.
 */
int netif_facts(struct netif_facts *ret);
void netif_facts_deinit(struct netif_facts *f);

/* The texts of /proc, for tests: adds the gateways. 0, -EINVAL for no such table, or -ENOMEM. */
int netif_read_route4(struct netif_facts *f, struct span text);
int netif_read_route6(struct netif_facts *f, struct span text);

#endif
