/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "list/ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* "192.0.2.0/24 10.0.0.1-10.0.0.9 2001:db8::/32" */
static struct ranges made(const char *text)
{
    struct ranges r = {0};
    struct span rest = span_str(text), word;

    while (span_word(&rest, &word)) {
        size_t dash = span_find(word, '-');
        struct ip_prefix net;
        struct ip a, b;

        if (dash < word.n) {
            assert_true(ip_parse(span_slice(word, 0, dash), &a));
            assert_true(ip_parse(span_slice(word, dash + 1, word.n), &b));
            assert_int_equal(ranges_add_span(&r, a, b), 0);
        } else {
            assert_true(ip_prefix_parse(word, &net));
            assert_int_equal(ranges_add(&r, net), 0);
        }
    }
    ranges_settle(&r);
    return r;
}

static int add_prefix(void *cookie, struct ip_prefix net)
{
    char ip[IP_TEXT_MAX];

    buf_addf(cookie, "%s/%u ", ip_text(net.ip, ip), net.len);
    return 0;
}

static const char *shown(const struct ranges *r, struct buf *out)
{
    buf_clear(out);
    assert_int_equal(ranges_prefixes(r, add_prefix, out), 0);
    return buf_str(out);
}

static void operations(void **state)
{
    static const struct {
        const char *name, *a, *b, *both, *only_a, *only_b;
    } cases[] = {
        {"nothing", "", "", "", "", ""},
        {"nothing in one", "192.0.2.0/24", "", "", "192.0.2.0/24 ", ""},
        {"a host in a net", "192.0.2.0/29", "192.0.2.3", "192.0.2.3/32 ",
         "192.0.2.0/31 192.0.2.2/32 192.0.2.4/30 ", ""},
        {"the same in other words", "192.0.2.0/25 192.0.2.128/25", "192.0.2.0/24", "192.0.2.0/24 ",
         "", ""},
        {"twice is once", "192.0.2.1 192.0.2.1 192.0.2.0/31", "192.0.2.0/31", "192.0.2.0/31 ", "",
         ""},
        {"holes", "10.0.0.0-10.0.0.9", "10.0.0.2 10.0.0.4 10.0.0.6-10.0.0.20",
         "10.0.0.2/32 10.0.0.4/32 10.0.0.6/31 10.0.0.8/31 ", "10.0.0.0/31 10.0.0.3/32 10.0.0.5/32 ",
         "10.0.0.10/31 10.0.0.12/30 10.0.0.16/30 10.0.0.20/32 "},
        {"a net over two", "192.0.2.1 192.0.2.200 198.51.100.1", "192.0.2.0/24",
         "192.0.2.1/32 192.0.2.200/32 ", "198.51.100.1/32 ",
         "192.0.2.0/32 192.0.2.2/31 192.0.2.4/30 192.0.2.8/29 192.0.2.16/28 192.0.2.32/27 "
         "192.0.2.64/26 192.0.2.128/26 192.0.2.192/29 192.0.2.201/32 192.0.2.202/31 192.0.2.204/30 "
         "192.0.2.208/28 192.0.2.224/27 "},
        {"all of it", "0.0.0.0/0 ::/0", "255.255.255.255 0.0.0.0", "0.0.0.0/32 255.255.255.255/32 ",
         "0.0.0.1-255.255.255.254 ::/0", ""},
        {"IPv6 with a host", "2001:db8::/126", "2001:db8::1 192.0.2.1", "2001:db8::1/128 ",
         "2001:db8::/128 2001:db8::2/127 ", "192.0.2.1/32 "},
        {"the top of IPv6", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127 ::/128",
         "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128 ",
         "::/128 ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/128 ", ""},
    };
    struct buf out = BUF_INIT(1 << 16), want = BUF_INIT(1 << 16);

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ranges a = made(cases[i].a), b = made(cases[i].b), r;
        const char *const wants[] = {cases[i].both, cases[i].only_a, cases[i].only_b};

        for (unsigned k = 0; k < 3; k++) {
            struct ranges w = made(strchr(wants[k], '-') ? wants[k] : "");
            const char *text = strchr(wants[k], '-') ? shown(&w, &want) : wants[k];

            assert_int_equal(k == 0   ? ranges_both(&a, &b, &r)
                             : k == 1 ? ranges_without(&a, &b, &r)
                                      : ranges_without(&b, &a, &r),
                             0);
            if (strcmp(shown(&r, &out), text) != 0)
                fail_msg("%s, %u: %s", cases[i].name, k, buf_str(&out));
            ranges_deinit(&r);
            ranges_deinit(&w);
        }
        ranges_deinit(&a);
        ranges_deinit(&b);
    }
    buf_deinit(&out);
    buf_deinit(&want);
}

