/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A list is put together at the end of the pool, and counted in when it is whole and new. Few
 * addresses have more than one value, and those that have the same ones share one list.
 */
#include "zone/says.h"

#include "base/buf.h"
#include "zone/data.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 256 };

#define WORDS_MAX UINT32_C(0x7ffffff0)

void zone_lists_deinit(struct zone_lists *l)
{
    free(l->words);
    free(l->slots);
    memset(l, 0, sizeof(*l));
}

static uint64_t hash(const uint32_t *w, size_t n)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < n; i++)
        h = (h ^ w[i]) * UINT64_C(0x9e3779b97f4a7c15) ^ h >> 29;
    return h ^ h >> 32;
}

static size_t words_of(const uint32_t *list)
{
    return 1 + 2 * (size_t)list[0];
}

static uint32_t *slot_for(const struct zone_lists *l, const uint32_t *list)
{
    size_t mask = l->slot_count - 1, n = words_of(list);
    size_t at = hash(list, n) & mask;

    while (l->slots[at] && memcmp(&l->words[l->slots[at] - 1], list, n * sizeof(*list)) != 0)
        at = (at + 1) & mask;
    return &l->slots[at];
}

static int grow_slots(struct zone_lists *l)
{
    size_t more = l->slot_count ? l->slot_count * 2 : SLOTS_FIRST;
    uint32_t *old = l->slots, *slots = calloc(more, sizeof(*slots));

    if (!slots)
        return -ENOMEM;
    l->slots = slots;
    l->slot_count = more;
    for (size_t at = 0; at < l->count; at += words_of(&l->words[at]))
        *slot_for(l, &l->words[at]) = (uint32_t)at + 1;
    free(old);
    return 0;
}

/*
 * The list stands at words[count], not yet counted: finds the same one, or counts it in. A list
 * that is compared with a slot's reads at most as far as the slot's own is long, or it differs
 * before.
 */
static int intern(struct zone_lists *l, uint32_t *ret_ref)
{
    uint32_t *slot;

    if (l->used * 2 >= l->slot_count && grow_slots(l) < 0)
        return -ENOMEM;
    slot = slot_for(l, &l->words[l->count]);
    if (!*slot) {
        *slot = (uint32_t)l->count + 1;
        l->count += words_of(&l->words[l->count]);
        l->used++;
    }
    *ret_ref = SAYS_LIST | (*slot - 1);
    return 0;
}

static int reserve(struct zone_lists *l, size_t more)
{
    size_t now = l->count + (l->count < l->room ? words_of(&l->words[l->count]) : 1);

    if (now + more > WORDS_MAX)
        return -E2BIG;
    return array_grow(&l->words, &l->room, sizeof(*l->words), now + more);
}

void zone_lists_begin(struct zone_lists *l)
{
    l->excluded = false;
    if (l->count < l->room)
        l->words[l->count] = 0;
    l->err = reserve(l, 2);
}

static void add_pair(struct zone_lists *l, uint32_t value, uint32_t evidence)
{
    uint32_t *list = &l->words[l->count], at = 0;

    /* A full one is not searched: a million lines for one address must not take hours. */
    if (list[0] == ZONE_SAYS_MAX)
        return;
    while (at < list[0] && (list[1 + 2 * at] != value || list[2 + 2 * at] != evidence))
        at++;
    if (at < list[0])
        return;
    l->err = reserve(l, 2);
    if (l->err)
        return;
    list = &l->words[l->count];
    list[1 + 2 * at] = value;
    list[2 + 2 * at] = evidence;
    list[0]++;
}

void zone_lists_add(struct zone_lists *l, struct zone_says s)
{
    size_t at = s.ref & ~SAYS_LIST;

    if (s.ref == SAYS_EXCLUDED)
        l->excluded = true;
    if (l->err || l->excluded)
        return;
    if (!(s.ref & SAYS_LIST)) {
        add_pair(l, s.ref, s.evidence);
        return;
    }
    for (uint32_t i = 0; i < l->words[at] && !l->err; i++)
        add_pair(l, l->words[at + 1 + 2 * i], l->words[at + 2 + 2 * i]);
}

int zone_lists_end(struct zone_lists *l, struct zone_says *ret)
{
    *ret = (struct zone_says){SAYS_EXCLUDED, 0};
    if (l->err || l->excluded || !l->words[l->count])
        return l->err;
    if (l->words[l->count] == 1) {
        *ret = (struct zone_says){l->words[l->count + 1], l->words[l->count + 2]};
        return 0;
    }
    ret->ref = 0;
    return intern(l, &ret->ref);
}

int zone_lists_join(struct zone_lists *l, struct zone_says a, struct zone_says b,
                    struct zone_says *ret)
{
    zone_lists_begin(l);
    zone_lists_add(l, a);
    zone_lists_add(l, b);
    return zone_lists_end(l, ret);
}

int zone_lists_one(struct zone_lists *l, struct zone_says s, struct zone_says *ret)
{
    *ret = (struct zone_says){0, 0};
    zone_lists_begin(l);
    zone_lists_add(l, s);
    return l->err ? l->err : intern(l, &ret->ref);
}
