/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which stranger a session shows: the domain that its HELO name is in, or the public address
 * literal there. Domains and not names, because a farm of senders (mx1, mx2, … of one provider) is
 * one stranger, and so is an office whose hosts have many names under one domain.
 *
 * There is no list of public suffixes here: "co.uk" is met by a rule of thumb, and where that errs,
 * two strangers count as one, which makes the guard slower and never wrong.
 */
#include "gate/guard_priv.h"

bool guard_is_public(struct ip ip)
{
    return ip_public(ip);
}

/* FNV-1a over folded bytes, begun with a secret. Never 0, which is GUARD_NOT_A_STRANGER. */
static uint32_t hash_text(uint32_t seed, struct span s)
{
    uint32_t h = 2166136261U ^ seed;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (uint8_t)ascii_lower(s.p[i])) * 16777619U;
    h = (h ^ (h >> 15) ^ seed) * 0x2c1b3c6dU;
    h ^= h >> 13;
    return h ? h : 1;
}

/* "mx1.mail.example.co.uk" → "example.co.uk"; good enough without a list of suffixes. */
static struct span organisation(struct span name)
{
    struct span labels[3];
    unsigned count = 0;
    struct span rest = name;

    while (count < 3 && rest.n) {
        size_t dot = span_rfind(rest, '.');
        bool last = dot == rest.n;

        labels[count++] = span_slice(rest, last ? 0 : dot + 1, rest.n);
        rest = last ? SPAN_NULL : span_slice(rest, 0, dot);
    }
    if (count < 2)
        return SPAN_NULL;
    if (count == 3 && labels[0].n == 2 && labels[1].n <= 3)
        return span_of(labels[2].p, (size_t)(name.p + name.n - labels[2].p));
    return span_of(labels[1].p, (size_t)(name.p + name.n - labels[1].p));
}

/* Names that only mean something inside a site. */
static bool is_inside_name(struct span name)
{
    static const char *const ends[] = {".local", ".lan",   ".localdomain", ".internal", ".home",
                                       ".corp",  ".intra", ".home.arpa",   ".localhost"};

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
        if (span_ends_nocase(name, span_str(ends[i])))
            return true;
    return false;
}

static bool helo_address(struct span helo, struct ip *ret)
{
    if (helo.n > 2 && helo.p[0] == '[' && helo.p[helo.n - 1] == ']') {
        helo = span_slice(helo, 1, helo.n - 1);
        if (span_starts_nocase(helo, SPAN_LIT("IPv6:")))
            helo = span_slice(helo, 5, helo.n);
    }
    return ip_parse(helo, ret);
}

uint32_t guard_identity_of(const struct guard *g, const struct guard_session *s, bool *ret_v6)
{
    struct span helo = s->helo, domain;
    char text[IP_TEXT_MAX];
    struct ip ip;

    *ret_v6 = false;
    if (helo_address(helo, &ip)) {
        if (!guard_is_public(ip) || ip_eq(ip, s->client) || guard_role_of(g, ip) != GUARD_NOBODY)
            return GUARD_NOT_A_STRANGER;
        *ret_v6 = ip.family == IP_V6;
        return hash_text(g->seed, span_str(ip_text(ip, text)));
    }
    if (helo.n && helo.p[helo.n - 1] == '.')
        helo.n--;
    domain = organisation(helo);
    if (s->helo_ours || !domain.n || is_inside_name(helo) ||
        span_eq_nocase(domain, organisation(s->ptr)))
        return GUARD_NOT_A_STRANGER;
    return hash_text(g->seed, domain);
}
