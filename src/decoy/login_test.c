/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "decoy/login.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

static const uint8_t key[MAC_KEY] = {7};

static void tries(void **state)
{
    static const struct {
        const char *first, *lines[2];
        enum login_got want;
        const char *user;
        bool hash;
    } cases[] = {
        {"PLAIN AHRpbQB0YW5zdGFhZg==", {NULL}, LOGIN_TRIED, "tim", true},
        {"plain AHRpbQB0YW5zdGFhZg", {NULL}, LOGIN_TRIED, "tim", true},
        {"PLAIN", {"AHRpbQB0YW5zdGFhZg=="}, LOGIN_TRIED, "tim", true},
        {"LOGIN", {"dGlt", "dGFuc3RhYWY="}, LOGIN_TRIED, "tim", true},
        {"LOGIN dGlt", {"dGFuc3RhYWY="}, LOGIN_TRIED, "tim", true},
        {"LOGIN", {"", ""}, LOGIN_TRIED, "", true},
        {"CRAM-MD5",
         {"dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw"},
         LOGIN_TRIED,
         "tim",
         false},
        {"CRAM-MD5", {"dGlt"}, LOGIN_GARBLED, "", false},
        {"PLAIN dGlt", {NULL}, LOGIN_GARBLED, "", false},
        {"PLAIN !!!!", {NULL}, LOGIN_GARBLED, "", false},
        {"LOGIN", {"*?"}, LOGIN_GARBLED, "", false},
        {"NTLM TlRM", {NULL}, LOGIN_UNKNOWN, "", false},
        {"", {NULL}, LOGIN_UNKNOWN, "", false},
    };
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct login l;
        enum login_got got = login_first(&l, guard_str(&g, cases[i].first), key, 5, "mx.example");

        print_message("# %s\n", cases[i].first);
        for (unsigned k = 0; k < 2 && cases[i].lines[k]; k++) {
            assert_int_equal(got, LOGIN_MORE);
            got = login_line(&l, guard_str(&g, cases[i].lines[k]), key);
        }
        assert_int_equal(got, cases[i].want);
        assert_string_equal(l.user, cases[i].user);
        assert_int_equal(l.hash[0] != '\0', cases[i].hash);
        assert_null(strstr(l.hash, "tanstaaf"));
    }
    guard_free(&g);
}

static void challenges(void **state)
{
    struct login l;

    assert_int_equal(login_first(&l, SPAN_LIT("LOGIN"), key, 5, "mx.example"), LOGIN_MORE);
    assert_string_equal(l.challenge, "VXNlcm5hbWU6");
    assert_int_equal(login_line(&l, SPAN_LIT("dGlt"), key), LOGIN_MORE);
    assert_string_equal(l.challenge, "UGFzc3dvcmQ6");
    assert_int_equal(login_first(&l, SPAN_LIT("CRAM-MD5"), key, UINT64_MAX,
                                 "a-very-long-name-of-a-host.in.a-domain.example"),
                     LOGIN_MORE);
    assert_int_equal(strlen(l.challenge) % 4, 0);
    assert_true(strlen(l.challenge) > 40);
    /* Behind the end of a login no line belongs to it. */
    assert_int_equal(login_line(&l, SPAN_LIT("AA=="), key), LOGIN_GARBLED);
    assert_int_equal(login_line(&l, SPAN_LIT("AA=="), key), LOGIN_GARBLED);
}

static void hashes(void **state)
{
    const uint8_t other[MAC_KEY] = {8};
    char a[LOGIN_HASH], b[LOGIN_HASH];

    login_hash(key, SPAN_LIT("tim"), SPAN_LIT("secret"), a);
    login_hash(key, SPAN_LIT("tim"), SPAN_LIT("secret"), b);
    assert_int_equal(strlen(a), LOGIN_HASH - 1);
    assert_string_equal(a, b);
    login_hash(key, SPAN_LIT("tom"), SPAN_LIT("secret"), b);
    assert_string_not_equal(a, b);
    login_hash(key, SPAN_LIT("tims"), SPAN_LIT("ecret"), b);
    assert_string_not_equal(a, b);
    login_hash(other, SPAN_LIT("tim"), SPAN_LIT("secret"), b);
    assert_string_not_equal(a, b);
}

static void long_names(void **state)
{
    char line[1600];
    struct login l;

    memset(line, 'A', sizeof(line)); /* NULs */
    assert_int_equal(login_first(&l, SPAN_LIT("LOGIN"), key, 5, "mx"), LOGIN_MORE);
    assert_int_equal(login_line(&l, span_of(line, 1360), key), LOGIN_MORE);
    assert_int_equal(strlen(l.user), LOGIN_USER_MAX - 1);
    assert_int_equal(l.user[0], '?');
    /* 1024 octets are taken, one more is not. */
    assert_int_equal(login_line(&l, span_of(line, 1366), key), LOGIN_TRIED);
    assert_int_equal(login_first(&l, SPAN_LIT("PLAIN"), key, 5, "mx"), LOGIN_MORE);
    assert_int_equal(login_line(&l, span_of(line, 1368), key), LOGIN_GARBLED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tries),
        cmocka_unit_test(challenges),
        cmocka_unit_test(hashes),
        cmocka_unit_test(long_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
