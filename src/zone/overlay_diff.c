/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What changed between two serials. Sorted by subject, the changes of one subject stand together in
 * their order: the first tells what was said before all of them, the last what is said now. Then
 * they go back into the order of first change, so that a reader sees them as they came.
 */
#include "zone/overlay.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct turned {
    struct zone_change c;
    size_t turn;
};

static int cmp_subject(const struct zone_change *a, const struct zone_change *b)
{
    int r = (a->kind > b->kind) - (a->kind < b->kind);

    if (r == 0)
        r = (a->len > b->len) - (a->len < b->len);
    if (r == 0)
        r = a->wild - b->wild;
    if (r == 0 && a->kind == ZONE_IPV4)
        r = (a->ip4 > b->ip4) - (a->ip4 < b->ip4);
    if (r == 0 && a->kind == ZONE_IPV6)
        r = zone_ip6_cmp(a->ip, b->ip);
    if (r == 0 && a->kind == ZONE_NAME)
        r = zone_rname_cmp(a->key.b, a->key.n, b->key.b, b->key.n);
    return r;
}

static int cmp_turned(const void *x, const void *y)
{
    const struct turned *a = x, *b = y;
    int r = cmp_subject(&a->c, &b->c);

    return r ? r : (a->turn > b->turn) - (a->turn < b->turn);
}

static int cmp_turn(const void *x, const void *y)
{
    const struct turned *a = x, *b = y;

    return (a->turn > b->turn) - (a->turn < b->turn);
}

static bool word_eq(struct zone_word a, struct zone_word b)
{
    return a.class_id == b.class_id && (!a.class_id || a.evidence == b.evidence);
}

static int collect(struct zone_journal *j, uint32_t to, struct turned **ret, size_t *ret_count)
{
    struct zone_change c;
    size_t room = 0;

    *ret = NULL;
    *ret_count = 0;
    while (zone_journal_next(j, &c) == ZONE_JOURNAL_CHANGE && !zone_serial_after(c.serial, to)) {
        if (array_grow(ret, &room, sizeof(**ret), *ret_count + 1) < 0)
            return -ENOMEM;
        (*ret)[*ret_count] = (struct turned){c, *ret_count};
        ++*ret_count;
    }
    return 0;
}

/* One change for each subject, at the front; returns how many. */
static size_t join_subjects(struct turned *t, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0, end; i < n; i = end) {
        struct turned one = t[i];

        for (end = i + 1; end < n && cmp_subject(&t[end].c, &t[i].c) == 0; end++) {
            one.c.now = t[end].c.now;
            one.c.wall = t[end].c.wall;
            one.c.serial = t[end].c.serial;
            one.c.reason = t[end].c.reason;
        }
        if (!word_eq(one.c.was, one.c.now))
            t[kept++] = one;
    }
    return kept;
}

/* A journal that begins before a serial need not know it: it may be of another life of the zone. */
static bool knows(struct zone_journal j, uint32_t serial)
{
    struct zone_change c;
    bool found = serial == j.base;

    j.at = ZONE_JOURNAL_HEAD;
    while (!found && zone_journal_next(&j, &c) == ZONE_JOURNAL_CHANGE)
        found = c.serial == serial;
    return found;
}

int zone_overlay_diff(struct zone_journal j, uint32_t from, uint32_t to, struct zone_change **ret,
                      size_t *ret_count)
{
    struct turned *t;
    size_t n;
    int r;

    *ret = NULL;
    *ret_count = 0;
    if (!knows(j, from) || !knows(j, to) || zone_serial_after(from, to) ||
        !zone_journal_seek(&j, from))
        return -ERANGE;
    r = collect(&j, to, &t, &n);
    if (r == 0 && n) {
        qsort(t, n, sizeof(*t), cmp_turned);
        n = join_subjects(t, n);
        qsort(t, n, sizeof(*t), cmp_turn);
        *ret = malloc((n + 1) * sizeof(**ret));
        r = *ret ? 0 : -ENOMEM;
        for (size_t i = 0; i < n && r == 0; i++) {
            (*ret)[i] = t[i].c;
            (*ret)[i].more = i + 1 < n;
        }
        *ret_count = r == 0 ? n : 0;
    }
    free(t);
    return r;
}
