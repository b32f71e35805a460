/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/proxy_tlv.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HEAD "\r\n\r\n\0\r\nQUIT\n"
#define V4   "\xcb\0\x71\x09\xc0\0\x02\x01\x0f\xa0\0\x19"

enum { AT = 28 };

static void test_whole(void **state)
{
    static const struct {
        const char *name;
        struct span header;
        bool ok;
    } cases[] = {
        {"none", SPAN_LIT(HEAD "\x21\x11\0\x0c" V4), true},
        {"one", SPAN_LIT(HEAD "\x21\x11\0\x10" V4 "\x04\0\x01z"), true},
        {"an empty one", SPAN_LIT(HEAD "\x21\x11\0\x0f" V4 "\x04\0\0"), true},
        {"half a head", SPAN_LIT(HEAD "\x21\x11\0\x0e" V4 "\x04\0"), false},
        {"shorter than it says", SPAN_LIT(HEAD "\x21\x11\0\x10" V4 "\x04\0\x02z"), false},
        {"octets behind", SPAN_LIT(HEAD "\x21\x11\0\x11" V4 "\x04\0\x01z\0"), false},
        {"checksum", SPAN_LIT(HEAD "\x21\x11\0\x13" V4 "\x03\0\x04\x1b\xb2\x23\x10"), true},
        {"wrong checksum", SPAN_LIT(HEAD "\x21\x11\0\x13" V4 "\x03\0\x04\x1b\xb2\x23\x11"), false},
        {"checksum of another client",
         SPAN_LIT(HEAD "\x21\x11\0\x13\xcb\0\x71\x0a\xc0\0\x02\x01\x0f\xa0\0\x19"
                       "\x03\0\x04\x1b\xb2\x23\x10"),
         false},
        {"checksum of three octets", SPAN_LIT(HEAD "\x21\x11\0\x12" V4 "\x03\0\x03\x1b\xb2\x23"),
         false},
    };
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (smtp_proxy_tlvs_ok(guard_span(&g, cases[i].header), AT) != cases[i].ok)
            fail_msg("%s: not %d", cases[i].name, cases[i].ok);
    guard_free(&g);
}

#define SSL                                                                                        \
    "\x20\0\x18\x01\0\0\0\0\x21\0\x07TLSv1.3\x22\0\x06"                                            \
    "Ann \xc3\xa4"

static const struct {
    const char *name;
    struct span in, want;
} picks[] = {
    {"nothing", SPAN_LIT(""), SPAN_LIT("")},
    {"authority", SPAN_LIT("\x02\0\x02mx"), SPAN_LIT("\x02\0\x02mx")},
    {"alpn and id, in our order", SPAN_LIT("\x05\0\x02\0\xff\x01\0\x04smtp"),
     SPAN_LIT("\x01\0\x04smtp\x05\0\x02\0\xff")},
    {"what ends here",
     SPAN_LIT("\x03\0\x04"
              "1234\x04\0\x01z\x30\0\x02ns\xea\0\x01x\x7f\0\0"),
     SPAN_LIT("")},
    {"the first of two",
     SPAN_LIT("\x02\0\x01"
              "a\x02\0\x01"
              "b"),
     SPAN_LIT("\x02\0\x01"
              "a")},
    {"a name with a line end",
     SPAN_LIT("\x02\0\x04"
              "a\r\nb"),
     SPAN_LIT("")},
    {"a name that is no UTF-8",
     SPAN_LIT("\x02\0\x02"
              "a\xff"),
     SPAN_LIT("")},
    {"an empty name", SPAN_LIT("\x02\0\0"), SPAN_LIT("")},
    {"TLS", SPAN_LIT(SSL), SPAN_LIT(SSL)},
    {"TLS with flags to come", SPAN_LIT("\x20\0\x05\xff\0\0\0\x01"),
     SPAN_LIT("\x20\0\x05\x07\0\0\0\x01")},
    {"TLS too short", SPAN_LIT("\x20\0\x04\x01\0\0\0"), SPAN_LIT("")},
    {"TLS with a whole certificate",
     SPAN_LIT("\x20\0\x0d\x01\0\0\0\0\x28\0\x05"
              "ASN.1"),
     SPAN_LIT("\x20\0\x05\x01\0\0\0\0")},
    {"TLS with half a part", SPAN_LIT("\x20\0\x08\x01\0\0\0\0\x21\0\x07"),
     SPAN_LIT("\x20\0\x05\x01\0\0\0\0")},
    {"TLS with a foul part",
     SPAN_LIT("\x20\0\x0a\x01\0\0\0\0\x21\0\x02"
              "a\n"),
     SPAN_LIT("\x20\0\x05\x01\0\0\0\0")},
};

static void test_picks(void **state)
{
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(picks) / sizeof(picks[0]); i++) {
        struct buf out = BUF_INIT(SMTP_PROXY_TLVS_MAX + 2);

        buf_add_str(&out, "x"); /* what stands before counts for nothing */
        smtp_proxy_tlvs_pick(guard_span(&g, picks[i].in), &out);
        if (out.err || !span_eq(span_slice(buf_span(&out), 1, out.n), picks[i].want))
            fail_msg("%s: other octets, %zu", picks[i].name, (size_t)out.n - 1);
        buf_deinit(&out);
    }
    guard_free(&g);
}

/* One entry of a type with n octets of value. */
static size_t put(char *at, unsigned type, size_t n)
{
    at[0] = (char)type;
    at[1] = (char)(n >> 8);
    at[2] = (char)n;
    memset(at + 3, 'a', n);
    return n + 3;
}

/* At each limit, and one past it; what is too long makes room for what comes behind. */
static void test_limits(void **state)
{
    static const struct {
        unsigned type;
        size_t max;
    } cases[] = {
        {SMTP_PROXY_AUTHORITY, SMTP_PROXY_TLVS_MAX - 3},
        {SMTP_PROXY_ALPN, SMTP_PROXY_TLVS_MAX - 3},
        {SMTP_PROXY_UNIQUE_ID, SMTP_PROXY_UNIQUE_ID_MAX},
    };
    char in[2 * SMTP_PROXY_TLVS_MAX];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t over = 0; over < 2; over++) {
            struct buf out = BUF_INIT(SMTP_PROXY_TLVS_MAX);
            size_t n = put(in, cases[i].type, cases[i].max + over);

            smtp_proxy_tlvs_pick(span_of(in, n), &out);
            assert_int_equal(out.n, over ? 0 : n);
            assert_int_equal(out.err, 0);
            buf_deinit(&out);
        }
    }
    for (size_t over = 0; over < 2; over++) {
        struct buf out = BUF_INIT(SMTP_PROXY_TLVS_MAX);
        size_t n = put(in, SMTP_PROXY_AUTHORITY, 100);

        n += put(in + n, SMTP_PROXY_ALPN, SMTP_PROXY_TLVS_MAX - 106 + over);
        n += put(in + n, SMTP_PROXY_UNIQUE_ID, 20);
        smtp_proxy_tlvs_pick(span_of(in, n), &out);
        assert_int_equal(out.n, over ? 103 + 23 : SMTP_PROXY_TLVS_MAX);
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_picks),
        cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
