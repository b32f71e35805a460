/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/keys.h"

#include "guard.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const uint8_t secret[MAC_KEY] = "0123456789abcdef0123456789abcde";
static const uint8_t other[MAC_KEY] = "0123456789abcdef0123456789abcdf";

static enum zone_key_found check(const struct zone_keys *k, const char *label, uint32_t *customer)
{
    struct guard g = {0};
    enum zone_key_found found = zone_keys_check(k, guard_str(&g, label), customer);

    guard_free(&g);
    return found;
}

static void made(void **state)
{
    struct zone_keys *k = zone_keys_new(secret), *without = zone_keys_new(NULL);
    static const uint32_t customers[] = {0, 1, 77, 0x7fffffff, 0xffffffff};
    char label[ZONE_KEY_LABEL + 1], upper[ZONE_KEY_LABEL + 1];
    uint32_t customer;

    for (size_t i = 0; i < COUNT(customers); i++) {
        zone_keys_make(secret, customers[i], (uint16_t)(i * 13107), label);
        assert_int_equal(strlen(label), ZONE_KEY_LABEL);
        customer = ~customers[i];
        assert_int_equal(check(k, label, &customer), ZONE_KEY_GOOD);
        assert_int_equal(customer, customers[i]);
        for (size_t j = 0; j <= ZONE_KEY_LABEL; j++)
            upper[j] = label[j] >= 'a' ? (char)(label[j] - 32) : label[j];
        assert_int_equal(check(k, upper, &customer), ZONE_KEY_GOOD);
        assert_int_equal(check(without, label, &customer), ZONE_KEY_UNKNOWN);
        for (size_t j = 0; j < ZONE_KEY_LABEL; j++) { /* each character counts */
            char was = label[j];

            label[j] = was == 'a' ? 'b' : 'a';
            assert_int_equal(check(k, label, &customer), ZONE_KEY_UNKNOWN);
            label[j] = was;
        }
        zone_keys_make(other, customers[i], 0, label);
        assert_int_equal(check(k, label, &customer), ZONE_KEY_UNKNOWN);
    }
    zone_keys_free(k);
    zone_keys_free(without);
    zone_keys_free(NULL);
}

static void revoked(void **state)
{
    struct zone_keys *k = zone_keys_new(secret);
    char first[ZONE_KEY_LABEL + 1], second[ZONE_KEY_LABEL + 1], third[ZONE_KEY_LABEL + 1];
    uint32_t customer;

    zone_keys_make(secret, 5, 1, first);
    zone_keys_make(secret, 5, 2, second);
    zone_keys_make(secret, 6, 1, third);
    for (uint32_t c = 100; c > 50; c--)
        assert_int_equal(zone_keys_revoke(k, c, 3), 0);
    assert_int_equal(zone_keys_revoke(k, 5, 1), 0);
    assert_int_equal(zone_keys_revoke(k, 5, 1), -EEXIST);
    assert_int_equal(zone_keys_revoke(k, 5, ZONE_KEY_ANY_ISSUE + 1), -EINVAL);
    assert_int_equal(check(k, first, &customer), ZONE_KEY_REVOKED);
    assert_int_equal(customer, 5);
    assert_int_equal(check(k, second, &customer), ZONE_KEY_GOOD);
    assert_int_equal(zone_keys_revoke(k, 5, ZONE_KEY_ANY_ISSUE), 0);
    assert_int_equal(check(k, second, &customer), ZONE_KEY_REVOKED);
    assert_int_equal(check(k, third, &customer), ZONE_KEY_GOOD);
    zone_keys_free(k);
}

static void listed(void **state)
{
    static const struct {
        const char *name, *label;
        int want;
    } cases[] = {
        {"plain", "customer-one", 0},
        {"again in another case", "Customer-ONE", -EEXIST},
        {"the shortest", "abcdefgh", 0},
        {"one less", "abcdefg", -EINVAL},
        {"the longest", "0123456789012345678901234567890123456789012345678901234567890ab", 0},
        {"one more", "0123456789012345678901234567890123456789012345678901234567890abc", -EINVAL},
        {"a dot", "customer.one", -EINVAL},
        {"empty", "", -EINVAL},
    };
    struct zone_keys *k = zone_keys_new(NULL);
    uint32_t customer = 0;
    char label[20];

    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        assert_int_equal(zone_keys_list(k, span_str(cases[i].label), (uint32_t)i), cases[i].want);
    }
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(label, sizeof(label), "customer%u", i);
        assert_int_equal(zone_keys_list(k, span_str(label), 1000 + i), 0);
    }
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(label, sizeof(label), "CUSTOMER%u", i);
        assert_int_equal(check(k, label, &customer), ZONE_KEY_GOOD);
        assert_int_equal(customer, 1000 + i);
    }
    assert_int_equal(check(k, "customer-one", &customer), ZONE_KEY_GOOD);
    assert_int_equal(customer, 0);
    assert_int_equal(check(k, "customer1000", &customer), ZONE_KEY_UNKNOWN);
    assert_int_equal(check(k, "", &customer), ZONE_KEY_UNKNOWN);
    assert_int_equal(zone_keys_revoke(k, 1007, ZONE_KEY_ANY_ISSUE), 0);
    assert_int_equal(check(k, "customer7", &customer), ZONE_KEY_REVOKED);
    zone_keys_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made),
        cmocka_unit_test(revoked),
        cmocka_unit_test(listed),
    };

    return cmocka_run_group_tests_name("zone/keys", tests, NULL, NULL);
}
