/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prefixes nest or are apart, so sealing them is one sweep over the sorted list with a stack of the
 * prefixes that are open: it leaves intervals, each with the rule of the longest prefix around it,
 * and a look-up is one binary search over their starts. Addresses of both families are 128-bit
 * numbers here, so that one sweep and one search serve both; the families stay apart all the same,
 * for a rule about ::/0 says nothing about IPv4.
 */
#include "zone/acl.h"

#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct wide {
    uint64_t hi, lo;
};

struct entry {
    struct wide first, last;
    bool v6;
    unsigned bits; /* of the prefix, of 128 */
    size_t order;
    struct zone_acl_rule rule; /* owns its text */
};

/* From this address on, until the next one's start. */
struct interval {
    struct wide start;
    const struct zone_acl_rule *rule; /* NULL: none */
};

struct zone_acl {
    struct entry *entries;
    size_t count, cap;
    struct interval *intervals; /* IPv4's, then IPv6's */
    size_t interval_count, interval_count4;
    bool sealed;
};

static const char *const action_names[] = {"ignore", "refuse", "empty", "pass", "test", "none"};

const char *zone_acl_action_name(enum zone_acl_action action)
{
    return action_names[action];
}

static int wide_cmp(struct wide a, struct wide b)
{
    if (a.hi != b.hi)
        return a.hi < b.hi ? -1 : 1;
    return a.lo < b.lo ? -1 : a.lo > b.lo;
}

static uint64_t get64(const uint8_t *p)
{
    uint64_t v = 0;

    for (int i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

static struct wide wide_of(const struct ip *ip)
{
    if (ip->family == IP_V4)
        return (struct wide){0, get64(ip->b) >> 32};
    return (struct wide){get64(ip->b), get64(ip->b + 8)};
}

static struct wide last_of(struct wide first, unsigned bits)
{
    if (bits <= 64) {
        first.lo = UINT64_MAX;
        first.hi |= bits == 64 ? 0 : UINT64_MAX >> bits;
    } else if (bits < 128) {
        first.lo |= UINT64_MAX >> (bits - 64);
    }
    return first;
}

struct zone_acl *zone_acl_new(void)
{
    return calloc(1, sizeof(struct zone_acl));
}

void zone_acl_free(struct zone_acl *acl)
{
    if (!acl)
        return;
    for (size_t i = 0; i < acl->count; i++)
        free((char *)(uintptr_t)acl->entries[i].rule.text);
    free(acl->entries);
    free(acl->intervals);
    free(acl);
}

int zone_acl_add(struct zone_acl *acl, struct ip_prefix net, const struct zone_acl_rule *rule)
{
    struct entry *e;
    char *text;

    assert(!acl->sealed && net.ip.family != IP_NONE && rule->action < ZONE_ACL_NONE);
    if (acl->count == ZONE_ACL_MAX)
        return ZONE_ACL_FULL;
    if (rule->text && strlen(rule->text) > ZONE_ACL_TEXT_MAX)
        return ZONE_ACL_TOO_LONG;
    if (rule->action == ZONE_ACL_TEST && (rule->a >> 24 != 127 || rule->a == 0x7f000001))
        return ZONE_ACL_BAD_A;
    if (array_grow(&acl->entries, &acl->cap, sizeof(*acl->entries), acl->count + 1) < 0)
        return -ENOMEM;
    text = strdup(rule->text ? rule->text : "");
    if (!text)
        return -ENOMEM;
    e = &acl->entries[acl->count];
    e->first = wide_of(&net.ip);
    e->v6 = net.ip.family == IP_V6;
    e->bits = net.len + (e->v6 ? 0 : 96);
    e->last = last_of(e->first, e->bits);
    e->order = acl->count++;
    e->rule = *rule;
    e->rule.text = text;
    return ZONE_ACL_ADDED;
}

/* By family, by start, then the widest, then as they came: of two equal ones the first stays. */
static int entry_cmp(const void *pa, const void *pb)
{
    const struct entry *a = pa, *b = pb;
    int order = a->v6 == b->v6 ? wide_cmp(a->first, b->first) : a->v6 - b->v6;

    if (order)
        return order;
    if (a->bits != b->bits)
        return a->bits < b->bits ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static void put(struct zone_acl *acl, struct wide start, const struct zone_acl_rule *rule)
{
    struct interval *last = acl->interval_count > acl->interval_count4
                                ? &acl->intervals[acl->interval_count - 1]
                                : NULL;

    if (last && wide_cmp(last->start, start) == 0)
        last->rule = rule;
    else
        acl->intervals[acl->interval_count++] = (struct interval){start, rule};
}

/* Closes the prefixes that end before `start`: what is around each goes on behind it. */
static size_t close_before(struct zone_acl *acl, const struct entry **open, size_t depth,
                           const struct wide *start)
{
    while (depth && (!start || wide_cmp(open[depth - 1]->last, *start) < 0)) {
        struct wide after = open[--depth]->last;

        if (++after.lo == 0 && ++after.hi == 0)
            break; /* the end of all addresses */
        put(acl, after, depth ? &open[depth - 1]->rule : NULL);
    }
    return depth;
}

/* One family's entries, [from, to); the number of prefixes that stood there before. */
static size_t sweep(struct zone_acl *acl, size_t from, size_t to)
{
    const struct entry *open[129]; /* each is longer than the one around it */
    size_t depth = 0, again = 0;

    for (size_t i = from; i < to; i++) {
        const struct entry *e = &acl->entries[i];

        if (i > from && wide_cmp(e[-1].first, e->first) == 0 && e[-1].bits == e->bits) {
            again++;
            continue;
        }
        depth = close_before(acl, open, depth, &e->first);
        put(acl, e->first, &e->rule);
        open[depth++] = e;
    }
    close_before(acl, open, depth, NULL);
    return again;
}

int zone_acl_seal(struct zone_acl *acl, size_t *ret_again)
{
    size_t four = 0, again;

    assert(!acl->sealed);
    acl->intervals = calloc(2 * acl->count + 1, sizeof(*acl->intervals));
    if (!acl->intervals)
        return -ENOMEM;
    if (acl->count)
        qsort(acl->entries, acl->count, sizeof(*acl->entries), entry_cmp);
    while (four < acl->count && !acl->entries[four].v6)
        four++;
    again = sweep(acl, 0, four);
    acl->interval_count4 = acl->interval_count;
    again += sweep(acl, four, acl->count);
    acl->sealed = true;
    if (ret_again)
        *ret_again = again;
    return 0;
}

size_t zone_acl_count(const struct zone_acl *acl)
{
    return acl ? acl->count : 0;
}

const struct zone_acl_rule *zone_acl_find(const struct zone_acl *acl, struct ip client)
{
    const struct interval *at;
    struct wide w;
    size_t n;

    if (!acl || client.family == IP_NONE)
        return NULL;
    assert(acl->sealed);
    w = wide_of(&client);
    at = acl->intervals + (client.family == IP_V4 ? 0 : acl->interval_count4);
    n = client.family == IP_V4 ? acl->interval_count4 : acl->interval_count - acl->interval_count4;
    if (n == 0 || wide_cmp(w, at->start) < 0)
        return NULL;
    while (n > 1) { /* the last start that is not behind it */
        size_t half = n / 2;

        if (wide_cmp(at[half].start, w) <= 0)
            at += half;
        n -= half;
    }
    return at->rule;
}

const struct zone_acl_rule *zone_acl_stronger(const struct zone_acl_rule *a,
                                              const struct zone_acl_rule *b)
{
    if (!a || !b)
        return a ? a : b;
    return b->action < a->action ? b : a;
}
