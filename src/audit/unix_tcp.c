/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rules by client address. The two formats look alike and differ where it hurts: for tcprules an
 * address without a closing dot is a whole address, so that "10" matches nobody; for Courier it is
 * the front of one, so that "198" matches sixteen million. In both the longest match counts, and
 * what it says replaces what shorter ones say.
 */
#include "audit/unix_tcp.h"

#include "base/num.h"

#include <stdlib.h>

static bool add_net(struct unix_tcp_rule *r, struct ip_prefix net)
{
    if (r->net_count < sizeof(r->net) / sizeof(r->net[0]))
        r->net[r->net_count++] = net;
    return true;
}

/* "1.2.3.10-20", "10.0-255.", "1-223."; what is less than an address needs the dot at its end. */
static bool range(struct unix_tcp_rule *r, struct span s)
{
    size_t dash = span_find(s, '-'), dot = span_rfind(span_slice(s, 0, dash), '.');
    size_t end = s.n && s.p[s.n - 1] == '.' ? s.n - 1 : s.n;
    struct ip_prefix front = {.ip.family = IP_V4};
    unsigned low, high;

    if (dash == s.n || (dot < dash && !unix_octets(span_slice(s, 0, dot), &front)))
        return false;
    dot = dot < dash ? dot + 1 : 0;
    if (!num_uint(span_slice(s, dot, dash), 0, 255, &low) ||
        !num_uint(span_slice(s, dash + 1, end), low, 255, &high) ||
        (end < s.n) == (front.len == 24))
        return false;
    while (low <= high && front.len < 32) {
        struct ip ip = front.ip;
        unsigned len = 8, at = front.len / 8;

        while (len > 0 && low % (1u << (9 - len)) == 0 && low + (1u << (9 - len)) - 1 <= high)
            len--;
        ip.b[at] = (uint8_t)low;
        add_net(r, ip_prefix_of(ip, front.len + len));
        low += 1u << (8 - len);
    }
    return r->net_count > 0;
}

/* ":0000:0000:…" or "2001:db8:" of Courier and tcpserver with IPv6. */
static bool groups(struct span s, struct ip_prefix *ret)
{
    struct ip ip = {.family = IP_V6};
    struct span one;
    unsigned at = 0;

    if (ip_parse(s, &ip)) {
        *ret = ip_prefix_of(ip, 128);
        return true;
    }
    ip = (struct ip){.family = IP_V6};
    while (s.n > 0 && s.p[0] == ':')
        s = span_slice(s, 1, s.n);
    while (span_cut(&s, ':', &one) && one.n > 0) {
        unsigned v = 0;

        if (one.n > 4 || at >= 8)
            return false;
        for (size_t i = 0; i < one.n; i++) {
            char c = ascii_lower(one.p[i]);

            if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
                return false;
            v = v * 16 + (unsigned)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
        }
        ip.b[2 * at] = (uint8_t)(v >> 8);
        ip.b[2 * at + 1] = (uint8_t)v;
        at++;
    }
    *ret = ip_prefix_of(ip, 16 * at);
    return at > 0;
}

static void address(struct unix_tcp_rule *r, struct span s, bool courier)
{
    struct ip_prefix net;
    bool dot = s.n > 0 && s.p[s.n - 1] == '.';

    r->who = UNIX_TCP_NET;
    if (s.n == 0 || (courier && (span_eq(s, SPAN_LIT("*")) || span_eq(s, SPAN_LIT(":"))))) {
        r->who = UNIX_TCP_EVERYONE;
    } else if (s.p[0] == '=') {
        r->who = s.n == 1 ? UNIX_TCP_ANY_NAME : UNIX_TCP_NAMED;
    } else if (span_find(s, '/') < s.n && unix_net(s, &net) && !courier) {
        add_net(r, net);
    } else if (span_find(s, ':') < s.n) {
        r->who = groups(s, &net) ? UNIX_TCP_NET : UNIX_TCP_NOBODY;
        add_net(r, net);
    } else if (span_find(s, '-') < s.n && !courier) {
        r->who = range(r, s) ? UNIX_TCP_NET : UNIX_TCP_NOBODY;
    } else if (unix_octets(s, &net) && (courier || dot || net.len == 32)) {
        add_net(r, net);
    } else {
        r->who = UNIX_TCP_NOBODY; /* "10" of tcprules, names, user@address */
    }
}

