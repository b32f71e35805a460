/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "decoy/clienthello.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

/* Written by hand from RFC 5246 §7.4.1.2: two ciphers and a GREASE, and each extension we read. */
#define RANDOM "0123456789abcdef0123456789abcdef"
#define BODY                                                                                       \
    "\3\3" RANDOM "\0"                                                                             \
    "\0\6\x1a\x1a\xc0\x2b\x13\x01"                                                                 \
    "\1\0"
#define EXTENSIONS                                                                                 \
    "\x0a\x0a\0\0"                                                                                 \
    "\0\0\0\17\0\15\0\0\12mx.test.de"                                                              \
    "\0\12\0\6\0\4\0\35\0\27"                                                                      \
    "\0\13\0\2\1\0"                                                                                \
    "\0\20\0\13\0\11\4smtp\3a\7b"                                                                  \
    "\0\53\0\5\4\3\4\3\3"                                                                          \
    "\xff\1\0\0"

static struct span message(void)
{
    static char bytes[200];
    struct span body = SPAN_LIT(BODY), extensions = SPAN_LIT(EXTENSIONS);
    size_t n = body.n + 2 + extensions.n;

    bytes[0] = 1;
    bytes[3] = (char)n;
    memcpy(bytes + 4, body.p, body.n);
    bytes[4 + body.n + 1] = (char)extensions.n;
    memcpy(bytes + 4 + body.n + 2, extensions.p, extensions.n);
    return span_of(bytes, 4 + n);
}

static void reads(void **state)
{
    struct buf ja3 = BUF_INIT(CLIENTHELLO_JA3_MAX);
    struct guard g = {0};
    struct clienthello h;

    assert_true(clienthello_read(guard_span(&g, message()), &h));
    assert_int_equal(h.version, 0x0303);
    assert_int_equal(h.cipher_count, 3);
    assert_int_equal(h.extension_count, 7);
    assert_int_equal(h.version_count, 2);
    assert_int_equal(h.versions[0], 0x0304);
    assert_true(span_eq(h.name, SPAN_LIT("mx.test.de")));
    assert_string_equal(h.alpn, "smtp,a?b");
    assert_false(h.cut);
    clienthello_ja3(&h, &ja3);
    assert_string_equal(buf_str(&ja3), "771,49195-4865,0-10-11-16-43-65281,29-23,0");
    buf_deinit(&ja3);
    guard_free(&g);
}

/* Cut anywhere it is bad, and nothing behind the cut is read. */
static void every_prefix(void **state)
{
    struct span whole = message();
    struct guard g = {0};
    struct clienthello h;

    for (size_t n = 0; n < whole.n; n++)
        assert_false(clienthello_read(guard_span(&g, span_slice(whole, 0, n)), &h));
    guard_free(&g);
}

static void no_extensions(void **state)
{
    unsigned char old[4 + 2 + 32 + 1 + 4 + 2] = {1, 0, 0, sizeof(old) - 4, 3, 1};
    struct buf ja3 = BUF_INIT(CLIENTHELLO_JA3_MAX);
    struct clienthello h;

    old[40] = 2; /* one cipher */
    old[42] = 5;
    old[43] = 1; /* one compression */
    assert_true(clienthello_read(span_of(old, sizeof(old)), &h));
    clienthello_ja3(&h, &ja3);
    assert_string_equal(buf_str(&ja3), "769,5,,,");
    buf_deinit(&ja3);
    old[0] = 2;
    assert_false(clienthello_read(span_of(old, sizeof(old)), &h));
}

/* At the limit of what is kept, and one past it. */
static void many_ciphers(void **state)
{
    static unsigned char big[4 + 2 + 32 + 1 + 2 + 2 * (CLIENTHELLO_CIPHERS_MAX + 1) + 2];
    struct clienthello h;

    for (unsigned extra = 0; extra < 2; extra++) {
        size_t ciphers = 2 * (CLIENTHELLO_CIPHERS_MAX + extra);
        size_t n = 4 + 2 + 32 + 1 + 2 + ciphers + 2;

        memset(big, 0, sizeof(big));
        big[0] = 1;
        big[2] = (unsigned char)((n - 4) >> 8);
        big[3] = (unsigned char)(n - 4);
        big[39] = (unsigned char)(ciphers >> 8);
        big[40] = (unsigned char)ciphers;
        big[41 + ciphers] = 1;
        assert_true(clienthello_read(span_of(big, n), &h));
        assert_int_equal(h.cipher_count, CLIENTHELLO_CIPHERS_MAX);
        assert_int_equal(h.cut, extra == 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),
        cmocka_unit_test(every_prefix),
        cmocka_unit_test(no_extensions),
        cmocka_unit_test(many_ciphers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
