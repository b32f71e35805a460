/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct zone_change change(uint32_t serial, uint32_t ip, bool more)
{
    return (struct zone_change){
        .serial = serial,
        .wall = 1700000000,
        .kind = ZONE_IPV4,
        .more = more,
        .ip4 = ip,
        .len = 32,
        .now = {2, serial * 3},
        .reason = SPAN_LIT("proved twice"),
    };
}

static void test_round(void **state)
{
    struct zone_change in[4] = {change(101, 5, true), change(101, 6, false), change(102, 7, false),
                                change(200, 8, false)};
    struct buf b = BUF_INIT(4096);
    struct zone_journal j;
    struct zone_change out;

    in[1].kind = ZONE_IPV6;
    in[1].ip = (struct zone_ip6){UINT64_C(0x20010db800000000), 0};
    in[1].len = 64;
    in[2].kind = ZONE_NAME;
    in[2].wild = true;
    in[2].was = (struct zone_word){3, 9};
    in[2].now = (struct zone_word){0, 0};
    assert_true(zone_rname_parse(SPAN_LIT("Dyn.Example.org"), &in[2].key));
    in[3].reason = SPAN_NULL;
    zone_journal_begin(100, &b);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(zone_journal_add(&in[i], &b), 0);
    assert_int_equal(zone_journal_open(buf_span(&b), &j), ZONE_JOURNAL_END);
    assert_int_equal(j.base, 100);
    assert_int_equal(j.last, 200);
    assert_int_equal(j.good, b.n);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(zone_journal_next(&j, &out), ZONE_JOURNAL_CHANGE);
        assert_int_equal(out.serial, in[i].serial);
        assert_int_equal(out.wall, in[i].wall);
        assert_int_equal(out.kind, in[i].kind);
        assert_int_equal(out.more, in[i].more);
        assert_int_equal(out.was.class_id, in[i].was.class_id);
        assert_int_equal(out.was.evidence, in[i].was.evidence);
        assert_int_equal(out.now.class_id, in[i].now.class_id);
        assert_int_equal(out.now.evidence, in[i].now.evidence);
        assert_true(span_eq(out.reason, in[i].reason));
        if (in[i].kind != ZONE_NAME)
            assert_int_equal(out.len, in[i].len);
        if (in[i].kind == ZONE_IPV4)
            assert_int_equal(out.ip4, in[i].ip4);
        if (in[i].kind == ZONE_IPV6)
            assert_int_equal(zone_ip6_cmp(out.ip, in[i].ip), 0);
        if (in[i].kind == ZONE_NAME) {
            assert_true(out.wild);
            assert_int_equal(out.key.labels, 3);
            assert_int_equal(zone_rname_cmp(out.key.b, out.key.n, in[i].key.b, in[i].key.n), 0);
        }
    }
    assert_int_equal(zone_journal_next(&j, &out), ZONE_JOURNAL_END);
    buf_deinit(&b);
}

