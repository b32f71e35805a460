/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/proxy_in.h"

#include "guard.h"
#include "smtp/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define V2 "\r\n\r\n\0\r\nQUIT\n"

static const struct {
    const char *name;
    struct span in;
    enum smtp_proxy_got got;
    size_t used;
    const char *from;
    unsigned port;
} cases[] = {
    {"nothing", SPAN_LIT(""), SMTP_PROXY_MORE, 0, "", 0},
    {"v1 tcp4", SPAN_LIT("PROXY TCP4 203.0.113.9 192.0.2.1 4000 25\r\nEHLO"), SMTP_PROXY_CLIENT, 42,
     "203.0.113.9", 4000},
    {"v1 tcp6", SPAN_LIT("PROXY TCP6 2001:db8::9 2001:db8::1 4000 25\r\n"), SMTP_PROXY_CLIENT, 44,
     "2001:db8::9", 4000},
    {"v1 mapped", SPAN_LIT("PROXY TCP6 ::ffff:203.0.113.9 ::ffff:192.0.2.1 4000 25\r\n"),
     SMTP_PROXY_CLIENT, 56, "203.0.113.9", 4000},
    {"v1 unknown", SPAN_LIT("PROXY UNKNOWN\r\n"), SMTP_PROXY_UNKNOWN, 15, "", 0},
    {"v1 unknown with words", SPAN_LIT("PROXY UNKNOWN ff::1 ff::2 1 2\r\n"), SMTP_PROXY_UNKNOWN, 31,
     "", 0},
    {"v1 of two families", SPAN_LIT("PROXY TCP4 203.0.113.9 2001:db8::1 4000 25\r\n"),
     SMTP_PROXY_BAD, 0, "", 0},
    {"v1 v6 as tcp4", SPAN_LIT("PROXY TCP4 2001:db8::9 2001:db8::1 4000 25\r\n"), SMTP_PROXY_BAD, 0,
     "", 0},
    {"v1 v4 as tcp6", SPAN_LIT("PROXY TCP6 203.0.113.9 192.0.2.1 4000 25\r\n"), SMTP_PROXY_BAD, 0,
     "", 0},
    {"v1 lone LF", SPAN_LIT("PROXY TCP4 203.0.113.9 192.0.2.1 4000 25\n"), SMTP_PROXY_BAD, 0, "",
     0},
    {"v1 two blanks", SPAN_LIT("PROXY  TCP4 203.0.113.9 192.0.2.1 4000 25\r\n"), SMTP_PROXY_BAD, 0,
     "", 0},
    {"v1 a word more", SPAN_LIT("PROXY TCP4 203.0.113.9 192.0.2.1 4000 25 x\r\n"), SMTP_PROXY_BAD,
     0, "", 0},
    {"v1 port over", SPAN_LIT("PROXY TCP4 203.0.113.9 192.0.2.1 65536 25\r\n"), SMTP_PROXY_BAD, 0,
     "", 0},
    {"v1 port 04", SPAN_LIT("PROXY TCP4 203.0.113.9 192.0.2.1 04 25\r\n"), SMTP_PROXY_BAD, 0, "",
     0},
    {"lower case", SPAN_LIT("proxy TCP4 203.0.113.9 192.0.2.1 4000 25\r\n"), SMTP_PROXY_BAD, 0, "",
     0},
    {"not a header", SPAN_LIT("EHLO c.test\r\n"), SMTP_PROXY_BAD, 0, "", 0},
    {"its beginning", SPAN_LIT("PROX"), SMTP_PROXY_MORE, 0, "", 0},
    {"v2 tcp4", SPAN_LIT(V2 "\x21\x11\0\x0c\xcb\0\x71\x09\xc0\0\x02\x01\x0f\xa0\0\x19"),
     SMTP_PROXY_CLIENT, 28, "203.0.113.9", 4000},
    {"v2 with a TLV",
     SPAN_LIT(V2 "\x21\x11\0\x10\xcb\0\x71\x09\xc0\0\x02\x01\x0f\xa0\0\x19\x04\0\x01z"),
     SMTP_PROXY_CLIENT, 32, "203.0.113.9", 4000},
    {"v2 with half a TLV",
     SPAN_LIT(V2 "\x21\x11\0\x0f\xcb\0\x71\x09\xc0\0\x02\x01\x0f\xa0\0\x19\x04\0\x01"),
     SMTP_PROXY_BAD, 0, "", 0},
    {"v2 with an octet behind",
     SPAN_LIT(V2 "\x21\x11\0\x0d\xcb\0\x71\x09\xc0\0\x02\x01\x0f\xa0\0\x19\x04"), SMTP_PROXY_BAD, 0,
     "", 0},
    {"v2 local with rubbish", SPAN_LIT(V2 "\x20\x11\0\x01x"), SMTP_PROXY_LOCAL, 17, "", 0},
    {"v2 of no family", SPAN_LIT(V2 "\x21\0\0\0"), SMTP_PROXY_UNKNOWN, 16, "", 0},
    {"v2 local", SPAN_LIT(V2 "\x20\0\0\0"), SMTP_PROXY_LOCAL, 16, "", 0},
    {"v2 udp", SPAN_LIT(V2 "\x21\x12\0\x0c\xcb\0\x71\x09\xc0\0\x02\x01\x0f\xa0\0\x19"),
     SMTP_PROXY_UNKNOWN, 28, "", 0},
    {"v2 too short for its family", SPAN_LIT(V2 "\x21\x11\0\x04\xcb\0\x71\x09"), SMTP_PROXY_BAD, 0,
     "", 0},
    {"v2 of a version to come", SPAN_LIT(V2 "\x31\x11\0\0"), SMTP_PROXY_BAD, 0, "", 0},
    {"v2 too long", SPAN_LIT(V2 "\x21\x11\xff\xff"), SMTP_PROXY_BAD, 0, "", 0},
    {"v2 cut", SPAN_LIT(V2 "\x21\x11\0\x0c\xcb\0"), SMTP_PROXY_MORE, 0, "", 0},
};

