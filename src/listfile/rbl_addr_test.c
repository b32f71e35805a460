/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "listfile/rbl_addr.h"

#include "guard.h"

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *text4(uint32_t a, char out[16])
{
    snprintf(out, 16, "%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
    return out;
}

/* The grammar of rbldnsd(8), ip4set; every fact beside its edge. */
static void ranges(void **state)
{
    static const struct {
        const char *in, *want; /* "first-last/bits|rest", or the outcome's name */
        bool plain;            /* without ranges */
    } cases[] = {
        {"127.0.0.0/24", "127.0.0.0-127.0.0.255/24|"},
        {"127.0.0", "127.0.0.0-127.0.0.255/24|"},
        {"127/24", "127.0.0.0-127.0.0.255/24|"},
        {"127.0.0.0-127.0.0.255", "127.0.0.0-127.0.0.255/32|"},
        {"127.0.0.1-255", "127.0.0.1-127.0.0.255/32|"},
        {"127.16.0.0-127.31.255.255", "127.16.0.0-127.31.255.255/32|"},
        {"127.16.0-127.31.255", "127.16.0.0-127.31.255.255/32|"},
        {"127.16-127.31", "127.16.0.0-127.31.255.255/32|"},
        {"127.16-31", "127.16.0.0-127.31.255.255/32|"},
        {"127.16/12", "127.16.0.0-127.31.255.255/12|"},
        {"1.2.3.4-20", "1.2.3.4-1.2.3.20/32|"},
        {"1.2.3.4-4", "1.2.3.4-1.2.3.4/32|"},
        {"1.2.3.4-3", "range ends before it begins"},
        {"1-3", "1.0.0.0-3.255.255.255/32|"},
        {"1.2.3.4-1.2.3", "ends of different length"},
        {"127-127.0.0", "ends of different length"},
        {"1.2.3-1.2.3.4", "ends of different length"},
        {"1.2.3.4-", "not an address"},
        {"1.2.3.4-256", "not an address"},
        {"0.0.0.0-255.255.255.255", "0.0.0.0-255.255.255.255/32|"},
        {"0/0", "0.0.0.0-255.255.255.255/0|"},
        {"1.2.3.4/32", "1.2.3.4-1.2.3.4/32|"},
        {"1.2.3.4/33", "prefix length too large"},
        {"1.2.3.4/", "not an address"},
        {"1.2.3.4/x", "not an address"},
        {"1.2.3.4/31", "1.2.3.4-1.2.3.5/31|"},
        {"1.2.3.5/31", "bits set behind the prefix"},
        {"1.2.3/8", "bits set behind the prefix"},
        {"010.001.000.0255", "10.1.0.255-10.1.0.255/32|"},
        {"1.2.3.256", "not an address"},
        {"1.2.3.", "not an address"},
        {"1..3", "not an address"},
        {".1.2.3", "not an address"},
        {"", "not an address"},
        {"x", "not an address"},
        {"127", "a lone number"},
        {"127/8", "127.0.0.0-127.255.255.255/8|"},
        {"1.2.3.4.5", "1.2.3.4-1.2.3.4/32|.5"},
        {"1.2.3.4:2:x", "1.2.3.4-1.2.3.4/32|:2:x"},
        {"1.2.3.4 x", "1.2.3.4-1.2.3.4/32| x"},
        {"1.2.3.4-20", "1.2.3.4-1.2.3.4/32|-20", true},
        {"1.2/16", "1.2.0.0-1.2.255.255/16|", true},
        {"99999999999999999999", "not an address"},
        {"1.2.3.4/4294967304", "prefix length too large"},
    };

    struct guard guard = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span s = guard_str(&guard, cases[i].in);
        uint32_t first = 0, last = 0;
        unsigned bits = 0;
        struct buf got = BUF_INIT(200);
        char a[16], b[16];
        enum rbl_addr r = rbl_range4(&s, !cases[i].plain, &first, &last, &bits);

        if (r == RBL_ADDR_OK)
            buf_addf(&got, "%s-%s/%u|%.*s", text4(first, a), text4(last, b), bits, SPAN_ARG(s));
        else
            buf_add_str(&got, rbl_addr_name(r));
        if (strcmp(buf_str(&got), cases[i].want) != 0)
            print_error("case \"%s\"\n", cases[i].in);
        assert_string_equal(buf_str(&got), cases[i].want);
        buf_deinit(&got);
    }
    guard_free(&guard);
}