static void test_refused(void **state)
{
    char long_reason[ZONE_REASON_MAX + 1];
    struct {
        const char *name;
        struct zone_change c;
        int r;
    } cases[] = {
        {"good", change(101, 5, false), 0},
        {"host bits", change(101, 5, false), -EINVAL},
        {"longer than 32", change(101, 5, false), -EINVAL},
        {"nothing before, nothing after", change(101, 5, false), -EINVAL},
        {"reason at the limit", change(101, 5, false), 0},
        {"reason too long", change(101, 5, false), -EINVAL},
        {"newline in the reason", change(101, 5, false), -EINVAL},
        {"a kind without changes", change(101, 5, false), -EINVAL},
        {"IPv6 host bits", change(101, 5, false), -EINVAL},
        {"the zone's own name", change(101, 5, false), -EINVAL},
        {"everything under the zone", change(101, 5, false), 0},
        {"all of IPv4", change(101, 0, false), 0},
    };

    memset(long_reason, 'x', sizeof(long_reason));
    cases[1].c.len = 31;
    cases[2].c.len = 33;
    cases[3].c.now.class_id = 0;
    cases[4].c.reason = span_of(long_reason, ZONE_REASON_MAX);
    cases[5].c.reason = span_of(long_reason, ZONE_REASON_MAX + 1);
    cases[6].c.reason = SPAN_LIT("a\nb");
    cases[7].c.kind = ZONE_PATTERN;
    cases[8].c.kind = ZONE_IPV6;
    cases[8].c.ip.lo = 1;
    cases[8].c.len = 127;
    cases[9].c.kind = cases[10].c.kind = ZONE_NAME;
    cases[10].c.wild = true;
    cases[11].c.len = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b = BUF_INIT(4096);
        struct zone_journal j;
        struct zone_change out;

        zone_journal_begin(100, &b);
        if (zone_journal_add(&cases[i].c, &b) != cases[i].r)
            fail_msg("%s", cases[i].name);
        assert_int_equal(zone_journal_open(buf_span(&b), &j), ZONE_JOURNAL_END);
        assert_int_equal(zone_journal_next(&j, &out),
                         cases[i].r ? ZONE_JOURNAL_END : ZONE_JOURNAL_CHANGE);
        buf_deinit(&b);
    }
}

/* Cut anywhere, or with any one octet changed, what is left is whole steps from the front. */
static void test_torn(void **state)
{
    struct buf b = BUF_INIT(4096);
    size_t ends[4] = {ZONE_JOURNAL_HEAD};
    struct zone_journal j;
    struct zone_change c;

    zone_journal_begin(100, &b);
    for (uint32_t step = 0; step < 3; step++) {
        c = change(101 + step, step, true);
        assert_int_equal(zone_journal_add(&c, &b), 0);
        c.more = false;
        assert_int_equal(zone_journal_add(&c, &b), 0);
        ends[step + 1] = b.n;
    }
    for (size_t n = ZONE_JOURNAL_HEAD; n <= b.n; n++) {
        unsigned whole = n == b.n ? 3 : n >= ends[2] ? 2 : n >= ends[1] ? 1 : 0;
        bool torn = n != ends[whole];

        assert_int_equal(zone_journal_open(span_of(b.p, n), &j),
                         torn ? ZONE_JOURNAL_TORN : ZONE_JOURNAL_END);
        assert_int_equal(j.good, ends[whole]);
        assert_int_equal(j.last, 100 + whole);
        for (unsigned i = 0; i < 2 * whole; i++)
            assert_int_equal(zone_journal_next(&j, &c), ZONE_JOURNAL_CHANGE);
        assert_int_equal(zone_journal_next(&j, &c), ZONE_JOURNAL_END);
    }
    for (size_t n = 0; n < b.n; n++) {
        unsigned whole = n >= ends[2] ? 2 : n >= ends[1] ? 1 : 0;

        b.p[n] ^= 0x10;
        if (n < ZONE_JOURNAL_HEAD) {
            enum zone_journal_got got = zone_journal_open(buf_span(&b), &j);

            assert_true(got == ZONE_JOURNAL_FOREIGN || got == ZONE_JOURNAL_VERSION);
        } else {
            assert_int_equal(zone_journal_open(buf_span(&b), &j), ZONE_JOURNAL_TORN);
            assert_int_equal(j.good, ends[whole]);
        }
        b.p[n] ^= 0x10;
    }
    buf_deinit(&b);
}

static void test_serials(void **state)
{
    static const struct {
        const char *name;
        uint32_t base, first, second;
        bool more;
        uint32_t last;
    } cases[] = {
        {"rising", 100, 101, 102, false, 102},
        {"one serial twice", 100, 101, 101, false, 101},
        {"falling", 100, 102, 101, false, 102},
        {"as the base", 100, 100, 101, false, 100},
        {"before the base", 100, 99, 101, false, 100},
        {"over the top", UINT32_MAX - 1, UINT32_MAX, 3, false, 3},
        {"two serials in one step", 100, 101, 102, true, 100},
        {"one step", 100, 101, 101, true, 101},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b = BUF_INIT(4096);
        struct zone_journal j;
        struct zone_change c = change(cases[i].first, 1, cases[i].more);

        zone_journal_begin(cases[i].base, &b);
        assert_int_equal(zone_journal_add(&c, &b), 0);
        c = change(cases[i].second, 2, false);
        assert_int_equal(zone_journal_add(&c, &b), 0);
        zone_journal_open(buf_span(&b), &j);
        if (j.last != cases[i].last)
            fail_msg("%s: last is %u", cases[i].name, j.last);
        buf_deinit(&b);
    }
}

