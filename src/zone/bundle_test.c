/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What goes into a bundle comes out; every bit that is wrong is found, wherever it stands. */
#include "zone/bundle.h"

#include "zone/build.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const texts[ZONE_BUNDLE_TEXTS] = {"0.1 ip4set /srv/list", "stamps",
                                                     "a line is bad\n", ""};
static const char *const subs[] = {"@", "a.names", "sub"};

enum { PARTS = 3 };

static struct span image_of(uint32_t serial)
{
    struct zone_data d;
    struct span got;

    zone_data_init(&d);
    d.meta.serial = serial;
    assert_int_equal(zone_build(&d, &got), 0);
    zone_data_deinit(&d);
    return got;
}

/* A bundle of `count` parts in memory of its own, aligned as malloc has it. */
static struct span make(size_t count)
{
    struct zone_bundle b = {.made_wall = 1795295000, .skipped = 5};
    struct zone_bundle_part parts[PARTS];
    struct buf all = BUF_INIT(BUF_MAX);
    struct span got;

    for (unsigned t = 0; t < ZONE_BUNDLE_TEXTS; t++)
        b.texts[t] = span_str(texts[t]);
    for (size_t i = 0; i < count; i++) {
        assert_true(zone_rname_parse(span_str(subs[i]), &parts[i].sub));
        parts[i].image = image_of(100 + (uint32_t)i);
    }
    assert_int_equal(zone_bundle_head(&b, parts, count, &all), 0);
    assert_int_equal(all.n % 8, 0);
    for (size_t i = 0; i < count; i++) {
        buf_add(&all, parts[i].image);
        buf_add(&all, span_of("\0\0\0\0\0\0\0", zone_bundle_pad(parts[i].image.n)));
        free((void *)(uintptr_t)parts[i].image.p);
    }
    assert_int_equal(all.err, 0);
    got.n = all.n;
    got.p = buf_take(&all);
    return got;
}

static void test_there_and_back(void **state)
{
    for (size_t count = 0; count <= PARTS; count++) {
        struct span all = make(count);
        struct zone_bundle b;

        assert_true(zone_bundle_is(all));
        assert_int_equal(zone_bundle_open(all, &b), ZONE_IMAGE_OK);
        assert_int_equal(b.count, count);
        assert_int_equal(b.made_wall, 1795295000);
        assert_int_equal(b.skipped, 5);
        for (unsigned t = 0; t < ZONE_BUNDLE_TEXTS; t++)
            assert_true(span_eq(b.texts[t], span_str(texts[t])));
        for (size_t i = 0; i < count; i++) {
            struct zone_bundle_part part;
            struct zone_rname sub;
            struct zone_image im;

            assert_true(zone_rname_parse(span_str(subs[i]), &sub));
            zone_bundle_part(&b, i, &part);
            assert_int_equal(zone_rname_cmp(part.sub.b, part.sub.n, sub.b, sub.n), 0);
            assert_int_equal(part.sub.labels, sub.labels);
            assert_true(zone_bundle_part_ok(&part));
            assert_int_equal((uintptr_t)part.image.p % 8, 0);
            assert_int_equal(zone_image_open(part.image, &im), ZONE_IMAGE_OK);
            assert_int_equal(im.meta.serial, 100 + i);
        }
        free((void *)(uintptr_t)all.p);
    }
}

/* True when nothing of it would be served. */
static bool found_out(struct span bytes)
{
    struct zone_bundle b;
    bool bad = zone_bundle_open(bytes, &b) != ZONE_IMAGE_OK;

    for (size_t i = 0; !bad && i < b.count; i++) {
        struct zone_bundle_part part;

        zone_bundle_part(&b, i, &part);
        bad = !zone_bundle_part_ok(&part);
    }
    return bad;
}

static void test_each_octet_counts(void **state)
{
    struct span all = make(PARTS);
    struct zone_bundle_part part;
    struct zone_bundle b;
    char *p = (char *)(uintptr_t)all.p;
    size_t head;

    assert_int_equal(zone_bundle_open(all, &b), ZONE_IMAGE_OK);
    zone_bundle_part(&b, 0, &part);
    head = (size_t)(part.image.p - all.p);
    /* All of the head and the beginning of an image; then samples, for an image has 600 kB. */
    for (size_t at = 0; at < all.n; at += at < head + 1000 ? 1 : 997) {
        unsigned bit = 1U << at % 8;

        p[at] = (char)(p[at] ^ bit);
        assert_true(found_out(all));
        p[at] = (char)(p[at] ^ bit);
    }
    assert_false(found_out(all));
    free(p);
}

static void test_each_length(void **state)
{
    struct span all = make(1);
    struct zone_bundle b;

    for (size_t n = 0; n < all.n; n += n < 3000 ? 1 : 4001) {
        char *cut = malloc(n + 1); /* so that a sanitizer sees one octet too far */

        memcpy(cut, all.p, n);
        assert_true(found_out(span_of(cut, n)));
        free(cut);
    }
    assert_int_equal(zone_bundle_open(SPAN_LIT("PSTNZONExxxxxxxxxxxx"), &b), ZONE_IMAGE_FOREIGN);
    assert_false(zone_bundle_is(SPAN_LIT("PSTNZONE")));
    assert_false(zone_bundle_is(SPAN_NULL));
    free((void *)(uintptr_t)all.p);
}

static void test_limits(void **state)
{
    struct zone_bundle b = {0};
    struct buf out = BUF_INIT(BUF_MAX);

    assert_int_equal(zone_bundle_head(&b, NULL, ZONE_BUNDLE_PARTS_MAX + 1, &out), -E2BIG);
    b.texts[0] = span_of("", ZONE_BUNDLE_HEAD_MAX);
    assert_int_equal(zone_bundle_head(&b, NULL, 0, &out), -E2BIG);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_each_octet_counts),
        cmocka_unit_test(test_each_length),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
