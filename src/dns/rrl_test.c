/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/rrl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static uint8_t *memory;
static const uint8_t key[DNS_COOKIE_KEY] = "sixteen octets.";

static int setup(void **state)
{
    memory = aligned_alloc(64, dns_rrl_size(DNS_RRL_BITS));
    return memory ? 0 : -1;
}

static int teardown(void **state)
{
    free(memory);
    return 0;
}

static struct dns_rrl table(uint32_t rate, uint32_t burst, uint32_t slip)
{
    struct dns_rrl r;

    memset(memory, 0xa5, dns_rrl_size(DNS_RRL_BITS));
    dns_rrl_init(&r, memory, DNS_RRL_BITS, (struct dns_rrl_conf){rate, burst, slip}, key);
    return r;
}

static struct ip v4(uint32_t address)
{
    struct ip ip = {.family = IP_V4};

    dns_wire_put32(ip.b, address);
    return ip;
}

static struct ip v6(uint64_t high, uint64_t low)
{
    struct ip ip = {.family = IP_V6};

    for (unsigned i = 0; i < 8; i++) {
        ip.b[i] = (uint8_t)(high >> (56 - 8 * i));
        ip.b[8 + i] = (uint8_t)(low >> (56 - 8 * i));
    }
    return ip;
}

static unsigned passes(struct dns_rrl *r, struct ip ip, unsigned asked, int64_t now)
{
    unsigned n = 0;

    while (asked--)
        n += dns_rrl_ask(r, ip, now) == DNS_RRL_PASS;
    return n;
}

/* A burst, then the rate; after a pause the burst again. Whenever the clock began. */
static void one_address(void **state)
{
    static const int64_t starts[] = {
        0, 1, 1000000, (INT64_C(1) << 48) / 1000000 - 1, INT64_C(1) << 41, INT64_MAX / 2000000,
    };

    for (size_t i = 0; i < COUNT(starts); i++) {
        struct dns_rrl r = table(50, 125, 0);
        struct ip ip = v4(0xc0000201);
        unsigned n = 0;

        assert_int_equal(passes(&r, ip, 1000, starts[i]), 125);
        assert_int_equal(passes(&r, ip, 1000, starts[i] + 19), 0);
        assert_int_equal(passes(&r, ip, 1000, starts[i] + 20), 1);
        for (int64_t t = 21; t <= 10020; t++)
            n += passes(&r, ip, 3, starts[i] + t);
        assert_in_range(n, 499, 500);
        assert_int_equal(passes(&r, ip, 1000, starts[i] + 13000), 125);
    }
}

/* Two workers on one table, one of which is a batch behind: a full counter stays one. */
static void clocks_apart(void **state)
{
    static const unsigned behind[] = {1, 4, 20, 999};

    for (size_t i = 0; i < COUNT(behind); i++) {
        struct dns_rrl r = table(100, 250, 0);
        unsigned n = 0;

        for (int64_t now = 5000; now < 10000; now += 4) {
            n += passes(&r, v4(0x0a000001), 20, now);
            n += passes(&r, v4(0x0a000001), 20, now - behind[i]);
        }
        assert_in_range(n, 740, 760);
    }
}

static void off(void **state)
{
    struct dns_rrl r = table(0, 0, 2);

    assert_int_equal(passes(&r, v4(1), 100000, 5), 100000);
}

/* Each address within its limit, the network over its own: 32 times for a /24, 256 for a /20. */
static void networks4(void **state)
{
    struct dns_rrl r = table(50, 100, 0);
    unsigned n = 0;

    for (unsigned i = 0; i < 256; i++)
        n += passes(&r, v4(0xc0000200 + i), 50, 7);
    assert_int_equal(n, 32 * 100);
    assert_int_equal(passes(&r, v4(0xc0000301), 50, 7), 50); /* the next /24 is free */
    r = table(50, 100, 0);
    n = 0;
    for (unsigned net = 0; net < 16; net++)
        for (unsigned i = 0; i < 250; i++)
            n += passes(&r, v4(0xc0000000 + net * 256 + i), 12, 7);
    assert_int_equal(n, 256 * 100);
    assert_int_equal(passes(&r, v4(0xc0001001), 50, 7), 50); /* the next /20 */
}

