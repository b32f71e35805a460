/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * inet_pton and inet_ntop do the text: they are exact, take no sloppy forms, and touch no state.
 * The tables of spaces are the whole policy about "whose address can this be"; the reasons why one
 * of them matters stand with those who ask. They are bytes, not text, because a bulk run asks for
 * every target, and a mail system's Received chain for every hop.
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
    struct span address = span_slice(s, 0, slash), length = span_slice(s, slash + 1, s.n);
    struct ip_prefix net;
    struct ip ip;
    unsigned len, mapped;

    if (!ip_parse(address, &ip))
        return false;
    /* Of a mapped address the first 96 bits say only that it is one. */
    mapped = ip.family == IP_V4 && span_find(address, ':') < address.n ? 96 : 0;
    len = ip_bits(ip) + mapped;
    if (slash < s.n && (!num_uint(length, mapped, len, &len) || (length.n > 1 && *length.p == '0')))
        return false;
    net = ip_prefix_of(ip, len - mapped);
    /* 10.0.0.1/8 is a slip of the operator: say no instead of guessing which half was meant. */
    if (!ip_eq(net.ip, ip))
        return false;
    *ret = net;
    return true;
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

/* Each octet is multiplied in and folded down, and all of it once more: tables use low bits. */
uint64_t ip_hash(struct ip ip, uint64_t seed)
{
    uint64_t x = seed ^ (uint64_t)ip.family;

    for (size_t i = 0; i < (ip.family == IP_V4 ? 4 : sizeof(ip.b)); i++) {
        x = (x ^ ip.b[i]) * UINT64_C(0x9e3779b97f4a7c15);
        x ^= x >> 29;
    }
    x = (x ^ (x >> 32)) * UINT64_C(0xbf58476d1ce4e5b9);
    return x ^ (x >> 32);
}

int ip_cmp(struct ip a, struct ip b)
{
    if (a.family != b.family)
        return a.family < b.family ? -1 : 1;
    return memcmp(a.b, b.b, sizeof(a.b));
}

/* Whether the first `len` bits are the same. */
static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned len)
{
    return memcmp(a, b, len / 8) == 0 &&
           (len % 8 == 0 || (a[len / 8] ^ b[len / 8]) >> (8 - len % 8) == 0);
}

struct ip_prefix ip_prefix_of(struct ip ip, unsigned len)
{
    unsigned bits = ip_bits(ip);

    if (len > bits)
        len = bits;
    if (len % 8)
        ip.b[len / 8] &= (uint8_t)(0xff00u >> len % 8);
    for (unsigned i = (len + 7) / 8; i < bits / 8; i++)
        ip.b[i] = 0;
    return (struct ip_prefix){ip, len};
}

bool ip_prefix_has(struct ip_prefix net, struct ip ip)
{
    return net.ip.family == ip.family && ip.family != IP_NONE && same_bits(net.ip.b, ip.b, net.len);
}

struct space_row {
    uint8_t b[8]; /* the longest prefix here has 48 bits */
    uint8_t len;
    enum ip_space space;
};

/* The first match counts; what is in no row is public. */
static const struct space_row spaces4[] = {
    {{127}, 8, IP_LOOPBACK},           /* RFC 1122 */
    {{10}, 8, IP_PRIVATE},             /* RFC 1918 */
    {{172, 16}, 12, IP_PRIVATE},       /* RFC 1918 */
    {{192, 168}, 16, IP_PRIVATE},      /* RFC 1918 */
    {{169, 254}, 16, IP_LINKLOCAL},    /* RFC 3927 */
    {{100, 64}, 10, IP_SHARED},        /* RFC 6598 */
    {{192, 0, 2}, 24, IP_DOCUMENT},    /* RFC 5737 */
    {{198, 51, 100}, 24, IP_DOCUMENT}, /* RFC 5737 */
    {{203, 0, 113}, 24, IP_DOCUMENT},  /* RFC 5737 */
    {{198, 18}, 15, IP_BENCHMARK},     /* RFC 2544 */
    {{224}, 4, IP_MULTICAST},          /* RFC 5771 */
    {{0}, 8, IP_RESERVED},             /* RFC 1122 */
    {{192, 0, 0}, 24, IP_RESERVED},    /* RFC 6890 */
    {{192, 88, 99}, 24, IP_RESERVED},  /* RFC 7526: no longer in use */
    {{240}, 4, IP_RESERVED},           /* RFC 1112 */
};

