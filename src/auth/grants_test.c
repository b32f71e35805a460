/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/grants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { NOW = 1700000000, LIFE = 1800, SHARED = 86400 };

static const struct auth_grants_config config = {
    .life_max = LIFE, .users_max = 2, .shared_time = SHARED, .rows = 8, .key = {3}};

static struct ip ip(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

static enum auth_grants_got allow(struct auth_grants *g, const char *at, const char *user,
                                  int64_t now)
{
    return auth_grants_allow(g, ip(at), now + LIFE, span_str(user), SPAN_LIT("test"), now);
}

static void test_life(void **state)
{
    struct auth_grant got;
    struct auth_grants *g;

    assert_int_equal(auth_grants_new(&config, &g), 0);
    assert_false(auth_grants_has(g, ip("192.0.2.1"), NOW, NULL));
    assert_int_equal(allow(g, "192.0.2.1", "joe", NOW), AUTH_GRANTS_NEW);
    assert_true(auth_grants_has(g, ip("192.0.2.1"), NOW, &got));
    assert_string_equal(got.user, "joe");
    assert_string_equal(got.source, "test");
    assert_int_equal(got.until_wall, NOW + LIFE);
    /* No neighbour has it. */
    assert_false(auth_grants_has(g, ip("192.0.2.0"), NOW, NULL));
    assert_false(auth_grants_has(g, ip("192.0.2.2"), NOW, NULL));
    assert_true(auth_grants_has(g, ip("::ffff:192.0.2.1"), NOW, NULL));
    assert_true(auth_grants_has(g, ip("192.0.2.1"), NOW + LIFE - 1, NULL));
    assert_false(auth_grants_has(g, ip("192.0.2.1"), NOW + LIFE, NULL));
    assert_false(auth_grants_has(g, ip("192.0.2.1"), NOW - 1, NULL)); /* set back */
    assert_int_equal(allow(g, "192.0.2.1", "joe", NOW + 60), AUTH_GRANTS_LONGER);
    assert_true(auth_grants_has(g, ip("192.0.2.1"), NOW + LIFE + 59, NULL));
    assert_int_equal(auth_grants_count(g, NOW + 60), 1);
    assert_true(auth_grants_drop(g, ip("192.0.2.1")));
    assert_false(auth_grants_drop(g, ip("192.0.2.1")));
    assert_false(auth_grants_drop(g, ip("192.0.2.77")));
    assert_false(auth_grants_has(g, ip("192.0.2.1"), NOW + 60, NULL));
    auth_grants_free(&g);
    auth_grants_free(&g);
}

static void test_bounds(void **state)
{
    struct auth_grants *g;
    char name[AUTH_LOGIN_MAX + 1];

    assert_int_equal(auth_grants_new(&config, &g), 0);
    assert_int_equal(auth_grants_allow(g, ip("192.0.2.1"), NOW + 99 * LIFE, SPAN_LIT("joe"),
                                       SPAN_LIT("test"), NOW),
                     AUTH_GRANTS_NEW);
    assert_false(auth_grants_has(g, ip("192.0.2.1"), NOW + LIFE, NULL));
    assert_int_equal(
        auth_grants_allow(g, ip("192.0.2.1"), NOW, SPAN_LIT("joe"), SPAN_LIT("test"), NOW),
        AUTH_GRANTS_PAST);
    assert_int_equal(
        auth_grants_allow(g, (struct ip){0}, NOW + 1, SPAN_LIT("joe"), SPAN_LIT("test"), NOW),
        AUTH_GRANTS_BAD);
    assert_int_equal(allow(g, "192.0.2.1", "jo\ne", NOW), AUTH_GRANTS_BAD);
    assert_int_equal(auth_grants_allow(g, ip("192.0.2.1"), NOW + 1, SPAN_LIT("joe"),
                                       SPAN_LIT("0123456789012345"), NOW),
                     AUTH_GRANTS_BAD);
    memset(name, 'n', sizeof(name));
    assert_int_equal(auth_grants_allow(g, ip("192.0.2.2"), NOW + 1, span_of(name, AUTH_LOGIN_MAX),
                                       SPAN_LIT("012345678901234"), NOW),
                     AUTH_GRANTS_NEW);
    assert_int_equal(auth_grants_allow(g, ip("192.0.2.2"), NOW + 1,
                                       span_of(name, AUTH_LOGIN_MAX + 1), SPAN_LIT("x"), NOW),
                     AUTH_GRANTS_BAD);
    assert_int_equal(allow(g, "192.0.2.3", "", NOW), AUTH_GRANTS_NEW);
    auth_grants_free(&g);
}

static void test_space(void **state)
{
    static const char *const refused[] = {
        "127.0.0.1",  "10.1.2.3",          "172.16.0.1",    "192.168.1.1",
        "100.64.0.1", "169.254.1.1",       "::1",           "fe80::1",
        "fd00::1",    "0.0.0.1",           "224.0.0.1",     "255.255.255.255",
        "198.18.0.1", "64:ff9b::10.0.0.1", "2002:a00:1::1",
    };
    static const char *const granted[] = {"192.0.2.1", "2001:db8::1", "203.0.113.255"};
    struct auth_grants *g;

    assert_int_equal(auth_grants_new(&config, &g), 0);
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
        if (allow(g, refused[i], "joe", NOW) != AUTH_GRANTS_SPACE ||
            auth_grants_has(g, ip(refused[i]), NOW, NULL))
            fail_msg("%s", refused[i]);
    for (size_t i = 0; i < sizeof(granted) / sizeof(*granted); i++)
        if (allow(g, granted[i], "joe", NOW) != AUTH_GRANTS_NEW)
            fail_msg("%s", granted[i]);
    auth_grants_free(&g);
}

static void test_listed(void **state)
{
    struct auth_grants_config with = config;
    struct ip_prefix listed[] = {{{IP_V4, {10}}, 8}, {{IP_V4, {192, 168, 1, 7}}, 32}};
    struct auth_grants *g;

    with.listed = listed;
    with.listed_n = 2;
    assert_int_equal(auth_grants_new(&with, &g), 0);
    memset(listed, 0, sizeof(listed)); /* a copy was made */
    assert_int_equal(allow(g, "10.1.2.3", "joe", NOW), AUTH_GRANTS_NEW);
    assert_int_equal(allow(g, "192.168.1.7", "joe", NOW), AUTH_GRANTS_NEW);
    assert_int_equal(allow(g, "192.168.1.8", "joe", NOW), AUTH_GRANTS_SPACE);
    assert_int_equal(allow(g, "192.0.2.1", "joe", NOW), AUTH_GRANTS_NEW);
    /* A reload that takes the list away takes its grants away. */
    assert_int_equal(auth_grants_change(g, &config), 0);
    assert_false(auth_grants_has(g, ip("10.1.2.3"), NOW, NULL));
    assert_true(auth_grants_has(g, ip("192.0.2.1"), NOW, NULL));
    auth_grants_free(&g);
}

static void test_shared(void **state)
{
    struct auth_grants *g;

    assert_int_equal(auth_grants_new(&config, &g), 0);
    assert_int_equal(allow(g, "192.0.2.1", "joe", NOW), AUTH_GRANTS_NEW);
    assert_int_equal(allow(g, "192.0.2.1", "JOE", NOW), AUTH_GRANTS_LONGER);
    assert_int_equal(allow(g, "192.0.2.1", "ann", NOW + 1), AUTH_GRANTS_LONGER);
    assert_int_equal(allow(g, "192.0.2.1", "bob", NOW + 2), AUTH_GRANTS_SHARED);
    assert_false(auth_grants_has(g, ip("192.0.2.1"), NOW + 2, NULL));
    assert_int_equal(allow(g, "192.0.2.1", "joe", NOW + 3), AUTH_GRANTS_SHARED);
    assert_int_equal(allow(g, "192.0.2.2", "bob", NOW + 3), AUTH_GRANTS_NEW);
    /* Bob and Ann are not seen there for a day. */
    assert_int_equal(allow(g, "192.0.2.1", "joe", NOW + SHARED), AUTH_GRANTS_SHARED);
    assert_int_equal(allow(g, "192.0.2.1", "joe", NOW + SHARED + 1), AUTH_GRANTS_NEW);
    auth_grants_free(&g);
}

/* More users than are remembered, at the highest limit. */
static void test_most_users(void **state)
{
    struct auth_grants_config most = config;
    struct auth_grants *g;
    char user[8];

    most.users_max = 1000; /* cut to AUTH_GRANT_USERS_MAX */
    assert_int_equal(auth_grants_new(&most, &g), 0);
    for (unsigned i = 1; i <= 100; i++) {
        snprintf(user, sizeof(user), "u%u", i);
        assert_int_equal(allow(g, "192.0.2.1", user, NOW + i) == AUTH_GRANTS_SHARED,
                         i > AUTH_GRANT_USERS_MAX);
    }
    auth_grants_free(&g);
}

static void count(void *cookie, const struct auth_grant *grant)
{
    ++*(unsigned *)cookie;
}

struct handed {
    struct auth_grants *to;
    unsigned count;
};

static void hand_on(void *cookie, struct ip at, int64_t seen)
{
    struct handed *h = cookie;

    auth_grants_share(h->to, at, seen);
    h->count++;
}

/* What one table has learned of shared addresses holds in another, and for as long. */
static void test_shared_handed_on(void **state)
{
    struct auth_grants *g, *other;
    struct handed h = {0};

    assert_int_equal(auth_grants_new(&config, &g), 0);
    assert_int_equal(auth_grants_new(&config, &other), 0);
    h.to = other;
    assert_int_equal(allow(g, "192.0.2.1", "joe", NOW), AUTH_GRANTS_NEW);
    assert_int_equal(allow(g, "192.0.2.1", "ann", NOW + 5), AUTH_GRANTS_LONGER);
    auth_grants_each_shared(g, NOW + 5, hand_on, &h);
    assert_int_equal(h.count, 0);
    assert_int_equal(allow(g, "192.0.2.1", "bob", NOW + 9), AUTH_GRANTS_SHARED);
    assert_int_equal(allow(g, "192.0.2.2", "bob", NOW + 9), AUTH_GRANTS_NEW);
    assert_int_equal(allow(other, "192.0.2.1", "joe", NOW + 9), AUTH_GRANTS_NEW);
    auth_grants_each_shared(g, NOW + 9, hand_on, &h);
    assert_int_equal(h.count, 1);
    assert_false(auth_grants_has(other, ip("192.0.2.1"), NOW + 9, NULL));
    assert_int_equal(allow(other, "192.0.2.1", "joe", NOW + 9), AUTH_GRANTS_SHARED);
    assert_int_equal(allow(other, "192.0.2.2", "joe", NOW + 9), AUTH_GRANTS_NEW);
    assert_int_equal(allow(other, "192.0.2.1", "joe", NOW + SHARED - 1), AUTH_GRANTS_SHARED);
    assert_int_equal(allow(other, "192.0.2.1", "joe", NOW + SHARED), AUTH_GRANTS_NEW);
    /* An address that gets no grants needs no row. */
    auth_grants_share(other, ip("10.0.0.1"), NOW);
    auth_grants_share(other, (struct ip){0}, NOW);
    auth_grants_free(&g);
    auth_grants_free(&other);
}

static void test_full(void **state)
{
    struct auth_grants *g;
    unsigned n = 0;
    char at[20];

    assert_int_equal(auth_grants_new(&config, &g), 0);
    for (unsigned i = 1; i <= 9; i++) {
        snprintf(at, sizeof(at), "192.0.2.%u", i);
        assert_int_equal(allow(g, at, "joe", NOW), AUTH_GRANTS_NEW);
    }
    assert_false(auth_grants_has(g, ip("192.0.2.1"), NOW, NULL));
    assert_true(auth_grants_has(g, ip("192.0.2.2"), NOW, NULL));
    assert_int_equal(auth_grants_count(g, NOW), 8);
    auth_grants_each(g, NOW, count, &n);
    assert_int_equal(n, 8);
    auth_grants_free(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),   cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_space),  cmocka_unit_test(test_listed),
        cmocka_unit_test(test_shared), cmocka_unit_test(test_most_users),
        cmocka_unit_test(test_full),   cmocka_unit_test(test_shared_handed_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
