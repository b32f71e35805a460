/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sink/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct ip address(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

static struct rate *table(unsigned at_once, unsigned per_minute)
{
    struct rate *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    r->at_once = at_once;
    r->per_minute = per_minute;
    return r;
}

static void connections_at_once(void **state)
{
    struct rate *r = table(2, 0);
    struct rate_client *a, *b, *c;

    assert_int_equal(rate_enter(r, address("192.0.2.1"), 0, &a), RATE_OK);
    assert_int_equal(rate_enter(r, address("192.0.2.1"), 0, &b), RATE_OK);
    assert_ptr_equal(a, b);
    assert_int_equal(rate_enter(r, address("192.0.2.1"), 0, &c), RATE_BUSY);
    assert_int_equal(rate_enter(r, address("192.0.2.2"), 0, &c), RATE_OK);
    rate_leave(r, a, 1);
    assert_int_equal(rate_enter(r, address("192.0.2.1"), 1, &b), RATE_OK);
    free(r);
}

static void a_64_is_one_client(void **state)
{
    struct rate *r = table(1, 0);
    struct rate_client *a, *b;

    assert_int_equal(rate_enter(r, address("2001:db8::1"), 0, &a), RATE_OK);
    assert_int_equal(rate_enter(r, address("2001:db8::2"), 0, &b), RATE_BUSY);
    assert_int_equal(rate_enter(r, address("2001:db8:0:1::1"), 0, &b), RATE_OK);
    free(r);
}

static void deeds_a_minute(void **state)
{
    struct rate *r = table(0, 10);
    struct rate_client *a;

    assert_int_equal(rate_enter(r, address("192.0.2.1"), 5000, &a), RATE_OK);
    for (unsigned i = 0; i < 9; i++)
        assert_int_equal(rate_deed(r, a, 5000), RATE_OK);
    assert_int_equal(rate_deed(r, a, 5000), RATE_FAST);
    assert_int_equal(rate_deed(r, a, 10999), RATE_FAST);
    assert_int_equal(rate_deed(r, a, 11000), RATE_OK);
    assert_int_equal(rate_deed(r, a, 11000), RATE_FAST);
    /* A rest pays for at most a minute. */
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(rate_deed(r, a, 10000000), RATE_OK);
    assert_int_equal(rate_deed(r, a, 10000000), RATE_FAST);
    free(r);
}

/* A full table forgets the one longest silent, and never one that is connected. */
static void full_table(void **state)
{
    struct rate *r = table(1, 1);
    struct rate_client *client, *kept;
    char text[IP_TEXT_MAX];

    assert_int_equal(rate_enter(r, address("192.0.2.1"), 0, &kept), RATE_OK);
    for (unsigned i = 0; i < RATE_CLIENTS - 1; i++) {
        snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
        assert_int_equal(rate_enter(r, address(text), i, &client), RATE_OK);
        rate_leave(r, client, i);
    }
    assert_int_equal(rate_enter(r, address("198.51.100.1"), 2000, &client), RATE_OK);
    assert_int_equal(rate_enter(r, address("192.0.2.1"), 2000, &client), RATE_BUSY);
    /* 10.0.0.0 was forgotten for it, and with it its debt; the next was not. */
    assert_int_equal(rate_enter(r, address("10.0.0.1"), 2000, &client), RATE_FAST);
    assert_int_equal(rate_enter(r, address("10.0.0.0"), 2000, &client), RATE_OK);
    free(r);
}

static void all_connected(void **state)
{
    struct rate *r = table(1, 0);
    struct rate_client *client;
    char text[IP_TEXT_MAX];

    for (unsigned i = 0; i < RATE_CLIENTS; i++) {
        snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
        assert_int_equal(rate_enter(r, address(text), 0, &client), RATE_OK);
    }
    assert_int_equal(rate_enter(r, address("192.0.2.1"), 0, &client), RATE_BUSY);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_at_once), cmocka_unit_test(a_64_is_one_client),
        cmocka_unit_test(deeds_a_minute),      cmocka_unit_test(full_table),
        cmocka_unit_test(all_connected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