static void values(void **state)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"2", "0.0.0.2/1|"},         {"255:x", "0.0.0.255/1|:x"},   {"127.2", "127.0.0.2/2|"},
        {"127.1.2", "127.1.0.2/3|"}, {"127.1.2.3", "127.1.2.3/4|"}, {"256", "not an address"},
        {"", "not an address"},      {"0", "0.0.0.0/1|"},
    };

    struct guard guard = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span s = guard_str(&guard, cases[i].in);
        uint32_t a = 0;
        unsigned octets = 0;
        struct buf got = BUF_INIT(200);
        char text[16];
        enum rbl_addr r = rbl_value4(&s, &a, &octets);

        if (r == RBL_ADDR_OK)
            buf_addf(&got, "%s/%u|%.*s", text4(a, text), octets, SPAN_ARG(s));
        else
            buf_add_str(&got, rbl_addr_name(r));
        assert_string_equal(buf_str(&got), cases[i].want);
        buf_deinit(&got);
    }
    guard_free(&guard);
}

static void sixes(void **state)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"2001:21ab:c000/36", "2001:21ab:c000::/36|"},
        {"2001:db8", "2001:db8::/32|"},
        {"2001:DB8::/32", "2001:db8::/32|"},
        {"2001:db8::", "2001:db8::/128|"},
        {"::1", "::1/128|"},
        {"::", "::/128|"},
        {"::/0", "::/0|"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8/128|"},
        {"1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8/128|:9"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128|"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8/128|"},
        {"::1:2:3:4:5:6:7:8", "not an address"},
        {"1::2:3:4:5:6:7:8", "not an address"},
        {"1::2::3", "1::2/128|::3"},
        {"1:2:3:4:::5:x", "1:2:3:4::/128|:5:x"},
        {"2001:db8:", "2001:db8::/32|:"},
        {"2001", "a lone number"},
        {"2001/16", "2001::/16|"},
        {"2001:db8::/129", "prefix length too large"},
        {"2001:db8::/", "not an address"},
        {"2001:db8::1/64", "bits set behind the prefix"},
        {"2001:db8:0:0:8000/65", "2001:db8:0:0:8000::/65|"},
        {"2001:db8:0:0:8000/64", "bits set behind the prefix"},
        {"8000::/1", "8000::/1|"},
        {"00001::", "1::/128|"},
        {"10000::", "not an address"},
        {"::10000", "not an address"},
        {"::ffff:1.2.3.4", "::255.255.0.1/128|.2.3.4"}, /* the caller refuses what is left */
        {":1", "not an address"},
        {"g::", "not an address"},
        {"", "not an address"},
    };

    struct guard guard = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct span s = guard_str(&guard, cases[i].in);
        struct ip ip = {IP_V6, {0}};
        unsigned bits = 0;
        struct buf got = BUF_INIT(200);
        char text[IP_TEXT_MAX];
        enum rbl_addr r = rbl_cidr6(&s, ip.b, &bits);

        if (r == RBL_ADDR_OK)
            buf_addf(&got, "%s/%u|%.*s", ip_text(ip, text), bits, SPAN_ARG(s));
        else
            buf_add_str(&got, rbl_addr_name(r));
        if (strcmp(buf_str(&got), cases[i].want) != 0)
            print_error("case \"%s\"\n", cases[i].in);
        assert_string_equal(buf_str(&got), cases[i].want);
        buf_deinit(&got);
    }
    guard_free(&guard);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges),
        cmocka_unit_test(values),
        cmocka_unit_test(sixes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
