/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The compiler: flattens the addresses first, because what is said of them decides which values are
 * numbered low (a single address has one octet for its value), then lays out section after section
 * in one growing block. Nothing in it hangs on a clock, on chance or on where memory lies, so the
 * same data give the same bytes.
 */
#include "zone/build_priv.h"

#include "zone/sum.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of STRINGS are counted with 32 bits, and a struct buf holds half of that. */

static int buf_error(struct buf *b)
{
    return b->err == -EMSGSIZE ? -E2BIG : b->err;
}

int zone_builder_section(struct zone_builder *b, enum zone_section s, size_t n)
{
    size_t at = (b->size + IMAGE_ALIGN - 1) / IMAGE_ALIGN * IMAGE_ALIGN;

    if (n > SIZE_MAX / 4 - at)
        return -E2BIG;
    if (at + n > b->room) {
        size_t room = at + n + b->room / 8;
        uint8_t *p = realloc(b->out, room);

        if (!p)
            return -ENOMEM;
        b->out = p;
        b->room = room;
    }
    memset(b->out + b->size, 0, at + n - b->size);
    b->sec[s] = (struct disk_section){.at = at, .size = n};
    b->size = at + n;
    return 0;
}

struct disk_says zone_builder_says(const struct zone_builder *b, struct zone_says says)
{
    if (says.ref == SAYS_EXCLUDED)
        return (struct disk_says){htole32(REF_EXCLUDED), 0};
    if (says.ref & SAYS_LIST)
        return (struct disk_says){htole32(says.ref), 0};
    return (struct disk_says){htole32(b->order[says.ref]), htole32(says.evidence)};
}

int zone_builder_string(struct zone_builder *b, struct span s, uint32_t *ret)
{
    *ret = b->strings.n;
    buf_add(&b->strings, s);
    return buf_error(&b->strings);
}

int zone_builder_key(struct zone_builder *b, struct span key, uint32_t *ret)
{
    *ret = b->strings.n;
    buf_add_char(&b->strings, (char)key.n);
    buf_add(&b->strings, key);
    return buf_error(&b->strings);
}

struct use {
    uint64_t times;
    uint32_t value;
};

static int cmp_use(const void *a, const void *b)
{
    const struct use *x = a, *y = b;

    if (x->times != y->times)
        return x->times < y->times ? 1 : -1;
    return (x->value > y->value) - (x->value < y->value);
}

/* Those most used by single addresses get the numbers that fit into an octet. */
static int order_values(struct zone_builder *b, const struct zone_pieces *pieces)
{
    size_t n = b->data->value_count;
    struct use *uses;

    b->order = calloc(n + 1, sizeof(*b->order));
    if (!b->order)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        b->order[i] = (uint32_t)i;
    if (n <= IMAGE_CLASS_SIDE)
        return 0;
    uses = calloc(n, sizeof(*uses));
    if (!uses)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        uses[i].value = (uint32_t)i;
    for (size_t i = 0; i < pieces->count; i++) {
        if (pieces->p[i].from == pieces->p[i].to && !(pieces->p[i].value & SAYS_LIST))
            uses[pieces->p[i].value].times++;
    }
    qsort(uses, n, sizeof(*uses), cmp_use);
    for (size_t i = 0; i < n; i++)
        b->order[uses[i].value] = (uint32_t)i;
    free(uses);
    return 0;
}

static int build_values(struct zone_builder *b)
{
    size_t n = b->data->value_count;
    int r = zone_builder_section(b, ZONE_SEC_VALUES, n * sizeof(struct disk_value));

    for (size_t i = 0; i < n && r == 0; i++) {
        const struct zone_value *v = &b->data->values[i];
        struct disk_value *out = (struct disk_value *)section_at(b, ZONE_SEC_VALUES) + b->order[i];
        uint32_t text;

        r = zone_builder_string(b, v->text, &text);
        *out = (struct disk_value){.a = htole32(v->a),
                                   .ttl = htole32(v->ttl),
                                   .text = htole32(text),
                                   .text_len = htole16((uint16_t)v->text.n),
                                   .class_id = htole16(v->class_id)};
    }
    b->counts.values = n;
    return r;
}

