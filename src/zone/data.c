/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Readers call the adders once a line, for millions of lines, so an entry is a few words in an
 * array and everything of variable length lies in one buffer beside it. Values are kept once: a
 * list of ten million addresses has a handful of them. Their texts lie in blocks that do not move,
 * because values point at them.
 */
#include "zone/data.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 65536, SLOTS_FIRST = 64 };

struct zone_text_block {
    struct zone_text_block *before;
    size_t used, size;
    char bytes[];
};

const char *zone_kind_name(enum zone_kind kind)
{
    static const char *const names[] = {
        [ZONE_IPV4] = "ipv4",       [ZONE_IPV6] = "ipv6",       [ZONE_NAME] = "name",
        [ZONE_PATTERN] = "pattern", [ZONE_RECORDS] = "records",
    };

    return names[kind];
}

const char *zone_rule_name(enum zone_rule rule)
{
    static const char *const names[] = {
        [ZONE_LONGEST] = "longest",
        [ZONE_TRIE] = "trie",
        [ZONE_OCTETS] = "octets",
    };

    return names[rule];
}

void zone_data_init(struct zone_data *d)
{
    memset(d, 0, sizeof(*d));
}

void zone_data_deinit(struct zone_data *d)
{
    for (size_t i = 0; i < d->table_count; i++) {
        free(d->tables[i]->e.any);
        buf_deinit(&d->tables[i]->bytes);
        free(d->tables[i]);
    }
    for (size_t i = 0; i < d->fact_count; i++) {
        free(d->facts[i].name);
        buf_deinit(&d->facts[i].value);
    }
    while (d->text) {
        struct zone_text_block *before = d->text->before;

        free(d->text);
        d->text = before;
    }
    free(d->values);
    free(d->value_slots);
    zone_data_init(d);
}

static uint64_t value_hash(const struct zone_value *v)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325) ^ v->a ^ (uint64_t)v->ttl << 32;

    h = (h ^ v->class_id) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < v->text.n; i++)
        h = (h ^ (uint8_t)v->text.p[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 29;
}

static bool value_eq(const struct zone_value *a, const struct zone_value *b)
{
    return a->a == b->a && a->ttl == b->ttl && a->class_id == b->class_id &&
           span_eq(a->text, b->text);
}

/* The slot that holds the value's number plus one, or the empty one where it belongs. */
static uint32_t *value_slot(const struct zone_data *d, const struct zone_value *v)
{
    size_t mask = d->slot_count - 1;
    size_t at = value_hash(v) & mask;

    while (d->value_slots[at] && !value_eq(&d->values[d->value_slots[at] - 1], v))
        at = (at + 1) & mask;
    return &d->value_slots[at];
}

static int grow_slots(struct zone_data *d)
{
    size_t more = d->slot_count ? d->slot_count * 2 : SLOTS_FIRST;
    uint32_t *old = d->value_slots, *slots = calloc(more, sizeof(*slots));

    if (!slots)
        return -ENOMEM;
    d->value_slots = slots;
    d->slot_count = more;
    for (size_t i = 0; i < d->value_count; i++)
        *value_slot(d, &d->values[i]) = (uint32_t)i + 1;
    free(old);
    return 0;
}

static char *keep_text(struct zone_data *d, struct span text)
{
    struct zone_text_block *b = d->text;
    char *p;

    if (!b || text.n > b->size - b->used) {
        size_t size = text.n > BLOCK ? text.n : BLOCK;

        b = malloc(sizeof(*b) + size);
        if (!b)
            return NULL;
        *b = (struct zone_text_block){.before = d->text, .size = size};
        d->text = b;
    }
    p = b->bytes + b->used;
    if (text.n)
        memcpy(p, text.p, text.n);
    b->used += text.n;
    return p;
}

int zone_data_value(struct zone_data *d, const struct zone_value *v, uint32_t *ret)
{
    struct zone_value kept = *v;
    uint32_t *slot;

    if (v->text.n > ZONE_TEMPLATE_MAX)
        return -E2BIG;
    if (d->value_count * 2 >= d->slot_count && grow_slots(d) < 0)
        return -ENOMEM;
    slot = value_slot(d, v);
    if (*slot) {
        *ret = *slot - 1;
        return 0;
    }
    if (d->value_count >= ZONE_VALUES_MAX)
        return -E2BIG;
    if (array_grow(&d->values, &d->value_room, sizeof(*d->values), d->value_count + 1) < 0)
        return -ENOMEM;
    kept.text.p = keep_text(d, v->text);
    if (!kept.text.p)
        return -ENOMEM;
    d->values[d->value_count++] = kept;
    *ret = (uint32_t)d->value_count - 1;
    *slot = (uint32_t)d->value_count;
    return 0;
}

int zone_data_fact(struct zone_data *d, const char *name, struct span value)
{
    struct zone_fact fact = {.value = BUF_INIT(BUF_MAX)}, *place = d->facts;
    struct zone_fact *end = d->facts + d->fact_count;

    while (place < end && strcmp(place->name, name) != 0)
        place++;
    if (place == d->facts + ZONE_FACTS_MAX || strlen(name) > ZONE_FACT_NAME_MAX ||
        value.n > ZONE_FACT_MAX)
        return -E2BIG;
    buf_add(&fact.value, value);
    fact.name = strdup(name);
    if (!fact.name || fact.value.err) {
        free(fact.name);
        buf_deinit(&fact.value);
        return -ENOMEM;
    }
    if (place < end) {
        free(place->name);
        buf_deinit(&place->value);
    } else {
        d->fact_count++;
    }
    *place = fact;
    return 0;
}

int zone_data_table(struct zone_data *d, enum zone_kind kind, enum zone_rule rule,
                    struct zone_table **ret)
{
    struct zone_table *t;
    unsigned of_names = kind == ZONE_NAME;

    assert(rule != ZONE_OCTETS || kind == ZONE_IPV4);
    for (size_t i = 0; i < d->table_count; i++)
        of_names += d->tables[i]->kind == ZONE_NAME;
    if (d->table_count == ZONE_TABLES_MAX || (kind == ZONE_NAME && of_names > ZONE_NAME_TABLES_MAX))
        return -E2BIG;
    t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    t->kind = kind;
    t->rule = rule;
    buf_init(&t->bytes, BUF_MAX);
    d->tables[d->table_count++] = t;
    *ret = t;
    return 0;
}
