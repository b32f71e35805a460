/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Small tables out of any bytes, compiled, and held against the model of zone/model_test.h where
 * entries begin and end. Six octets are an entry; the first of the input says which kind.
 */
#include "zone/build.h"
#include "zone/image.h"
#include "zone/model_test.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TABLES = 3, ENTRIES = 24, SIZE = 6 };

static void same(const struct zone_image *im, bool found, struct zone_hit hit,
                 const struct model_says *want)
{
    if ((found ? zone_image_said_count(im, hit) : 0) != want->n)
        abort();
    for (unsigned i = 0; i < want->n; i++) {
        struct zone_said said;
        bool there = false;

        if (!zone_image_said(im, hit, i, &said))
            abort();
        for (unsigned k = 0; k < want->n; k++)
            there |= said.a == want->a[k] && said.evidence == want->evidence[k];
        if (!there)
            abort();
    }
}

static void check4(const struct zone_data *d, const struct zone_image *im, uint32_t ip)
{
    struct model_says want = model_find4(d, ip);
    struct zone_hit hit = {0, 0};
    bool found = zone_image_find4(im, ip, &hit);

    same(im, found, hit, &want);
    if (zone_image_below4(im, ip, 29) != model_below4(d, ip, 29))
        abort();
}

static void check_name(const struct zone_data *d, const struct zone_image *im,
                       const struct zone_rname *name)
{
    struct zone_name_hit hits[ZONE_NAME_TABLES_MAX];
    struct model_names want = model_find_name(d, name);
    unsigned n = zone_image_find_name(im, name, hits);

    if (n != want.n || zone_image_below_name(im, name) != model_below_name(d, name))
        abort();
    for (unsigned i = 0; i < n; i++)
        same(im, true, hits[i].hit, &want.says[i]);
}

/* A name of two to four labels out of two octets. */
static struct zone_rname name_of(const uint8_t *p)
{
    struct zone_rname name;
    uint32_t chance = (uint32_t)p[0] << 8 | p[1];

    model_name(&chance, &name);
    return name;
}

static void add(struct zone_table *t, bool names, const uint8_t *p, uint32_t value)
{
    uint32_t from = MODEL_BASE4 + (((uint32_t)p[1] << 8 | p[2]) & 1023), to = from;
    struct zone_rname name = name_of(p + 1);

    if (names) {
        (void)zone_table_add_name(t, &name, 1 + p[3] % 3u, value, p[5]);
    } else {
        if (t->rule == ZONE_OCTETS && p[3] & 64) {
            to = from + p[3] % 64u * 16;
        } else {
            to = from | (UINT32_MAX >> (p[3] & 31));
            from &= ~(UINT32_MAX >> (p[3] & 31));
        }
        (void)zone_table_add4(t, from, to, value, p[5]);
    }
}

static void check(struct zone_data *d, const struct zone_image *im, bool names, const uint8_t *p,
                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct zone_rname name = name_of(p + i * SIZE + 1);

        if (names)
            check_name(d, im, &name);
    }
    for (size_t k = 0; k < d->table_count && !names; k++) {
        for (size_t i = 0; i < d->tables[k]->count; i++) {
            check4(d, im, d->tables[k]->e.v4[i].from);
            check4(d, im, d->tables[k]->e.v4[i].from - 1);
            check4(d, im, d->tables[k]->e.v4[i].to);
            check4(d, im, d->tables[k]->e.v4[i].to + 1);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct zone_data d;
    struct zone_table *t[TABLES];
    struct zone_image im;
    struct span bytes;
    uint32_t ids[4];
    size_t count = size ? (size - 1) / SIZE : 0;
    bool names = size && data[0] & 1;

    model_values(&d, ids);
    for (unsigned i = 0; i < TABLES; i++) {
        enum zone_rule rule = names || !size ? ZONE_LONGEST : (data[0] >> (1 + 2 * i)) % 3u;

        if (zone_data_table(&d, names ? ZONE_NAME : ZONE_IPV4, rule, &t[i]) != 0)
            abort();
    }
    if (count > ENTRIES)
        count = ENTRIES;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *p = data + 1 + i * SIZE;

        add(t[p[0] % TABLES], names, p, p[4] % 5 == 4 ? ZONE_EXCLUDED : ids[p[4] % 5]);
    }
    if (zone_build(&d, &bytes) != 0 || zone_image_open(bytes, &im) != ZONE_IMAGE_OK ||
        zone_image_verify(&im) != ZONE_IMAGE_OK)
        abort();
    check(&d, &im, names, data + 1, count);
    free((void *)(uintptr_t)bytes.p);
    zone_data_deinit(&d);
    return 0;
}
