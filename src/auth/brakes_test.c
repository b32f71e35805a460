/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/brakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum { MINUTE = 60000, HOUR = 60 * MINUTE };

#define DAY (24 * INT64_C(3600000))
#define JOE SPAN_LIT("joe")

static const struct auth_brakes_config config = {
    .recipients_per_hour = 10,
    .prefixes_per_day = 3,
    .failures_max = 5,
    .failure_time = 10 * MINUTE,
    .delay_first = 1000,
    .delay_max = 8000,
    .rows = 64,
    .key = {7},
};

static struct ip ip(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

static void test_recipients(void **state)
{
    int64_t now = 7 * DAY + 123;
    struct auth_brakes *b;

    assert_int_equal(auth_brakes_new(&config, &b), 0);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(auth_brakes_recipient(b, JOE, now + i * MINUTE), AUTH_BRAKE_NONE);
    assert_int_equal(auth_brakes_recipient(b, JOE, now + 10 * MINUTE), AUTH_BRAKE_RECIPIENTS);
    assert_int_equal(auth_brakes_recipient(b, SPAN_LIT("JOE"), now + 10 * MINUTE),
                     AUTH_BRAKE_RECIPIENTS);
    assert_int_equal(auth_brakes_recipient(b, SPAN_LIT("ann"), now + 10 * MINUTE), AUTH_BRAKE_NONE);
    assert_int_equal(auth_brakes_recipient(b, JOE, now + 54 * MINUTE), AUTH_BRAKE_RECIPIENTS);
    /* The first ones are out of the hour again; what was refused was not counted. */
    assert_int_equal(auth_brakes_recipient(b, JOE, now + HOUR + 10 * MINUTE), AUTH_BRAKE_NONE);
    assert_int_equal(auth_brakes_recipient(b, JOE, now + 5 * DAY), AUTH_BRAKE_NONE);
    auth_brakes_heard(b, JOE, 9, now + 5 * DAY);
    assert_int_equal(auth_brakes_recipient(b, JOE, now + 5 * DAY), AUTH_BRAKE_RECIPIENTS);
    auth_brakes_heard(b, JOE, UINT32_MAX, now + 5 * DAY);
    assert_int_equal(auth_brakes_recipient(b, JOE, now + 5 * DAY), AUTH_BRAKE_RECIPIENTS);
    auth_brakes_free(&b);
    auth_brakes_free(&b);
}

/* In no hour, wherever it begins, are there more than the limit. */
static void test_any_hour(void **state)
{
    static int64_t taken[100000];
    struct auth_brakes *b;
    size_t count = 0, first = 0;

    assert_int_equal(auth_brakes_new(&config, &b), 0);
    for (int64_t now = DAY; now < 2 * DAY; now += 17000)
        if (auth_brakes_recipient(b, JOE, now) == AUTH_BRAKE_NONE) {
            taken[count++] = now;
            while (now - taken[first] >= HOUR)
                first++;
            assert_true(count - first <= 10);
        }
    assert_in_range(count, 215, 250); /* and not much fewer */
    auth_brakes_free(&b);
}

static void test_networks(void **state)
{
    struct auth_brakes *b;
    int64_t now = DAY;

    assert_int_equal(auth_brakes_new(&config, &b), 0);
    assert_int_equal(auth_brakes_login(b, JOE, ip("192.0.2.1"), now), AUTH_BRAKE_NONE);
    assert_int_equal(auth_brakes_login(b, JOE, ip("192.0.2.200"), now), AUTH_BRAKE_NONE);
    assert_int_equal(auth_brakes_login(b, JOE, ip("2001:db8:1::1"), now), AUTH_BRAKE_NONE);
    assert_int_equal(auth_brakes_login(b, JOE, ip("2001:db8:1:ffff::1"), now), AUTH_BRAKE_NONE);
    assert_int_equal(auth_brakes_login(b, JOE, ip("198.51.100.1"), now + HOUR), AUTH_BRAKE_NONE);
    assert_int_equal(auth_brakes_login(b, JOE, ip("203.0.113.1"), now + HOUR), AUTH_BRAKE_PREFIXES);
    assert_int_equal(auth_brakes_login(b, JOE, ip("198.51.100.9"), now + HOUR), AUTH_BRAKE_NONE);
    assert_int_equal(auth_brakes_login(b, SPAN_LIT("ann"), ip("203.0.113.1"), now),
                     AUTH_BRAKE_NONE);
    assert_int_equal(auth_brakes_login(b, JOE, ip("203.0.113.1"), now + DAY - 1),
                     AUTH_BRAKE_PREFIXES);
    assert_int_equal(auth_brakes_login(b, JOE, ip("203.0.113.1"), now + DAY), AUTH_BRAKE_NONE);
    auth_brakes_free(&b);
}

static void test_failures(void **state)
{
    struct ip bad = ip("192.0.2.1"), other = ip("192.0.2.2");
    static const int64_t delays[] = {1000, 2000, 4000, 8000, 8000};
    struct auth_brakes *b;
    int64_t now = DAY;

    assert_int_equal(auth_brakes_new(&config, &b), 0);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(auth_brakes_try(b, bad, now), AUTH_BRAKE_NONE);
        assert_int_equal(auth_brakes_failed(b, i % 2 ? JOE : SPAN_LIT(""), bad, now), delays[i]);
    }
    assert_int_equal(auth_brakes_try(b, bad, now), AUTH_BRAKE_FAILURES);
    assert_int_equal(auth_brakes_try(b, other, now), AUTH_BRAKE_NONE);
    /* The login has failed twice: its third failure is slower, from wherever it comes. */
    assert_int_equal(auth_brakes_failed(b, JOE, other, now), 4000);
    assert_int_equal(auth_brakes_login(b, JOE, other, now), AUTH_BRAKE_NONE);
    assert_int_equal(auth_brakes_try(b, bad, now + config.failure_time - 1), AUTH_BRAKE_FAILURES);
    assert_int_equal(auth_brakes_try(b, bad, now + config.failure_time), AUTH_BRAKE_NONE);
    assert_int_equal(auth_brakes_failed(b, SPAN_LIT(""), bad, now + config.failure_time), 1000);
    auth_brakes_free(&b);
}

