/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Against the bytes of HAProxy's proxy-protocol.txt, section 2.2, written out by hand. */
#include "smtp/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define SIGNATURE "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"
#define BYTES(s)  s, sizeof(s) - 1

static struct ip ip_of(const char *text)
{
    struct ip ip = {0};

    assert_true(ip_parse(span_str(text), &ip));
    return ip;
}

static const struct {
    const char *name, *from;
    uint16_t from_port;
    const char *to;
    uint16_t to_port;
    const char *want;
    size_t n;
} cases[] = {
    {"IPv4", "127.0.0.1", 49152, "192.0.2.1", 25,
     BYTES(SIGNATURE "\x21\x11\x00\x0c\x7f\x00\x00\x01\xc0\x00\x02\x01\xc0\x00\x00\x19")},
    {"IPv4, all bits", "255.255.255.255", 65535, "0.0.0.0", 1,
     BYTES(SIGNATURE "\x21\x11\x00\x0c\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\x00\x01")},
    {"IPv6", "::1", 1, "2001:db8::19", 587,
     BYTES(SIGNATURE "\x21\x21\x00\x24"
                     "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
                     "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x19"
                     "\x00\x01\x02\x4b")},
};

static void test_proxied(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out = BUF_INIT(200);

        buf_add_str(&out, "before");
        smtp_proxy2(ip_of(cases[i].from), cases[i].from_port, ip_of(cases[i].to), cases[i].to_port,
                    SPAN_NULL, &out);
        if (out.err || out.n != 6 + cases[i].n || memcmp(out.p, "before", 6) != 0 ||
            memcmp(out.p + 6, cases[i].want, cases[i].n) != 0)
            fail_msg("%s: other bytes", cases[i].name);
        buf_deinit(&out);
    }
}

static void test_local(void **state)
{
    static const char want[] = SIGNATURE "\x20\x00\x00\x00";
    struct buf out = BUF_INIT(200);

    smtp_proxy2_local(&out);
    assert_int_equal(out.err, 0);
    assert_int_equal(out.n, sizeof(want) - 1);
    assert_memory_equal(out.p, want, sizeof(want) - 1);
    buf_deinit(&out);
}

/* No room is the buffer's sticky error, at every size one short of the whole. */
static void test_no_room(void **state)
{
    for (size_t room = 0; room < 52; room++) {
        struct buf out = BUF_INIT(room);

        smtp_proxy2(ip_of("::1"), 1, ip_of("::2"), 2, SPAN_NULL, &out);
        assert_true(out.err < 0);
        assert_true(out.n <= room);
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proxied),
        cmocka_unit_test(test_local),
        cmocka_unit_test(test_no_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
