/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The compiler against a model that is too simple to be wrong: for each question, every entry of
 * every table is looked at. Tables are random, small, and of few different addresses, so that
 * prefixes lie within each other, repeat, and exclude each other.
 */
#include "zone/build.h"

#include "zone/image.h"
#include "zone/model_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct span build(struct zone_data *d, struct zone_image *im)
{
    struct span bytes;

    assert_int_equal(zone_build(d, &bytes), 0);
    assert_int_equal(zone_image_open(bytes, im), ZONE_IMAGE_OK);
    assert_int_equal(zone_image_verify(im), ZONE_IMAGE_OK);
    return bytes;
}

/* What the model wants of an address is what the image says. */
static void same(const struct zone_image *im, bool found, struct zone_hit hit,
                 const struct model_says *want, bool any_order, const char *what)
{
    unsigned n = found ? zone_image_said_count(im, hit) : 0;

    if (n != want->n)
        fail_msg("%s: %u values, not %u", what, n, want->n);
    for (unsigned i = 0; i < n; i++) {
        struct zone_said said;
        unsigned at = i;

        assert_true(zone_image_said(im, hit, i, &said));
        /* Ranges that overlap without one holding the other have no order among themselves. */
        for (unsigned k = 0; k < n && any_order; k++) {
            if (said.a == want->a[k] && said.evidence == want->evidence[k])
                at = k;
        }
        if (said.a != want->a[at] || said.evidence != want->evidence[at])
            fail_msg("%s: value %u is %x/%u, not %x/%u", what, i, said.a, said.evidence,
                     want->a[at], want->evidence[at]);
    }
}

static bool has_octets(const struct zone_data *d)
{
    for (size_t k = 0; k < d->table_count; k++) {
        if (d->tables[k]->rule == ZONE_OCTETS)
            return true;
    }
    return false;
}

static void check4(const struct zone_image *im, const struct zone_data *d, uint32_t ip)
{
    struct model_says want = model_find4(d, ip);
    struct zone_hit hit = {0, 0};
    char what[64];
    bool found = zone_image_find4(im, ip, &hit);

    snprintf(what, sizeof(what), "%08x", ip);
    same(im, found, hit, &want, has_octets(d), what);
    for (unsigned len = 25; len <= 32; len += 1 + ip % 7) {
        if (zone_image_below4(im, ip, len) != model_below4(d, ip, len))
            fail_msg("below %s/%u: %d", what, len, zone_image_below4(im, ip, len));
    }
}

static void test_random4(void **state)
{
    for (uint32_t seed = 1; seed <= 150; seed++) {
        struct zone_data d;
        struct zone_image im;
        struct span bytes;

        model_random4(&d, seed);
        bytes = build(&d, &im);
        for (uint32_t ip = MODEL_BASE4 - 3; ip < MODEL_BASE4 + 1027; ip += 1 + ip % 3)
            check4(&im, &d, ip);
        check4(&im, &d, 0);
        check4(&im, &d, UINT32_MAX);
        free((void *)(uintptr_t)bytes.p);
        zone_data_deinit(&d);
    }
}

