/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Journal, overlay and view, against a table of what every address and name says, to which each
 * change is applied as it stands.
 */
#include "zone/view.h"

#include "zone/build.h"
#include "zone/model_test.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ADDRESSES = 1024, NAMES = 400 };

struct world {
    struct zone_data data;
    struct span bytes;
    struct zone_image image;
    struct zone_word four[ADDRESSES], six[ADDRESSES];
    struct zone_rname names[NAMES]; /* all names that there are */
    struct zone_word plain[NAMES], wild[NAMES];
    size_t name_count;
};

static struct zone_ip6 six_of(unsigned i)
{
    return (struct zone_ip6){UINT64_C(0x20010db800000000), i};
}

/* All names of up to four labels a, b, ab. */
static void all_names(struct world *w)
{
    static const char *const labels[] = {"\001a", "\001b", "\002ab"};

    w->names[0] = (struct zone_rname){.n = 0};
    w->name_count = 1;
    for (size_t i = 0; i < w->name_count; i++) {
        for (unsigned k = 0; k < 3 && w->names[i].labels < 4 && w->name_count < NAMES; k++) {
            struct zone_rname x = w->names[i];
            size_t size = (size_t)(uint8_t)labels[k][0] + 1;

            memcpy(x.b + x.n, labels[k], size);
            x.n = (uint8_t)(x.n + size);
            x.labels++;
            w->names[w->name_count++] = x;
        }
    }
}

static void add_classes(struct zone_data *d, uint32_t ids[4])
{
    zone_data_init(d);
    for (uint16_t i = 0; i < 4; i++)
        assert_int_equal(zone_data_value(d,
                                         &(struct zone_value){.a = 0x7f000002u + i,
                                                              .class_id = (uint16_t)(i + 1)},
                                         &ids[i]),
                         0);
}

static void make_world(struct world *w, uint32_t *chance)
{
    struct zone_table *four, *six, *names;
    uint32_t ids[4];

    memset(w, 0, sizeof(*w));
    all_names(w);
    add_classes(&w->data, ids);
    w->data.meta.serial = 100;
    assert_int_equal(zone_data_table(&w->data, ZONE_IPV4, ZONE_LONGEST, &four), 0);
    assert_int_equal(zone_data_table(&w->data, ZONE_IPV6, ZONE_LONGEST, &six), 0);
    assert_int_equal(zone_data_table(&w->data, ZONE_NAME, ZONE_LONGEST, &names), 0);
    for (unsigned i = 0; i < 60; i++) {
        unsigned at = model_chance(chance, ADDRESSES), class = model_chance(chance, 4);

        if (w->four[at].class_id)
            continue;
        w->four[at] = w->six[at] = (struct zone_word){(uint16_t)(class + 1), at + 1};
        assert_int_equal(
            zone_table_add4(four, MODEL_BASE4 + at, MODEL_BASE4 + at, ids[class], at + 1), 0);
        assert_int_equal(zone_table_add6(six, six_of(at), 128, ids[class], at + 1), 0);
    }
    for (unsigned i = 0; i < 10; i++) {
        size_t at = 1 + model_chance(chance, (uint32_t)w->name_count - 1);
        bool wild = model_chance(chance, 2);
        struct zone_word *word = wild ? &w->wild[at] : &w->plain[at];

        if (word->class_id)
            continue;
        *word = (struct zone_word){1, 7};
        assert_int_equal(
            zone_table_add_name(names, &w->names[at], wild ? ZONE_WILD : ZONE_PLAIN, ids[0], 7), 0);
    }
    assert_int_equal(zone_build(&w->data, &w->bytes), 0);
    assert_int_equal(zone_image_open(w->bytes, &w->image), ZONE_IMAGE_OK);
}

static void free_world(struct world *w)
{
    free((void *)(uintptr_t)w->bytes.p);
    zone_data_deinit(&w->data);
}

/* A random change, done to the table too. */
static struct zone_change random_change(struct world *w, uint32_t *chance)
{
    struct zone_change c = {.wall = 5, .reason = SPAN_LIT("why not")};
    unsigned kind = model_chance(chance, 3), bits, at;

