/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/trap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct ip ip_of(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

static void test_life(void **state)
{
    struct trap_list t = {0};

    assert_null(trap_find(&t, ip_of("192.0.2.1"), 0));
    assert_int_equal(trap_add(&t, ip_of("192.0.2.1"), 100, SPAN_LIT("spamtrap"), 0), TRAP_ADDED);
    assert_true(t.changed);
    assert_string_equal(trap_find(&t, ip_of("192.0.2.1"), 99)->reason, "spamtrap");
    assert_null(trap_find(&t, ip_of("192.0.2.1"), 100));
    assert_null(trap_find(&t, ip_of("192.0.2.2"), 0));
    /* Put off, never brought forward. */
    assert_int_equal(trap_add(&t, ip_of("192.0.2.1"), 50, SPAN_LIT("x"), 0), TRAP_KNOWN);
    assert_non_null(trap_find(&t, ip_of("192.0.2.1"), 99));
    assert_int_equal(trap_add(&t, ip_of("192.0.2.1"), 200, SPAN_LIT("x"), 0), TRAP_KNOWN);
    assert_non_null(trap_find(&t, ip_of("192.0.2.1"), 199));
    /* Of IPv6 the /64. */
    assert_int_equal(trap_add(&t, ip_of("2001:db8::1"), 100, SPAN_LIT("x"), 0), TRAP_ADDED);
    assert_non_null(trap_find(&t, ip_of("2001:db8::ffff"), 0));
    assert_null(trap_find(&t, ip_of("2001:db8:0:1::1"), 0));
    assert_int_equal(trap_expire(&t, 100), 1);
    assert_int_equal(t.count, 1);
    assert_true(trap_remove(&t, ip_of("192.0.2.1")));
    assert_false(trap_remove(&t, ip_of("192.0.2.1")));
    trap_deinit(&t);
    trap_deinit(&t);
}

static void test_unfit(void **state)
{
    static const char *const ips[] = {
        "127.0.0.1", "10.0.0.1", "192.168.0.1", "172.16.0.1", "100.64.0.1", "169.254.0.1",
        "::1",       "fe80::1",  "fd00::1",     "224.0.0.1",  "0.0.0.0",    "255.255.255.255"};
    struct trap_list t = {0};

    for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++)
        assert_int_equal(trap_add(&t, ip_of(ips[i]), 100, SPAN_LIT("x"), 0), TRAP_UNFIT);
    assert_int_equal(trap_add(&t, ip_of("192.0.2.1"), 100, SPAN_LIT("x"), 100), TRAP_UNFIT);
    assert_int_equal(t.count, 0);
    assert_false(t.changed);
}

static void test_reason(void **state)
{
    struct trap_list t = {0};
    char longest[TRAP_REASON_MAX + 2];

    memset(longest, 'a', sizeof(longest));
    trap_add(&t, ip_of("192.0.2.1"), 100, SPAN_LIT("a b\n192.0.2.9 :x"), 0);
    assert_string_equal(trap_find(&t, ip_of("192.0.2.1"), 0)->reason, "a-b-192-0-2-9--x");
    trap_add(&t, ip_of("192.0.2.2"), 100, span_of(longest, sizeof(longest)), 0);
    assert_int_equal(strlen(trap_find(&t, ip_of("192.0.2.2"), 0)->reason), TRAP_REASON_MAX);
    trap_deinit(&t);
}

