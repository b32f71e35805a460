/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/blname.h"

#include "dns/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The name as the parser leaves it. */
static struct dns_query query_of(const char *text)
{
    struct dns_name name;
    struct dns_query q;
    uint8_t out[300];

    if (*text) {
        assert_true(dns_name_parse(span_str(text), &name));
    } else {
        assert_true(dns_name_parse(SPAN_LIT("."), &name));
    }
    assert_int_equal(
        dns_query_parse(&q, out, dns_query_write(out, sizeof(out), 1, &name, 1, false)),
        DNS_PARSE_OK);
    return q;
}

static void read4(void **state)
{
    static const struct {
        const char *name;
        enum dns_blname want;
        uint32_t address;
        unsigned len;
    } cases[] = {
        {"1.2.0.192", DNS_BLNAME_ADDRESS, 0xc0000201, 32},
        {"0.0.0.0", DNS_BLNAME_ADDRESS, 0, 32},
        {"255.255.255.255", DNS_BLNAME_ADDRESS, 0xffffffff, 32},
        {"2.0.192", DNS_BLNAME_PREFIX, 0xc0000200, 24},
        {"0.192", DNS_BLNAME_PREFIX, 0xc0000000, 16},
        {"192", DNS_BLNAME_PREFIX, 0xc0000000, 8},
        {"", DNS_BLNAME_PREFIX, 0, 0},
        {"5.1.2.0.192", DNS_BLNAME_LONG, 0xc0000201, 32},
        {"x.1.2.0.192", DNS_BLNAME_LONG, 0xc0000201, 32},
        {"256.2.0.192", DNS_BLNAME_BAD, 0xc0000200, 24},
        {"1.2.0.256", DNS_BLNAME_BAD, 0, 0},
        {"01.2.0.192", DNS_BLNAME_BAD, 0xc0000200, 24},
        {"1.2.00.192", DNS_BLNAME_BAD, 0xc0000000, 8},
        {"1.2.0.0192", DNS_BLNAME_BAD, 0, 0},
        {"1a.2.0.192", DNS_BLNAME_BAD, 0xc0000200, 24},
        {"-1.2.0.192", DNS_BLNAME_BAD, 0xc0000200, 24},
        {"1000.2.0.192", DNS_BLNAME_BAD, 0xc0000200, 24},
        {"test", DNS_BLNAME_BAD, 0, 0},
        {"1.2.0.192.test", DNS_BLNAME_BAD, 0, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_query q = query_of(cases[i].name);
        uint32_t address = 1;
        unsigned len = 99;

        print_message("# %s\n", cases[i].name);
        assert_int_equal(dns_blname_read4(q.name, q.label_at, q.labels, &address, &len),
                         cases[i].want);
        assert_int_equal(address, cases[i].address);
        assert_int_equal(len, cases[i].len);
    }
}

#define ZEROS20 "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."

static void read6(void **state)
{
    static const struct {
        const char *name;
        enum dns_blname want;
        uint64_t high, low;
        unsigned len;
    } cases[] = {
        {"1.0.0.0." ZEROS20 "8.b.d.0.1.0.0.2", DNS_BLNAME_ADDRESS, 0x20010db800000000, 1, 128},
        {"1.0.0.0." ZEROS20 "8.B.D.0.1.0.0.2", DNS_BLNAME_ADDRESS, 0x20010db800000000, 1, 128},
        {"f.e.d.c." ZEROS20 "8.b.d.0.1.0.0.2", DNS_BLNAME_ADDRESS, 0x20010db800000000, 0xcdef, 128},
        {"0.0.0." ZEROS20 "8.b.d.0.1.0.0.2", DNS_BLNAME_PREFIX, 0x20010db800000000, 0, 124},
        {"8.b.d.0.1.0.0.2", DNS_BLNAME_PREFIX, 0x20010db800000000, 0, 32},
        {"2", DNS_BLNAME_PREFIX, 0x2000000000000000, 0, 4},
        {"", DNS_BLNAME_PREFIX, 0, 0, 0},
        {"x.1.0.0.0." ZEROS20 "8.b.d.0.1.0.0.2", DNS_BLNAME_LONG, 0x20010db800000000, 1, 128},
        {"1.g.0.0." ZEROS20 "8.b.d.0.1.0.0.2", DNS_BLNAME_BAD, 0x20010db800000000, 0, 120},
        {"10.0.0.2", DNS_BLNAME_BAD, 0x2000000000000000, 0, 12},
        {"invalid", DNS_BLNAME_BAD, 0, 0, 0},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_query q = query_of(cases[i].name);
        uint64_t address[2] = {1, 1};
        unsigned len = 99;

        print_message("# %s\n", cases[i].name);
        assert_int_equal(dns_blname_read6(q.name, q.label_at, q.labels, address, &len),
                         cases[i].want);
        assert_true(address[0] == cases[i].high && address[1] == cases[i].low);
        assert_int_equal(len, cases[i].len);
    }
}

static void written(void **state)
{
    static const struct {
        const char *prefix, *want;
    } cases[] = {
        {"192.0.2.1", "1.2.0.192.bl.example"},
        {"192.0.2.0/24", "2.0.192.bl.example"},
        {"10.0.0.0/8", "10.bl.example"},
        {"10.128.0.0/9", "10.bl.example"},
        {"0.0.0.0/0", "bl.example"},
        {"255.100.99.0", "0.99.100.255.bl.example"},
        {"2001:db8::/32", "8.b.d.0.1.0.0.2.bl.example"},
        {"2001:db8::/30", "b.d.0.1.0.0.2.bl.example"},
        {"2001:db8::1", "1.0.0.0." ZEROS20 "8.b.d.0.1.0.0.2.bl.example"},
        {"::/0", "bl.example"},
    };
    struct dns_name zone, name;
    char text[DNS_NAME_TEXT_MAX];

    assert_true(dns_name_parse(SPAN_LIT("bl.example"), &zone));
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ip_prefix prefix;

        print_message("# %s\n", cases[i].prefix);
        assert_true(ip_prefix_parse(span_str(cases[i].prefix), &prefix));
        assert_true(dns_blname_of(&prefix, &zone, &name));
        assert_string_equal(dns_name_text(name.wire, text), cases[i].want);
    }
}