    c.now.class_id = (uint16_t)model_chance(chance, 5);
    c.now.evidence = c.now.class_id ? model_chance(chance, 1000) : 0;
    c.was.class_id = 1; /* what is not looked at here */
    if (kind == 2) {
        at = 1 + model_chance(chance, (uint32_t)w->name_count - 1);
        c.kind = ZONE_NAME;
        c.key = w->names[at];
        c.wild = model_chance(chance, 2);
        *(c.wild ? &w->wild[at] : &w->plain[at]) = c.now;
        return c;
    }
    bits = model_chance(chance, 4) ? 0 : model_chance(chance, 8);
    at = model_chance(chance, ADDRESSES) >> bits << bits;
    c.kind = kind ? ZONE_IPV6 : ZONE_IPV4;
    c.len = (uint8_t)((kind ? 128 : 32) - bits);
    c.ip4 = MODEL_BASE4 + at;
    c.ip = six_of(at);
    for (unsigned i = 0; i < 1u << bits; i++)
        (kind ? w->six : w->four)[at + i] = c.now;
    return c;
}

static void check_word(const struct zone_image *im, bool found, struct zone_hit hit,
                       struct zone_word want)
{
    struct zone_said said = {0};

    assert_int_equal(found, want.class_id != 0);
    if (!found)
        return;
    assert_true(zone_image_said(im, hit, 0, &said));
    assert_int_equal(said.class_id, want.class_id);
    assert_int_equal(said.evidence, want.evidence);
}

static void check_below(const struct world *w, const struct zone_view *v, unsigned at)
{
    for (unsigned bits = 0; bits <= 9; bits += 3) {
        unsigned first = at >> bits << bits;
        bool four = false, six = false;

        for (unsigned i = first; i < first + (1u << bits); i++) {
            four |= w->four[i].class_id != 0;
            six |= w->six[i].class_id != 0;
        }
        assert_int_equal(zone_view_below4(v, MODEL_BASE4 + at, 32 - bits), four);
        assert_int_equal(zone_view_below6(v, six_of(at), 128 - bits), six);
    }
}

/* What is said of a name, and (from everything below it) whether something is below. */
static struct zone_word name_word(const struct world *w, size_t at)
{
    struct zone_rname x = w->names[at];

    if (w->plain[at].class_id)
        return w->plain[at];
    for (size_t best = at; x.n;) {
        size_t n = 0;

        for (unsigned i = 1; i < x.labels; i++)
            n += (size_t)x.b[n] + 1;
        x.n = (uint8_t)n;
        x.labels--;
        for (best = 0; best < w->name_count; best++) {
            if (w->names[best].n == x.n && memcmp(w->names[best].b, x.b, x.n) == 0)
                break;
        }
        if (w->wild[best].class_id)
            return w->wild[best];
    }
    return (struct zone_word){0, 0};
}

static bool name_below(const struct world *w, size_t at)
{
    const struct zone_rname *x = &w->names[at];

    for (size_t i = 0; i < w->name_count; i++) {
        const struct zone_rname *y = &w->names[i];
        bool under = y->n > x->n && memcmp(y->b, x->b, x->n) == 0;
        bool above = y->n <= x->n && memcmp(y->b, x->b, y->n) == 0;

        if ((under && (w->plain[i].class_id || w->wild[i].class_id)) ||
            (above && w->wild[i].class_id))
            return true;
    }
    return false;
}

static void check_names(const struct world *w, const struct zone_view *v)
{
    for (size_t i = 0; i < w->name_count; i++) {
        struct zone_name_hit hits[ZONE_NAME_TABLES_MAX];
        unsigned n = zone_view_find_name(v, &w->names[i], hits);

        if (i)
            check_word(v->image, n, hits[0].hit, name_word(w, i));
        assert_int_equal(zone_view_below_name(v, &w->names[i]), name_below(w, i));
    }
}