/* OCTETS at every level: ranges of /8, /16 and /24 blocks, some a little off their borders. */
static void test_octets(void **state)
{
    for (uint32_t seed = 1; seed <= 300; seed++) {
        uint32_t chance = seed, ids[4], shift = 8 * (1 + seed % 3);
        struct zone_table *t;
        struct zone_data d;
        struct zone_image im;
        struct span bytes;

        model_values(&d, ids);
        assert_int_equal(zone_data_table(&d, ZONE_IPV4, ZONE_OCTETS, &t), 0);
        for (unsigned i = 0; i < 20; i++) {
            uint32_t from = model_chance(&chance, shift == 24 ? 200 : 600) << shift;
            uint32_t to = from + (model_chance(&chance, shift == 24 ? 50 : 700) << shift) - 1;

            from += model_chance(&chance, 3) ? 0 : model_chance(&chance, 300);
            to -= model_chance(&chance, 3) ? 0 : model_chance(&chance, 70000);
            (void)zone_table_add4(t, from, to, model_value(&chance, ids), i % 3);
        }
        bytes = build(&d, &im);
        for (size_t i = 0; i < t->count; i++) {
            const struct zone_entry4 *e = &t->e.v4[i];
            uint32_t at[] = {e->from,
                             e->from - 1,
                             e->from | 0xff,
                             (e->from | 0xff) + 1,
                             (e->from | 0xffff) + 1,
                             (e->from | 0xffffff) + 1,
                             e->to,
                             e->to + 1,
                             e->to & ~0xffu,
                             (e->to & ~0xffffu) - 1,
                             (e->to & ~0xffffffu) - 1};

            for (size_t k = 0; k < sizeof(at) / sizeof(at[0]); k++) {
                struct model_says want = model_find4(&d, at[k]);
                struct zone_hit hit = {0, 0};
                bool found = zone_image_find4(&im, at[k], &hit);

                same(&im, found, hit, &want, true, "octets");
            }
        }
        free((void *)(uintptr_t)bytes.p);
        zone_data_deinit(&d);
    }
}

/* What iteration gives is what look-ups give, in order and without gaps. */
static void test_order4(void **state)
{
    for (uint32_t seed = 1; seed <= 100; seed++) {
        struct zone_data d;
        struct zone_image im;
        struct zone_cursor c = {0};
        struct zone_piece4 p;
        struct span bytes;
        uint64_t at = 0, addresses = 0;
        struct zone_hit hit;

        model_random4(&d, seed);
        bytes = build(&d, &im);
        while (zone_image_next4(&im, &c, &p)) {
            assert_true(p.from >= at && p.from <= p.to);
            for (uint64_t ip = at; ip < p.from && ip < at + 5; ip++)
                assert_false(zone_image_find4(&im, (uint32_t)ip, &hit));
            assert_true(zone_image_find4(&im, p.to, &hit));
            assert_int_equal(hit.ref, p.hit.ref);
            assert_int_equal(hit.evidence, p.hit.evidence);
            addresses += (uint64_t)p.to - p.from + 1;
            at = (uint64_t)p.to + 1;
        }
        assert_int_equal(addresses, im.counts.v4_addresses);
        free((void *)(uintptr_t)bytes.p);
        zone_data_deinit(&d);
    }
}

