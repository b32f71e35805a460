/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * LONGEST and TRIE: prefixes lie within each other or apart. Sorted by their first address, the
 * wider first, one pass with a stack of the open ones gives the pieces: where an inner one begins
 * or ends, the outer one's piece is cut.
 *
 * OCTETS (rbldnsd's ip4set) is brought to the same form. Each entry is cut into blocks of four
 * sizes; within one size, blocks that overlap are put together, so that what is left again lies
 * within each other or apart, and the smaller wins. rbldnsd writes out every block of an entry (a
 * /25 is 128 of them); here a run of them stays one entry.
 *
 * A sorted list of single addresses, the usual one, is told by one look and not copied.
 */
#include "zone/flatten.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum {
    DIGIT_BITS = 11,
    DIGITS = 1 << DIGIT_BITS,
    DEPTH_MAX = 256, /* of prefixes within each other: 33 for IPv4, 129 for IPv6 */
};

void zone_pieces_deinit(struct zone_pieces *s)
{
    if (!s->borrowed)
        free(s->p);
    *s = (struct zone_pieces){.p = NULL};
}

static int add_piece(struct zone_pieces *s, uint32_t from, uint32_t to, struct zone_says says)
{
    if (s->count == s->room && array_grow(&s->p, &s->room, sizeof(*s->p), s->count + 1) < 0)
        return -ENOMEM;
    s->p[s->count++] = (struct zone_entry4){from, to, says.ref, says.evidence};
    return 0;
}

static struct zone_says says_of(const struct zone_entry4 *e)
{
    return (struct zone_says){e->value, e->evidence};
}

static uint32_t digit(const struct zone_entry4 *e, bool by_end, unsigned pass)
{
    return (by_end ? ~e->to : e->from) >> (pass * DIGIT_BITS) & (DIGITS - 1);
}

/* One stable pass; skipped when all have the same digit. Swaps *a and *b when it has worked. */
static void sort_pass(struct zone_entry4 **a, struct zone_entry4 **b, size_t n, bool by_end,
                      unsigned pass)
{
    size_t at[DIGITS] = {0}, sum = 0;
    struct zone_entry4 *swap = *a;

    for (size_t i = 0; i < n; i++)
        at[digit(&(*a)[i], by_end, pass)]++;
    if (at[digit(*a, by_end, pass)] == n)
        return;
    for (size_t i = 0; i < DIGITS; i++) {
        size_t here = at[i];

        at[i] = sum;
        sum += here;
    }
    for (size_t i = 0; i < n; i++)
        (*b)[at[digit(&(*a)[i], by_end, pass)]++] = (*a)[i];
    *a = *b;
    *b = swap;
}

/* By the first address, of those with one the wider first; else the order stays. */
static int sort_entries(struct zone_entry4 *e, size_t n)
{
    struct zone_entry4 *a = e, *b, *spare;
    bool sorted = true, wide = false;

    for (size_t i = 0; i < n; i++) {
        wide |= e[i].from != e[i].to;
        sorted &= !i || e[i - 1].from < e[i].from ||
                  (e[i - 1].from == e[i].from && e[i - 1].to >= e[i].to);
    }
    if (sorted)
        return 0;
    spare = malloc(n * sizeof(*spare));
    if (!spare)
        return -ENOMEM;
    b = spare;
    for (unsigned pass = 0; pass < 6; pass++) {
        if (pass >= 3 || wide)
            sort_pass(&a, &b, n, pass < 3, pass % 3);
    }
    if (a != e)
        memcpy(e, a, n * sizeof(*e));
    free(spare);
    return 0;
}

/* Sorted entries that are pieces as they stand. */
static bool are_pieces(const struct zone_entry4 *e, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (e[i].value == ZONE_EXCLUDED || (i && e[i].from <= e[i - 1].to))
            return false;
    }
    return true;
}

/* Those with the same borders as e[0], put together. Returns how many, or an errno. */
static ssize_t take_equals(const struct zone_entry4 *e, size_t n, enum zone_rule rule,
                           struct zone_lists *lists, struct zone_says *ret)
{
    size_t same = 1;
    int r;