/* RELAYCLIENT among ",NAME=value" parts; qmail's values have a delimiter on both sides. */
static void variables(struct unix_tcp_rule *r, struct span s)
{
    struct span one;

    while (span_cut(&s, ',', &one)) {
        size_t eq = span_find(one, '=');

        one = span_trim(one);
        if (!span_eq(span_trim(span_slice(one, 0, eq)), SPAN_LIT("RELAYCLIENT")))
            continue;
        r->relay = true;
        r->value = span_slice(one, eq + 1, one.n);
        if (r->value.n >= 2 && r->value.p[0] == r->value.p[r->value.n - 1])
            r->value = span_slice(r->value, 1, r->value.n - 1);
    }
}

static bool rule_line(struct span s, bool courier, struct unix_tcp_rule *r)
{
    size_t at = courier ? span_find(s, '\t') : s.n;
    struct span verb;

    if (courier && at == s.n)
        at = span_find(s, ' ');
    if (courier && at == s.n) /* ":allow,…" as people write it */
        at = span_find_nocase(s, SPAN_LIT("allow")) < s.n ? span_find_nocase(s, SPAN_LIT("allow"))
                                                          : span_find_nocase(s, SPAN_LIT("deny"));
    for (size_t i = 0; !courier && i < s.n && at == s.n; i++)
        if (span_starts(span_slice(s, i, s.n), SPAN_LIT(":allow")) ||
            span_starts(span_slice(s, i, s.n), SPAN_LIT(":deny")))
            at = i;
    if (at == s.n)
        return false;
    r->address = span_trim(span_slice(s, 0, at));
    verb = span_trim(span_slice(s, at + (courier ? 0 : 1), s.n));
    r->deny = span_starts(verb, SPAN_LIT("deny"));
    variables(r, span_slice(verb, span_find(verb, ',') + 1, verb.n));
    address(r, r->address, courier);
    return true;
}

void unix_tcp_read(struct audit *a, const struct audit_source_file *f, bool courier,
                   struct unix_tcp_rules *add_to)
{
    struct audit_lines r;
    struct audit_line line;
    size_t cap = add_to->count;

    audit_lines_open(&r, a, AUDIT_LINES_PLAIN, f);
    while (audit_lines_next(&r, &line) && !audit_failed(a)) {
        struct unix_tcp_rule rule = {.place = {f->name, line.first}};

        if (line.text.p[0] == '#' || !rule_line(span_trim(line.text), courier, &rule))
            continue;
        if (add_to->count == cap) {
            struct unix_tcp_rule *v;

            cap = cap ? 2 * cap : 64;
            v = audit_alloc(a, cap * sizeof(v[0]));
            if (audit_failed(a))
                return;
            if (add_to->count)
                memcpy(v, add_to->v, add_to->count * sizeof(v[0]));
            add_to->v = v;
        }
        add_to->v[add_to->count++] = rule;
    }
}

const struct unix_tcp_rule *unix_tcp_default(const struct unix_tcp_rules *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (r->v[i].who == UNIX_TCP_EVERYONE)
            return &r->v[i];
    return NULL;
}

struct row {
    struct ip_prefix net;
    const struct unix_tcp_rule *rule;
};

static int by_length(const void *pa, const void *pb)
{
    const struct row *a = pa, *b = pb;

    return (int)b->net.len - (int)a->net.len;
}

void unix_tcp_trust(struct audit *a, const struct unix_tcp_rules *r, struct audit_door *d)
{
    size_t count = 0, n = 0;
    struct row *rows;

    for (size_t i = 0; i < r->count; i++)
        count += r->v[i].net_count;
    rows = audit_alloc(a, (count + 1) * sizeof(rows[0]));
    for (size_t i = 0; i < r->count && !audit_failed(a); i++)
        for (size_t k = 0; r->v[i].who == UNIX_TCP_NET && k < r->v[i].net_count; k++)
            rows[n++] = (struct row){r->v[i].net[k], &r->v[i]};
    if (n > 1)
        qsort(rows, n, sizeof(rows[0]), by_length);
    for (size_t i = 0; i < n; i++)
        unix_net_drop(a, audit_net_add(a, &d->trusted, rows[i].net,
                                       rows[i].rule->deny || !rows[i].rule->relay,
                                       rows[i].rule->place, rows[i].rule->address));
}