static void check_order(const struct world *w, const struct zone_view *v)
{
    struct zone_view_cursor c4 = {.have = false}, c6 = {.have = false}, cn = {.have = false};
    struct zone_piece4 p4;
    struct zone_piece6 p6;
    struct zone_piece_name pn;
    unsigned listed = 0, want = 0, names = 0, want_names = 0;
    uint64_t at = 0;

    while (zone_view_next4(v, &c4, &p4)) {
        assert_true(p4.from >= at && p4.from <= p4.to);
        for (at = p4.from; at <= p4.to; at++, listed++)
            check_word(v->image, true, p4.hit, w->four[at - MODEL_BASE4]);
    }
    at = 0;
    while (zone_view_next6(v, &c6, &p6)) {
        assert_true(p6.from.lo >= at && p6.from.lo <= p6.to.lo);
        for (at = p6.from.lo; at <= p6.to.lo; at++, listed++)
            check_word(v->image, true, p6.hit, w->six[at]);
    }
    while (zone_view_next_name(v, &cn, &pn))
        names += !pn.excluded;
    for (unsigned i = 0; i < ADDRESSES; i++)
        want += (w->four[i].class_id != 0) + (w->six[i].class_id != 0);
    for (size_t i = 0; i < w->name_count; i++)
        want_names += (w->plain[i].class_id != 0) + (w->wild[i].class_id != 0);
    assert_int_equal(listed, want);
    assert_int_equal(names, want_names);
}

static void check_world(const struct world *w, const struct zone_view *v)
{
    for (unsigned i = 0; i < ADDRESSES; i++) {
        struct zone_hit hit = {0, 0};
        bool found = zone_view_find4(v, MODEL_BASE4 + i, &hit);

        check_word(v->image, found, hit, w->four[i]);
        found = zone_view_find6(v, six_of(i), &hit);
        check_word(v->image, found, hit, w->six[i]);
        if (i % 16 == 3)
            check_below(w, v, i);
    }
    check_names(w, v);
    check_order(w, v);
}

/* Steps of changes, each making an overlay out of the one before. */
static void run_world(uint32_t seed)
{
    static struct world w;
    uint32_t chance = seed, serial = 100;
    struct zone_overlay *o = NULL, *next;
    struct buf bytes = BUF_INIT(1 << 20);
    struct zone_journal j;

    make_world(&w, &chance);
    check_world(&w, &(struct zone_view){&w.image, NULL});
    zone_journal_begin(100, &bytes);
    for (unsigned step = 0; step < 12; step++) {
        unsigned changes = 1 + model_chance(&chance, 12);

        serial += 1 + model_chance(&chance, 3);
        while (changes--) {
            struct zone_change c = random_change(&w, &chance);

            c.serial = serial;
            c.more = changes > 0;
            assert_int_equal(zone_journal_add(&c, &bytes), 0);
        }
        assert_int_equal(zone_journal_open(buf_span(&bytes), &j), ZONE_JOURNAL_END);
        assert_int_equal(j.last, serial);
        assert_true(zone_journal_seek(&j, o ? zone_overlay_serial(o) : 100));
        assert_int_equal(zone_overlay_new(&w.image, o, &j, &next), 0);
        zone_overlay_free(o);
        o = next;
        assert_int_equal(zone_view_serial(&(struct zone_view){&w.image, o}), serial);
        check_world(&w, &(struct zone_view){&w.image, o});
    }
    /* All steps at once are the same. */
    assert_true(zone_journal_seek(&j, 100));
    assert_int_equal(zone_overlay_new(&w.image, NULL, &j, &next), 0);
    check_world(&w, &(struct zone_view){&w.image, next});
    assert_int_equal(zone_overlay_count(next), zone_overlay_count(o));
    zone_overlay_free(next);
    zone_overlay_free(o);
    buf_deinit(&bytes);
    free_world(&w);
}

static void test_random(void **state)
{
    for (uint32_t seed = 1; seed <= 40; seed++)
        run_world(seed);
}

static void test_unknown_class(void **state)
{
    static struct world w;
    struct zone_change c = {
        .serial = 101, .kind = ZONE_IPV4, .ip4 = 0x7f000002, .len = 32, .now = {9, 1}};
    struct buf bytes = BUF_INIT(1000);
    struct zone_overlay *o;
    struct zone_journal j;
    uint32_t chance = 1;

    make_world(&w, &chance);
    zone_journal_begin(100, &bytes);
    assert_int_equal(zone_journal_add(&c, &bytes), 0);
    assert_int_equal(zone_journal_open(buf_span(&bytes), &j), ZONE_JOURNAL_END);
    assert_int_equal(zone_overlay_new(&w.image, NULL, &j, &o), ZONE_OVERLAY_CLASS);
    assert_null(o);
    buf_deinit(&bytes);
    free_world(&w);
}

