/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/acl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct ip_prefix net_of(const char *text)
{
    struct ip_prefix net = {0};

    assert_true(ip_prefix_parse(span_str(text), &net));
    return net;
}

static enum zone_acl_action action_for(const struct zone_acl *acl, const char *client)
{
    const struct zone_acl_rule *rule = zone_acl_find(acl, net_of(client).ip);

    return rule ? rule->action : ZONE_ACL_NONE;
}

static void longest_prefix(void **state)
{
    static const struct {
        const char *net;
        enum zone_acl_action action;
    } rules[] = {
        {"10.0.0.0/8", ZONE_ACL_REFUSE},      {"10.1.0.0/16", ZONE_ACL_PASS},
        {"10.1.2.3", ZONE_ACL_IGNORE},        {"10.1.2.0/24", ZONE_ACL_EMPTY},
        {"255.255.255.255", ZONE_ACL_REFUSE}, {"2001:db8::/32", ZONE_ACL_REFUSE},
        {"2001:db8:1::/48", ZONE_ACL_PASS},   {"::/0", ZONE_ACL_EMPTY},
        {"10.1.0.0/16", ZONE_ACL_REFUSE},
    };
    static const struct {
        const char *name, *client;
        enum zone_acl_action action;
    } cases[] = {
        {"before all", "9.255.255.255", ZONE_ACL_NONE},
        {"first of /8", "10.0.0.0", ZONE_ACL_REFUSE},
        {"last before /16", "10.0.255.255", ZONE_ACL_REFUSE},
        {"in /16: the first rule of two stays", "10.1.0.0", ZONE_ACL_PASS},
        {"in /24", "10.1.2.2", ZONE_ACL_EMPTY},
        {"the host", "10.1.2.3", ZONE_ACL_IGNORE},
        {"behind the host", "10.1.2.4", ZONE_ACL_EMPTY},
        {"behind /24", "10.1.3.0", ZONE_ACL_PASS},
        {"behind /16", "10.2.0.0", ZONE_ACL_REFUSE},
        {"last of /8", "10.255.255.255", ZONE_ACL_REFUSE},
        {"behind /8", "11.0.0.0", ZONE_ACL_NONE},
        {"the last address", "255.255.255.255", ZONE_ACL_REFUSE},
        {"::/0 is not IPv4's", "192.0.2.1", ZONE_ACL_NONE},
        {"::/0", "2001:db7::", ZONE_ACL_EMPTY},
        {"v6 /32", "2001:db8::1", ZONE_ACL_REFUSE},
        {"v6 /48", "2001:db8:1:ffff::", ZONE_ACL_PASS},
        {"behind /48", "2001:db8:2::", ZONE_ACL_REFUSE},
        {"the last of all", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ZONE_ACL_EMPTY},
    };
    struct zone_acl *acl = zone_acl_new();
    struct ip none = {0};
    size_t again;

    assert_non_null(acl);
    for (size_t i = 0; i < COUNT(rules); i++) {
        struct zone_acl_rule rule = {.action = rules[i].action};

        assert_int_equal(zone_acl_add(acl, net_of(rules[i].net), &rule), ZONE_ACL_ADDED);
    }
    assert_int_equal(zone_acl_seal(acl, &again), 0);
    assert_int_equal(again, 1);
    assert_int_equal(zone_acl_count(acl), COUNT(rules));
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        assert_int_equal(action_for(acl, cases[i].client), cases[i].action);
    }
    assert_null(zone_acl_find(acl, none));
    zone_acl_free(acl);
}

static void empty(void **state)
{
    struct zone_acl *acl = zone_acl_new();

    assert_int_equal(zone_acl_seal(acl, NULL), 0);
    assert_int_equal(action_for(acl, "192.0.2.1"), ZONE_ACL_NONE);
    assert_int_equal(action_for(NULL, "192.0.2.1"), ZONE_ACL_NONE);
    assert_int_equal(zone_acl_count(NULL), 0);
    zone_acl_free(acl);
    zone_acl_free(NULL);
}

