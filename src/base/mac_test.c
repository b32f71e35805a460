/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/mac.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* FIPS 180-2 appendix B, and the empty message. */
static void sha256(void **state)
{
    static const struct {
        const char *in;
        uint8_t want[MAC_SIZE];
    } cases[] = {
        {"", {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4,
              0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b,
              0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55}},
        {"abc", {0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40,
                 0xde, 0x5d, 0xae, 0x22, 0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17,
                 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00, 0x15, 0xad}},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t got[MAC_SIZE];

        mac_sha256(span_str(cases[i].in), got);
        assert_memory_equal(got, cases[i].want, MAC_SIZE);
    }
}

/* RFC 4231 test cases 1 and 2, keys filled up with zeros as HMAC does itself (RFC 2104 §2). */
static void hmac(void **state)
{
    static const struct {
        const char *name, *key, *data;
        uint8_t want[MAC_SIZE];
    } cases[] = {
        {"case 1",
         "\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b\x0b",
         "Hi There",
         {0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf,
          0xce, 0xaf, 0x0b, 0xf1, 0x2b, 0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83,
          0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7}},
        {"case 2",
         "Jefe",
         "what do ya want for nothing?",
         {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
          0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
          0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43}},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t key[MAC_KEY] = {0}, got[MAC_SIZE];
        struct mac_keyed keyed;

        print_message("# %s\n", cases[i].name);
        memcpy(key, cases[i].key, strlen(cases[i].key));
        mac_hmac(key, span_str(cases[i].data), got);
        assert_memory_equal(got, cases[i].want, MAC_SIZE);
        /* A key made ready gives the same, again and again. */
        mac_keyed_init(&keyed, key);
        for (int again = 0; again < 2; again++) {
            mac_hmac_keyed(&keyed, span_str(cases[i].data), got);
            assert_memory_equal(got, cases[i].want, MAC_SIZE);
        }
        mac_hmac(key, SPAN_NULL, got);
        assert_memory_not_equal(got, cases[i].want, MAC_SIZE);
    }
}

static void equal(void **state)
{
    uint8_t a[4] = {1, 2, 3, 4}, b[4] = {1, 2, 3, 5};

    assert_true(mac_equal(a, b, 3));
    assert_true(mac_equal(a, b, 0));
    assert_false(mac_equal(a, b, 4));
}

/* RFC 4648 §10, in lower case and without padding. */
static void base32(void **state)
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"", ""},
        {"f", "my"},
        {"fo", "mzxq"},
        {"foo", "mzxw6"},
        {"foob", "mzxw6yq"},
        {"fooba", "mzxw6ytb"},
        {"foobar", "mzxw6ytboi"},
    };
    struct guard g = {0};

    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = strlen(cases[i].bytes);
        char text[32];
        uint8_t back[32];

        base32_encode((const uint8_t *)cases[i].bytes, n, text);
        assert_string_equal(text, cases[i].text);
        assert_int_equal(strlen(text), BASE32_LEN(n));
        assert_true(base32_decode(guard_str(&g, text), back, n));
        assert_memory_equal(back, cases[i].bytes, n);
    }
    guard_free(&g);
}

static void base32_refuses(void **state)
{
    static const struct {
        const char *name, *text;
        size_t n;
        bool ok;
    } cases[] = {
        {"upper case is fine", "MZXW6YTB", 5, true},
        {"too short", "mzxw6yt", 5, false},
        {"too long", "mzxw6ytba", 5, false},
        {"digit one", "mzxw6yt1", 5, false},
        {"digit eight", "mzxw6yt8", 5, false},
        {"digit nought", "mzxw6yt0", 5, false},
        {"padding", "my======", 5, false},
        {"percent", "mz%w6ytb", 5, false},
        {"no stray bit", "my", 1, true},
        {"stray bit", "mz", 1, false},
        {"high", "m\xe1", 1, false},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t out[8];

        print_message("# %s\n", cases[i].name);
        assert_int_equal(base32_decode(span_str(cases[i].text), out, cases[i].n), cases[i].ok);
    }
}

static void base32_alphabet(void **state)
{
    unsigned count = 0;

    for (int c = -128; c < 128; c++)
        count += base32_is((char)c);
    assert_int_equal(count, 26 + 26 + 6);
}

/* Each value has one spelling: what decodes encodes back to itself, case folded. */
static void base32_has_one_spelling(void **state)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned taken = 0;

    for (unsigned v = 0; v < 32 * 32; v++) {
        char text[3] = {alphabet[v / 32], alphabet[v % 32], '\0'}, again[3];
        uint8_t byte;

        if (base32_decode(span_str(text), &byte, 1)) {
            base32_encode(&byte, 1, again);
            assert_string_equal(again, text);
            taken++;
        }
    }
    assert_int_equal(taken, 256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256),
        cmocka_unit_test(hmac),
        cmocka_unit_test(equal),
        cmocka_unit_test(base32),
        cmocka_unit_test(base32_refuses),
        cmocka_unit_test(base32_alphabet),
        cmocka_unit_test(base32_has_one_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
