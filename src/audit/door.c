/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Doors, their networks, and who stands before them.
 *
 * A stranger is no fixed address: configurations name the documentation networks as their own as
 * readily as real ones. So the addresses that a list is tried with are chosen per configuration:
 * one that lies in no network that is named at all, and one inside of each public network so wide
 * that strangers must live in it.
 */
#include "audit/audit_priv.h"

#include "relay/check.h"

#include <errno.h>
#include <stdlib.h>

struct audit_door *audit_door(struct audit *a, const struct audit_kind *kind, const char *service,
                              unsigned port, enum audit_bind bind, struct audit_place place)
{
    struct audit_door *d;

    if (a->door_count >= AUDIT_DOORS_MAX)
        audit_bad(a, place, "more than %d listening services; audit them in parts",
                  AUDIT_DOORS_MAX);
    if (a->err || a->door_count >= AUDIT_DOORS_MAX ||
        !audit_grow(a, &a->doors, &a->door_cap, sizeof(a->doors[0]), a->door_count + 1)) {
        free(a->spare_door.trusted.v);
        free(a->spare_door.proxies.v);
        a->spare_door = (struct audit_door){.kind = kind};
        return &a->spare_door;
    }
    d = audit_alloc(a, sizeof(*d));
    if (a->err)
        return &a->spare_door;
    *d = (struct audit_door){.kind = kind,
                             .service = audit_dup(a, span_str(service)),
                             .place = place,
                             .port = port,
                             .bind = bind,
                             .restart = kind->restart};
    a->doors[a->door_count++] = d;
    return d;
}

struct audit_door *audit_door_edit(struct audit *a, size_t at)
{
    return a->doors[at];
}

struct audit_net *audit_net_add(struct audit *a, struct audit_nets *nets, struct ip_prefix net,
                                bool except, struct audit_place place, struct span text)
{
    if (nets->count >= AUDIT_NETS_MAX)
        audit_stick(a, -E2BIG);
    if (a->err || !audit_grow(a, &nets->v, &nets->cap, sizeof(nets->v[0]), nets->count + 1)) {
        a->spare_net = (struct audit_net){0};
        return &a->spare_net;
    }
    nets->v[nets->count] = (struct audit_net){.net = net,
                                              .except = except,
                                              .place = place,
                                              .text = audit_dup(a, text),
                                              .except_before = nets->last_except};
    if (except)
        nets->last_except = nets->count + 1;
    return &nets->v[nets->count++];
}

bool audit_nets_has(const struct audit_nets *nets, struct ip ip)
{
    for (size_t i = 0; i < nets->count; i++)
        if (ip_prefix_has(nets->v[i].net, ip))
            return !nets->v[i].except;
    return false;
}

int audit_nets_left(const struct audit_nets *nets, size_t i, struct relay_nets *ret)
{
    int r = 0;

    *ret = (struct relay_nets){0};
    if (!nets->v[i].except)
        r = relay_nets_add(ret, nets->v[i].net);
    for (size_t k = nets->v[i].except_before; k > 0 && r == 0; k = nets->v[k - 1].except_before)
        r = relay_nets_remove(ret, nets->v[k - 1].net);
    if (r < 0)
        relay_nets_deinit(ret);
    return r;
}

enum audit_bind audit_bind_of(struct span host, struct ip *ret_address)
{
    *ret_address = (struct ip){0};
    if (host.n > 1 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = span_slice(host, 1, host.n - 1);
    if (host.n == 0 || span_eq(host, SPAN_LIT("*")))
        return AUDIT_BIND_ANY;
    if (host.p[0] == '/')
        return AUDIT_BIND_LOCAL;
    if (span_eq_nocase(host, SPAN_LIT("localhost")) ||
        span_starts_nocase(host, SPAN_LIT("localhost.")))
        return AUDIT_BIND_LOOPBACK;
    if (!ip_parse(host, ret_address))
        return AUDIT_BIND_ANY;
    switch (ip_space(*ret_address)) {
    case IP_LOOPBACK:
        return AUDIT_BIND_LOOPBACK;
    case IP_PRIVATE:
    case IP_LINKLOCAL:
    case IP_SHARED:
        return AUDIT_BIND_PRIVATE;
    case IP_RESERVED: /* 0.0.0.0 and :: */
        *ret_address = (struct ip){0};
        return AUDIT_BIND_ANY;
    case IP_PUBLIC:
    case IP_DOCUMENT:
    case IP_BENCHMARK:
    case IP_MULTICAST:
        break;
    }
    return AUDIT_BIND_PUBLIC;
}

enum audit_answer audit_exposed(const struct audit *a, const struct audit_door *door)
{
    for (size_t i = 0; i < a->forwarded_count; i++)
        if (door->port && a->forwarded[i] == door->port)
            return AUDIT_YES;
    if (door->bind == AUDIT_BIND_LOOPBACK || door->bind == AUDIT_BIND_LOCAL)
        return AUDIT_NO;
    if (a->published_count == 0 || door->port == 0)
        return AUDIT_UNKNOWN;
    for (size_t i = 0; i < a->published_count; i++)
        if (a->published[i].port == door->port ||
            (a->published[i].port == 0 && (a->published[i].v4 || a->published[i].v6)))
            return AUDIT_YES;
    return AUDIT_NO;
}

/* --- strangers -------------------------------------------------------------------------------- */

unsigned audit_wide_len(enum ip_family family)
{
    return family == IP_V4 ? RELAY_WIDE_V4 : RELAY_WIDE_V6;
}

static bool narrow_has(const struct relay_nets *named, struct ip ip)
{
    for (size_t i = 0; named && i < named->count; i++)
        if (named->v[i].len >= audit_wide_len(ip.family) && ip_prefix_has(named->v[i], ip))
            return true;
    return false;
}

static bool any_has(const struct relay_nets *named, struct ip ip)
{
    for (size_t i = 0; named && i < named->count; i++)
        if (named->v[i].len > 0 && ip_prefix_has(named->v[i], ip))
            return true;
    return false;
}

static bool stranger_space(struct ip ip)
{
    enum ip_space space = ip_space(ip);

    return space == IP_PUBLIC || space == IP_DOCUMENT || space == IP_BENCHMARK;
}

/* Documentation networks first; the benchmark network when a configuration has used them all. */
static const uint8_t try_v4[][3] = {{203, 0, 113}, {198, 51, 100}, {192, 0, 2},
                                    {198, 18, 66}, {198, 19, 66},  {198, 18, 99}};
static const uint16_t try_v6[] = {0x0666, 0x0999, 0xbad0};

struct ip audit_stranger(const struct relay_nets *named, enum ip_family family)
{
    struct ip ip = {.family = family};