/* Against sets of bits, in a space of 256 addresses where everything touches everything. */
static void model(void **state)
{
    unsigned chance = 1;

    for (unsigned round = 0; round < 400; round++) {
        bool bits[2][256] = {0};
        struct ranges sets[2] = {0}, r[3];
        uint64_t sizes[3] = {0};

        for (unsigned k = 0; k < 2; k++) {
            for (unsigned n = 0; n < round % 20; n++) {
                chance = chance * 1103515245 + 12345;
                unsigned first = chance >> 16 & 255, len = chance >> 24 & 31;
                unsigned last = first + len > 255 ? 255 : first + len;
                struct ip a = {IP_V4, {192, 0, 2, (uint8_t)first}};
                struct ip b = {IP_V4, {192, 0, 2, (uint8_t)last}};

                assert_int_equal(ranges_add_span(&sets[k], a, b), 0);
                memset(bits[k] + first, true, last - first + 1);
            }
            ranges_settle(&sets[k]);
        }
        assert_int_equal(ranges_both(&sets[0], &sets[1], &r[0]), 0);
        assert_int_equal(ranges_without(&sets[0], &sets[1], &r[1]), 0);
        assert_int_equal(ranges_without(&sets[1], &sets[0], &r[2]), 0);
        for (unsigned i = 0; i < 256; i++) {
            struct ip ip = {IP_V4, {192, 0, 2, (uint8_t)i}};
            bool want[] = {bits[0][i] && bits[1][i], bits[0][i] && !bits[1][i],
                           bits[1][i] && !bits[0][i]};

            for (unsigned k = 0; k < 3; k++) {
                assert_int_equal(ranges_has(&r[k], ip), want[k]);
                if (want[k])
                    assert_true(ip_eq(ranges_nth(&r[k], IP_V4, sizes[k]++), ip));
            }
        }
        for (unsigned k = 0; k < 3; k++) {
            assert_true(ranges_size(&r[k].v4) == sizes[k]);
            ranges_deinit(&r[k]);
        }
        ranges_deinit(&sets[0]);
        ranges_deinit(&sets[1]);
    }
}

static void sizes(void **state)
{
    static const struct {
        const char *in;
        bool v6;
        const char *want;
    } cases[] = {
        {"", false, "0"},
        {"0.0.0.0/0", false, "4294967296"},
        {"192.0.2.0/24 192.0.2.128/25 198.51.100.7", false, "257"},
        {"2001:db8::/32", true, "79228162514264337593543950336"},
        {"::/1", true, "170141183460469231731687303715884105728"},
        {"::/0", true, "340282366920938463463374607431768211455"},
    };
    char text[RANGES_WIDE_TEXT];

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ranges r = made(cases[i].in);

        assert_string_equal(ranges_wide_text(ranges_size(cases[i].v6 ? &r.v6 : &r.v4), text),
                            cases[i].want);
        ranges_deinit(&r);
    }
}

static void covers(void **state)
{
    struct ranges r = made("192.0.2.0/25 2001:db8::/48");
    static const struct {
        const char *net;
        enum ranges_cover want;
    } cases[] = {
        {"192.0.2.0/25", RANGES_WHOLE}, {"192.0.2.127", RANGES_WHOLE},
        {"192.0.2.0/24", RANGES_PART},  {"0.0.0.0/0", RANGES_PART},
        {"192.0.2.128", RANGES_NONE},   {"192.0.1.255", RANGES_NONE},
        {"2001:db8::1", RANGES_WHOLE},  {"2001:db8::/32", RANGES_PART},
        {"2001:db9::/32", RANGES_NONE},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ip_prefix net;

        assert_true(ip_prefix_parse(span_str(cases[i].net), &net));
        assert_int_equal(ranges_cover(&r, net), cases[i].want);
    }
    assert_false(ranges_has(&r, (struct ip){0}));
    ranges_deinit(&r);
}

static void samples(void **state)
{
    /* A /24 and a lone host: the host may not be drawn as often as the net. */
    struct ranges r = made("192.0.2.0/24 198.51.100.1");
    struct ip got[300], again[300];
    unsigned lone = 0, drawn = 0;

    for (size_t want = 0; want <= 300; want += 7) {
        size_t n = ranges_sample(&r, IP_V4, want, want, got);

        assert_int_equal(n, want < 257 ? want : 257);
        assert_int_equal(ranges_sample(&r, IP_V4, want, want, again), n);
        for (size_t i = 0; i < n; i++) {
            assert_true(ranges_has(&r, got[i]) && ip_eq(got[i], again[i]));
            assert_true(!i || ip_cmp(got[i - 1], got[i]) < 0);
        }
    }
    for (uint64_t seed = 0; seed < 2000; seed++) {
        size_t n = ranges_sample(&r, IP_V4, 10, seed, got);

        drawn += (unsigned)n;
        lone += ip_eq(got[n - 1], (struct ip){IP_V4, {198, 51, 100, 1}});
    }
    /* 2000 * 10 / 257 = 78 of them, by chance a good deal more or less, never ten times as many. */
    assert_int_equal(drawn, 20000);
    assert_in_range(lone, 40, 130);
    assert_int_equal(ranges_sample(&r, IP_V6, 10, 1, got), 0);
    ranges_deinit(&r);
    r = made("2001:db8::/32");
    assert_int_equal(ranges_sample(&r, IP_V6, 300, 1, got), 300);
    ranges_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations), cmocka_unit_test(model),   cmocka_unit_test(sizes),
        cmocka_unit_test(covers),     cmocka_unit_test(samples),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