/* Many singles: the compact form, values over 255, evidence with and without. */
static void many(size_t n, unsigned values, bool evidence)
{
    struct zone_data d;
    struct zone_image im;
    struct zone_table *t;
    struct span bytes;
    struct zone_hit hit;
    struct zone_said said;
    uint32_t ids[400];
    uint32_t step = UINT32_MAX / (uint32_t)n;

    zone_data_init(&d);
    for (unsigned i = 0; i < values; i++)
        assert_int_equal(
            zone_data_value(&d, &(struct zone_value){.a = 0x7f000002 + i, .ttl = 300}, &ids[i]), 0);
    assert_int_equal(zone_data_table(&d, ZONE_IPV4, ZONE_LONGEST, &t), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(zone_table_add4(t, (uint32_t)i * step, (uint32_t)i * step, ids[i % values],
                                         evidence ? (uint32_t)i + 7 : 0),
                         0);
    bytes = build(&d, &im);
    assert_int_equal(im.counts.v4_single, n);
    assert_int_equal(im.counts.v4_range, 0);
    for (size_t i = 0; i < n; i++) {
        uint32_t ip = (uint32_t)i * step;

        assert_true(zone_image_find4(&im, ip, &hit));
        assert_true(zone_image_said(&im, hit, 0, &said));
        assert_int_equal(said.a, 0x7f000002 + i % values);
        assert_int_equal(said.ttl, 300);
        assert_int_equal(said.evidence, evidence ? i + 7 : 0);
        assert_false(zone_image_find4(&im, ip + 1, &hit));
        assert_false(zone_image_below4(&im, ip + 1, 32));
        assert_true(zone_image_below4(&im, ip + 1, 31) == !(ip & 1));
        assert_true(zone_image_below4(&im, ip, 16));
    }
    free((void *)(uintptr_t)bytes.p);
    zone_data_deinit(&d);
}

static void test_many(void **state)
{
    many(20000, 1, false);
    many(20000, 3, true);
    many(20000, 400, true);
    many(20000, 400, false);
    many(16383, 400, true);
    many(16384, 2, true);
}

static void check6(const struct zone_image *im, const struct zone_data *d, struct zone_ip6 ip)
{
    struct model_says want = model_find6(d, ip);
    struct zone_hit hit = {0, 0};
    char what[64];
    bool found = zone_image_find6(im, ip, &hit);

    snprintf(what, sizeof(what), "%016llx%016llx", (unsigned long long)ip.hi,
             (unsigned long long)ip.lo);
    same(im, found, hit, &want, false, what);
    for (unsigned len = 0; len <= 128; len += 4) {
        if (zone_image_below6(im, ip, len) != model_below6(d, ip, len))
            fail_msg("below %s/%u", what, len);
    }
}

static void test_random6(void **state)
{
    for (uint32_t seed = 1; seed <= 200; seed++) {
        struct zone_data d;
        struct zone_image im;
        struct zone_cursor c = {0};
        struct zone_piece6 p;
        struct span bytes;
        uint32_t chance = seed;

        model_random6(&d, seed);
        bytes = build(&d, &im);
        for (unsigned i = 0; i < 300; i++)
            check6(&im, &d, model_ip6(&chance));
        while (zone_image_next6(&im, &c, &p)) {
            check6(&im, &d, p.from);
            check6(&im, &d, p.to);
            check6(&im, &d, zone_ip6_next(p.to));
            check6(&im, &d, zone_ip6_prev(p.from));
        }
        free((void *)(uintptr_t)bytes.p);
        zone_data_deinit(&d);
    }
}

static void test_random_names(void **state)
{
    for (uint32_t seed = 1; seed <= 400; seed++) {
        struct zone_data d;
        struct zone_image im;
        struct span bytes;
        uint32_t chance = seed * 7;

        model_random_names(&d, seed);
        bytes = build(&d, &im);
        for (unsigned i = 0; i < 300; i++) {
            struct zone_name_hit hits[ZONE_NAME_TABLES_MAX];
            struct zone_rname name;
            struct model_names want;
            unsigned n;

            model_name(&chance, &name);
            want = model_find_name(&d, &name);
            n = zone_image_find_name(&im, &name, hits);
            assert_int_equal(n, want.n);
            for (unsigned k = 0; k < n; k++) {
                same(&im, true, hits[k].hit, &want.says[k], false, "name");
                assert_int_equal(hits[k].labels, want.labels[k]);
            }
            assert_int_equal(zone_image_below_name(&im, &name), model_below_name(&d, &name));
        }
        free((void *)(uintptr_t)bytes.p);
        zone_data_deinit(&d);
    }
}

static void test_same_bytes(void **state)
{
    struct zone_data a, b;
    struct zone_image im;
    struct span x, y, z;

    model_random4(&a, 5);
    model_random4(&b, 5);
    x = build(&a, &im);
    y = build(&b, &im);
    z = build(&a, &im);
    assert_true(span_eq(x, y));
    assert_true(span_eq(x, z));
    free((void *)(uintptr_t)x.p);
    free((void *)(uintptr_t)y.p);
    free((void *)(uintptr_t)z.p);
    zone_data_deinit(&a);
    zone_data_deinit(&b);
}

static void test_empty(void **state)
{
    struct zone_data d;
    struct zone_image im;
    struct span bytes;
    struct zone_hit hit;
    struct zone_name_hit names[ZONE_NAME_TABLES_MAX];
    struct zone_cursor c = {0};
    struct zone_piece4 p;
    struct zone_rname name;
    size_t first;

    zone_data_init(&d);
    bytes = build(&d, &im);
    assert_false(zone_image_find4(&im, 0x7f000002, &hit));
    assert_false(zone_image_below4(&im, 0, 0));
    assert_false(zone_image_below6(&im, (struct zone_ip6){0, 0}, 0));
    assert_true(zone_rname_parse(SPAN_LIT("example.org"), &name));
    assert_int_equal(zone_image_find_name(&im, &name, names), 0);
    assert_false(zone_image_below_name(&im, &name));
    assert_int_equal(zone_image_find_records(&im, &name, &first), 0);
    assert_false(zone_image_next4(&im, &c, &p));
    assert_false(zone_image_class(&im, 1, 0, &hit));
    free((void *)(uintptr_t)bytes.p);
    zone_data_deinit(&d);
}

static void test_whole_space(void **state)
{
    struct zone_data d;
    struct zone_image im;
    struct zone_table *t;
    struct zone_hit hit;
    struct span bytes;
    uint32_t v;

    zone_data_init(&d);
    assert_int_equal(zone_data_value(&d, &(struct zone_value){.a = 1}, &v), 0);
    assert_int_equal(zone_data_table(&d, ZONE_IPV4, ZONE_OCTETS, &t), 0);
    assert_int_equal(zone_table_add4(t, 0, UINT32_MAX, v, 0), 0);
    assert_int_equal(zone_table_add4(t, 5, 5, ZONE_EXCLUDED, 0), 0);
    assert_int_equal(zone_data_table(&d, ZONE_IPV6, ZONE_LONGEST, &t), 0);
    assert_int_equal(zone_table_add6(t, (struct zone_ip6){0, 0}, 0, v, 9), 0);
    bytes = build(&d, &im);
    assert_true(zone_image_find4(&im, 0, &hit));
    assert_true(zone_image_find4(&im, UINT32_MAX, &hit));
    assert_false(zone_image_find4(&im, 5, &hit));
    assert_true(zone_image_find6(&im, (struct zone_ip6){UINT64_MAX, UINT64_MAX}, &hit));
    assert_int_equal(im.counts.v4_addresses, UINT32_MAX);
    free((void *)(uintptr_t)bytes.p);
    zone_data_deinit(&d);
}

/* A hundred thousand lines for one /24, all overlapping: values and time are cut at a limit. */
static void test_hostile(void **state)
{
    struct zone_data d;
    struct zone_image im;
    struct zone_table *t;
    struct zone_hit hit;
    struct span bytes;
    uint32_t v;

    zone_data_init(&d);
    assert_int_equal(zone_data_value(&d, &(struct zone_value){.a = 1}, &v), 0);
    assert_int_equal(zone_data_table(&d, ZONE_IPV4, ZONE_OCTETS, &t), 0);
    for (uint32_t i = 0; i < 100000; i++)
        assert_int_equal(zone_table_add4(t, i % 100, 150 + i % 100, v, i), 0);
    bytes = build(&d, &im);
    assert_true(zone_image_find4(&im, 120, &hit));
    assert_int_equal(zone_image_said_count(&im, hit), ZONE_SAYS_MAX);
    assert_false(zone_image_find4(&im, 250, &hit));
    free((void *)(uintptr_t)bytes.p);
    zone_data_deinit(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random4),      cmocka_unit_test(test_order4),
        cmocka_unit_test(test_many),         cmocka_unit_test(test_random6),
        cmocka_unit_test(test_random_names), cmocka_unit_test(test_same_bytes),
        cmocka_unit_test(test_empty),        cmocka_unit_test(test_whole_space),
        cmocka_unit_test(test_hostile),      cmocka_unit_test(test_octets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
