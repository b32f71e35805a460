/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sections of addresses. IPv6 borrows the flattening of IPv4: where the prefixes of all tables
 * begin and end are borders; sorted, a border's rank is a number of 32 bits, and between two
 * neighbouring borders nothing changes. Pieces of ranks become addresses again at the end.
 *
 * A piece of one address goes to the compact form (top, tail, class), any other to the ranges.
 * Fewer than IMAGE_SMALL of them all go to the ranges: the top alone is 256 kB, too much for small
 * lists.
 */
#include "zone/build_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int zone_build_pieces4(struct zone_builder *b, struct zone_pieces *ret)
{
    bool first = true;

    for (size_t t = 0; t < b->data->table_count; t++) {
        struct zone_table *table = b->data->tables[t];
        struct zone_pieces next, joined;
        int r;

        if (table->kind != ZONE_IPV4 || !table->count)
            continue;
        r = zone_flatten(table->e.v4, table->count, table->rule, &b->lists, &next);
        if (r < 0)
            return r;
        if (first) {
            *ret = next;
            first = false;
            continue;
        }
        r = zone_pieces_join(ret, &next, &b->lists, &joined);
        if (r < 0)
            return r;
        *ret = joined;
    }
    return 0;
}

struct split4 {
    size_t singles, ranges;
    bool small;    /* singles are kept as ranges */
    bool evidence; /* the column is needed */
};

static struct split4 count_pieces4(struct zone_builder *b, const struct zone_pieces *pieces)
{
    struct split4 s = {0};

    for (size_t i = 0; i < pieces->count; i++) {
        const struct zone_entry4 *p = &pieces->p[i];

        b->counts.v4_addresses += (uint64_t)p->to - p->from + 1;
        if (p->from != p->to)
            continue;
        s.singles++;
        s.evidence |= p->evidence || p->value & SAYS_LIST || b->order[p->value] >= IMAGE_CLASS_SIDE;
    }
    s.ranges = pieces->count - s.singles;
    b->counts.v4_single = s.singles;
    b->counts.v4_range = s.ranges;
    s.small = s.singles < IMAGE_SMALL;
    if (s.small)
        s.ranges += s.singles;
    return s;
}

/* From how many begin in each /16, where each begins. */
static void sum_top(uint32_t *top)
{
    uint32_t sum = 0;

    for (size_t i = 0; i < IMAGE_TOP; i++) {
        uint32_t here = top[i];

        top[i] = htole32(sum);
        sum += here;
    }
}

static void fill_singles(struct zone_builder *b, const struct zone_pieces *pieces, bool evidence)
{
    uint32_t *top = section_at(b, ZONE_SEC_V4_TOP);
    uint16_t *tail = section_at(b, ZONE_SEC_V4_TAIL);
    uint8_t *class_of = section_at(b, ZONE_SEC_V4_CLASS);
    uint32_t *column = section_at(b, ZONE_SEC_V4_EVIDENCE);
    size_t n = 0;

    for (size_t i = 0; i < pieces->count; i++) {
        const struct zone_entry4 *p = &pieces->p[i];
        struct disk_says says;

        if (p->from != p->to)
            continue;
        top[p->from >> 16]++;
        tail[n] = htole16((uint16_t)p->from);
        says = zone_builder_says(b, (struct zone_says){p->value, p->evidence});
        if (!(p->value & SAYS_LIST) && b->order[p->value] < IMAGE_CLASS_SIDE) {
            class_of[n] = (uint8_t)b->order[p->value];
            if (evidence)
                column[n] = says.evidence;
        } else {
            class_of[n] = IMAGE_CLASS_SIDE;
            column[n] = says.ref;
        }
        n++;
    }
    sum_top(top);
}

static void fill_ranges(struct zone_builder *b, const struct zone_pieces *pieces, bool small)
{
    struct disk_range4 *out = section_at(b, ZONE_SEC_V4_RANGE);
    uint32_t *top =
        b->sec[ZONE_SEC_V4_RANGE_TOP].size ? section_at(b, ZONE_SEC_V4_RANGE_TOP) : NULL;

    for (size_t i = 0; i < pieces->count; i++) {
        const struct zone_entry4 *p = &pieces->p[i];
        struct disk_says says;

        if (p->from == p->to && !small)
            continue;
        says = zone_builder_says(b, (struct zone_says){p->value, p->evidence});
        *out++ = (struct disk_range4){htole32(p->from), htole32(p->to), says.ref, says.evidence};
        if (top)
            top[p->from >> 16]++;
    }
    if (top)
        sum_top(top);
}