static int build_lists(struct zone_builder *b)
{
    size_t n = b->lists.count;
    uint32_t *out;
    int r = zone_builder_section(b, ZONE_SEC_LISTS, n * sizeof(*out));

    if (r < 0)
        return r;
    out = section_at(b, ZONE_SEC_LISTS);
    for (size_t at = 0; at < n;) {
        uint32_t pairs = b->lists.words[at];

        out[at++] = htole32(pairs);
        for (; pairs; pairs--, at += 2) {
            out[at] = htole32(b->order[b->lists.words[at]]);
            out[at + 1] = htole32(b->lists.words[at + 1]);
        }
    }
    return 0;
}

static int build_strings(struct zone_builder *b)
{
    int r = zone_builder_section(b, ZONE_SEC_STRINGS, b->strings.n);

    if (r == 0 && b->strings.n)
        memcpy(section_at(b, ZONE_SEC_STRINGS), b->strings.p, b->strings.n);
    return r;
}

static void write_header(struct zone_builder *b)
{
    struct disk_header h = {.magic = "", .version = htole32(IMAGE_VERSION)};
    uint64_t counts[IMAGE_COUNTS];

    memcpy(h.magic, IMAGE_MAGIC, sizeof(h.magic));
    memcpy(counts, &b->counts, sizeof(counts));
    h.sections = htole32(ZONE_SECTIONS);
    h.size = htole64(b->size);
    for (size_t i = 0; i < IMAGE_COUNTS; i++)
        h.counts[i] = htole64(counts[i]);
    for (size_t i = 0; i < ZONE_SECTIONS; i++) {
        h.sec[i].at = htole64(b->sec[i].at);
        h.sec[i].size = htole64(b->sec[i].size);
        h.sec[i].sum = htole64(zone_sum(b->out + b->sec[i].at, b->sec[i].size));
    }
    h.sum = htole64(zone_sum(&h, sizeof(h)));
    memcpy(b->out, &h, sizeof(h));
}

/* Every value that is referred to is there. */
static bool entries_ok(const struct zone_data *d)
{
    for (size_t t = 0; t < d->table_count; t++) {
        const struct zone_table *table = d->tables[t];

        for (size_t i = 0; i < table->count; i++) {
            uint32_t value = table->kind == ZONE_IPV4      ? table->e.v4[i].value
                             : table->kind == ZONE_IPV6    ? table->e.v6[i].value
                             : table->kind == ZONE_NAME    ? table->e.names[i].value
                             : table->kind == ZONE_PATTERN ? table->e.patterns[i].value
                                                           : ZONE_EXCLUDED;

            if (value >= d->value_count && value != ZONE_EXCLUDED)
                return false;
        }
    }
    return true;
}

/* What is flattened before the values have their numbers. */
struct flat {
    struct zone_pieces v4;
    struct zone_ranks6 v6;
};

static int build_sections(struct zone_builder *b, struct flat *flat)
{
    int r = zone_build_pieces4(b, &flat->v4);

    if (r == 0)
        r = zone_build_pieces6(b, &flat->v6);
    if (r == 0)
        r = order_values(b, &flat->v4);
    /* The header's place; the section's own entry is written by the next one. */
    if (r == 0)
        r = zone_builder_section(b, ZONE_SEC_META, sizeof(struct disk_header));
    if (r == 0)
        r = zone_build_meta(b);
    if (r == 0)
        r = zone_build_sections4(b, &flat->v4);
    if (r == 0)
        r = zone_build_sections6(b, &flat->v6);
    if (r == 0)
        r = build_values(b);
    if (r == 0)
        r = zone_build_names(b);
    if (r == 0)
        r = zone_build_patterns(b);
    if (r == 0)
        r = zone_build_records(b);
    if (r == 0)
        r = build_lists(b);
    return r ? r : build_strings(b);
}

int zone_build(struct zone_data *d, struct span *ret)
{
    struct zone_builder b = {.data = d, .strings = BUF_INIT(BUF_MAX)};
    struct flat flat = {0};
    int r = entries_ok(d) ? build_sections(&b, &flat) : -EINVAL;

    zone_pieces_deinit(&flat.v4);
    zone_pieces_deinit(&flat.v6.pieces);
    free(flat.v6.borders);
    zone_lists_deinit(&b.lists);
    buf_deinit(&b.strings);
    free(b.order);
    if (r < 0) {
        free(b.out);
        return r;
    }
    write_header(&b);
    *ret = span_of(b.out, b.size);
    return 0;
}