static void test_seek(void **state)
{
    struct buf b = BUF_INIT(4096);
    struct zone_journal j;
    struct zone_change c;

    zone_journal_begin(100, &b);
    for (uint32_t s = 110; s <= 150; s += 10) {
        c = change(s, s, false);
        assert_int_equal(zone_journal_add(&c, &b), 0);
    }
    assert_int_equal(zone_journal_open(buf_span(&b), &j), ZONE_JOURNAL_END);
    assert_false(zone_journal_seek(&j, 99));
    for (uint32_t s = 100; s <= 155; s++) {
        uint32_t next = s / 10 * 10 + 10;

        assert_true(zone_journal_seek(&j, s));
        assert_int_equal(zone_journal_next(&j, &c),
                         next <= 150 ? ZONE_JOURNAL_CHANGE : ZONE_JOURNAL_END);
        if (next <= 150)
            assert_int_equal(c.serial, next);
    }
    buf_deinit(&b);
}

static void test_trim(void **state)
{
    struct buf b = BUF_INIT(8192), cut = BUF_INIT(8192);
    struct zone_journal j, k;
    struct zone_change c;
    size_t one;

    zone_journal_begin(100, &b);
    for (uint32_t s = 101; s <= 120; s++) {
        c = change(s, s, true);
        assert_int_equal(zone_journal_add(&c, &b), 0);
        c.more = false;
        assert_int_equal(zone_journal_add(&c, &b), 0);
    }
    assert_int_equal(zone_journal_open(buf_span(&b), &j), ZONE_JOURNAL_END);
    one = (b.n - ZONE_JOURNAL_HEAD) / 20;
    /* The image is at 115: no more may go, however little is to be kept. */
    for (size_t keep = 0; keep <= 20; keep++) {
        uint32_t want = keep <= 5 ? 115 : 120 - (uint32_t)keep;

        buf_clear(&cut);
        assert_int_equal(zone_journal_trim(&j, 115, keep * one, &cut), 0);
        assert_int_equal(zone_journal_open(buf_span(&cut), &k), ZONE_JOURNAL_END);
        assert_int_equal(k.base, want);
        assert_int_equal(k.last, 120);
        assert_int_equal(k.good, ZONE_JOURNAL_HEAD + (120 - want) * one);
    }
    buf_deinit(&b);
    buf_deinit(&cut);
}

static void test_serial(void **state)
{
    static const struct {
        uint32_t a, b;
        bool after;
    } cases[] = {
        {1, 0, true},           {0, 1, false},          {5, 5, false},
        {0, UINT32_MAX, true},  {UINT32_MAX, 0, false}, {0x7fffffff, 0, true},
        {0x80000000, 0, false}, {0, 0x80000000, false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(zone_serial_after(cases[i].a, cases[i].b), cases[i].after);
    assert_int_equal(zone_serial_next(100, 50), 101);
    assert_int_equal(zone_serial_next(100, 101), 101);
    assert_int_equal(zone_serial_next(100, 1700000000), 1700000000);
    assert_int_equal(zone_serial_next(1700000000, 1700000000), 1700000001);
    assert_int_equal(zone_serial_next(UINT32_MAX, 0), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round),   cmocka_unit_test(test_refused), cmocka_unit_test(test_torn),
        cmocka_unit_test(test_serials), cmocka_unit_test(test_seek),    cmocka_unit_test(test_trim),
        cmocka_unit_test(test_serial),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
