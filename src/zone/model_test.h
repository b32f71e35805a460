/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The simple model of zone/data.h for tests and fuzzing: no order, no tree, no flattening. Each
 * question walks over all entries and applies the words of data.h as they stand. And random tables
 * that make the rules meet.
 */
#ifndef POSTERN_ZONE_MODEL_TEST_H
#define POSTERN_ZONE_MODEL_TEST_H

#include "zone/data.h"

#define MODEL_BASE4 UINT32_C(0x0a00fe00) /* 1024 addresses on both sides of a /16's border */

enum { MODEL_SAYS = 96, MODEL_TABLES = 3 };

struct model_says {
    unsigned n;
    uint32_t a[MODEL_SAYS], evidence[MODEL_SAYS];
};

struct model_names {
    unsigned n;
    struct model_says says[MODEL_TABLES];
    unsigned labels[MODEL_TABLES];
};

static inline uint32_t model_chance(uint32_t *state, uint32_t below)
{
    *state = *state * UINT32_C(1664525) + UINT32_C(1013904223);
    return (uint32_t)((uint64_t)(*state >> 8) * below >> 24);
}

static inline void model_say(const struct zone_data *d, struct model_says *s, uint32_t value,
                             uint32_t evidence)
{
    for (unsigned i = 0; i < s->n; i++) {
        if (s->a[i] == d->values[value].a && s->evidence[i] == evidence)
            return;
    }
    if (s->n == MODEL_SAYS)
        return;
    s->a[s->n] = d->values[value].a;
    s->evidence[s->n++] = evidence;
}

/*
 * Does the entry count for ip at this level? LONGEST: the level is the prefix length. OCTETS: 0 to
 * 3 for /8, /16, /24, /32: the block of that size around ip is wholly in the entry, the next
 * larger one is not.
 */
static inline bool model_level4(const struct zone_entry4 *e, enum zone_rule rule, uint32_t ip,
                                unsigned level)
{
    uint32_t host, wider;

    if (ip < e->from || ip > e->to)
        return false;
    if (rule != ZONE_OCTETS)
        return (e->from ^ e->to) == (uint32_t)((UINT64_C(1) << (32 - level)) - 1);
    host = level < 3 ? UINT32_MAX >> (8 * level + 8) : 0;
    wider = UINT32_MAX >> 8 * level;
    if ((ip & ~host) < e->from || (ip | host) > e->to)
        return false;
    return !level || (ip & ~wider) < e->from || (ip | wider) > e->to;
}

static inline struct model_says model_find4(const struct zone_data *d, uint32_t ip)
{
    struct model_says all = {0};

    for (size_t k = 0; k < d->table_count; k++) {
        const struct zone_table *t = d->tables[k];
        int top = t->rule == ZONE_OCTETS ? 3 : 32;

        for (int level = top; t->kind == ZONE_IPV4 && level >= 0; level--) {
            bool any = false, excluded = false;

            for (size_t i = 0; i < t->count; i++) {
                if (!model_level4(&t->e.v4[i], t->rule, ip, (unsigned)level) ||
                    (any && t->rule == ZONE_TRIE))
                    continue;
                any = true;
                excluded |= t->e.v4[i].value == ZONE_EXCLUDED;
            }
            for (size_t i = 0, said = 0; i < t->count && any && !excluded; i++) {
                if (!model_level4(&t->e.v4[i], t->rule, ip, (unsigned)level) ||
                    (said++ && t->rule == ZONE_TRIE))
                    continue;
                model_say(d, &all, t->e.v4[i].value, t->e.v4[i].evidence);
            }
            if (any)
                break;
        }
    }
    return all;
}

static inline bool model_below4(const struct zone_data *d, uint32_t ip, unsigned len)
{
    uint32_t host = len < 32 ? UINT32_MAX >> len : 0;

    for (uint64_t at = ip & ~host; at <= (ip | host); at++) {
        if (model_find4(d, (uint32_t)at).n)
            return true;
    }
    return false;
}

static inline struct model_says model_find6(const struct zone_data *d, struct zone_ip6 ip)
{
    struct model_says all = {0};

    for (size_t k = 0; k < d->table_count; k++) {
        const struct zone_table *t = d->tables[k];
        int best = -1;
        bool excluded = false;
        unsigned said = 0;

        for (size_t i = 0; t->kind == ZONE_IPV6 && i < t->count; i++) {
            const struct zone_entry6 *e = &t->e.v6[i];

            if (zone_ip6_cmp(zone_ip6_first(ip, e->len), e->from) == 0 && e->len > best)
                best = e->len;
        }
        for (int pass = 0; pass < 2; pass++) {
            for (size_t i = 0; t->kind == ZONE_IPV6 && i < t->count; i++) {
                const struct zone_entry6 *e = &t->e.v6[i];

                if (zone_ip6_cmp(zone_ip6_first(ip, e->len), e->from) != 0 || e->len != best)
                    continue;
                if (pass == 0)
                    excluded |= e->value == ZONE_EXCLUDED && !(t->rule == ZONE_TRIE && said++);
                else if (!excluded && e->value != ZONE_EXCLUDED &&
                         !(t->rule == ZONE_TRIE && said++))
                    model_say(d, &all, e->value, e->evidence);
                if (pass == 0 && t->rule == ZONE_TRIE)
                    said = 1;
            }
            said = 0;
        }
    }
    return all;
}