/* Changing pieces must not change the entries they are borrowed from. */
static int own_pieces(struct zone_pieces *pieces)
{
    struct zone_entry4 *p;

    if (!pieces->borrowed)
        return 0;
    p = malloc(pieces->count * sizeof(*p));
    if (!p)
        return -ENOMEM;
    memcpy(p, pieces->p, pieces->count * sizeof(*p));
    *pieces = (struct zone_pieces){p, pieces->count, pieces->count, false};
    return 0;
}

/*
 * A single address whose value has no place in the class octet, and which has evidence too, cannot
 * say both in its one word: it gets a list of one.
 */
static int side_lists(struct zone_builder *b, struct zone_pieces *pieces)
{
    int r = own_pieces(pieces);

    for (size_t i = 0; i < pieces->count && r == 0; i++) {
        struct zone_entry4 *p = &pieces->p[i];
        struct zone_says says;

        if (p->from != p->to || !p->evidence || p->value & SAYS_LIST ||
            b->order[p->value] < IMAGE_CLASS_SIDE)
            continue;
        r = zone_lists_one(&b->lists, (struct zone_says){p->value, p->evidence}, &says);
        if (r < 0)
            break;
        p->value = says.ref;
        p->evidence = 0;
    }
    return r;
}

int zone_build_sections4(struct zone_builder *b, struct zone_pieces *pieces)
{
    struct split4 s = count_pieces4(b, pieces);
    size_t n = s.small ? 0 : s.singles;
    int r = 0;

    if (n && b->data->value_count > IMAGE_CLASS_SIDE)
        r = side_lists(b, pieces);
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_V4_TOP, n ? IMAGE_TOP * sizeof(uint32_t) : 0);
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_V4_TAIL, n * sizeof(uint16_t));
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_V4_CLASS, n);
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_V4_EVIDENCE, s.evidence ? n * sizeof(uint32_t) : 0);
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_V4_RANGE_TOP,
                                 s.ranges >= IMAGE_SMALL ? IMAGE_TOP * sizeof(uint32_t) : 0);
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_V4_RANGE, s.ranges * sizeof(struct disk_range4));
    if (r < 0)
        return r;
    if (n)
        fill_singles(b, pieces, s.evidence);
    fill_ranges(b, pieces, s.small);
    return 0;
}

static int cmp_ip6(const void *a, const void *b)
{
    return zone_ip6_cmp(*(const struct zone_ip6 *)a, *(const struct zone_ip6 *)b);
}

/* All borders, sorted, each once. The end of the space is none: it is the rank behind the last. */
static int collect_borders(struct zone_builder *b, struct zone_ranks6 *ranks)
{
    size_t entries = 0, n = 0, kept = 0;

    for (size_t t = 0; t < b->data->table_count; t++)
        entries += b->data->tables[t]->kind == ZONE_IPV6 ? b->data->tables[t]->count : 0;
    if (!entries)
        return 0;
    ranks->borders = malloc(2 * entries * sizeof(*ranks->borders));
    if (!ranks->borders)
        return -ENOMEM;
    for (size_t t = 0; t < b->data->table_count; t++) {
        const struct zone_table *table = b->data->tables[t];

        for (size_t i = 0; table->kind == ZONE_IPV6 && i < table->count; i++) {
            const struct zone_entry6 *e = &table->e.v6[i];
            struct zone_ip6 last = zone_ip6_last(e->from, e->len);

            ranks->borders[n++] = e->from;
            if (!zone_ip6_is_max(last))
                ranks->borders[n++] = zone_ip6_next(last);
        }
    }
    qsort(ranks->borders, n, sizeof(*ranks->borders), cmp_ip6);
    for (size_t i = 0; i < n; i++) {
        if (!i || zone_ip6_cmp(ranks->borders[i], ranks->borders[kept - 1]) != 0)
            ranks->borders[kept++] = ranks->borders[i];
    }
    ranks->count = kept;
    return 0;
}

static uint32_t rank_of(const struct zone_ranks6 *ranks, struct zone_ip6 ip)
{
    const struct zone_ip6 *at = bsearch(&ip, ranks->borders, ranks->count, sizeof(ip), cmp_ip6);

    return (uint32_t)(at - ranks->borders);
}

