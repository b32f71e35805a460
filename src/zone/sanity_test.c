/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/sanity.h"

#include "zonelab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static enum zone_insane look(const struct lab_row *rows, size_t n, const struct zone_limits *limits)
{
    struct lab_image im;
    struct zone_finding found;
    enum zone_insane what;

    lab_image_new(&im, rows, n);
    what = zone_sanity(&im.image, NULL, limits, 1800000000, &found);
    print_message("#   %s%s%s\n", zone_insane_name(what), what ? ": " : "", found.why);
    assert_int_equal(what, found.what);
    assert_true((found.why[0] == '\0') == (what == ZONE_SANE));
    lab_image_free(&im);
    return what;
}

static void one_row(void **state)
{
    static const struct {
        const char *name;
        struct lab_row row;
        enum zone_insane want, bogons; /* `bogons`: with reserved space allowed */
    } cases[] = {
        {"an address", {'4', "192.0.2.1", LAB_CODE(2), "x", 0}, ZONE_SANE, ZONE_SANE},
        {"127.0.0.1",
         {'4', "127.0.0.1", LAB_CODE(2), "x", 0},
         ZONE_INSANE_LOCALHOST,
         ZONE_INSANE_LOCALHOST},
        {"all of 127/8",
         {'4', "127.0.0.0/8", LAB_CODE(2), "x", 0},
         ZONE_INSANE_LOCALHOST,
         ZONE_INSANE_LOCALHOST},
        {"127.0.0.2: a test entry", {'4', "127.0.0.2", LAB_CODE(2), "x", 0}, ZONE_SANE, ZONE_SANE},
        {"RFC 1918", {'4', "10.1.2.3", LAB_CODE(2), "x", 0}, ZONE_INSANE_RESERVED, ZONE_SANE},
        {"a range that reaches into it",
         {'4', "172.0.0.0/11", LAB_CODE(2), "x", 0},
         ZONE_INSANE_RESERVED,
         ZONE_INSANE_WIDE},
        {"link local",
         {'4', "169.254.0.0/16", LAB_CODE(2), "x", 0},
         ZONE_INSANE_RESERVED,
         ZONE_SANE},
        {"multicast", {'4', "224.0.0.5", LAB_CODE(2), "x", 0}, ZONE_INSANE_RESERVED, ZONE_SANE},
        {"the last address of all",
         {'4', "255.255.255.255", LAB_CODE(2), "x", 0},
         ZONE_INSANE_RESERVED,
         ZONE_SANE},
        {"the widest allowed", {'4', "8.8.0.0/16", LAB_CODE(2), "x", 0}, ZONE_SANE, ZONE_SANE},
        {"one wider", {'4', "8.8.0.0/15", LAB_CODE(2), "x", 0}, ZONE_INSANE_WIDE, ZONE_INSANE_WIDE},
        {"the world", {'4', "0.0.0.0/0", LAB_CODE(2), "x", 0}, ZONE_INSANE_ALL, ZONE_INSANE_ALL},
        {"a quarter of it",
         {'4', "128.0.0.0/2", LAB_CODE(2), "x", 0},
         ZONE_INSANE_ALL,
         ZONE_INSANE_ALL},
        {"an eighth", {'4', "32.0.0.0/3", LAB_CODE(2), "x", 0}, ZONE_INSANE_WIDE, ZONE_INSANE_WIDE},
        {"the world of IPv6",
         {'6', "2000::/3", LAB_CODE(2), "x", 0},
         ZONE_INSANE_ALL,
         ZONE_INSANE_ALL},
        {"more than that", {'6', "::/0", LAB_CODE(2), "x", 0}, ZONE_INSANE_ALL, ZONE_INSANE_ALL},
        {"half of it", {'6', "2000::/4", LAB_CODE(2), "x", 0}, ZONE_INSANE_WIDE, ZONE_INSANE_WIDE},
        {"the value of a dead list",
         {'4', "192.0.2.1", LAB_CODE(1), "x", 0},
         ZONE_INSANE_VALUE,
         ZONE_INSANE_VALUE},
        {"a value that is an address",
         {'4', "192.0.2.1", 0x08080808, "x", 0},
         ZONE_INSANE_VALUE,
         ZONE_INSANE_VALUE},
        {"no value, a text alone", {'4', "192.0.2.1", 0, "x", 0}, ZONE_SANE, ZONE_SANE},
        {"IPv6", {'6', "2001:db8::1", LAB_CODE(2), "x", 0}, ZONE_SANE, ZONE_SANE},
        {"::1", {'6', "::1", LAB_CODE(2), "x", 0}, ZONE_INSANE_LOCALHOST, ZONE_INSANE_LOCALHOST},
        {"fe80::1", {'6', "fe80::1", LAB_CODE(2), "x", 0}, ZONE_INSANE_RESERVED, ZONE_SANE},
        {"the widest allowed", {'6', "2001:db8::/32", LAB_CODE(2), "x", 0}, ZONE_SANE, ZONE_SANE},
        {"one wider", {'6', "2a00::/31", LAB_CODE(2), "x", 0}, ZONE_INSANE_WIDE, ZONE_INSANE_WIDE},
        {"a name", {'n', "example.com", LAB_CODE(2), "x", 0}, ZONE_SANE, ZONE_SANE},
        {"INVALID",
         {'n', "invalid", LAB_CODE(2), "x", 0},
         ZONE_INSANE_LOCALHOST,
         ZONE_INSANE_LOCALHOST},
        {"every name", {'w', "", LAB_CODE(2), "x", 0}, ZONE_INSANE_ALL, ZONE_INSANE_ALL},
        {"a name's value",
         {'n', "example.com", LAB_CODE(1), "x", 0},
         ZONE_INSANE_VALUE,
         ZONE_INSANE_VALUE},
    };
    struct zone_limits bogons = zone_limits_usual;

    bogons.reserved = true;
    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s\n", cases[i].name);
        assert_int_equal(look(&cases[i].row, 1, &zone_limits_usual), cases[i].want);
        assert_int_equal(look(&cases[i].row, 1, &bogons), cases[i].bogons);
    }
}

