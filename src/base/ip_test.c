/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/ip.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct ip ip_of(const char *text)
{
    struct ip ip;

    if (!ip_parse(span_str(text), &ip))
        fail_msg("not an address: %s", text);
    return ip;
}

static struct ip_prefix net_of(const char *text)
{
    struct ip_prefix net;

    if (!ip_prefix_parse(span_str(text), &net))
        fail_msg("not a prefix: %s", text);
    return net;
}

static void parse_and_text(void **state)
{
    static const struct {
        const char *in, *want; /* NULL: refused */
        enum ip_family family;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", IP_V4},
        {"0.0.0.0", "0.0.0.0", IP_V4},
        {"255.255.255.255", "255.255.255.255", IP_V4},
        {"256.0.0.1", NULL, IP_NONE},
        {"1.2.3", NULL, IP_NONE},
        {"1.2.3.4.5", NULL, IP_NONE},
        {"01.2.3.4", NULL, IP_NONE},
        {"1.2.3.04", NULL, IP_NONE},
        {"0x1.2.3.4", NULL, IP_NONE},
        {"1.2.3.4 ", NULL, IP_NONE},
        {" 1.2.3.4", NULL, IP_NONE},
        {"16909060", NULL, IP_NONE},
        {"", NULL, IP_NONE},
        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", IP_V6},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", IP_V6},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1", IP_V6},
        {"::", "::", IP_V6},
        {"::1", "::1", IP_V6},
        {"::ffff:192.0.2.1", "192.0.2.1", IP_V4},
        {"::FFFF:c000:0201", "192.0.2.1", IP_V4},
        {"0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1", IP_V4},
        {"::fffe:192.0.2.1", "::fffe:c000:201", IP_V6},
        {"::ffff:0:192.0.2.1", "::ffff:0:c000:201", IP_V6},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         IP_V6},
        {"[::1]", NULL, IP_NONE},
        {"fe80::1%lo", NULL, IP_NONE},
        {"::1::", NULL, IP_NONE},
        {":::", NULL, IP_NONE},
        {"12345::", NULL, IP_NONE},
        {"1:2:3:4:5:6:7", NULL, IP_NONE},
        {"0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL, IP_NONE},
        {"mail.example.org", NULL, IP_NONE},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[IP_TEXT_MAX];
        struct ip ip;

        print_message("# \"%s\"\n", cases[i].in);
        assert_int_equal(ip_parse(guard_str(&g, cases[i].in), &ip), cases[i].want != NULL);
        if (cases[i].want) {
            assert_int_equal(ip.family, cases[i].family);
            assert_string_equal(ip_text(ip, text), cases[i].want);
            assert_true(ip_eq(ip, ip_of(text)));
        }
    }
    assert_false(ip_parse(span_of("1.2.3.4\0x", 9), &(struct ip){0}));
    guard_free(&g);
}

static void longest_text_fits(void **state)
{
    const char *longest = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255";
    char text[IP_TEXT_MAX];
    struct ip none = {0};

    assert_int_equal(strlen(longest) + 1, IP_TEXT_MAX);
    ip_of(longest);
    assert_string_equal(ip_text(none, text), "");
}

static void order(void **state)
{
    static const char *const rising[] = {"0.0.0.0", "1.2.3.4", "1.2.4.0",   "255.0.0.0",
                                         "::",      "::1",     "2001:db8::"};
    struct ip none = {0};

    for (size_t i = 0; i < COUNT(rising); i++) {
        for (size_t k = 0; k < COUNT(rising); k++) {
            int got = ip_cmp(ip_of(rising[i]), ip_of(rising[k]));

            assert_int_equal((got > 0) - (got < 0), (i > k) - (i < k));
        }
        assert_true(ip_cmp(none, ip_of(rising[i])) < 0);
    }
    assert_true(ip_eq(none, none));
}