static void refused_rules(void **state)
{
    static const struct {
        const char *name;
        uint32_t a;
        size_t text;
        int want;
    } cases[] = {
        {"a value", 0x7f000002, 0, ZONE_ACL_ADDED},
        {"the longest text", 0x7f000002, ZONE_ACL_TEXT_MAX, ZONE_ACL_ADDED},
        {"one past it", 0x7f000002, ZONE_ACL_TEXT_MAX + 1, ZONE_ACL_TOO_LONG},
        {"the sign of a dead list", 0x7f000001, 0, ZONE_ACL_BAD_A},
        {"not a code", 0x0a000002, 0, ZONE_ACL_BAD_A},
    };
    struct zone_acl *acl = zone_acl_new();

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[ZONE_ACL_TEXT_MAX + 2] = "";
        struct zone_acl_rule rule = {ZONE_ACL_TEST, cases[i].a, text};

        memset(text, 'x', cases[i].text);
        print_message("# %s\n", cases[i].name);
        assert_int_equal(zone_acl_add(acl, net_of("192.0.2.0/24"), &rule), cases[i].want);
    }
    zone_acl_free(acl);
}

static void strongest(void **state)
{
    for (int a = ZONE_ACL_IGNORE; a <= ZONE_ACL_NONE; a++) {
        for (int b = ZONE_ACL_IGNORE; b <= ZONE_ACL_NONE; b++) {
            struct zone_acl_rule ra = {.action = a}, rb = {.action = b};
            const struct zone_acl_rule *got =
                zone_acl_stronger(a == ZONE_ACL_NONE ? NULL : &ra, b == ZONE_ACL_NONE ? NULL : &rb);

            assert_int_equal(got ? got->action : ZONE_ACL_NONE, a < b ? a : b);
            if (a == b && got)
                assert_ptr_equal(got, &ra);
        }
        assert_true(strlen(zone_acl_action_name(a)) > 3);
    }
}

/* Random nested prefixes against a scan of them all. */
static void model(void **state)
{
    uint64_t seed = 1;

    for (int round = 0; round < 200; round++) {
        struct zone_acl *acl = zone_acl_new();
        struct ip_prefix nets[40];
        size_t n = 0;

        for (int i = 0; i < 40; i++) {
            struct ip ip = {.family = IP_V4};
            struct zone_acl_rule rule;

            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            ip.b[0] = 10;
            ip.b[1] = seed >> 33 & 3;
            ip.b[2] = seed >> 36 & 3;
            ip.b[3] = seed >> 40 & 255;
            if (seed >> 60 & 1) {
                ip.family = IP_V6;
                ip.b[15] = seed >> 50 & 3;
            }
            nets[n] = ip_prefix_of(ip, (unsigned)(seed >> 52 & 31) + (seed >> 61 & 1));
            if (ip.family == IP_V6 && seed >> 62 & 1)
                nets[n] = ip_prefix_of(ip, 96 + (unsigned)(seed >> 52 & 31));
            rule = (struct zone_acl_rule){.action = ZONE_ACL_TEST, .a = 0x7f000002 + (uint32_t)n};
            assert_int_equal(zone_acl_add(acl, nets[n++], &rule), ZONE_ACL_ADDED);
        }
        assert_int_equal(zone_acl_seal(acl, NULL), 0);
        for (int i = 0; i < 400; i++) {
            const struct zone_acl_rule *got;
            struct ip ip = {.family = IP_V4};
            size_t best = SIZE_MAX;

            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
            ip.family = seed >> 63 ? IP_V6 : IP_V4;
            ip.b[0] = 10 + !(seed >> 30 & 15);
            ip.b[1] = seed >> 33 & 3;
            ip.b[2] = seed >> 36 & 3;
            ip.b[3] = seed >> 40 & 255;
            if (ip.family == IP_V6)
                ip.b[15] = seed >> 50 & 3;
            for (size_t k = 0; k < n; k++)
                if (ip_prefix_has(nets[k], ip) &&
                    (best == SIZE_MAX || nets[k].len > nets[best].len))
                    best = k;
            got = zone_acl_find(acl, ip);
            assert_true((got == NULL) == (best == SIZE_MAX));
            if (got)
                assert_int_equal(got->a, 0x7f000002 + best);
        }
        zone_acl_free(acl);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longest_prefix), cmocka_unit_test(empty), cmocka_unit_test(refused_rules),
        cmocka_unit_test(strongest),      cmocka_unit_test(model),
    };

    return cmocka_run_group_tests_name("zone/acl", tests, NULL, NULL);
}