/* The first match counts; what is in no row is reserved: only 2000::/3 is given out (RFC 4291). */
static const struct space_row spaces6[] = {
    {{0xfc}, 7, IP_PRIVATE},                       /* RFC 4193 */
    {{0xfe, 0xc0}, 10, IP_PRIVATE},                /* RFC 3879: site-local of old */
    {{0, 0x64, 0xff, 0x9b, 0, 1}, 48, IP_PRIVATE}, /* RFC 8215: NAT64 of one site */
    {{0xfe, 0x80}, 10, IP_LINKLOCAL},              /* RFC 4291 */
    {{0xff}, 8, IP_MULTICAST},                     /* RFC 4291 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, IP_DOCUMENT},   /* RFC 3849 */
    {{0x3f, 0xff}, 20, IP_DOCUMENT},               /* RFC 9637 */
    {{0x20, 0x01, 0, 2}, 48, IP_BENCHMARK},        /* RFC 5180 */
    {{0x20, 0x01}, 23, IP_RESERVED},               /* RFC 2928: protocols, Teredo, ORCHID */
    {{0x20}, 3, IP_PUBLIC},                        /* RFC 4291 */
};

static enum ip_space space_of(const struct space_row *rows, size_t count, const uint8_t *b,
                              enum ip_space other)
{
    for (size_t i = 0; i < count; i++)
        if (same_bits(rows[i].b, b, rows[i].len))
            return rows[i].space;
    return other;
}

static enum ip_space space4(const uint8_t *b)
{
    return space_of(spaces4, sizeof(spaces4) / sizeof(spaces4[0]), b, IP_PUBLIC);
}

static enum ip_space space6(const uint8_t *b)
{
    static const uint8_t loopback[16] = {[15] = 1};
    static const uint8_t nat64[12] = {0, 0x64, 0xff, 0x9b};

    if (memcmp(b, loopback, sizeof(loopback)) == 0)
        return IP_LOOPBACK;
    if (memcmp(b, nat64, sizeof(nat64)) == 0) /* RFC 6052 §2.1 */
        return space4(b + 12);
    if (b[0] == 0x20 && b[1] == 0x02) /* RFC 3056 §2: 6to4 */
        return space4(b + 2);
    return space_of(spaces6, sizeof(spaces6) / sizeof(spaces6[0]), b, IP_RESERVED);
}

enum ip_space ip_space(struct ip ip)
{
    switch (ip.family) {
    case IP_V4:
        return space4(ip.b);
    case IP_V6:
        return space6(ip.b);
    case IP_NONE:
        break;
    }
    return IP_RESERVED;
}

bool ip_public(struct ip ip)
{
    switch (ip_space(ip)) {
    case IP_PUBLIC:
    case IP_DOCUMENT: /* nobody's, so nobody is hidden, listed or asked about by it */
    case IP_BENCHMARK:
        return ip.family != IP_NONE;
    case IP_LOOPBACK:
    case IP_PRIVATE:
    case IP_LINKLOCAL:
    case IP_SHARED:
    case IP_MULTICAST:
    case IP_RESERVED:
        break;
    }
    return false;
}

const char *ip_space_name(enum ip_space space)
{
    static const char *const names[] = {
        [IP_PUBLIC] = "public",       [IP_LOOPBACK] = "loopback",
        [IP_PRIVATE] = "private",     [IP_LINKLOCAL] = "link-local",
        [IP_SHARED] = "carrier NAT",  [IP_DOCUMENT] = "documentation",
        [IP_BENCHMARK] = "benchmark", [IP_MULTICAST] = "multicast",
        [IP_RESERVED] = "reserved",
    };

    return names[space];
}

/* By its text: a mapped address has folded to IPv4, yet is written with colons. */
static bool is_ip6(struct span s)
{
    struct ip ip;

    return span_find(s, ':') < s.n && ip_parse(s, &ip);
}

bool ip_host_port(struct span s, struct span *ret_host, uint16_t *ret_port)
{
    struct span host = s, port = SPAN_NULL;
    unsigned number = 0;

    if (s.n && s.p[0] == '[') {
        size_t end = span_find(s, ']');

        host = span_slice(s, 1, end);
        if (end == s.n || !is_ip6(host))
            return false;
        if (end + 1 < s.n && s.p[end + 1] != ':')
            return false;
        if (end + 1 < s.n)
            port = span_slice(s, end + 2, s.n);
    } else if (!is_ip6(s) && span_find(s, ':') < s.n) {
        host = span_slice(s, 0, span_find(s, ':'));
        port = span_slice(s, span_find(s, ':') + 1, s.n);
    }
    if (host.n == 0 || (port.p && !num_uint(port, 1, 65535, &number)))
        return false;
    *ret_host = host;
    *ret_port = (uint16_t)number;
    return true;
}