static void prefix_text(void **state)
{
    static const struct {
        const char *in, *net; /* NULL: refused */
        unsigned len;
    } cases[] = {
        {"10.0.0.0/8", "10.0.0.0", 8},
        {"192.0.2.1", "192.0.2.1", 32},
        {"192.0.2.1/32", "192.0.2.1", 32},
        {"192.0.2.0/33", NULL, 0},
        {"0.0.0.0/0", "0.0.0.0", 0},
        {"::/0", "::", 0},
        {"2001:db8::/32", "2001:db8::", 32},
        {"2001:db8::1", "2001:db8::1", 128},
        {"2001:db8::/129", NULL, 0},
        {"10.0.0.1/8", NULL, 0},
        {"192.0.2.129/25", NULL, 0},
        {"192.0.2.128/25", "192.0.2.128", 25},
        {"2001:db8::1/127", NULL, 0},
        {"10.0.0.0/", NULL, 0},
        {"10.0.0.0/08", NULL, 0},
        {"10.0.0.0/+8", NULL, 0},
        {"10.0.0.0/8/8", NULL, 0},
        {"10.0.0.0/255.0.0.0", NULL, 0},
        {"/8", NULL, 0},
        {"::ffff:10.0.0.0/104", "10.0.0.0", 8},
        {"::ffff:10.0.0.1/128", "10.0.0.1", 32},
        {"::ffff:10.0.0.1", "10.0.0.1", 32},
        {"::ffff:0.0.0.0/96", "0.0.0.0", 0},
        {"::ffff:0.0.0.0/95", NULL, 0},
        {"::ffff:10.0.0.0/8", NULL, 0},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ip_prefix net = {.len = 999};

        print_message("# \"%s\"\n", cases[i].in);
        assert_int_equal(ip_prefix_parse(guard_str(&g, cases[i].in), &net), cases[i].net != NULL);
        assert_int_equal(net.len, cases[i].net ? cases[i].len : 999);
        if (cases[i].net)
            assert_true(ip_eq(net.ip, ip_of(cases[i].net)));
    }
    guard_free(&g);
}