static void test_headers(void **state)
{
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct smtp_proxy_header h;
        char text[IP_TEXT_MAX];
        size_t used;
        enum smtp_proxy_got got = smtp_proxy_read(guard_span(&g, cases[i].in), &h, &used);

        if (got != cases[i].got || (used != cases[i].used && got != SMTP_PROXY_BAD))
            fail_msg("%s: got %d, %zu octets", cases[i].name, got, used);
        if (got == SMTP_PROXY_CLIENT) {
            assert_string_equal(ip_text(h.from, text), cases[i].from);
            assert_int_equal(h.from_port, cases[i].port);
        }
    }
    guard_free(&g);
}

/* What we write ourselves is read back. */
static void test_back(void **state)
{
    struct smtp_proxy_header h;
    struct buf out = BUF_INIT(200);
    struct ip from, to;
    size_t used;

    assert_true(ip_parse(SPAN_LIT("2001:db8::9"), &from));
    assert_true(ip_parse(SPAN_LIT("2001:db8::1"), &to));
    smtp_proxy2(from, 4000, to, 25, SPAN_LIT("\x02\0\x01z"), &out);
    assert_int_equal(smtp_proxy_read(buf_span(&out), &h, &used), SMTP_PROXY_CLIENT);
    assert_true(ip_eq(h.from, from) && ip_eq(h.to, to) && h.from_port == 4000 && h.to_port == 25);
    assert_true(span_eq(h.tlvs, SPAN_LIT("\x02\0\x01z")));
    assert_int_equal(used, out.n);
    buf_deinit(&out);
}

/* A line of just the limit, and one past it. */
static void test_limit(void **state)
{
    char line[SMTP_PROXY1_MAX + 2];
    struct smtp_proxy_header h;
    size_t used;

    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + SMTP_PROXY1_MAX - 2, "\r\n", 2);
    assert_int_equal(smtp_proxy_read(span_of(line, SMTP_PROXY1_MAX), &h, &used),
                     SMTP_PROXY_UNKNOWN);
    memset(line, 'x', sizeof(line));
    memcpy(line, "PROXY UNKNOWN ", 14);
    memcpy(line + SMTP_PROXY1_MAX - 1, "\r\n", 2);
    assert_int_equal(smtp_proxy_read(span_of(line, SMTP_PROXY1_MAX + 1), &h, &used),
                     SMTP_PROXY_BAD);
    assert_int_equal(smtp_proxy_read(span_of(line, SMTP_PROXY1_MAX - 1), &h, &used),
                     SMTP_PROXY_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_back),
        cmocka_unit_test(test_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