/* An IPv6 client has 2^64 addresses to guess from. */
static void test_v6(void **state)
{
    struct auth_brakes *b;
    char text[40];

    assert_int_equal(auth_brakes_new(&config, &b), 0);
    for (unsigned i = 0; i < 5; i++) {
        snprintf(text, sizeof(text), "2001:db8::%x", i + 1);
        assert_int_equal(auth_brakes_try(b, ip(text), 1), AUTH_BRAKE_NONE);
        auth_brakes_failed(b, SPAN_LIT(""), ip(text), 1);
    }
    assert_int_equal(auth_brakes_try(b, ip("2001:db8::ffff"), 1), AUTH_BRAKE_FAILURES);
    assert_int_equal(auth_brakes_try(b, ip("2001:db8:0:1::1"), 1), AUTH_BRAKE_NONE);
    auth_brakes_free(&b);
}

static void test_off_and_change(void **state)
{
    struct auth_brakes_config off = {.rows = 1, .failure_time = MINUTE};
    struct auth_brakes *b;

    assert_int_equal(auth_brakes_new(&off, &b), 0);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(auth_brakes_recipient(b, JOE, 1), AUTH_BRAKE_NONE);
        assert_int_equal(auth_brakes_failed(b, JOE, ip("192.0.2.1"), 1), 0);
        assert_int_equal(auth_brakes_try(b, ip("192.0.2.1"), 1), AUTH_BRAKE_NONE);
    }
    /* One row: the newest login only. */
    auth_brakes_change(b, &config);
    for (unsigned i = 0; i < 10; i++)
        auth_brakes_recipient(b, JOE, 1);
    assert_int_equal(auth_brakes_recipient(b, JOE, 1), AUTH_BRAKE_RECIPIENTS);
    auth_brakes_recipient(b, SPAN_LIT("ann"), 1);
    assert_int_equal(auth_brakes_recipient(b, JOE, 1), AUTH_BRAKE_NONE);
    auth_brakes_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recipients), cmocka_unit_test(test_any_hour),
        cmocka_unit_test(test_networks),   cmocka_unit_test(test_failures),
        cmocka_unit_test(test_v6),         cmocka_unit_test(test_off_and_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