    while (same < n && e[same].from == e[0].from && e[same].to == e[0].to)
        same++;
    *ret = says_of(e);
    if (same == 1 || rule == ZONE_TRIE)
        return (ssize_t)same;
    zone_lists_begin(lists);
    for (size_t i = 0; i < same; i++)
        zone_lists_add(lists, says_of(&e[i]));
    r = zone_lists_end(lists, ret);
    return r < 0 ? r : (ssize_t)same;
}

/* The open prefixes, and up to where pieces are made. */
struct sweep {
    struct zone_entry4 open[DEPTH_MAX];
    unsigned depth;
    uint64_t at; /* the first address that is not yet dealt with */
    struct zone_pieces *out;
};

/* Makes the innermost open one's piece up to `end`, which is not in it. */
static int cut(struct sweep *s, uint64_t end)
{
    const struct zone_entry4 *top = &s->open[s->depth - 1];
    int r = 0;

    if (s->at < end && top->value != SAYS_EXCLUDED)
        r = add_piece(s->out, (uint32_t)s->at, (uint32_t)(end - 1), says_of(top));
    if (s->at < end)
        s->at = end;
    return r;
}

static int close_until(struct sweep *s, uint64_t from)
{
    int r = 0;

    while (r == 0 && s->depth && s->open[s->depth - 1].to < from) {
        r = cut(s, (uint64_t)s->open[s->depth - 1].to + 1);
        s->depth--;
    }
    return r;
}

static int sweep_nested(const struct zone_entry4 *e, size_t n, enum zone_rule rule,
                        struct zone_lists *lists, struct zone_pieces *out)
{
    struct sweep s = {.out = out};
    int r = 0;

    for (size_t i = 0; i < n && r == 0;) {
        struct zone_says says;
        ssize_t same = take_equals(&e[i], n - i, rule, lists, &says);

        if (same < 0)
            return (int)same;
        r = close_until(&s, e[i].from);
        if (r == 0 && s.depth)
            r = cut(&s, e[i].from);
        assert(s.depth < DEPTH_MAX);
        s.at = e[i].from;
        s.open[s.depth++] = (struct zone_entry4){e[i].from, e[i].to, says.ref, says.evidence};
        i += (size_t)same;
    }
    return r ? r : close_until(&s, UINT64_MAX);
}

/*
 * The runs of blocks of one entry, by their level: 0 single addresses, 3 blocks of /8. A run lies
 * in one block of the next level, and does not fill it.
 */
static int add_runs(const struct zone_entry4 *e, struct zone_pieces level[4])
{
    uint64_t from = e->from, end = (uint64_t)e->to + 1;

    while (from < end) {
        unsigned l = 0;
        uint64_t unit, border;

        /* The largest block that begins here and fits. */
        while (l < 3 && (from & ((UINT64_C(256) << 8 * l) - 1)) == 0 &&
               end - from >= UINT64_C(256) << 8 * l)
            l++;
        unit = UINT64_C(1) << 8 * l;
        /* All blocks of that size up to the next border of the larger ones; /8 has none. */
        border = l == 3 ? UINT64_C(1) << 32 : (from / (unit << 8) + 1) * (unit << 8);
        if (border > end)
            border = from + (end - from) / unit * unit;
        if (add_piece(&level[l], (uint32_t)from, (uint32_t)(border - 1), says_of(e)) < 0)
            return -ENOMEM;
        from = border;
    }
    return 0;
}

static int cmp_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

/* Runs that overlap: a piece between any two borders, with all the runs that cover it. */
static int split_group(const struct zone_entry4 *e, size_t n, struct zone_lists *lists,
                       struct zone_pieces *out)
{
    uint64_t *borders = malloc(2 * n * sizeof(*borders));
    int r = borders ? 0 : -ENOMEM;

    for (size_t i = 0; i < n && r == 0; i++) {
        borders[2 * i] = e[i].from;
        borders[2 * i + 1] = (uint64_t)e[i].to + 1;
    }
    if (r == 0)
        qsort(borders, 2 * n, sizeof(*borders), cmp_u64);
    for (size_t b = 0; b + 1 < 2 * n && r == 0; b++) {
        struct zone_says says;

        if (borders[b] == borders[b + 1])
            continue;
        zone_lists_begin(lists);
        for (size_t i = 0; i < n; i++) {
            if (e[i].from <= borders[b] && e[i].to >= borders[b])
                zone_lists_add(lists, says_of(&e[i]));
        }
        r = zone_lists_end(lists, &says);
        if (r == 0)
            r = add_piece(out, (uint32_t)borders[b], (uint32_t)(borders[b + 1] - 1), says);
    }
    free(borders);
    return r;
}

