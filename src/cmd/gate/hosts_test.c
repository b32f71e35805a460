/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Against a plain array that counts the same. */
#include "cmd/gate/hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ip ip_of(const char *text)
{
    struct ip ip = {0};

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

static void test_who_is_a_host(void **state)
{
    static const struct {
        const char *ip;
        unsigned want;
    } cases[] = {
        {"192.0.2.1", 1},
        {"192.0.2.1", 2},
        {"192.0.2.2", 1},
        {"2001:db8:0:1::1", 1},
        {"2001:db8:0:1::2", 2}, /* of the same /64 */
        {"2001:db8:0:1:ffff:ffff:ffff:ffff", 3},
        {"2001:db8:0:2::1", 1},
        {"::ffff:192.0.2.1", 3}, /* a mapped address is the address */
    };
    struct hosts *h = hosts_new();

    assert_non_null(h);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(hosts_enter(h, ip_of(cases[i].ip)), cases[i].want);
    hosts_leave(h, ip_of("2001:db8:0:1::99"));
    assert_int_equal(hosts_enter(h, ip_of("2001:db8:0:1::1")), 3);
    hosts_leave(h, ip_of("198.51.100.1")); /* who never came changes nothing */
    assert_int_equal(hosts_enter(h, ip_of("198.51.100.1")), 1);
    hosts_free(h);
}

static struct ip nth(size_t i)
{
    return (struct ip){.family = IP_V4, .b = {192, 0, (uint8_t)(i >> 8), (uint8_t)i}};
}

enum { MANY = 3000, STEPS = 40000 };

/* Coming and going in any order, through all sizes of the table. */
static void test_as_an_array_counts(void **state)
{
    struct hosts *h = hosts_new();
    unsigned counts[MANY] = {0};
    uint32_t chance = 1;

    assert_non_null(h);
    for (unsigned step = 0; step < STEPS; step++) {
        size_t i;

        chance = chance * 1664525 + 1013904223;
        /* Few hosts at first, then many, then few again. */
        i = (chance >> 8) % (step < STEPS / 4 || step > 3 * STEPS / 4 ? 20 : MANY);
        if (counts[i] && (chance >> 30) == 0) {
            counts[i]--;
            hosts_leave(h, nth(i));
        } else if (counts[i] < 3) {
            assert_int_equal(hosts_enter(h, nth(i)), ++counts[i]);
        }
    }
    /* All that are there, and no others. */
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(hosts_enter(h, nth(i)), counts[i] + 1);
    for (size_t i = 0; i < MANY; i++)
        for (unsigned n = counts[i] + 1; n > 0; n--)
            hosts_leave(h, nth(i));
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(hosts_enter(h, nth(i)), 1);
    hosts_free(h);
    hosts_free(NULL);
}

/*
 * Whoever leaves makes a gap that those behind it may have to move into, across the table's end,
 * too: with every seed some chain lies there.
 */
static void test_gaps(void **state)
{
    for (unsigned round = 0; round < 300; round++) {
        struct hosts *h = hosts_new();

        assert_non_null(h);
        for (size_t i = 0; i < 32; i++) /* half of the first table */
            assert_int_equal(hosts_enter(h, nth(i)), 1);
        for (size_t i = 0; i < 32; i += 2)
            hosts_leave(h, nth(i));
        for (size_t i = 1; i < 32; i += 2)
            assert_int_equal(hosts_enter(h, nth(i)), 2);
        for (size_t i = 0; i < 32; i += 2)
            assert_int_equal(hosts_enter(h, nth(i)), 1);
        hosts_free(h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_a_host),
        cmocka_unit_test(test_as_an_array_counts),
        cmocka_unit_test(test_gaps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
