/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "list/compare.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void make(struct compare_list *l, const char *words)
{
    struct span rest = span_str(words), word;
    struct ip_prefix net;

    compare_list_init(l);
    while (span_word(&rest, &word)) {
        if (ip_prefix_parse(word, &net))
            assert_int_equal(compare_list_add(l, net), 0);
        else if (!compare_list_add_name(l, word))
            fail_msg("%.*s was not taken", SPAN_ARG(word));
    }
    assert_int_equal(compare_list_settle(l), 0);
}

static void counts(void **state)
{
    static const struct {
        const char *name, *a, *b;
        uint64_t only_a, only_b, both;                    /* IPv4 addresses */
        uint64_t names_a, names_b, names_both, entries_a; /* names */
    } cases[] = {
        {"a range is what it holds", "192.0.2.0/24 198.51.100.1", "192.0.2.7 203.0.113.0/30", 256,
         4, 1, 0, 0, 0, 2},
        {"names", "mail.example.org a.example", "MAIL.example.org. b.example", 0, 0, 0, 1, 1, 1, 2},
        {"twins", "a.example A.EXAMPLE", "", 0, 0, 0, 1, 0, 0, 2},
        {"a wildcard covers what is below", "a.b.example.org example.org", "*.example.org", 0, 0, 0,
         1, 1, 0, 2},
        {"a dot covers itself too", "a.b.example.org example.org", ".example.org", 0, 0, 0, 0, 1, 1,
         2},
        {"a wildcard in a wildcard", "*.b.example.org", "*.example.org", 0, 0, 0, 0, 1, 0, 1},
        {"not by letters alone", "badexample.org", ".example.org", 0, 0, 0, 1, 2, 0, 1},
        {"both kinds", "192.0.2.1 x.example", "192.0.2.1 x.example", 0, 0, 1, 0, 0, 1, 2},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct compare_list a, b;
        struct compare c;

        make(&a, cases[i].a);
        make(&b, cases[i].b);
        assert_int_equal(compare_lists(&a, &b, &c), 0);
        if (ranges_size(&c.addresses[COMPARE_ONLY_A].v4) != cases[i].only_a ||
            ranges_size(&c.addresses[COMPARE_ONLY_B].v4) != cases[i].only_b ||
            ranges_size(&c.addresses[COMPARE_BOTH].v4) != cases[i].both)
            fail_msg("%s: addresses", cases[i].name);
        if (c.names[COMPARE_ONLY_A] != cases[i].names_a ||
            c.names[COMPARE_ONLY_B] != cases[i].names_b ||
            c.names[COMPARE_BOTH] != cases[i].names_both || a.entries != cases[i].entries_a)
            fail_msg("%s: names %u %u %u", cases[i].name, (unsigned)c.names[0],
                     (unsigned)c.names[1], (unsigned)c.names[2]);
        compare_deinit(&c);
        compare_deinit(&c);
        compare_list_deinit(&a);
        compare_list_deinit(&b);
    }
}

static void bad_names(void **state)
{
    static const char *const bad[] = {
        "",
        ".",
        "..",
        "*.",
        "a..b",
        "a.b..",
        "a b.example",
        "a/b.example",
        "*.*.example",
        "x*.example",
        "0123456789012345678901234567890123456789012345678901234567890123.example"};
    struct compare_list l;
    char name[256];

    compare_list_init(&l);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (compare_list_add_name(&l, span_str(bad[i])))
            fail_msg("%s was taken", bad[i]);
    memset(name, 'a', sizeof(name));
    for (size_t i = 1; i < sizeof(name); i += 2)
        name[i] = '.';
    assert_true(compare_list_add_name(&l, span_of(name, COMPARE_NAME_MAX)));
    assert_false(compare_list_add_name(&l, span_of(name, COMPARE_NAME_MAX + 2)));
    assert_int_equal(l.entries, 1);
    compare_list_deinit(&l);
}

static int add_name(void *cookie, struct span name)
{
    buf_add(cookie, name);
    buf_add_char(cookie, ' ');
    return 0;
}

static int stop(void *cookie, struct span name)
{
    return 7;
}

static void names(void **state)
{
    struct compare_list a, b;
    struct buf out = BUF_INIT(1000);

    make(&a, "z.example .y.example *.x.example n.other");
    make(&b, ".example");
    assert_int_equal(compare_names_each(&a, &b, true, add_name, &out), 0);
    assert_string_equal(buf_str(&out), "*.x.example y.example *.y.example z.example ");
    buf_clear(&out);
    assert_int_equal(compare_names_each(&a, &b, false, add_name, &out), 0);
    assert_string_equal(buf_str(&out), "n.other ");
    assert_int_equal(compare_names_each(&a, &b, true, stop, NULL), 7);
    compare_list_deinit(&a);
    compare_list_deinit(&b);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts),
        cmocka_unit_test(bad_names),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
