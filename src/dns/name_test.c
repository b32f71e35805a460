/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/name.h"

#include "guard.h"
#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define TEN      "aaaaaaaaaa"
#define LABEL    TEN TEN TEN TEN TEN TEN "aaa" /* 63 */
#define NAME61   TEN TEN TEN TEN TEN TEN "a"
#define LONG     LABEL "." LABEL "." LABEL "." NAME61 /* 255 octets on the wire */

static struct dns_name name_of(const char *text)
{
    struct dns_name name;

    if (!dns_name_parse(span_str(text), &name))
        fail_msg("not a name: %s", text);
    return name;
}

static void text_both_ways(void **state)
{
    static const struct {
        const char *in, *want; /* NULL: refused */
    } cases[] = {
        {"example.org", "example.org"},
        {"example.org.", "example.org"},
        {"Bl.Example.ORG", "Bl.Example.ORG"},
        {".", "."},
        {"a", "a"},
        {"a\\.b.c", "a\\.b.c"},
        {"a\\046b.c", "a\\.b.c"},
        {"\\000\\255.x", "\\000\\255.x"},
        {"sp\\032ace", "sp\\032ace"},
        {"back\\\\slash", "back\\\\slash"},
        {"a\\.", "a\\."},
        {LABEL, LABEL},
        {LABEL "a", NULL},
        {LONG, LONG},
        {LONG ".", LONG},
        {LONG "a", NULL},
        {LONG ".a", NULL},
        {"", NULL},
        {"..", NULL},
        {".a", NULL},
        {"a..b", NULL},
        {"a..", NULL},
        {"a\\", NULL},
        {"a\\25", NULL},
        {"a\\256", NULL},
        {"a\\2x5", NULL},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[DNS_NAME_TEXT_MAX];
        struct dns_name name;

        print_message("# \"%s\"\n", cases[i].in);
        assert_int_equal(dns_name_parse(guard_str(&g, cases[i].in), &name), cases[i].want != NULL);
        if (!cases[i].want)
            continue;
        assert_string_equal(dns_name_text(name.wire, text), cases[i].want);
        assert_int_equal(dns_name_size(name.wire, name.n), name.n);
        assert_int_equal(dns_name_size(name.wire, name.n - 1), 0);
    }
    guard_free(&g);
}

static void longest_text(void **state)
{
    char text[DNS_NAME_TEXT_MAX];
    struct dns_name name = {.n = DNS_NAME_MAX};
    size_t at = 0;

    for (unsigned left = 254; left; left -= left > 64 ? 64 : left) {
        unsigned n = left > 64 ? 63 : left - 1;

        name.wire[at] = (uint8_t)n;
        memset(name.wire + at + 1, 0xff, n);
        at += n + 1;
    }
    name.wire[at] = 0;
    assert_int_equal(at, 254);
    assert_true(strlen(dns_name_text(name.wire, text)) < DNS_NAME_TEXT_MAX);
    assert_int_equal(strlen(text), 250 * 4 + 3);
}

static void sizes(void **state)
{
    static const struct {
        const char *what, *wire;
        size_t want;
    } cases[] = {
        {"root", "00", 1},
        {"one label", "026162 00", 4},
        {"something behind", "026162 00 ffff", 4},
        {"no root", "026162", 0},
        {"label runs over", "036162", 0},
        {"nothing", "", 0},
        {"pointer", "c00c", 0},
        {"a reserved kind", "4061 00", 0},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t wire[64];
        struct span s = guard_span(&g, span_of(wire, hex_read(cases[i].wire, wire, sizeof(wire))));

        print_message("# %s\n", cases[i].what);
        assert_int_equal(dns_name_size((const uint8_t *)s.p, s.n), cases[i].want);
    }
    guard_free(&g);
}

/* Each message begins with two octets that are no name. */
static void compression(void **state)
{
    static const struct {
        const char *what, *message;
        size_t at;
        const char *want;
        size_t end;
    } cases[] = {
        {"plain", "ffff 0161 00", 2, "a", 5},
        {"pointer", "ffff 0161 00 0162 c002", 5, "b.a", 9},
        {"pointer alone", "ffff 0161 00 c002", 5, "a", 7},
        {"two pointers", "ffff 0161 00 0162 c002 0163 c005", 9, "c.b.a", 13},
        {"to itself", "ffff c002", 2, NULL, 0},
        {"forward", "ffff c004 0161 00", 2, NULL, 0},
        {"to its own label", "ffff 0161 c002", 2, NULL, 0},
        {"into a loop", "ffff 0161 c006 0162 c002", 6, NULL, 0},
        {"cut in the pointer", "ffff 0161 00 c0", 5, NULL, 0},
        {"cut in a label", "ffff 0561", 2, NULL, 0},
        {"cut before the root", "ffff 0161", 2, NULL, 0},
        {"reserved kind", "ffff 8161 00", 2, NULL, 0},
        {"at the end", "ffff", 2, NULL, 0},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t wire[64];
        struct span s =
            guard_span(&g, span_of(wire, hex_read(cases[i].message, wire, sizeof(wire))));
        char text[DNS_NAME_TEXT_MAX];
        struct dns_name name;
        size_t at = cases[i].at;

        print_message("# %s\n", cases[i].what);
        assert_int_equal(dns_name_read((const uint8_t *)s.p, s.n, &at, &name),
                         cases[i].want != NULL);
        if (cases[i].want) {
            assert_string_equal(dns_name_text(name.wire, text), cases[i].want);
            assert_int_equal(at, cases[i].end);
        }
    }
    guard_free(&g);
}

