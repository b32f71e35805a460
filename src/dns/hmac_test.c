/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dns/hmac.h"

#include "hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* RFC 4231 §4.3, "Jefe", and for SHA-1 RFC 2202 §3, case 2. */
static void known(void **state)
{
    static const char *const want[] = {
        [DNS_HMAC_SHA1] = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
        [DNS_HMAC_SHA224] = "a30e01098bc6dbbf45690f3a7e9e6d0f8bbea2a39e6148008fd05e44",
        [DNS_HMAC_SHA256] = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        [DNS_HMAC_SHA384] = "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
                            "8e2240ca5e69e2c78b3239ecfab21649",
        [DNS_HMAC_SHA512] = "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
                            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    };

    for (unsigned alg = DNS_HMAC_SHA1; alg <= DNS_HMAC_SHA512; alg++) {
        uint8_t mac[DNS_HMAC_MAX];
        char text[2 * DNS_HMAC_MAX + 1];
        struct dns_hmac h;

        dns_hmac_begin(&h, (enum dns_hmac_alg)alg, SPAN_LIT("Jefe"));
        dns_hmac_add(&h, SPAN_LIT("what do ya want "));
        dns_hmac_add(&h, SPAN_LIT("for nothing?"));
        assert_int_equal(dns_hmac_end(&h, SPAN_LIT("Jefe"), mac),
                         dns_hmac_size((enum dns_hmac_alg)alg));
        assert_string_equal(hex_write(mac, dns_hmac_size((enum dns_hmac_alg)alg), text), want[alg]);
    }
}

/* The same as libcrypto's own, for keys up to and over both block sizes. */
static void as_libcrypto(void **state)
{
    const EVP_MD *const md[] = {
        [DNS_HMAC_SHA1] = EVP_sha1(),     [DNS_HMAC_SHA224] = EVP_sha224(),
        [DNS_HMAC_SHA256] = EVP_sha256(), [DNS_HMAC_SHA384] = EVP_sha384(),
        [DNS_HMAC_SHA512] = EVP_sha512(),
    };
    static const size_t keys[] = {0, 1, 63, 64, 65, 127, 128, 129, 200};
    uint8_t key[200], data[300];

    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    memset(key, 0x5a, sizeof(key));
    for (unsigned alg = DNS_HMAC_SHA1; alg <= DNS_HMAC_SHA512; alg++)
        for (size_t i = 0; i < COUNT(keys); i++) {
            uint8_t mac[DNS_HMAC_MAX], want[DNS_HMAC_MAX];
            struct dns_hmac h;
            unsigned n;

            dns_hmac_begin(&h, (enum dns_hmac_alg)alg, span_of(key, keys[i]));
            for (size_t at = 0; at < sizeof(data); at += 60)
                dns_hmac_add(&h, span_of(data + at, 60));
            assert_non_null(HMAC(md[alg], key, (int)keys[i], data, sizeof(data), want, &n));
            assert_int_equal(dns_hmac_end(&h, span_of(key, keys[i]), mac), n);
            assert_memory_equal(mac, want, n);
        }
}

static void names(void **state)
{
    assert_int_equal(dns_hmac_alg_of(SPAN_LIT("hmac-sha256")), DNS_HMAC_SHA256);
    assert_int_equal(dns_hmac_alg_of(SPAN_LIT("HMAC-SHA512")), DNS_HMAC_SHA512);
    assert_int_equal(dns_hmac_alg_of(SPAN_LIT("hmac-md5.sig-alg.reg.int")), DNS_HMAC_NONE);
    assert_int_equal(dns_hmac_alg_of(SPAN_LIT("none")), DNS_HMAC_NONE);
    assert_int_equal(dns_hmac_alg_of(SPAN_NULL), DNS_HMAC_NONE);
    for (unsigned alg = DNS_HMAC_SHA1; alg <= DNS_HMAC_SHA512; alg++)
        assert_int_equal(dns_hmac_alg_of(span_str(dns_hmac_alg_name((enum dns_hmac_alg)alg))), alg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known),
        cmocka_unit_test(as_libcrypto),
        cmocka_unit_test(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
