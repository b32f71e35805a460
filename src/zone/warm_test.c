/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/warm.h"

#include "guard.h"
#include "zone/build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LABELS(literal) (literal), sizeof(literal) - 1

static void test_address(void **state)
{
    static const struct {
        const char *name, *labels;
        size_t n;
        bool is;
        uint32_t want;
    } cases[] = {
        {"plain", LABELS("\0011\0012\0013\0014\2bl"), true, 0x04030201},
        {"three digits", LABELS("\003255\0010\003100\00210\2bl"), true, 0x0a6400ff},
        {"over 255", LABELS("\003256\0011\0011\0011\2bl"), false, 0},
        {"a long label", LABELS("\0041234\0011\0011\0011\2bl"), false, 0},
        {"a word", LABELS("\3www\7example\3org"), false, 0},
        {"three labels", LABELS("\0011\0012\0013\0"), false, 0},
        {"cut off", LABELS("\0011\0012\0013\0014"), false, 0},
        {"only a header", LABELS(""), false, 0},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t packet[64] = {0};
        size_t n = DNS_HEADER + cases[i].n;
        uint32_t got = 0;
        struct guard g = {0};

        memcpy(packet + DNS_HEADER, cases[i].labels, cases[i].n);
        /* Every prefix of it: no octet behind the packet is read. */
        for (size_t cut = 0; cut <= n; cut++) {
            struct span s = guard_span(&g, span_of(packet, cut));
            bool is = zone_warm_address((const uint8_t *)s.p, s.n, &got);

            if (cut == n && is != cases[i].is)
                fail_msg("%s", cases[i].name);
        }
        guard_free(&g);
        if (cases[i].is)
            assert_int_equal(got, cases[i].want);
    }
}

/* Advice has no result; that it reads nothing outside of any image is what can be seen. */
static void test_images(void **state)
{
    static const uint32_t listings[] = {0, 1, 1000, 100000};
    struct zone_image none = {0};

    zone_warm_first(&none, 0);
    zone_warm_second(&none, UINT32_MAX);
    for (size_t i = 0; i < sizeof(listings) / sizeof(listings[0]); i++) {
        struct zone_value v = {.a = 0x7f000002};
        struct zone_table *t;
        struct zone_image im;
        struct zone_data d;
        struct span bytes;
        uint32_t value;

        zone_data_init(&d);
        assert_int_equal(zone_data_value(&d, &v, &value), 0);
        assert_int_equal(zone_data_table(&d, ZONE_IPV4, ZONE_LONGEST, &t), 0);
        for (uint32_t k = 0; k < listings[i]; k++) {
            uint32_t ip = UINT32_MAX - k * 40503;

            assert_int_equal(zone_table_add4(t, ip, ip, value, 0), 0);
        }
        assert_int_equal(zone_build(&d, &bytes), 0);
        assert_int_equal(zone_image_open(bytes, &im), ZONE_IMAGE_OK);
        for (uint32_t ip = 0, k = 0; k < 70000; ip += 61441, k++) {
            zone_warm_first(&im, ip);
            zone_warm_second(&im, ip);
        }
        zone_warm_second(&im, UINT32_MAX);
        free((void *)(uintptr_t)bytes.p);
        zone_data_deinit(&d);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_images),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
