/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses come from getifaddrs(3), gateways from the route tables in /proc, whose text has been
 * the same since the nineties and needs no right. A bridge is what the kernel calls one: it has a
 * folder "bridge" in /sys, whatever its name is (docker0, br-…, virbr0, cni0, podman0).
 */
#include "io/netif.h"

#include "io/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    ROUTE_GATEWAY = 2,  /* RTF_GATEWAY of linux/route.h: the route leads through a gateway */
    ROUTE4_FIELDS = 4,  /* Iface Destination Gateway Flags … */
    ROUTE6_FIELDS = 10, /* destination /, source /, next hop, metric, two counters, flags, device */
};

static int add(struct netif_facts *f, enum netif_kind kind, struct ip ip, struct span interface)
{
    struct netif_fact fact = {.kind = kind, .ip = ip};

    if (!span_copy(interface, fact.interface, sizeof(fact.interface)))
        return -EINVAL;
    for (size_t i = 0; i < f->count; i++)
        if (f->v[i].kind == kind && ip_eq(f->v[i].ip, ip) &&
            strcmp(f->v[i].interface, fact.interface) == 0)
            return 0;
    if (f->count >= NETIF_FACTS_MAX)
        return -E2BIG;
    if (array_grow(&f->v, &f->cap, sizeof(fact), f->count + 1) < 0)
        return -ENOMEM;
    f->v[f->count++] = fact;
    return 0;
}

/* --- routes ----------------------------------------------------------------------------------- */

static bool hex_parse(struct span s, uint8_t *ret, size_t octets)
{
    if (s.n != octets * 2)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = ascii_lower(s.p[i]);
        unsigned v = ascii_is_digit(c)      ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                            : 16;

        if (v > 15)
            return false;
        ret[i / 2] = (uint8_t)(i % 2 ? ret[i / 2] | v : v << 4);
    }
    return true;
}

/* The table prints the address as a number of this machine: its octets are the number's. */
static bool read_gateway4(const struct span *field, struct ip *ret, bool *ret_gateway)
{
    uint8_t gateway[4], flags[2];
    uint32_t v;

    if (!hex_parse(field[2], gateway, 4) || !hex_parse(field[3], flags, 2))
        return false;
    v = (uint32_t)gateway[0] << 24 | (uint32_t)gateway[1] << 16 | (uint32_t)gateway[2] << 8 |
        gateway[3];
    *ret = (struct ip){.family = IP_V4};
    memcpy(ret->b, &v, 4);
    *ret_gateway = flags[1] & ROUTE_GATEWAY;
    return true;
}

int netif_read_route4(struct netif_facts *f, struct span text)
{
    struct span line, field[ROUTE4_FIELDS];
    bool head = true;
    int r = 0;

    while (r == 0 && span_cut(&text, '\n', &line)) {
        struct ip ip;
        bool gateway;
        unsigned n = 0;

        if (head || span_trim(line).n == 0) { /* names of the columns */
            head = false;
            continue;
        }
        while (n < ROUTE4_FIELDS && span_word(&line, &field[n]))
            n++;
        if (n < ROUTE4_FIELDS || !read_gateway4(field, &ip, &gateway))
            return -EINVAL;
        if (gateway)
            r = add(f, NETIF_GATEWAY, ip, field[0]);
    }
    return r;
}

int netif_read_route6(struct netif_facts *f, struct span text)
{
    struct span line, field[ROUTE6_FIELDS];
    int r = 0;

    while (r == 0 && span_cut(&text, '\n', &line)) {
        struct ip ip = {.family = IP_V6};
        uint8_t flags[4];
        unsigned n = 0;

        if (span_trim(line).n == 0)
            continue;
        while (n < ROUTE6_FIELDS && span_word(&line, &field[n]))
            n++;
        if (n < ROUTE6_FIELDS || !hex_parse(field[4], ip.b, 16) || !hex_parse(field[8], flags, 4))
            return -EINVAL;
        if (flags[3] & ROUTE_GATEWAY)
            r = add(f, NETIF_GATEWAY, ip, field[9]);
    }
    return r;
}

/* --- this host -------------------------------------------------------------------------------- */

static int read_table(struct netif_facts *f, const char *path,
                      int (*read)(struct netif_facts *f, struct span text))
{
    struct buf text = BUF_INIT(NETIF_TABLE_MAX);
    int r = file_read(path, &text);

    r = r == -ENOENT ? 0 : r < 0 ? r : read(f, buf_span(&text));
    buf_deinit(&text);
    return r;
}

static bool is_bridge(const char *interface)
{
    char path[sizeof("/sys/class/net//bridge") + IFNAMSIZ];

    snprintf(path, sizeof(path), "/sys/class/net/%.*s/bridge", IFNAMSIZ - 1, interface);
    return access(path, F_OK) == 0;
}

static int read_interfaces(struct netif_facts *f)
{
    struct ifaddrs *all = NULL;
    int r = 0;

    if (getifaddrs(&all) < 0)
        return -errno;
    for (const struct ifaddrs *i = all; i && r == 0; i = i->ifa_next) {
        char text[IP_TEXT_MAX] = "";
        struct ip ip;

        if (!i->ifa_addr)
            continue;
        if (i->ifa_addr->sa_family == AF_INET)
            inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr,
                      text, sizeof(text));
        else if (i->ifa_addr->sa_family == AF_INET6)
            inet_ntop(AF_INET6,
                      &((const struct sockaddr_in6 *)(const void *)i->ifa_addr)->sin6_addr, text,
                      sizeof(text));
        if (ip_parse(span_str(text), &ip))
            r = add(f, is_bridge(i->ifa_name) ? NETIF_BRIDGE : NETIF_ADDRESS, ip,
                    span_str(i->ifa_name));
    }
    freeifaddrs(all);
    return r;
}

int netif_facts(struct netif_facts *ret)
{
    int r;

    *ret = (struct netif_facts){0};
    r = read_interfaces(ret);
    if (r == 0)
        r = read_table(ret, "/proc/net/route", netif_read_route4);
    if (r == 0)
        r = read_table(ret, "/proc/net/ipv6_route", netif_read_route6);
    if (r < 0)
        netif_facts_deinit(ret);
    return r;
}

void netif_facts_deinit(struct netif_facts *f)
{
    free(f->v);
    *f = (struct netif_facts){0};
}