    for (unsigned pass = 0; pass < 2; pass++) {
        for (size_t i = 0; family == IP_V4 && i < sizeof(try_v4) / sizeof(try_v4[0]); i++) {
            memcpy(ip.b, try_v4[i], 3);
            ip.b[3] = 66;
            if (pass == 0 ? !any_has(named, ip) : !narrow_has(named, ip))
                return ip;
        }
        for (size_t i = 0; family == IP_V6 && i < 2 * sizeof(try_v6) / sizeof(try_v6[0]); i++) {
            static const uint8_t heads[2][4] = {{0x20, 0x01, 0x0d, 0xb8}, {0x3f, 0xff, 0, 0}};

            memcpy(ip.b, heads[i % 2], 4);
            ip.b[4] = (uint8_t)(try_v6[i / 2] >> 8);
            ip.b[5] = (uint8_t)try_v6[i / 2];
            ip.b[15] = 0x66;
            if (pass == 0 ? !any_has(named, ip) : !narrow_has(named, ip))
                return ip;
        }
    }
    return ip;
}

bool audit_public_in(const struct relay_nets *named, struct ip_prefix net, struct ip *ret)
{
    for (unsigned i = 0; i < 256; i++) {
        struct ip ip = net.ip;
        unsigned at = net.len / 8, room = 8 - net.len % 8;

        /* Other bits behind the prefix, then a host that is neither first nor last. */
        ip.b[at] = (uint8_t)(ip.b[at] | (i & ((1u << room) - 1)));
        if (at + 1 < (ip.family == IP_V4 ? 3u : 15u))
            ip.b[at + 1] = (uint8_t)(7 + i);
        ip.b[ip.family == IP_V4 ? 3 : 15] = 66;
        if (ip_prefix_has(net, ip) && stranger_space(ip) && !narrow_has(named, ip)) {
            *ret = ip;
            return true;
        }
    }
    return false;
}

static int add_ip(struct ip **v, size_t *cap, size_t *count, struct ip ip)
{
    int r = 0;

    for (size_t i = 0; i < *count; i++)
        if (ip_eq((*v)[i], ip))
            return 0;
    r = array_grow(v, cap, sizeof((*v)[0]), *count + 1);
    if (r == 0)
        (*v)[(*count)++] = ip;
    return r;
}

bool audit_host_owns(const struct audit *a, struct ip_prefix net)
{
    for (size_t i = 0; i < a->own.count; i++)
        if (a->own.v[i].len <= net.len && ip_prefix_has(a->own.v[i], net.ip))
            return true;
    return false;
}

int audit_strangers(const struct audit *a, const struct relay_nets *named, struct ip **ret,
                    size_t *ret_count)
{
    size_t cap = 0, count = 0;
    struct ip *v = NULL, ip;
    int r;

    r = add_ip(&v, &cap, &count, audit_stranger(named, IP_V4));
    if (r == 0)
        r = add_ip(&v, &cap, &count, audit_stranger(named, IP_V6));
    for (size_t i = 0; named && i < named->count && r == 0 && count < 64; i++) {
        struct ip_prefix net = named->v[i];

        if (net.len < audit_wide_len(net.ip.family) && !audit_host_owns(a, net) &&
            audit_public_in(named, net, &ip))
            r = add_ip(&v, &cap, &count, ip);
    }
    if (r < 0) {
        free(v);
        return r;
    }
    *ret = v;
    *ret_count = count;
    return 0;
}

struct audit_witness audit_witness(const struct audit_door *door, struct ip client,
                                   const char *mail, const char *rcpt)
{
    return (struct audit_witness){.client = client,
                                  .helo = AUDIT_SPAMMER_HELO,
                                  .port = door ? door->port : 0,
                                  .mail = mail ? mail : AUDIT_SPAMMER,
                                  .rcpt = {rcpt ? rcpt : AUDIT_VICTIM, NULL}};
}