static int ranked_pieces(struct zone_builder *b, const struct zone_table *table,
                         const struct zone_ranks6 *ranks, struct zone_pieces *ret)
{
    struct zone_entry4 *e = malloc(table->count * sizeof(*e));
    int r;

    if (!e)
        return -ENOMEM;
    for (size_t i = 0; i < table->count; i++) {
        const struct zone_entry6 *x = &table->e.v6[i];
        struct zone_ip6 last = zone_ip6_last(x->from, x->len);
        size_t end = zone_ip6_is_max(last) ? ranks->count : rank_of(ranks, zone_ip6_next(last));

        e[i] =
            (struct zone_entry4){rank_of(ranks, x->from), (uint32_t)end - 1, x->value, x->evidence};
    }
    r = zone_flatten(e, table->count, table->rule, &b->lists, ret);
    if (r == 0 && ret->borrowed)
        ret->borrowed = false;
    else
        free(e);
    return r;
}

int zone_build_pieces6(struct zone_builder *b, struct zone_ranks6 *ret)
{
    int r = collect_borders(b, ret);

    for (size_t t = 0; t < b->data->table_count && r == 0; t++) {
        struct zone_table *table = b->data->tables[t];
        struct zone_pieces next, joined;

        if (table->kind != ZONE_IPV6 || !table->count)
            continue;
        r = ranked_pieces(b, table, ret, &next);
        if (r == 0)
            r = zone_pieces_join(&ret->pieces, &next, &b->lists, &joined);
        if (r == 0)
            ret->pieces = joined;
    }
    return r;
}

struct piece6 {
    struct zone_ip6 from, to;
    bool half, full;
};

static struct piece6 piece6_of(const struct zone_ranks6 *ranks, const struct zone_entry4 *p)
{
    struct piece6 x = {.from = ranks->borders[p->from]};

    x.to = p->to + 1u < ranks->count ? zone_ip6_prev(ranks->borders[p->to + 1])
                                     : (struct zone_ip6){UINT64_MAX, UINT64_MAX};
    x.full = zone_ip6_cmp(x.from, x.to) == 0;
    x.half = x.from.hi == x.to.hi && x.from.lo == 0 && x.to.lo == UINT64_MAX;
    return x;
}

static struct disk_ip6 disk_ip6(struct zone_ip6 ip)
{
    return (struct disk_ip6){htole64(ip.hi), htole64(ip.lo)};
}

static void fill6(struct zone_builder *b, const struct zone_ranks6 *ranks)
{
    uint64_t *half = section_at(b, ZONE_SEC_V6_HALF);
    struct disk_says *half_says = section_at(b, ZONE_SEC_V6_HALF_SAYS);
    struct disk_ip6 *full = section_at(b, ZONE_SEC_V6_FULL);
    struct disk_says *full_says = section_at(b, ZONE_SEC_V6_FULL_SAYS);
    struct disk_range6 *range = section_at(b, ZONE_SEC_V6_RANGE);

    for (size_t i = 0; i < ranks->pieces.count; i++) {
        const struct zone_entry4 *p = &ranks->pieces.p[i];
        struct piece6 x = piece6_of(ranks, p);
        struct disk_says says = zone_builder_says(b, (struct zone_says){p->value, p->evidence});

        if (x.half) {
            *half++ = htole64(x.from.hi);
            *half_says++ = says;
        } else if (x.full) {
            *full++ = disk_ip6(x.from);
            *full_says++ = says;
        } else {
            *range++ =
                (struct disk_range6){disk_ip6(x.from), disk_ip6(x.to), says.ref, says.evidence};
        }
    }
}

int zone_build_sections6(struct zone_builder *b, const struct zone_ranks6 *ranks)
{
    int r;

    for (size_t i = 0; i < ranks->pieces.count; i++) {
        struct piece6 x = piece6_of(ranks, &ranks->pieces.p[i]);

        if (x.half)
            b->counts.v6_half++;
        else if (x.full)
            b->counts.v6_full++;
        else
            b->counts.v6_range++;
    }
    r = zone_builder_section(b, ZONE_SEC_V6_HALF, b->counts.v6_half * sizeof(uint64_t));
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_V6_HALF_SAYS,
                                 b->counts.v6_half * sizeof(struct disk_says));
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_V6_FULL, b->counts.v6_full * sizeof(struct disk_ip6));
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_V6_FULL_SAYS,
                                 b->counts.v6_full * sizeof(struct disk_says));
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_V6_RANGE,
                                 b->counts.v6_range * sizeof(struct disk_range6));
    if (r == 0)
        fill6(b, ranks);
    return r;
}