static void test_full(void **state)
{
    static struct world w;
    struct buf bytes = BUF_INIT(BUF_MAX);
    struct zone_overlay *o;
    struct zone_journal j;
    uint32_t chance = 1;

    make_world(&w, &chance);
    zone_journal_begin(100, &bytes);
    for (uint32_t i = 0; i <= ZONE_OVERLAY_MAX; i++) {
        struct zone_change c = {
            .serial = 101 + i, .kind = ZONE_IPV4, .ip4 = i * 65521, .len = 32, .now = {1, i}};

        assert_int_equal(zone_journal_add(&c, &bytes), 0);
        if (i + 1 != ZONE_OVERLAY_MAX && i != ZONE_OVERLAY_MAX)
            continue;
        assert_int_equal(zone_journal_open(buf_span(&bytes), &j), ZONE_JOURNAL_END);
        assert_int_equal(zone_overlay_new(&w.image, NULL, &j, &o),
                         i == ZONE_OVERLAY_MAX ? ZONE_OVERLAY_FULL : ZONE_OVERLAY_OK);
        if (o) {
            assert_int_equal(zone_overlay_count(o), ZONE_OVERLAY_MAX);
            assert_true(zone_overlay_due(o, &w.image));
        }
        zone_overlay_free(o);
    }
    buf_deinit(&bytes);
    free_world(&w);
}

static struct zone_change four(uint32_t serial, uint32_t ip, uint16_t was, uint16_t now)
{
    return (struct zone_change){.serial = serial,
                                .kind = ZONE_IPV4,
                                .ip4 = ip,
                                .len = 32,
                                .was = {was, was * 10u},
                                .now = {now, now * 10u}};
}

static void test_diff(void **state)
{
    const struct zone_change steps[] = {
        four(11, 1, 0, 1), four(12, 2, 3, 0), four(13, 1, 1, 2),
        four(14, 3, 0, 1), four(17, 3, 1, 0),
    };
    static const struct {
        const char *name;
        uint32_t from, to;
        int r;
        size_t count;
        uint32_t first_ip;
        uint16_t was, now;
    } cases[] = {
        {"all", 10, 17, 0, 2, 1, 0, 2},
        {"a part", 11, 13, 0, 2, 2, 3, 0},
        {"came and went", 13, 17, 0, 0, 0, 0, 0},
        {"came", 13, 14, 0, 1, 3, 0, 1},
        {"nothing", 17, 17, 0, 0, 0, 0, 0},
        {"too old", 9, 17, -ERANGE, 0, 0, 0, 0},
        {"not yet", 10, 18, -ERANGE, 0, 0, 0, 0},
        {"from what never was", 16, 17, -ERANGE, 0, 0, 0, 0},
        {"to what never was", 10, 15, -ERANGE, 0, 0, 0, 0},
        {"backwards", 13, 11, -ERANGE, 0, 0, 0, 0},
    };
    struct buf bytes = BUF_INIT(4096);
    struct zone_journal j;

    zone_journal_begin(10, &bytes);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(zone_journal_add(&steps[i], &bytes), 0);
    assert_int_equal(zone_journal_open(buf_span(&bytes), &j), ZONE_JOURNAL_END);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone_change *c;
        size_t n;

        if (zone_overlay_diff(j, cases[i].from, cases[i].to, &c, &n) != cases[i].r ||
            n != cases[i].count)
            fail_msg("%s: %zu changes", cases[i].name, n);
        if (n) {
            assert_int_equal(c[0].ip4, cases[i].first_ip);
            assert_int_equal(c[0].was.class_id, cases[i].was);
            assert_int_equal(c[0].now.class_id, cases[i].now);
            assert_int_equal(c[0].now.evidence, cases[i].now * 10);
        }
        free(c);
    }
    buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_unknown_class),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_diff),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