/* A wide prefix in many parts, with a hole, and too much in all. */
static void many_rows(void **state)
{
    static char keys[512][24];
    static struct lab_row rows[513];
    struct zone_limits limits = zone_limits_usual;

    for (unsigned i = 0; i < 512; i++) {
        snprintf(keys[i], sizeof(keys[i]), "8.%u.%u.0/24", 8 + i / 256, i % 256);
        rows[i] = (struct lab_row){'4', keys[i], LAB_CODE(2 + i % 2), "x", 0};
    }
    print_message("# a /15 in 512 parts of two values\n");
    assert_int_equal(look(rows, 512, &zone_limits_usual), ZONE_INSANE_WIDE);
    print_message("# one less\n");
    assert_int_equal(look(rows, 511, &zone_limits_usual), ZONE_SANE);
    print_message("# a hole in it\n");
    rows[512] = (struct lab_row){'4', "8.8.7.7", LAB_OUT, NULL, 0};
    assert_int_equal(look(rows, 513, &zone_limits_usual), ZONE_SANE);
    limits.most4_ppm = 34; /* 131,071 of 3.7 G are 35.4 millionths */
    print_message("# too much\n");
    assert_int_equal(look(rows, 513, &limits), ZONE_INSANE_MUCH);
    limits.most4_ppm = 35;
    assert_int_equal(look(rows, 513, &limits), ZONE_SANE);
    print_message("# nothing at all\n");
    assert_int_equal(look(NULL, 0, &zone_limits_usual), ZONE_INSANE_EMPTY);
    limits.empty = true;
    assert_int_equal(look(NULL, 0, &limits), ZONE_SANE);
}

/* Nothing lets everybody through: no limit, and not the operator's word. */
static void everybody(void **state)
{
    static const struct {
        const char *name;
        struct lab_row rows[4];
        bool all;
    } cases[] = {
        {"two halves",
         {{'4', "0.0.0.0/1", LAB_CODE(2), "x", 0}, {'4', "128.0.0.0/1", LAB_CODE(3), "y", 0}},
         true},
        {"all but one",
         {{'4', "0.0.0.0/0", LAB_CODE(2), "x", 0}, {'4', "192.0.2.1", LAB_OUT, NULL, 0}},
         true},
        {"all but 127/8",
         {{'4', "0.0.0.0/0", LAB_CODE(2), "x", 0}, {'4', "127.0.0.0/8", LAB_OUT, NULL, 0}},
         true},
        {"the halves of 2000::/3",
         {{'6', "2000::/4", LAB_CODE(2), "x", 0}, {'6', "3000::/4", LAB_CODE(3), "y", 0}},
         true},
        {"a wide one",
         {{'4', "8.0.0.0/6", LAB_CODE(2), "x", 0}, {'6', "2600::/8", LAB_CODE(2), "x", 0}},
         false},
        {"bogons",
         {{'4', "224.0.0.0/3", LAB_CODE(2), "x", 0},
          {'4', "0.0.0.0/8", LAB_CODE(2), "x", 0},
          {'6', "4000::/2", LAB_CODE(2), "x", 0},
          {'6', "8000::/1", LAB_CODE(2), "x", 0}},
         false},
    };
    struct zone_limits loose = {1, 1, 2000000, UINT32_MAX, UINT32_MAX, UINT32_MAX, 0, true, true};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct zone_finding found;
        struct lab_image im;
        size_t n = 0;

        print_message("# %s\n", cases[i].name);
        while (n < 4 && cases[i].rows[n].kind)
            n++;
        lab_image_new(&im, cases[i].rows, n);
        assert_int_equal(zone_sanity_all(&im.image, &found),
                         cases[i].all ? ZONE_INSANE_ALL : ZONE_SANE);
        lab_image_free(&im);
        assert_int_equal(look(cases[i].rows, n, &loose) == ZONE_SANE, !cases[i].all);
    }
}

