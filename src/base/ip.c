/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * inet_pton and inet_ntop do the text: they are exact, take no sloppy forms, and touch no state.
 * The table of spaces is the whole policy about "whose address can this be"; the reasons why one of
 * them matters stand with those who ask.
 */
#include "base/ip.h"

#include "base/num.h"

#include <arpa/inet.h>
#include <string.h>

static unsigned ip_bits(struct ip ip)
{
    return ip.family == IP_V4 ? 32 : 128;
}

bool ip_parse(struct span s, struct ip *ret)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char text[IP_TEXT_MAX];
    struct ip ip = {0};

    if (s.n == 0 || !span_copy(s, text, sizeof(text)) || strlen(text) != s.n)
        return false;
    if (inet_pton(AF_INET, text, ip.b) == 1) {
        ip.family = IP_V4;
    } else if (inet_pton(AF_INET6, text, ip.b) == 1) {
        ip.family = IP_V6;
        if (memcmp(ip.b, mapped, sizeof(mapped)) == 0) {
            ip.family = IP_V4;
            memmove(ip.b, ip.b + 12, 4);
            memset(ip.b + 4, 0, 12);
        }
    } else {
        return false;
    }
    *ret = ip;
    return true;
}

bool ip_prefix_parse(struct span s, struct ip_prefix *ret)
{
    size_t slash = span_find(s, '/');
    struct ip ip;
    unsigned len;

    if (!ip_parse(span_slice(s, 0, slash), &ip))
        return false;
    len = ip_bits(ip);
    if (slash < s.n && !num_uint(span_slice(s, slash + 1, s.n), 0, len, &len))
        return false;
    *ret = ip_prefix_of(ip, len);
    /* 10.0.0.1/8 is a slip of the operator: say no instead of guessing which half was meant. */
    return ip_eq(ret->ip, ip);
}

const char *ip_text(struct ip ip, char out[IP_TEXT_MAX])
{
    out[0] = '\0';
    if (ip.family != IP_NONE)
        inet_ntop(ip.family == IP_V4 ? AF_INET : AF_INET6, ip.b, out, IP_TEXT_MAX);
    return out;
}

bool ip_eq(struct ip a, struct ip b)
{
    return ip_cmp(a, b) == 0;
}

int ip_cmp(struct ip a, struct ip b)
{
    if (a.family != b.family)
        return a.family < b.family ? -1 : 1;
    return memcmp(a.b, b.b, sizeof(a.b));
}

struct ip_prefix ip_prefix_of(struct ip ip, unsigned len)
{
    if (len > ip_bits(ip))
        len = ip_bits(ip);
    for (unsigned bit = len; bit < ip_bits(ip); bit++)
        ip.b[bit / 8] &= (uint8_t)~(0x80u >> bit % 8);
    return (struct ip_prefix){ip, len};
}

bool ip_prefix_has(struct ip_prefix net, struct ip ip)
{
    return net.ip.family == ip.family && ip_eq(ip_prefix_of(ip, net.len).ip, net.ip);
}

static const struct {
    const char *net;
    enum ip_space space;
} spaces[] = {
    /* The first match counts. */
    {"127.0.0.0/8", IP_LOOPBACK},     {"10.0.0.0/8", IP_PRIVATE},
    {"172.16.0.0/12", IP_PRIVATE},    {"192.168.0.0/16", IP_PRIVATE},
    {"169.254.0.0/16", IP_LINKLOCAL}, {"100.64.0.0/10", IP_SHARED},
    {"192.0.2.0/24", IP_DOCUMENT},    {"198.51.100.0/24", IP_DOCUMENT},
    {"203.0.113.0/24", IP_DOCUMENT},  {"198.18.0.0/15", IP_BENCHMARK},
    {"224.0.0.0/4", IP_MULTICAST},    {"0.0.0.0/8", IP_RESERVED},
    {"192.0.0.0/24", IP_RESERVED},    {"240.0.0.0/4", IP_RESERVED},
    {"::1/128", IP_LOOPBACK},         {"::/8", IP_RESERVED},
    {"fc00::/7", IP_PRIVATE},         {"fe80::/10", IP_LINKLOCAL},
    {"2001:db8::/32", IP_DOCUMENT},   {"ff00::/8", IP_MULTICAST},
    {"100::/64", IP_RESERVED},
};

enum ip_space ip_space(struct ip ip)
{
    if (ip.family == IP_NONE)
        return IP_RESERVED;
    for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
        struct ip_prefix net;

        if (ip_prefix_parse(span_str(spaces[i].net), &net) && ip_prefix_has(net, ip))
            return spaces[i].space;
    }
    return IP_PUBLIC;
}

const char *ip_space_name(enum ip_space space)
{
    static const char *const names[] = {
        [IP_PUBLIC] = "public",         [IP_LOOPBACK] = "loopback",
        [IP_PRIVATE] = "private",       [IP_LINKLOCAL] = "link-local",
        [IP_SHARED] = "carrier NAT",    [IP_DOCUMENT] = "documentation",
        [IP_BENCHMARK] = "benchmark",   [IP_MULTICAST] = "multicast",
        [IP_RESERVED] = "reserved",
    };

    return names[space];
}

bool ip_host_port(struct span s, struct span *ret_host, uint16_t *ret_port)
{
    struct span host = s, port = SPAN_NULL;
    unsigned number = 0;

    if (s.n && s.p[0] == '[') {
        size_t end = span_find(s, ']');
        struct ip ip;

        host = span_slice(s, 1, end);
        if (end == s.n || !ip_parse(host, &ip) || ip.family != IP_V6)
            return false;
        if (end + 1 < s.n && s.p[end + 1] != ':')
            return false;
        if (end + 1 < s.n)
            port = span_slice(s, end + 2, s.n);
    } else if (span_find(s, ':') == span_rfind(s, ':') && span_find(s, ':') < s.n) {
        host = span_slice(s, 0, span_find(s, ':'));
        port = span_slice(s, span_find(s, ':') + 1, s.n);
    }
    if (host.n == 0 || (port.p && !num_uint(port, 1, 65535, &number)))
        return false;
    *ret_host = host;
    *ret_port = (uint16_t)number;
    return true;
}