/* Pointers that fall by two octets each: as many as labels are fine, one more is not. */
static void pointer_chain(void **state)
{
    uint8_t message[2 * DNS_LABELS_MAX + 16] = {0};
    struct dns_name name;
    size_t at = 2 * DNS_LABELS_MAX - 1, more = 2 * DNS_LABELS_MAX + 1;

    for (unsigned i = 0; i <= DNS_LABELS_MAX; i++)
        dns_wire_put16(message + 1 + 2 * i, (uint16_t)(0xc000 | (i ? 2 * i - 1 : 0)));
    assert_true(dns_name_read(message, sizeof(message), &at, &name));
    assert_int_equal(name.n, 1);
    assert_false(dns_name_read(message, sizeof(message), &more, &name));
}

static void too_long_by_compression(void **state)
{
    struct dns_name base = name_of(LONG), name;
    uint8_t message[300] = {0};
    size_t at = 255;

    memcpy(message, base.wire, base.n);
    dns_wire_put16(message + 255, 0xc000); /* as it is: 255 octets */
    assert_true(dns_name_read(message, 257, &at, &name));
    assert_true(dns_name_eq(&name, &base));
    memcpy(message + 257, "\1b\xc0\0", 4); /* a label more */
    at = 257;
    assert_false(dns_name_read(message, 261, &at, &name));
    memcpy(message + 257, "\1b\xc0\x40", 4); /* a label of 64 less, one of 2 more */
    at = 257;
    assert_true(dns_name_read(message, 261, &at, &name));
    assert_int_equal(name.n, 255 - 64 + 2);
}

/* The example of RFC 4034 §6.1, and what stands at its edges. */
static void order(void **state)
{
    static const char *const sorted[] = {
        ".",           "example",         "a.example", "yljkjljk.a.example",
        "Z.a.example", "zABC.a.EXAMPLE",  "z.example", "\\001.z.example",
        "*.z.example", "\\200.z.example",
    };

    for (size_t i = 0; i < COUNT(sorted); i++)
        for (size_t j = 0; j < COUNT(sorted); j++) {
            struct dns_name a = name_of(sorted[i]), b = name_of(sorted[j]);

            print_message("# %s and %s\n", sorted[i], sorted[j]);
            assert_int_equal(dns_name_cmp(&a, &b), i < j ? -1 : i > j);
            assert_int_equal(dns_name_eq(&a, &b), i == j);
        }
}

static void below(void **state)
{
    static const struct {
        const char *name, *zone;
        int want; /* labels more, -1 not below */
    } cases[] = {
        {"bl.example.org", "bl.example.org", 0},
        {"2.0.192.BL.example.org", "bl.Example.org", 3},
        {"bl.example.org", ".", 3},
        {".", ".", 0},
        {"example.org", "bl.example.org", -1},
        {"xbl.example.org", "bl.example.org", -1},
        {"bl.example.net", "bl.example.org", -1},
        {"\\002bl.example.org", "bl.example.org", -1},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_name name = name_of(cases[i].name), zone = name_of(cases[i].zone);
        unsigned labels = 99;

        print_message("# %s below %s\n", cases[i].name, cases[i].zone);
        assert_int_equal(dns_name_below(&name, &zone, &labels), cases[i].want >= 0);
        if (cases[i].want >= 0)
            assert_int_equal(labels, cases[i].want);
    }
}

static void changes(void **state)
{
    struct dns_name name = name_of("Example.ORG"), want = name_of("1.2.example.org"), lng;
    char text[DNS_NAME_TEXT_MAX];

    dns_name_lower(&name);
    assert_string_equal(dns_name_text(name.wire, text), "example.org");
    assert_int_equal(dns_name_labels(name.wire), 2);
    assert_true(dns_name_prepend(&name, (const uint8_t *)"\0011\0012", 4));
    assert_true(dns_name_eq(&name, &want));
    assert_int_equal(name.n, want.n);
    lng = name_of(LONG);
    assert_false(dns_name_prepend(&lng, (const uint8_t *)"\001x", 2));
    assert_true(dns_name_prepend(&lng, (const uint8_t *)"", 0));
    assert_true(dns_name_set(&name, want.wire, want.n));
    assert_false(dns_name_set(&name, want.wire, want.n - 1u));
    assert_false(dns_name_set(&name, (const uint8_t *)"\0\0", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_both_ways), cmocka_unit_test(longest_text),
        cmocka_unit_test(sizes),          cmocka_unit_test(compression),
        cmocka_unit_test(pointer_chain),  cmocka_unit_test(too_long_by_compression),
        cmocka_unit_test(order),          cmocka_unit_test(below),
        cmocka_unit_test(changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
