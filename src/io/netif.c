/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Addresses come from the kernel by rtnetlink(7), gateways from the route tables in /proc, whose
 * text has been the same since the nineties. A bridge is what the kernel calls one, whatever its
 * name is (docker0, br-…, virbr0, cni0, podman0).
 */
#include "io/netif.h"

#include "io/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DATAGRAM_MAX = 1 << 16,
    ROUTE_GATEWAY = 2,  /* RTF_GATEWAY of linux/route.h: the route leads through a gateway */
    ROUTE4_FIELDS = 4,  /* Iface Destination Gateway Flags … */
    ROUTE6_FIELDS = 10, /* destination /, source /, next hop, metric, two counters, flags, device */
};

static int add(struct netif_facts *f, enum netif_kind kind, struct ip ip, unsigned len,
               struct span interface)
{
    struct netif_fact fact = {.kind = kind, .ip = ip, .len = len};

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
            r = add(f, NETIF_GATEWAY, ip, 32, field[0]);
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
            r = add(f, NETIF_GATEWAY, ip, 128, field[9]);
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

/* Links by their number: the name, and whether it is a bridge. */
struct link {
    int index;
    bool bridge;
    char name[NETIF_NAME];
};

struct asking {
    int fd;
    struct netif_facts *facts;
    struct link *links;
    size_t link_count, link_cap;
};

/* The bytes of the first attribute of that type; empty when there is none. */
static struct span attribute(struct span list, unsigned type)
{
    struct rtattr head;

    while (list.n >= sizeof(head)) {
        memcpy(&head, list.p, sizeof(head));
        if (head.rta_len < sizeof(head) || head.rta_len > list.n)
            break;
        if ((head.rta_type & NLA_TYPE_MASK) == type)
            return span_slice(list, sizeof(head), head.rta_len);
        list = span_slice(list, RTA_ALIGN(head.rta_len), list.n);
    }
    return SPAN_NULL;
}

static struct span without_nul(struct span s)
{
    return span_slice(s, 0, span_find(s, '\0'));
}

static int take_link(struct asking *a, struct span body)
{
    struct ifinfomsg info;
    struct link link = {0};
    struct span kind;

    if (body.n < sizeof(info))
        return -EIO;
    memcpy(&info, body.p, sizeof(info));
    body = span_slice(body, NLMSG_ALIGN(sizeof(info)), body.n);
    kind = attribute(attribute(body, IFLA_LINKINFO), IFLA_INFO_KIND);
    link.index = info.ifi_index;
    link.bridge = span_eq(without_nul(kind), SPAN_LIT("bridge"));
    if (!span_copy(without_nul(attribute(body, IFLA_IFNAME)), link.name, sizeof(link.name)))
        return -EIO;
    if (array_grow(&a->links, &a->link_cap, sizeof(link), a->link_count + 1) < 0)
        return -ENOMEM;
    a->links[a->link_count++] = link;
    return 0;
}

static int take_address(struct asking *a, struct span body)
{
    struct ifaddrmsg info;
    struct span bytes, other;
    char text[IP_TEXT_MAX];
    struct ip ip;
    unsigned len;

    if (body.n < sizeof(info))
        return -EIO;
    memcpy(&info, body.p, sizeof(info));
    body = span_slice(body, NLMSG_ALIGN(sizeof(info)), body.n);
    /* On a point-to-point link IFA_ADDRESS is the other end; IPv6 has IFA_ADDRESS only. */
    bytes = attribute(body, IFA_LOCAL);
    other = attribute(body, IFA_ADDRESS);
    if (bytes.n == 0)
        bytes = other;
    len = span_eq(bytes, other) ? info.ifa_prefixlen : (unsigned)bytes.n * 8;
    if (bytes.n != (info.ifa_family == AF_INET ? 4 : 16) ||
        !inet_ntop(info.ifa_family, bytes.p, text, sizeof(text)) || !ip_parse(span_str(text), &ip))
        return 0;
    for (size_t i = 0; i < a->link_count; i++)
        if (a->links[i].index == (int)info.ifa_index)
            return add(a->facts, a->links[i].bridge ? NETIF_BRIDGE : NETIF_ADDRESS, ip, len,
                       span_str(a->links[i].name));
    return add(a->facts, NETIF_ADDRESS, ip, len, SPAN_NULL);
}

/* One datagram of a dump. 1 more to come, 0 the end, or -errno. */
static int take_messages(struct asking *a, struct span s)
{
    struct nlmsghdr h;
    int r = 0;

    while (r == 0 && s.n >= sizeof(h)) {
        struct span body;

        memcpy(&h, s.p, sizeof(h));
        if (h.nlmsg_type == NLMSG_DONE)
            return 0;
        if (h.nlmsg_type == NLMSG_ERROR || h.nlmsg_len < sizeof(h) || h.nlmsg_len > s.n)
            return -EIO;
        body = span_slice(s, NLMSG_HDRLEN, h.nlmsg_len);
        if (h.nlmsg_type == RTM_NEWLINK)
            r = take_link(a, body);
        else if (h.nlmsg_type == RTM_NEWADDR)
            r = take_address(a, body);
        s = span_slice(s, NLMSG_ALIGN(h.nlmsg_len), s.n);
    }
    return r < 0 ? r : 1;
}

/* The kernel fills one datagram after another; the largest it makes is 32 KiB. */
static int dump(struct asking *a, unsigned short type)
{
    struct {
        struct nlmsghdr h;
        struct rtgenmsg family;
    } ask = {{.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtgenmsg)),
              .nlmsg_type = type,
              .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
             {.rtgen_family = AF_UNSPEC}};
    char *answer = malloc(DATAGRAM_MAX);
    int r = answer ? 1 : -ENOMEM;

    if (r > 0 && sendto(a->fd, &ask, ask.h.nlmsg_len, 0, NULL, 0) < 0)
        r = -errno;
    while (r > 0) {
        ssize_t n = recvfrom(a->fd, answer, DATAGRAM_MAX, 0, NULL, NULL);

        if (n < 0 && errno == EINTR)
            continue;
        r = n < 0 ? -errno : n == 0 ? -EIO : take_messages(a, span_of(answer, (size_t)n));
    }
    free(answer);
    return r;
}

/*
 * getifaddrs(3) would do it, but it binds its socket, and a service that gave its rights up may
 * bind no more, yet must be able to look again when it reloads.
 */
static int read_interfaces(struct netif_facts *f)
{
    struct asking a = {.fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE),
                       .facts = f};
    int r;

    if (a.fd < 0)
        return -errno;
    r = dump(&a, RTM_GETLINK);
    if (r == 0)
        r = dump(&a, RTM_GETADDR);
    close(a.fd);
    free(a.links);
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
