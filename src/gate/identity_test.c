/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/identity.h"

#include "smtp/ehlo.h"
#include "smtp/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ALL = 0xfff };

static struct gate_client client_of(const char *ip, const char *local)
{
    struct gate_client c;

    gate_client_init(&c);
    assert_true(ip_parse(span_str(ip), &c.ip) && ip_parse(span_str(local), &c.local_ip));
    c.port = 40000;
    c.local_port = 25;
    c.esmtp = true;
    memcpy(c.id, "abc", 4);
    return c;
}

static void test_xclient(void **state)
{
    static const struct {
        const char *name, *ip, *helo, *login, *dns;
        unsigned takes;
        const char *want;
    } cases[] = {
        {"all", "203.0.113.9", "c.test", "anna", "", ALL,
         "XCLIENT SESSION=abc NAME=[UNAVAILABLE] REVERSE_NAME=[UNAVAILABLE] HELO=c.test "
         "PROTO=ESMTP LOGIN=anna "
         "DESTADDR=192.0.2.1 DESTPORT=25 PORT=40000 ADDR=203.0.113.9\r\n"},
        {"address alone", "203.0.113.9", "c.test", "anna", "", SMTP_ATTR_ADDR,
         "XCLIENT ADDR=203.0.113.9\r\n"},
        {"no address", "203.0.113.9", "c.test", "anna", "", ALL & ~SMTP_ATTR_ADDR, ""},
        {"IPv6", "2001:db8::9", "", "", "", SMTP_ATTR_ADDR | SMTP_ATTR_HELO,
         "XCLIENT HELO=[UNAVAILABLE] ADDR=IPV6:2001:db8::9\r\n"},
        {"a login with all that xtext is for", "203.0.113.9", "c.test", "a+b=c d\xc3\xa4", "",
         SMTP_ATTR_ADDR | SMTP_ATTR_LOGIN,
         "XCLIENT LOGIN=a+2Bb+3Dc+20d+C3+A4 ADDR=203.0.113.9\r\n"},
        {"a HELO that is no name", "203.0.113.9", "x ADDR=127.0.0.1", "", "",
         SMTP_ATTR_ADDR | SMTP_ATTR_HELO, "XCLIENT HELO=[UNAVAILABLE] ADDR=203.0.113.9\r\n"},
        {"a HELO literal", "203.0.113.9", "[203.0.113.9]", "", "", SMTP_ATTR_ADDR | SMTP_ATTR_HELO,
         "XCLIENT HELO=[203.0.113.9] ADDR=203.0.113.9\r\n"},
        {"a name", "203.0.113.9", "", "", "mx.c.test", SMTP_ATTR_ADDR | SMTP_ATTR_NAME,
         "XCLIENT NAME=mx.c.test ADDR=203.0.113.9\r\n"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gate_client c = client_of(cases[i].ip, "192.0.2.1");
        struct buf out = BUF_INIT(8000);
        unsigned lines;

        gate_client_set(&c.helo, span_str(cases[i].helo));
        gate_client_set(&c.login, span_str(cases[i].login));
        gate_client_set(&c.name, span_str(cases[i].dns));
        c.name_ok = *cases[i].dns;
        lines = gate_identity_xclient(&c, cases[i].takes, &out);
        if (lines != (*cases[i].want ? 1 : 0) || strcmp(buf_str(&out), cases[i].want))
            fail_msg("%s: %u lines: %s", cases[i].name, lines, buf_str(&out));
        buf_deinit(&out);
        gate_client_deinit(&c);
    }
}

/* What DNS says of it is anybody's: it is a name, or nothing. */
static void test_names(void **state)
{
    static const struct {
        const char *name, *dns;
        bool ok, failed;
        const char *want, *reverse;
    } cases[] = {
        {"confirmed", "mx.c.test", true, false, "mx.c.test", "mx.c.test"},
        {"with an underscore", "mx_1.c.test", true, false, "mx_1.c.test", "mx_1.c.test"},
        {"not confirmed", "mx.c.test", false, false, "[UNAVAILABLE]", "mx.c.test"},
        {"can't be confirmed now", "mx.c.test", false, true, "[TEMPUNAVAIL]", "mx.c.test"},
        {"none", "", false, false, "[UNAVAILABLE]", "[UNAVAILABLE]"},
        {"not known now", "", false, true, "[TEMPUNAVAIL]", "[TEMPUNAVAIL]"},
        {"an address", "127.0.0.1", true, false, "[UNAVAILABLE]", "[UNAVAILABLE]"},
        {"a word more", "a ADDR=127.0.0.1", true, false, "[UNAVAILABLE]", "[UNAVAILABLE]"},
        {"a word of XCLIENT", "[UNAVAILABLE]", true, false, "[UNAVAILABLE]", "[UNAVAILABLE]"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct gate_client c = client_of("203.0.113.9", "192.0.2.1");
        struct buf out = BUF_INIT(2000), want = BUF_INIT(2000);

        gate_client_set(&c.name, span_str(cases[i].dns));
        c.name_ok = cases[i].ok;
        c.name_failed = cases[i].failed;
        gate_identity_xclient(&c, SMTP_ATTR_ADDR | SMTP_ATTR_NAME | SMTP_ATTR_REVERSE_NAME, &out);
        buf_addf(&want, "XCLIENT NAME=%s REVERSE_NAME=%s ADDR=203.0.113.9\r\n", cases[i].want,
                 cases[i].reverse);
        if (strcmp(buf_str(&out), buf_str(&want)))
            fail_msg("%s: %s", cases[i].name, buf_str(&out));
        buf_deinit(&out);
        buf_deinit(&want);
        gate_client_deinit(&c);
    }
}

/* Each line within the limit, ADDR the very last word, whatever the lengths. */
static void test_xclient_split(void **state)
{
    char helo[SMTP_DOMAIN_MAX + 1], login[600];

    memset(login, '=', sizeof(login));
    for (size_t h = 0; h <= 250; h += 25) {
        for (size_t l = 0; l < sizeof(login); l += 7) {
            struct gate_client c = client_of("2001:db8::9", "2001:db8::1");
            struct buf out = BUF_INIT(8000);
            struct span rest, line;
            unsigned lines, seen = 0;

            for (size_t i = 0; i < h; i++)
                helo[i] = i % 50 == 49 ? '.' : 'a';
            gate_client_set(&c.helo, span_of(helo, h ? h - (helo[h - 1] == '.') : 0));
            gate_client_set(&c.login, span_of(login, l));
            lines = gate_identity_xclient(&c, ALL, &out);
            assert_true(lines >= 1 && lines <= 4);
            assert_true(span_ends_nocase(buf_span(&out), SPAN_LIT(" ADDR=IPV6:2001:db8::9\r\n")));
            rest = span_slice(buf_span(&out), 0, out.n - 2);
            while (span_cut(&rest, '\n', &line)) {
                seen++;
                line = span_trim(line); /* of the CR */
                assert_true(line.n + 2 <= SMTP_COMMAND_MAX);
                assert_true(span_starts(line, SPAN_LIT("XCLIENT ")));
            }
            assert_int_equal(seen, lines);
            buf_deinit(&out);
            gate_client_deinit(&c);
        }
    }
}

static void test_proxy(void **state)
{
    struct gate_client c = client_of("203.0.113.9", "192.0.2.1");
    struct gate_client mixed = client_of("203.0.113.9", "2001:db8::1");
    struct buf out = BUF_INIT(200);

    assert_true(gate_identity_proxy1(&c, &out));
    assert_string_equal(buf_str(&out), "PROXY TCP4 203.0.113.9 192.0.2.1 40000 25\r\n");
    buf_clear(&out);
    assert_true(gate_identity_proxy2(&c, &out));
    assert_int_equal(out.n, 28);
    assert_memory_equal(out.p + 12, "\x21\x11\0\x0c\xcb\0\x71\x09\xc0\0\x02\x01\x9c\x40\0\x19", 16);
    assert_false(gate_identity_proxy1(&mixed, &out));
    assert_false(gate_identity_proxy2(&mixed, &out));
    buf_clear(&out);
    assert_true(gate_client_set_tlvs(&c, SPAN_LIT("\x02\0\x02mx")));
    assert_true(gate_identity_proxy2(&c, &out));
    assert_int_equal(out.n, 33);
    assert_memory_equal(out.p + 12,
                        "\x21\x11\0\x11\xcb\0\x71\x09\xc0\0\x02\x01\x9c\x40\0\x19\x02\0\x02mx", 21);
    buf_deinit(&out);
    gate_client_deinit(&c);
}

/* A balancer could not name it: its address is nobody's to tell. */
static void test_unknown(void **state)
{
    struct gate_client c = client_of("203.0.113.9", "192.0.2.1");
    struct buf out = BUF_INIT(8000);

    c.ip_unknown = true;
    assert_int_equal(gate_identity_xclient(&c, ALL, &out), 0);
    assert_false(gate_identity_proxy1(&c, &out));
    assert_false(gate_identity_proxy2(&c, &out));
    assert_int_equal(out.n, 0);
    c.ip_unknown = false;
    c.balancer = true;
    assert_int_equal(gate_identity_xclient(&c, ALL, &out), 1);
    buf_deinit(&out);
}

static void test_words(void **state)
{
    enum gate_identity got;

    assert_true(gate_identity_parse(SPAN_LIT("Proxy2"), &got) && got == GATE_IDENTITY_PROXY2);
    assert_false(gate_identity_parse(SPAN_LIT("proxy"), &got));
    assert_false(gate_identity_parse(SPAN_LIT(""), &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_xclient), cmocka_unit_test(test_xclient_split),
        cmocka_unit_test(test_names),   cmocka_unit_test(test_proxy),
        cmocka_unit_test(test_unknown), cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