/* Something is listed in the prefix: at its own first address, or where an entry begins or ends. */
static inline bool model_below6(const struct zone_data *d, struct zone_ip6 ip, unsigned len)
{
    struct zone_ip6 from = zone_ip6_first(ip, len), to = zone_ip6_last(ip, len);

    if (model_find6(d, from).n)
        return true;
    for (size_t k = 0; k < d->table_count; k++) {
        const struct zone_table *t = d->tables[k];

        for (size_t i = 0; t->kind == ZONE_IPV6 && i < t->count; i++) {
            struct zone_ip6 at[2] = {t->e.v6[i].from,
                                     zone_ip6_next(zone_ip6_last(t->e.v6[i].from, t->e.v6[i].len))};

            for (unsigned b = 0; b < 2; b++) {
                if (zone_ip6_cmp(at[b], from) >= 0 && zone_ip6_cmp(at[b], to) <= 0 &&
                    model_find6(d, at[b]).n)
                    return true;
            }
        }
    }
    return false;
}

/* Is the entry's key the name's rightmost `labels`? */
static inline bool model_key_is(const struct zone_table *t, const struct zone_entry_name *e,
                                const struct zone_rname *name, unsigned labels)
{
    size_t n = 0;

    for (unsigned i = 0; i < labels; i++)
        n += (size_t)name->b[n] + 1;
    return e->key_len == n && (!n || memcmp(t->bytes.p + e->key, name->b, n) == 0);
}

/* True when the table has an answer (or an exclusion) for that key and span. */
static inline bool model_at_name(const struct zone_data *d, const struct zone_table *t,
                                 const struct zone_rname *name, unsigned labels, unsigned span,
                                 struct model_says *ret)
{
    bool any = false, excluded = false;

    for (size_t i = 0; i < t->count; i++) {
        const struct zone_entry_name *e = &t->e.names[i];

        if (!(e->spans & span) || !model_key_is(t, e, name, labels))
            continue;
        any = true;
        if (e->value == ZONE_EXCLUDED)
            excluded = true;
        else
            model_say(d, ret, e->value, e->evidence);
    }
    if (excluded)
        ret->n = 0;
    return any;
}

static inline bool model_in_table(const struct zone_data *d, const struct zone_table *t,
                                  const struct zone_rname *name, struct model_says *ret,
                                  unsigned *ret_labels)
{
    *ret = (struct model_says){0};
    *ret_labels = name->labels;
    if (model_at_name(d, t, name, name->labels, ZONE_PLAIN, ret))
        return ret->n > 0;
    for (unsigned labels = name->labels; labels-- > 0;) {
        *ret_labels = labels;
        if (model_at_name(d, t, name, labels, ZONE_WILD, ret))
            return ret->n > 0;
    }
    return false;
}

static inline struct model_names model_find_name(const struct zone_data *d,
                                                 const struct zone_rname *name)
{
    struct model_names all = {0};

    for (size_t k = 0; k < d->table_count; k++) {
        if (d->tables[k]->kind == ZONE_NAME && name->n)
            all.n += model_in_table(d, d->tables[k], name, &all.says[all.n], &all.labels[all.n]);
    }
    return all;
}

/*
 * Is a name under this one listed? It is if some name of the tables' own keys under it is, or one
 * that nobody names, under any of those or under the name itself.
 */
static inline bool model_below_name(const struct zone_data *d, const struct zone_rname *name)
{
    for (size_t k = 0; k < d->table_count; k++) {
        const struct zone_table *t = d->tables[k];

        for (size_t i = 0; t->kind == ZONE_NAME && i <= t->count; i++) {
            struct zone_rname x = *name;
            bool own = i == t->count;

            if (!own) {
                x.n = t->e.names[i].key_len;
                if (x.n)
                    memcpy(x.b, t->bytes.p + t->e.names[i].key, x.n);
                x.labels = zone_rname_labels(x.b, x.n);
            }
            if (x.n < name->n || memcmp(x.b, name->b, name->n) != 0)
                continue;
            if (x.n > name->n && model_find_name(d, &x).n)
                return true;
            memcpy(x.b + x.n, "\003zzz", 4);
            x.n += 4;
            x.labels++;
            if (model_find_name(d, &x).n)
                return true;
        }
    }
    return false;
}

