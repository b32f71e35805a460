/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/rname.h"

#include "zone/ip6.h"
#include "zone/sum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_forms(void **state)
{
    static const struct {
        const char *text;
        struct span want;
        unsigned labels;
        const char *back;
    } cases[] = {
        {"", SPAN_LIT(""), 0, ""},
        {"@", SPAN_LIT(""), 0, ""},
        {"org", SPAN_LIT("\003org"), 1, "org"},
        {"Mail.Example.ORG", SPAN_LIT("\003org\007example\004mail"), 3, "mail.example.org"},
        {"a.b.", SPAN_LIT("\001b\001a"), 2, "a.b"},
        {"a\\.b.c", SPAN_LIT("\001c\003a.b"), 2, "a\\.b.c"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct zone_rname name;
        uint8_t wire[ZONE_RNAME_MAX];
        char text[DNS_NAME_TEXT_MAX];
        struct zone_rname again;

        assert_true(zone_rname_parse(span_str(cases[i].text), &name));
        if (!span_eq(span_of(name.b, name.n), cases[i].want) || name.labels != cases[i].labels)
            fail_msg("%s", cases[i].text);
        assert_string_equal(zone_rname_text(name.b, name.n, text), cases[i].back);
        assert_true(zone_rname_ok(name.b, name.n));
        assert_int_equal(zone_rname_labels(name.b, name.n), name.labels);
        assert_int_equal(zone_rname_wire(name.b, name.n, wire), name.n);
        assert_true(zone_rname_of_wire(wire, name.n, &again));
        assert_int_equal(zone_rname_cmp(again.b, again.n, name.b, name.n), 0);
    }
}

static void test_limits(void **state)
{
    uint8_t wire[300] = {0};
    struct zone_rname name = {.n = 99};

    /* 127 labels of one octet are 254 octets, the most; one more is too many. */
    for (size_t i = 0; i < 300; i += 2) {
        wire[i] = 1;
        wire[i + 1] = 'a';
    }
    assert_true(zone_rname_of_wire(wire, 254, &name));
    assert_int_equal(name.n, 254);
    assert_int_equal(name.labels, 127);
    assert_false(zone_rname_of_wire(wire, 256, &name));
    assert_int_equal(name.n, 254);
    assert_false(zone_rname_ok(wire, 256));
    wire[0] = 63;
    assert_true(zone_rname_of_wire(wire, 64, &name));
    assert_true(zone_rname_ok(wire, 64));
    assert_false(zone_rname_of_wire(wire, 63, &name));
    assert_false(zone_rname_ok(wire, 63));
    wire[0] = 64;
    assert_false(zone_rname_of_wire(wire, 65, &name));
    assert_false(zone_rname_ok(wire, 65));
    /* What stands behind a root is not looked at; as a key, a root is none. */
    assert_true(zone_rname_of_wire((const uint8_t *)"\001a\000\377", 4, &name));
    assert_int_equal(name.n, 2);
    assert_false(zone_rname_ok((const uint8_t *)"\001a\000", 3));
    assert_false(zone_rname_ok((const uint8_t *)"\001A", 2));
}

/* What lies under a name begins with it and stands right behind it. */
static void test_order(void **state)
{
    static const char *const sorted[] = {"", "a", "b.a", "c.b.a", "bb.a", "b", "z", "aa", "aaa.aa"};
    struct zone_rname x, y;

    for (size_t i = 1; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
        assert_true(zone_rname_parse(span_str(sorted[i - 1]), &x));
        assert_true(zone_rname_parse(span_str(sorted[i]), &y));
        if (zone_rname_cmp(x.b, x.n, y.b, y.n) >= 0 || zone_rname_cmp(y.b, y.n, x.b, x.n) <= 0)
            fail_msg("%s, %s", sorted[i - 1], sorted[i]);
    }
}

static void test_ip6(void **state)
{
    static const uint8_t bytes[16] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0xff};
    struct zone_ip6 ip = zone_ip6_of(bytes), max = {UINT64_MAX, UINT64_MAX};
    uint8_t back[16];

    zone_ip6_bytes(ip, back);
    assert_memory_equal(back, bytes, 16);
    for (unsigned len = 0; len <= 128; len++) {
        struct zone_ip6 first = zone_ip6_first(ip, len), last = zone_ip6_last(ip, len);

        for (unsigned bit = 0; bit < 128; bit++) {
            uint64_t mask = UINT64_C(1) << (63 - bit % 64);
            bool was = (bit < 64 ? ip.hi : ip.lo) & mask;

            assert_int_equal(((bit < 64 ? first.hi : first.lo) & mask) != 0, bit < len && was);
            assert_int_equal(((bit < 64 ? last.hi : last.lo) & mask) != 0, bit >= len || was);
        }
    }
    assert_int_equal(
        zone_ip6_cmp(zone_ip6_next((struct zone_ip6){5, UINT64_MAX}), (struct zone_ip6){6, 0}), 0);
    assert_int_equal(
        zone_ip6_cmp(zone_ip6_prev((struct zone_ip6){6, 0}), (struct zone_ip6){5, UINT64_MAX}), 0);
    assert_true(zone_ip6_is_max(max));
    assert_false(zone_ip6_is_max(zone_ip6_prev(max)));
}

/* Any one bit that changes, and any length, changes the sum. */
static void test_sum(void **state)
{
    uint8_t b[100] = {0};
    uint64_t sums[101];

    for (size_t n = 0; n <= 100; n++) {
        sums[n] = zone_sum(b, n);
        for (size_t k = 0; k < n; k++)
            assert_true(sums[k] != sums[n]);
        for (size_t bit = 0; bit < n * 8; bit++) {
            b[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_true(zone_sum(b, n) != sums[n]);
            b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    /* The value is part of the files' format. */
    assert_true(zone_sum("postern", 7) == UINT64_C(0xb8314bc09025d1c1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms), cmocka_unit_test(test_limits), cmocka_unit_test(test_order),
        cmocka_unit_test(test_ip6),   cmocka_unit_test(test_sum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