/* Sorts the runs of one level and adds them to *out, none overlapping another. */
static int flatten_level(struct zone_pieces *level, struct zone_lists *lists,
                         struct zone_pieces *out)
{
    const struct zone_entry4 *e = level->p;
    int r = sort_entries(level->p, level->count);

    for (size_t i = 0, end; i < level->count && r == 0; i = end) {
        uint32_t to = e[i].to;

        for (end = i + 1; end < level->count && e[end].from <= to; end++) {
            if (e[end].to > to)
                to = e[end].to;
        }
        r = end - i == 1 ? add_piece(out, e[i].from, e[i].to, says_of(&e[i]))
                         : split_group(&e[i], end - i, lists, out);
    }
    return r;
}

static int flatten_octets(const struct zone_entry4 *e, size_t n, struct zone_lists *lists,
                          struct zone_pieces *ret)
{
    struct zone_pieces level[4] = {0}, runs = {0};
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++)
        r = add_runs(&e[i], level);
    for (unsigned l = 4; l-- && r == 0;)
        r = flatten_level(&level[l], lists, &runs);
    for (unsigned l = 0; l < 4; l++)
        zone_pieces_deinit(&level[l]);
    if (r == 0)
        r = sort_entries(runs.p, runs.count);
    if (r == 0)
        r = sweep_nested(runs.p, runs.count, ZONE_LONGEST, lists, ret);
    zone_pieces_deinit(&runs);
    return r;
}

int zone_flatten(struct zone_entry4 *entries, size_t count, enum zone_rule rule,
                 struct zone_lists *lists, struct zone_pieces *ret)
{
    int r = sort_entries(entries, count);

    *ret = (struct zone_pieces){.p = NULL};
    if (r < 0)
        return r;
    if (are_pieces(entries, count)) {
        *ret = (struct zone_pieces){entries, count, count, true};
        return 0;
    }
    r = rule == ZONE_OCTETS ? flatten_octets(entries, count, lists, ret)
                            : sweep_nested(entries, count, rule, lists, ret);
    if (r < 0)
        zone_pieces_deinit(ret);
    return r;
}

/* The part of *p up to `to`, taken off its front. */
static int take_part(struct zone_entry4 *p, uint32_t to, struct zone_says says,
                     struct zone_pieces *out, bool *ret_gone)
{
    int r = add_piece(out, p->from, to, says);

    *ret_gone = to == p->to;
    p->from = to + 1;
    return r;
}

int zone_pieces_join(struct zone_pieces *a, struct zone_pieces *b, struct zone_lists *lists,
                     struct zone_pieces *ret)
{
    struct zone_pieces out = {0};
    struct zone_entry4 x = {0}, y = {0};
    bool no_x = true, no_y = true;
    int r = 0;

    for (size_t i = 0, j = 0; r == 0;) {
        if (no_x && i < a->count)
            x = a->p[i++], no_x = false;
        if (no_y && j < b->count)
            y = b->p[j++], no_y = false;
        if (no_x && no_y)
            break;
        if (no_y || (!no_x && x.from < y.from)) {
            r = take_part(&x, no_y || x.to < y.from ? x.to : y.from - 1, says_of(&x), &out, &no_x);
        } else if (no_x || y.from < x.from) {
            r = take_part(&y, no_x || y.to < x.from ? y.to : x.from - 1, says_of(&y), &out, &no_y);
        } else {
            uint32_t to = x.to < y.to ? x.to : y.to;
            struct zone_says says;

            r = zone_lists_join(lists, says_of(&x), says_of(&y), &says);
            if (r == 0)
                r = take_part(&x, to, says, &out, &no_x);
            no_y = to == y.to;
            y.from = to + 1;
        }
    }
    zone_pieces_deinit(a);
    zone_pieces_deinit(b);
    if (r < 0)
        zone_pieces_deinit(&out);
    else
        *ret = out;
    return r;
}