/* n single addresses, apart from each other. */
static void sized(struct lab_image *im, uint32_t n, int64_t created, int64_t expires)
{
    const struct lab_row row = {.a = LAB_CODE(2), .text = "x"};
    struct zone_table *table;
    struct zone_data d;
    uint32_t value;

    zone_data_init(&d);
    value = lab_value(&d, &row);
    lab_need(zone_data_table(&d, ZONE_IPV4, ZONE_LONGEST, &table) == 0, "table");
    for (uint32_t i = 0; i < n; i++)
        lab_need(zone_table_add4(table, 0x08000000 + 2 * i, 0x08000000 + 2 * i, value, 0) == 0,
                 "add");
    d.meta.created_wall = created;
    d.meta.expires_wall = expires;
    lab_image_build(im, &d);
    zone_data_deinit(&d);
}

static void over_time(void **state)
{
    static const struct {
        const char *name;
        uint32_t before, now;
        int64_t created, expires;
        enum zone_insane want;
    } cases[] = {
        {"as it was", 10000, 10000, 0, 0, ZONE_SANE},
        {"half more", 10000, 15000, 0, 0, ZONE_SANE},
        {"one more than that", 10000, 15001, 0, 0, ZONE_INSANE_GREW},
        {"half less", 10000, 5000, 0, 0, ZONE_SANE},
        {"one less than that", 10000, 4999, 0, 0, ZONE_INSANE_SHRANK},
        {"small lists may double", 500, 1499, 0, 0, ZONE_SANE},
        {"and more not", 500, 1500, 0, 0, ZONE_INSANE_GREW},
        {"expires now", 10, 10, 0, 1800000000, ZONE_INSANE_EXPIRED},
        {"expires in a second", 10, 10, 0, 1800000001, ZONE_SANE},
        {"of a time a little ahead", 10, 10, 1800000300, 0, ZONE_SANE},
        {"further ahead", 10, 10, 1800000301, 0, ZONE_INSANE_FUTURE},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct lab_image before, now;
        struct zone_finding found;

        print_message("# %s\n", cases[i].name);
        sized(&before, cases[i].before, 0, 0);
        sized(&now, cases[i].now, cases[i].created, cases[i].expires);
        assert_int_equal(
            zone_sanity(&now.image, &before.image, &zone_limits_usual, 1800000000, &found),
            cases[i].want);
        print_message("#   %s\n", found.why);
        lab_image_free(&before);
        lab_image_free(&now);
    }
}

static void prefixes(void **state)
{
    static const struct {
        const char *net;
        enum zone_insane want;
    } cases[] = {
        {"192.0.2.1", ZONE_SANE},
        {"8.8.0.0/16", ZONE_SANE},
        {"8.8.0.0/15", ZONE_INSANE_WIDE},
        {"0.0.0.0/0", ZONE_INSANE_ALL},
        {"127.0.0.2", ZONE_INSANE_LOCALHOST},
        {"10.0.0.1", ZONE_INSANE_RESERVED},
        {"192.168.0.0/24", ZONE_INSANE_RESERVED},
        {"255.255.255.255", ZONE_INSANE_RESERVED},
        {"2001:db8::/32", ZONE_SANE},
        {"2001::/16", ZONE_INSANE_WIDE},
        {"::/0", ZONE_INSANE_ALL},
        {"fe80::/64", ZONE_INSANE_RESERVED},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct zone_finding found;
        struct ip_prefix net;

        lab_need(ip_prefix_parse(span_str(cases[i].net), &net), cases[i].net);
        print_message("# %s\n", cases[i].net);
        assert_int_equal(zone_sanity_prefix(net, &zone_limits_usual, &found), cases[i].want);
    }
}

/* The table of borders knows all that base/ip.h does: each /24's ends, alone and as a range. */
static void borders(void **state)
{
    for (uint32_t i = 0; i < 1u << 24; i += 1) {
        uint32_t first = i << 8;
        struct ip a = {IP_V4, {first >> 24, first >> 16 & 255, first >> 8 & 255, 0}};
        struct ip_prefix net = {a, 24};
        struct zone_finding found;
        bool fine = ip_public(a);

        if (i % 256 && i % 256 != 255 && (i >> 16 != 192 && i >> 16 != 198 && i >> 16 != 203))
            continue; /* the small registries' blocks are in these three */
        a.b[3] = 255;
        assert_true(ip_public(a) == fine); /* no border within a /24 */
        if (first >> 24 != 127)
            assert_int_equal(zone_sanity_prefix(net, &zone_limits_usual, &found) == ZONE_SANE,
                             fine);
        /* From the /24 before it into this one: bad if either is. */
        if (i % 2 && first >> 24 != 127) {
            struct ip before = {IP_V4, {first >> 24, first >> 16 & 255, (first >> 8 & 255) - 1, 0}};

            net = (struct ip_prefix){before, 23};
            assert_int_equal(zone_sanity_prefix(net, &zone_limits_usual, &found) == ZONE_SANE,
                             fine && ip_public(before));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_row),  cmocka_unit_test(many_rows), cmocka_unit_test(over_time),
        cmocka_unit_test(prefixes), cmocka_unit_test(borders),   cmocka_unit_test(everybody),
    };

    return cmocka_run_group_tests_name("zone/sanity", tests, NULL, NULL);
}