/* Every octet, written and read. */
static void octets_both_ways(void **state)
{
    for (unsigned v = 0; v < 256; v++) {
        struct ip_prefix prefix = {.ip = {IP_V4, {(uint8_t)v, 1, (uint8_t)(255 - v), 7}},
                                   .len = 32};
        struct dns_name name = {.n = 1}, root = {.n = 1};
        char text[DNS_NAME_TEXT_MAX];
        struct dns_query q;
        uint32_t address;
        unsigned len;

        assert_true(dns_blname_of(&prefix, &root, &name));
        q = query_of(dns_name_text(name.wire, text));
        assert_int_equal(dns_blname_read4(q.name, q.label_at, q.labels, &address, &len),
                         DNS_BLNAME_ADDRESS);
        assert_int_equal(address, v << 24 | 1 << 16 | (255 - v) << 8 | 7);
    }
}

static void too_long(void **state)
{
    struct ip_prefix prefix = {.ip = {IP_V6, {0x20, 1}}, .len = 128};
    struct dns_name zone = {.n = 192}, name;

    for (unsigned i = 0; i < 3; i++)
        zone.wire[64 * i] = i < 2 ? 63 : 62;
    zone.wire[191] = 0;
    assert_int_equal(dns_name_size(zone.wire, zone.n), 192);
    assert_false(dns_blname_of(&prefix, &zone, &name)); /* 64 + 192 */
    zone.wire[128] = 61;
    zone.wire[190] = 0;
    zone.n = 191;
    assert_true(dns_blname_of(&prefix, &zone, &name));
    assert_int_equal(name.n, 255);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read4),    cmocka_unit_test(read6),
        cmocka_unit_test(written),  cmocka_unit_test(octets_both_ways),
        cmocka_unit_test(too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
