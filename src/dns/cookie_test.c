/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/cookie.h"

#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define KEY_A    "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define KEY_B    "445536bcd2513298075a5d379663c962"
#define KEY_C    "dd3bdf9344b678b185a6f5cb60fca715"

static struct ip ip_of(const char *text)
{
    struct ip ip;

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

/* The test vectors of RFC 9018, appendix A. */
static void rfc9018(void **state)
{
    static const struct {
        const char *what, *now, *before, *client;
        const char *sent;
        int64_t sent_at; /* when it is looked at */
        enum dns_cookie got;
        int64_t at; /* when it is answered */
        const char *answer;
    } cases[] = {
        {"A.1 new", KEY_A, NULL, "198.51.100.100", "2464c4abcf10c957", 1559731985, DNS_COOKIE_NEW,
         1559731985, "2464c4abcf10c957010000005cf79f111f8130c3eee29480"},
        {"A.2 renewed", KEY_A, NULL, "198.51.100.100",
         "2464c4abcf10c957010000005cf79f111f8130c3eee29480", 1559734385, DNS_COOKIE_OLD, 1559734385,
         "2464c4abcf10c957010000005cf7a871d4a564a1442aca77"},
        {"A.3 reserved octets", KEY_A, NULL, "203.0.113.203",
         "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", 1559727985, DNS_COOKIE_GOOD,
         1559734700, "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e"},
        {"A.4 another key, IPv6", KEY_B, KEY_C, "2001:db8:220:1:59de:d0f4:8769:82b8",
         "22681ab97d52c298010000005cf7c57926556bd0934c72f8", 1559741961, DNS_COOKIE_OLD, 1559741961,
         "22681ab97d52c298010000005cf7c609a6bb79d16625507a"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dns_cookie_keys keys = {0};
        uint8_t sent[DNS_COOKIE_MAX], answer[DNS_COOKIE_FULL];
        char text[2 * DNS_COOKIE_FULL + 1];
        size_t n = hex_read(cases[i].sent, sent, sizeof(sent));
        struct ip client = ip_of(cases[i].client);

        print_message("# %s\n", cases[i].what);
        hex_read(cases[i].now, keys.now, sizeof(keys.now));
        if (cases[i].before)
            hex_read(cases[i].before, keys.before, sizeof(keys.before));
        keys.has_before = cases[i].before != NULL;
        assert_int_equal(dns_cookie_check(&keys, span_of(sent, n), client, cases[i].sent_at),
                         cases[i].got);
        dns_cookie_make(&keys, sent, client, cases[i].at, answer);
        assert_string_equal(hex_write(answer, sizeof(answer), text), cases[i].answer);
    }
}

/* One octet, address or second past what holds. */
static void refused(void **state)
{
    struct dns_cookie_keys keys = {.has_before = true};
    struct ip client = ip_of("192.0.2.1");
    int64_t made = 4294967000; /* the time in it wraps within the hour */
    uint8_t c[DNS_COOKIE_FULL];

    hex_read(KEY_A, keys.now, sizeof(keys.now));
    dns_cookie_make(&keys, (const uint8_t *)"clientxx", client, made, c);
    static const struct {
        int64_t after;
        enum dns_cookie want;
    } cases[] = {
        {0, DNS_COOKIE_GOOD},     {1800, DNS_COOKIE_GOOD},  {1801, DNS_COOKIE_OLD},
        {3600, DNS_COOKIE_OLD},   {3601, DNS_COOKIE_FALSE}, {-300, DNS_COOKIE_GOOD},
        {-301, DNS_COOKIE_FALSE},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(
            dns_cookie_check(&keys, span_of(c, sizeof(c)), client, made + cases[i].after),
            cases[i].want);
    assert_int_equal(dns_cookie_check(&keys, span_of(c, sizeof(c)), ip_of("192.0.2.2"), made),
                     DNS_COOKIE_FALSE);
    assert_int_equal(dns_cookie_check(&keys, span_of(c, 23), client, made), DNS_COOKIE_FALSE);
    assert_int_equal(dns_cookie_check(&keys, span_of(c, 16), client, made), DNS_COOKIE_FALSE);
    assert_int_equal(dns_cookie_check(&keys, SPAN_NULL, client, made), DNS_COOKIE_NONE);
    for (size_t i = 0; i < sizeof(c); i++) {
        c[i] ^= 1;
        assert_int_equal(dns_cookie_check(&keys, span_of(c, sizeof(c)), client, made),
                         DNS_COOKIE_FALSE);
        c[i] ^= 1;
    }
    memcpy(keys.before, keys.now, sizeof(keys.now));
    keys.now[0] ^= 1;
    assert_int_equal(dns_cookie_check(&keys, span_of(c, sizeof(c)), client, made), DNS_COOKIE_OLD);
    keys.has_before = false;
    assert_int_equal(dns_cookie_check(&keys, span_of(c, sizeof(c)), client, made),
                     DNS_COOKIE_FALSE);
}

/* The reference's vectors: key 00..0f, data of 0, 1, 7, 8, 15 and 63 octets 00, 01, 02 ... */
static void siphash(void **state)
{
    static const struct {
        size_t n;
        uint64_t want;
    } cases[] = {
        {0, 0x726fdb47dd0e0e31}, {1, 0x74f839c593dc67fd},  {7, 0xab0200f58b01d137},
        {8, 0x93f5f5799a932462}, {15, 0xa129ca6149be45e5}, {63, 0x958a324ceb064572},
    };
    uint8_t key[DNS_COOKIE_KEY], data[64];

    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)i;
    memcpy(key, data, sizeof(key));
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_true(dns_cookie_siphash(key, data, cases[i].n) == cases[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc9018),
        cmocka_unit_test(refused),
        cmocka_unit_test(siphash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