static void test_bound(void **state)
{
    struct trap_list t = {0};
    char text[64];

    for (unsigned i = 0; i < TRAP_ENTRIES_MAX; i++) {
        snprintf(text, sizeof(text), "11.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
        /* The one that ends first is in the midst. */
        assert_int_equal(trap_add(&t, ip_of(text), i == 777 ? 500 : 1000 + i, SPAN_LIT("x"), 0),
                         TRAP_ADDED);
    }
    assert_int_equal(t.count, TRAP_ENTRIES_MAX);
    assert_int_equal(trap_add(&t, ip_of("192.0.2.1"), 900, SPAN_LIT("x"), 0), TRAP_ADDED);
    assert_int_equal(t.count, TRAP_ENTRIES_MAX);
    assert_null(trap_find(&t, ip_of("11.0.3.9"), 0)); /* 777 */
    assert_non_null(trap_find(&t, ip_of("192.0.2.1"), 0));
    /* What has ended goes first. */
    assert_int_equal(trap_add(&t, ip_of("192.0.2.2"), 9000, SPAN_LIT("x"), 2000), TRAP_ADDED);
    assert_true(t.count < TRAP_ENTRIES_MAX);
    for (size_t i = 1; i < t.count; i++)
        assert_true(ip_cmp(t.entries[i - 1].ip, t.entries[i].ip) < 0);
    trap_deinit(&t);
}

static void test_file(void **state)
{
    struct trap_list t = {0}, back = {0};
    struct buf v4 = BUF_INIT(10000), v6 = BUF_INIT(10000);
    size_t bad;

    trap_add(&t, ip_of("192.0.2.1"), 100, SPAN_LIT("spamtrap"), 0);
    trap_add(&t, ip_of("192.0.2.2"), 200, SPAN_LIT("relay-attempt"), 0);
    trap_add(&t, ip_of("192.0.2.3"), 10, SPAN_LIT("ended"), 0);
    trap_add(&t, ip_of("2001:db8::1"), 300, SPAN_LIT("spamtrap"), 0);
    trap_write(&t, IP_V4, 10, &v4);
    assert_string_equal(buf_str(&v4),
                        "# Clients on the gate's timed list; written anew at each change.\n"
                        ":127.0.0.2:trapped\n"
                        "#until 100\n192.0.2.1 :127.0.0.2:spamtrap\n"
                        "#until 200\n192.0.2.2 :127.0.0.2:relay-attempt\n");
    trap_write(&t, IP_V6, 10, &v6);
    assert_non_null(strstr(buf_str(&v6), "#until 300\n2001:db8::/64 :127.0.0.2:spamtrap\n"));
    assert_int_equal(trap_read(&back, buf_span(&v4), 0, 10, &bad), 0);
    assert_int_equal(bad, 0);
    assert_int_equal(trap_read(&back, buf_span(&v6), 0, 10, &bad), 0);
    assert_int_equal(bad, 0);
    assert_int_equal(back.count, 3);
    assert_string_equal(trap_find(&back, ip_of("192.0.2.2"), 199)->reason, "relay-attempt");
    assert_null(trap_find(&back, ip_of("192.0.2.2"), 200));
    assert_non_null(trap_find(&back, ip_of("2001:db8::5"), 299));
    trap_deinit(&t);
    trap_deinit(&back);
    buf_deinit(&v4);
    buf_deinit(&v6);
}

/* The longest file, in the worst order, costs no time; what is too much of it is passed over. */
static void test_long_file(void **state)
{
    struct trap_list t = {0};
    struct buf text = BUF_INIT(TRAP_FILE_MAX);
    size_t bad;

    for (unsigned i = TRAP_ENTRIES_MAX + 5; i-- > 0;)
        buf_addf(&text, "198.%u.%u.%u\n", 18 + (i >> 16), (i >> 8) & 255, i & 255);
    assert_int_equal(trap_read(&t, buf_span(&text), 1000, 10, &bad), 0);
    assert_int_equal(bad, 5);
    assert_int_equal(t.count, TRAP_ENTRIES_MAX);
    for (size_t i = 1; i < t.count; i++)
        assert_true(ip_cmp(t.entries[i - 1].ip, t.entries[i].ip) < 0);
    trap_deinit(&t);
    buf_deinit(&text);
}

static void test_bad_files(void **state)
{
    static const struct {
        const char *name, *text;
        size_t entries, bad;
    } cases[] = {
        {"empty", "", 0, 0},
        {"comments", "# a\n\n$SOA x\n:127.0.0.2:x\n", 0, 0},
        {"no time, no value", "192.0.2.1\n", 1, 0},
        {"no line end", "192.0.2.1 :127.0.0.2:x", 1, 0},
        {"CRLF", "192.0.2.1 :127.0.0.2:x\r\n", 1, 0},
        {"names", "example.org\n192.0.2.1\n", 1, 1},
        {"a whole network", "192.0.2.0/24\n", 0, 1},
        {"everything", "0.0.0.0/0\n2000::/3\n", 0, 2},
        {"a /48", "2001:db8::/48\n", 0, 1},
        {"a /128", "2001:db8::1/128\n", 1, 0},
        {"private", "10.0.0.1\n127.0.0.2\n", 0, 2},
        {"ended", "#until 5\n192.0.2.1\n", 0, 0},
        {"a bad time", "#until x\n192.0.2.1\n", 1, 1},
        {"NUL and bytes", "192.0.2.1\xff\n", 0, 1},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct trap_list t = {0};
        size_t bad;

        assert_int_equal(trap_read(&t, span_str(cases[i].text), 1000, 10, &bad), 0);
        if (t.count != cases[i].entries || bad != cases[i].bad)
            fail_msg("%s: %zu entries, %zu bad", cases[i].name, t.count, bad);
        trap_deinit(&t);
    }
}

static void test_rcpts(void **state)
{
    static const char *const bad[] = {"", "@", "user", "user@", "a b@c", "a\nb@c.example"};
    struct trap_rcpts r = {0};
    char longest[400];

    assert_int_equal(trap_rcpts_add(&r, SPAN_LIT("Trap@Example.ORG")), 0);
    assert_int_equal(trap_rcpts_add(&r, SPAN_LIT("@old.example")), 0);
    assert_int_equal(trap_rcpts_add(&r, SPAN_LIT("trap@example.org")), 0);
    assert_int_equal(r.count, 2);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(trap_rcpts_add(&r, span_str(bad[i])), TRAP_RCPT_BAD);
    assert_true(trap_rcpts_has(&r, SPAN_LIT("trap@example.org")));
    assert_true(trap_rcpts_has(&r, SPAN_LIT("TRAP@EXAMPLE.org")));
    assert_true(trap_rcpts_has(&r, SPAN_LIT("anyone@old.example")));
    assert_true(trap_rcpts_has(&r, SPAN_LIT("\"a@b\"@old.example")));
    assert_false(trap_rcpts_has(&r, SPAN_LIT("trap@example.com")));
    assert_false(trap_rcpts_has(&r, SPAN_LIT("rap@example.org")));
    assert_false(trap_rcpts_has(&r, SPAN_LIT("x@sub.old.example")));
    assert_false(trap_rcpts_has(&r, SPAN_LIT("postmaster")));
    assert_false(trap_rcpts_has(&r, SPAN_NULL));
    memset(longest, 'a', sizeof(longest));
    assert_false(trap_rcpts_has(&r, span_of(longest, sizeof(longest))));
    trap_rcpts_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),   cmocka_unit_test(test_unfit),
        cmocka_unit_test(test_reason), cmocka_unit_test(test_bound),
        cmocka_unit_test(test_file),   cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_rcpts),  cmocka_unit_test(test_long_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