static void prefix_has(void **state)
{
    static const struct {
        const char *net, *ip;
        bool has;
    } cases[] = {
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/9", "10.127.255.255", true},
        {"10.0.0.0/9", "10.128.0.0", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.0", false},
        {"0.0.0.0/0", "255.255.255.255", true},
        {"0.0.0.0/0", "::", false},
        {"::/0", "1.2.3.4", false},
        {"::/0", "ffff::", true},
        {"2001:db8::/33", "2001:db8:7fff::", true},
        {"2001:db8::/33", "2001:db8:8000::", false},
        {"2001:db8::/127", "2001:db8::1", true},
        {"2001:db8::/127", "2001:db8::2", false},
        {"10.0.0.0/8", "::ffff:10.1.1.1", true},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s %s\n", cases[i].net, cases[i].ip);
        assert_int_equal(ip_prefix_has(net_of(cases[i].net), ip_of(cases[i].ip)), cases[i].has);
    }
    assert_false(ip_prefix_has((struct ip_prefix){0}, (struct ip){0}));
    assert_false(ip_prefix_has((struct ip_prefix){0}, ip_of("0.0.0.0")));
}

/* Against the definition, one bit after the other. */
static void prefix_of_every_length(void **state)
{
    static const char *const full[] = {"255.255.255.255",
                                       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"};

    for (size_t i = 0; i < COUNT(full); i++) {
        struct ip ip = ip_of(full[i]);
        unsigned bits = ip.family == IP_V4 ? 32 : 128;

        for (unsigned len = 0; len <= bits + 1; len++) {
            struct ip_prefix net = ip_prefix_of(ip, len);

            assert_int_equal(net.len, len > bits ? bits : len);
            for (unsigned bit = 0; bit < bits; bit++)
                assert_int_equal(net.ip.b[bit / 8] >> (7 - bit % 8) & 1, bit < len);
            assert_true(ip_prefix_has(net, ip));
        }
    }
}

/* Edges of every block: its first and last address, and their neighbours outside. */
static void space(void **state)
{
    static const struct {
        const char *ip;
        enum ip_space want;
    } cases[] = {
        {"8.8.8.8", IP_PUBLIC},
        {"0.0.0.0", IP_RESERVED},
        {"0.255.255.255", IP_RESERVED},
        {"1.0.0.0", IP_PUBLIC},
        {"9.255.255.255", IP_PUBLIC},
        {"10.0.0.0", IP_PRIVATE},
        {"10.255.255.255", IP_PRIVATE},
        {"11.0.0.0", IP_PUBLIC},
        {"100.63.255.255", IP_PUBLIC},
        {"100.64.0.0", IP_SHARED},
        {"100.127.255.255", IP_SHARED},
        {"100.128.0.0", IP_PUBLIC},
        {"126.255.255.255", IP_PUBLIC},
        {"127.0.0.0", IP_LOOPBACK},
        {"127.255.255.255", IP_LOOPBACK},
        {"128.0.0.0", IP_PUBLIC},
        {"169.253.255.255", IP_PUBLIC},
        {"169.254.0.0", IP_LINKLOCAL},
        {"169.255.0.0", IP_PUBLIC},
        {"172.15.255.255", IP_PUBLIC},
        {"172.16.0.0", IP_PRIVATE},
        {"172.31.255.255", IP_PRIVATE},
        {"172.32.0.0", IP_PUBLIC},
        {"192.0.0.0", IP_RESERVED},
        {"192.0.1.0", IP_PUBLIC},
        {"192.0.2.0", IP_DOCUMENT},
        {"192.0.3.0", IP_PUBLIC},
        {"192.88.99.1", IP_RESERVED},
        {"192.167.255.255", IP_PUBLIC},
        {"192.168.0.0", IP_PRIVATE},
        {"192.169.0.0", IP_PUBLIC},
        {"198.17.255.255", IP_PUBLIC},
        {"198.18.0.0", IP_BENCHMARK},
        {"198.19.255.255", IP_BENCHMARK},
        {"198.20.0.0", IP_PUBLIC},
        {"198.51.100.255", IP_DOCUMENT},
        {"203.0.113.0", IP_DOCUMENT},
        {"223.255.255.255", IP_PUBLIC},
        {"224.0.0.0", IP_MULTICAST},
        {"239.255.255.255", IP_MULTICAST},
        {"240.0.0.0", IP_RESERVED},
        {"255.255.255.255", IP_RESERVED},
        {"::", IP_RESERVED},
        {"::1", IP_LOOPBACK},
        {"::2", IP_RESERVED},
        {"::192.0.2.1", IP_RESERVED},
        {"::ffff:127.0.0.1", IP_LOOPBACK},
        {"64:ff9b::8.8.8.8", IP_PUBLIC},
        {"64:ff9b::10.0.0.1", IP_PRIVATE},
        {"64:ff9b::1:8.8.8.8", IP_RESERVED},
        {"64:ff9b:1::1", IP_PRIVATE},
        {"100::1", IP_RESERVED},
        {"1fff:ffff::", IP_RESERVED},
        {"2000::", IP_PUBLIC},
        {"2001::1", IP_RESERVED},
        {"2001:1ff::", IP_RESERVED},
        {"2001:200::", IP_PUBLIC},
        {"2001:2::1", IP_BENCHMARK},
        {"2001:db7:ffff::", IP_PUBLIC},
        {"2001:db8::", IP_DOCUMENT},
        {"2001:db9::", IP_PUBLIC},
        {"2002:808:808::1", IP_PUBLIC},
        {"2002:7f00:1::1", IP_LOOPBACK},
        {"2002:a00:1::1", IP_PRIVATE},
        {"3ffe::", IP_PUBLIC},
        {"3fff::", IP_DOCUMENT},
        {"3fff:fff::", IP_DOCUMENT},
        {"3fff:1000::", IP_PUBLIC},
        {"4000::", IP_RESERVED},
        {"5f00::1", IP_RESERVED},
        {"fbff::", IP_RESERVED},
        {"fc00::", IP_PRIVATE},
        {"fdff::", IP_PRIVATE},
        {"fe00::", IP_RESERVED},
        {"fe80::1", IP_LINKLOCAL},
        {"febf::1", IP_LINKLOCAL},
        {"fec0::1", IP_PRIVATE},
        {"ff02::1", IP_MULTICAST},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        print_message("# %s %s\n", cases[i].ip, ip_space_name(cases[i].want));
        assert_int_equal(ip_space(ip_of(cases[i].ip)), cases[i].want);
        assert_int_equal(ip_public(ip_of(cases[i].ip)), cases[i].want == IP_PUBLIC ||
                                                            cases[i].want == IP_DOCUMENT ||
                                                            cases[i].want == IP_BENCHMARK);
    }
    assert_int_equal(ip_space((struct ip){0}), IP_RESERVED);
    assert_false(ip_public((struct ip){0}));
}

static void every_space_has_a_name(void **state)
{
    for (enum ip_space s = IP_PUBLIC; s <= IP_RESERVED; s++)
        assert_non_null(ip_space_name(s));
}

static void host_port(void **state)
{
    static const struct {
        const char *in, *host; /* NULL: refused */
        uint16_t port;
    } cases[] = {
        {"mail.example.org", "mail.example.org", 0},
        {"mail.example.org:25", "mail.example.org", 25},
        {"mail.example.org:65535", "mail.example.org", 65535},
        {"mail.example.org:65536", NULL, 0},
        {"mail.example.org:0", NULL, 0},
        {"mail.example.org:", NULL, 0},
        {"mail.example.org:smtp", NULL, 0},
        {"mail.example.org:-1", NULL, 0},
        {":25", NULL, 0},
        {"", NULL, 0},
        {"192.0.2.1:587", "192.0.2.1", 587},
        {"192.0.2.1", "192.0.2.1", 0},
        {"2001:db8::1", "2001:db8::1", 0},
        {"::1", "::1", 0},
        {"[2001:db8::1]", "2001:db8::1", 0},
        {"[2001:db8::1]:2525", "2001:db8::1", 2525},
        {"[::ffff:192.0.2.1]:25", "::ffff:192.0.2.1", 25},
        {"[2001:db8::1]:", NULL, 0},
        {"[2001:db8::1]25", NULL, 0},
        {"[2001:db8::1]2", NULL, 0},
        {"[2001:db8::1", NULL, 0},
        {"[]", NULL, 0},
        {"[192.0.2.1]:25", NULL, 0},
        {"[mail.example.org]:25", NULL, 0},
        {"a:b:25", NULL, 0},
        {"2001:db8::g", NULL, 0},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span host = SPAN_NULL;
        uint16_t port = 7;

        print_message("# \"%s\"\n", cases[i].in);
        assert_int_equal(ip_host_port(guard_str(&g, cases[i].in), &host, &port),
                         cases[i].host != NULL);
        assert_true(span_eq(host, span_str(cases[i].host)));
        assert_int_equal(port, cases[i].host ? cases[i].port : 7);
    }
    guard_free(&g);
}

/* Neighbours fall into slots of their own, mostly, and into others under another seed. */
static void hash(void **state)
{
    bool taken[2][1024] = {{false}};
    unsigned used = 0, moved = 0;

    for (unsigned i = 0; i < 1024; i++) {
        struct ip ip = {.family = IP_V4, .b = {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
        struct ip padded = ip;

        padded.b[15] = 1; /* no part of the address */
        assert_true(ip_hash(ip, 7) == ip_hash(padded, 7));
        used += !taken[0][ip_hash(ip, 7) % 1024];
        taken[0][ip_hash(ip, 7) % 1024] = true;
        moved += ip_hash(ip, 7) % 1024 != ip_hash(ip, 8) % 1024;
    }
    /* Of 1,024 balls in 1,024 holes 647 holes are hit, on the average. */
    assert_in_range(used, 590, 710);
    assert_in_range(moved, 1000, 1024);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_and_text), cmocka_unit_test(longest_text_fits),
        cmocka_unit_test(order),          cmocka_unit_test(prefix_text),
        cmocka_unit_test(prefix_has),     cmocka_unit_test(prefix_of_every_length),
        cmocka_unit_test(space),          cmocka_unit_test(every_space_has_a_name),
        cmocka_unit_test(host_port),      cmocka_unit_test(hash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