static inline void model_values(struct zone_data *d, uint32_t ids[4])
{
    zone_data_init(d);
    for (uint32_t i = 0; i < 4; i++)
        (void)zone_data_value(d, &(struct zone_value){.a = UINT32_C(0x7f000002) + i}, &ids[i]);
}

static inline uint32_t model_value(uint32_t *chance, const uint32_t ids[4])
{
    uint32_t i = model_chance(chance, 5);

    return i == 4 ? ZONE_EXCLUDED : ids[i];
}

static inline void model_random4(struct zone_data *d, uint32_t seed)
{
    uint32_t chance = seed, ids[4], tables = 1 + model_chance(&chance, 3);

    model_values(d, ids);
    for (uint32_t k = 0; k < tables; k++) {
        enum zone_rule rule = (enum zone_rule)model_chance(&chance, 3);
        uint32_t entries = model_chance(&chance, 30);
        struct zone_table *t;

        if (zone_data_table(d, ZONE_IPV4, rule, &t) != 0)
            return;
        for (uint32_t i = 0; i < entries; i++) {
            uint32_t from = MODEL_BASE4 + model_chance(&chance, 1024), to;
            uint32_t value = model_value(&chance, ids), evidence = model_chance(&chance, 3);
            uint32_t host = UINT32_MAX >> (16 + model_chance(&chance, 16));

            if (model_chance(&chance, 3) == 0 ||
                (host > UINT32_MAX >> 22 && model_chance(&chance, 4)))
                host = 0;
            to = from | host;
            from &= ~host;
            if (rule == ZONE_OCTETS && model_chance(&chance, 3) == 0)
                to = from + model_chance(&chance, 700);
            (void)zone_table_add4(t, from, to, value, evidence);
        }
    }
}

static inline struct zone_ip6 model_ip6(uint32_t *chance)
{
    struct zone_ip6 ip = {UINT64_C(0x20010db800000000), 0};

    ip.hi |= (uint64_t)model_chance(chance, 4) << 16 | model_chance(chance, 3);
    if (model_chance(chance, 2))
        ip.lo = (uint64_t)model_chance(chance, 4) << 60 | model_chance(chance, 4);
    return ip;
}

static inline void model_random6(struct zone_data *d, uint32_t seed)
{
    static const uint8_t lens[] = {0, 32, 48, 63, 64, 64, 64, 65, 127, 128, 128};
    uint32_t chance = seed, ids[4], tables = 1 + model_chance(&chance, 3);

    model_values(d, ids);
    for (uint32_t k = 0; k < tables; k++) {
        uint32_t entries = model_chance(&chance, 25);
        struct zone_table *t;

        if (zone_data_table(d, ZONE_IPV6, (enum zone_rule)model_chance(&chance, 2), &t) != 0)
            return;
        for (uint32_t i = 0; i < entries; i++) {
            uint8_t len = lens[model_chance(&chance, sizeof(lens))];

            if (len < 48 && model_chance(&chance, 3))
                len = 64;
            (void)zone_table_add6(t, zone_ip6_first(model_ip6(&chance), len), len,
                                  model_value(&chance, ids), model_chance(&chance, 3));
        }
    }
}

static inline void model_name(uint32_t *chance, struct zone_rname *ret)
{
    static const char *const labels[] = {"\001a", "\001b", "\002ab", "\003org"};
    uint32_t n = model_chance(chance, 5);

    *ret = (struct zone_rname){.n = 0};
    for (uint32_t i = 0; i < n; i++) {
        const char *label = labels[model_chance(chance, i ? 3 : 4)];
        size_t size = (size_t)(uint8_t)label[0] + 1;

        memcpy(ret->b + ret->n, label, size);
        ret->n = (uint8_t)(ret->n + size);
        ret->labels++;
    }
}

static inline void model_random_names(struct zone_data *d, uint32_t seed)
{
    uint32_t chance = seed, ids[4], tables = 1 + model_chance(&chance, 3);

    model_values(d, ids);
    for (uint32_t k = 0; k < tables; k++) {
        uint32_t entries = model_chance(&chance, 15);
        struct zone_table *t;

        if (zone_data_table(d, ZONE_NAME, ZONE_LONGEST, &t) != 0)
            return;
        for (uint32_t i = 0; i < entries; i++) {
            struct zone_rname name;

            model_name(&chance, &name);
            (void)zone_table_add_name(t, &name, 1 + model_chance(&chance, 3),
                                      model_value(&chance, ids), model_chance(&chance, 3));
        }
    }
}

#endif