/* One address once, a /64 twice, a /56 three times, a /48 four times. */
static void networks6(void **state)
{
    static const struct {
        const char *what;
        uint64_t high_step, low_step;
        unsigned want;
    } cases[] = {
        {"one address", 0, 0, 100},
        {"one /64", 0, 1, 200},
        {"one /56", 1, 0, 300},
        {"one /48", 0x100, 0, 400},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_rrl r = table(50, 100, 0);
        unsigned n = 0;

        print_message("# %s\n", cases[i].what);
        for (unsigned k = 0; k < 200; k++)
            n += passes(&r,
                        v6(0x20010db800010000 + k * cases[i].high_step, 1 + k * cases[i].low_step),
                        10, 7);
        assert_int_equal(n, cases[i].want);
        assert_int_equal(passes(&r, v6(0x20010db800020000, 1), 50, 7), 50);
    }
}

static void slips(void **state)
{
    static const uint32_t slip[] = {0, 1, 2, 10};

    for (size_t i = 0; i < COUNT(slip); i++) {
        struct dns_rrl r = table(1, 1, slip[i]);
        unsigned slipped = 0, dropped = 0, want = slip[i] ? 10000 / slip[i] : 0;

        assert_int_equal(dns_rrl_ask(&r, v4(9), 0), DNS_RRL_PASS);
        for (unsigned k = 0; k < 10000; k++) {
            enum dns_rrl_say say = dns_rrl_ask(&r, v4(9), 0);

            slipped += say == DNS_RRL_SLIPS;
            dropped += say == DNS_RRL_DROP;
        }
        assert_int_equal(slipped + dropped, 10000);
        assert_in_range(slipped, want - want / 10, want + want / 10);
    }
}

/* Two floods in turn: each gets its share of slips. */
static void slips_are_fair(void **state)
{
    struct dns_rrl r = table(1, 1, 2);
    unsigned slipped[2] = {0};

    for (unsigned k = 0; k < 10000; k++)
        slipped[k % 2] += dns_rrl_ask(&r, v4(k % 2 ? 0x0a000001 : 0xc0000201), 0) == DNS_RRL_SLIPS;
    assert_in_range(slipped[0], 2200, 2800);
    assert_in_range(slipped[1], 2200, 2800);
}

/*
 * A flood of a million forged addresses, one answer each, does not make a limited one pass, nor a
 * tenth of the others be refused.
 */
static void flood(void **state)
{
    struct dns_rrl r = table(50, 125, 0);
    struct ip victim = v4(0xc0000201);
    unsigned refused = 0, passed;
    uint32_t x = 1;

    passed = passes(&r, victim, 200, 0);
    assert_int_equal(passed, 125);
    for (unsigned i = 0; i < 1000000; i++) {
        x = x * 1664525 + 1013904223;
        refused += dns_rrl_ask(&r, v4(x), i / 200) != DNS_RRL_PASS;
        if (i % 100 == 0)
            passed += passes(&r, victim, 1, i / 200);
    }
    assert_true(refused < 1000); /* 5 seconds at 200,000 a second */
    assert_in_range(passed, 125 + 240, 125 + 260);
}

static void limits(void **state)
{
    struct dns_rrl r = table(UINT32_MAX, UINT32_MAX, 0);

    assert_int_equal(r.conf.rate, DNS_RRL_RATE_MAX);
    assert_int_equal(r.conf.burst, DNS_RRL_BURST_MAX);
    r = table(1, UINT32_MAX, 0);
    assert_int_equal(r.conf.burst, DNS_RRL_PAUSE_MAX);
    r = table(10, 0, 0);
    assert_int_equal(passes(&r, v4(1), 10, 0), 1);
    assert_int_equal(dns_rrl_size(0), 8 << DNS_RRL_BITS_MIN);
    assert_int_equal(dns_rrl_size(99), (size_t)8 << DNS_RRL_BITS_MAX);
    dns_rrl_init(&r, memory, 0, (struct dns_rrl_conf){50, 125, 2}, key);
    assert_int_equal(passes(&r, v4(1), 200, 0), 125);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_address),    cmocka_unit_test(clocks_apart), cmocka_unit_test(off),
        cmocka_unit_test(networks4),      cmocka_unit_test(networks6),    cmocka_unit_test(slips),
        cmocka_unit_test(slips_are_fair), cmocka_unit_test(flood),        cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
