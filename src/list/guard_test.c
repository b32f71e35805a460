/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "list/guard.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

/* In brackets, for "guard.h" is our own header here. */
#include <cmocka.h>
#include <guard.h>

static struct ip ip(const char *text)
{
    struct ip got;

    assert_true(ip_parse(span_str(text), &got));
    return got;
}

static void add(struct list_guard *g, enum list_guard_kind kind, const char *net, int64_t until)
{
    struct ip_prefix prefix;

    assert_true(ip_prefix_parse(span_str(net), &prefix));
    assert_int_equal(list_guard_add(g, kind, prefix, until), 0);
}

static const struct {
    const char *ip;
    int64_t now;
    enum list_guard_answer answer;
} cases[] = {
    {"192.0.2.1", 10, LIST_GUARD_PASS},
    {"198.51.100.7", 10, LIST_GUARD_OWN},
    {"198.51.100.8", 10, LIST_GUARD_PASS},
    {"203.0.113.9", 10, LIST_GUARD_EXEMPT},
    {"203.0.113.200", 10, LIST_GUARD_EXEMPT},
    {"203.0.113.200", 99, LIST_GUARD_EXEMPT},
    {"203.0.113.200", 100, LIST_GUARD_PERSON},
    {"127.0.0.1", 10, LIST_GUARD_SPACE},
    {"10.1.2.3", 10, LIST_GUARD_SPACE},
    {"10.9.0.1", 10, LIST_GUARD_PASS},
    {"::1", 10, LIST_GUARD_SPACE},
    {"fe80::1", 10, LIST_GUARD_SPACE},
    {"224.0.0.1", 10, LIST_GUARD_SPACE},
    {"0.0.0.0", 10, LIST_GUARD_SPACE},
    {"240.0.0.1", 10, LIST_GUARD_SPACE},
    {"2001:db8::5", 10, LIST_GUARD_PERSON},
    {"2001:db8:1::5", 10, LIST_GUARD_PASS},
};

static void the_strictest_counts(void **state)
{
    struct list_guard g;
    struct ip_prefix net;

    list_guard_init(&g);
    add(&g, LIST_GUARD_OF_OWN, "198.51.100.7/32", 0);
    add(&g, LIST_GUARD_OF_EXEMPT, "203.0.113.9/32", 0);
    add(&g, LIST_GUARD_OF_EXEMPT, "203.0.113.128/25", 100);
    add(&g, LIST_GUARD_OF_GOOD, "203.0.113.0/24", 0);
    add(&g, LIST_GUARD_OF_GOOD, "2001:db8::/48", 0);
    add(&g, LIST_GUARD_OF_LAB, "10.9.0.0/16", 0);
    list_guard_seal(&g);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum list_guard_answer a = list_guard_ask(&g, ip(cases[i].ip), cases[i].now, &net);

        if (a != cases[i].answer)
            fail_msg("%s %s", cases[i].ip, list_guard_why(a));
    }
    assert_int_equal(list_guard_ask(&g, ip("203.0.113.200"), 10, &net), LIST_GUARD_EXEMPT);
    assert_int_equal(net.len, 25);
    list_guard_deinit(&g);
    list_guard_deinit(&g);
}

static const struct {
    const char *name, *text;
    int rc;
    unsigned line;
    const char *in;
} files[] = {
    {"nothing", "", 0, 1, NULL},
    {"plain", "192.0.2.7\n", 0, 1, "192.0.2.7"},
    {"rbldnsd", "$SOA 1 a. b. 0 1 1 1 1\n:127.0.0.2:x\n# c\n192.0.2.0/24 :3:text\n!192.0.2.9\n", 0,
     5, "192.0.2.7"},
    {"a cidr table", "192.0.2.0/28 permit\n", 0, 1, "192.0.2.7"},
    {"CSV", "\"192.0.2.7\",\"x\"\n192.0.2.8,y\n", 0, 2, "192.0.2.8"},
    {"host bits are read as their network", "192.0.2.99/24", 0, 1, "192.0.2.7"},
    {"IPv6 and CRLF", "2001:db8::/32 x\r\n\r\n", 0, 2, "2001:db8::7"},
    {"a name", "192.0.2.1\nmail.example.org\n", -EINVAL, 2, NULL},
    {"length too long", "192.0.2.1/33\n", -EINVAL, 1, NULL},
    {"no length", "192.0.2.1/\n", -EINVAL, 1, NULL},
};

static void files_are_read(void **state)
{
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct guard page = {0};
        struct list_guard g;
        struct ip_prefix net;
        unsigned line;

        list_guard_init(&g);
        if (list_guard_read(&g, LIST_GUARD_OF_EXEMPT, guard_span(&page, span_str(files[i].text)),
                            &line) != files[i].rc ||
            (files[i].rc && line != files[i].line))
            fail_msg("%s: line %u", files[i].name, line);
        list_guard_seal(&g);
        if (files[i].in)
            assert_int_equal(list_guard_ask(&g, ip(files[i].in), 0, &net), LIST_GUARD_EXEMPT);
        list_guard_deinit(&g);
        guard_free(&page);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_strictest_counts),
        cmocka_unit_test(files_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
