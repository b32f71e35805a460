/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two prefixes either hold one another or share nothing; that makes the algebra short. Taking a
 * prefix out of a wider one leaves its sibling at each length between the two: 24 prefixes for an
 * address out of a /8.
 */
#include "relay/nets.h"

#include "base/buf.h"
#include "base/num.h"

#include <errno.h>
#include <stdlib.h>

int relay_nets_add(struct relay_nets *s, struct ip_prefix net)
{
    int r = array_grow(&s->v, &s->cap, sizeof(s->v[0]), s->count + 1);

    if (r == 0)
        s->v[s->count++] = net;
    return r;
}

int relay_nets_add_all(struct relay_nets *s)
{
    int r = relay_nets_add(s, (struct ip_prefix){{.family = IP_V4}, 0});

    return r ? r : relay_nets_add(s, (struct ip_prefix){{.family = IP_V6}, 0});
}

int relay_nets_add_range(struct relay_nets *s, struct ip low, struct ip high)
{
    uint64_t at = num_get32(low.b), end = num_get32(high.b);
    int r = 0;

    /* The widest prefix that starts here and ends in the range, again and again. */
    while (r == 0 && at <= end) {
        struct ip ip = {.family = IP_V4};
        unsigned len = 32;

        while (len > 0 && (at >> (32 - len) & 1) == 0 &&
               at + (UINT64_C(2) << (32 - len)) - 1 <= end)
            len--;
        num_put32(ip.b, (uint32_t)at);
        r = relay_nets_add(s, (struct ip_prefix){ip, len});
        at += UINT64_C(1) << (32 - len);
    }
    return r;
}

/* Whether a holds all of b. */
static bool holds(struct ip_prefix a, struct ip_prefix b)
{
    return a.len <= b.len && ip_prefix_has(a, b.ip);
}

/* What is left of `wide` without `net`, which it holds and is wider than. */
static int add_siblings(struct relay_nets *s, struct ip_prefix wide, struct ip_prefix net)
{
    int r = 0;

    for (unsigned len = wide.len + 1; r == 0 && len <= net.len; len++) {
        struct ip_prefix sibling = ip_prefix_of(net.ip, len);

        sibling.ip.b[(len - 1) / 8] ^= (uint8_t)(0x80u >> (len - 1) % 8);
        r = relay_nets_add(s, sibling);
    }
    return r;
}

int relay_nets_remove(struct relay_nets *s, struct ip_prefix net)
{
    size_t count = s->count, kept = 0;
    struct relay_nets left = {0};
    int r = 0;

    for (size_t i = 0; i < count && r == 0; i++) {
        struct ip_prefix have = s->v[i];

        if (holds(net, have))
            continue;
        if (holds(have, net))
            r = add_siblings(&left, have, net);
        else
            s->v[kept++] = have;
    }
    s->count = kept;
    for (size_t i = 0; i < left.count && r == 0; i++)
        r = relay_nets_add(s, left.v[i]);
    relay_nets_deinit(&left);
    return r;
}

int relay_nets_remove_all(struct relay_nets *s, const struct relay_nets *others)
{
    int r = 0;

    for (size_t i = 0; i < others->count && r == 0; i++)
        r = relay_nets_remove(s, others->v[i]);
    return r;
}

int relay_nets_intersect(struct relay_nets *s, const struct relay_nets *with)
{
    struct relay_nets both = {0};
    int r = 0;

    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < with->count && r == 0; k++) {
            if (holds(s->v[i], with->v[k]))
                r = relay_nets_add(&both, with->v[k]);
            else if (holds(with->v[k], s->v[i]))
                r = relay_nets_add(&both, s->v[i]);
        }
    }
    relay_nets_deinit(s);
    *s = both;
    return r;
}

void relay_nets_deinit(struct relay_nets *s)
{
    free(s->v);
    *s = (struct relay_nets){0};
}
