/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/scram.h"

#include "base/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
    const char *name, *password, *salt;
    unsigned rounds;
    const char *salted; /* hex */
} vectors[] = {
    /* The vectors of RFC 6070 with SHA-256 in place of SHA-1, as libraries publish them. */
    {"one round", "password", "salt", 1,
     "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"},
    {"two rounds", "password", "salt", 2,
     "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43"},
    {"4096 rounds", "password", "salt", 4096,
     "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"},
};

static void hex(const uint8_t *p, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
}

static void test_vectors(void **state)
{
    static const unsigned slices[] = {1, 7, 4095, 4096, 100000};
    char text[2 * MAC_SIZE + 1];

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++)
        for (size_t k = 0; k < sizeof(slices) / sizeof(slices[0]); k++) {
            struct auth_scram s;

            auth_scram_start(&s, span_str(vectors[i].password), span_str(vectors[i].salt),
                             vectors[i].rounds);
            while (!auth_scram_work(&s, slices[k]))
                ;
            hex(s.salted, MAC_SIZE, text);
            assert_string_equal(text, vectors[i].salted);
        }
}

/* RFC 7677 §3: user "user", password "pencil". The proof in it holds if our StoredKey is right. */
static void test_rfc7677(void **state)
{
    static const uint8_t salt[] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                                   0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81};
    static const char message[] =
        "n=user,r=rOprNGfwEbeRWgbNEkqO,"
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    uint8_t stored[MAC_SIZE], server[MAC_SIZE], mac[MAC_SIZE];
    struct buf text = BUF_INIT(100);
    struct auth_scram s;

    auth_scram_start(&s, SPAN_LIT("pencil"), span_of(salt, sizeof(salt)), 4096);
    assert_true(auth_scram_work(&s, 4096));
    auth_scram_keys(&s, stored, server);
    mac_hmac(server, span_str(message), mac);
    escape_base64(&text, span_of(mac, MAC_SIZE));
    assert_string_equal(buf_str(&text), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    buf_clear(&text);
    mac_hmac(stored, span_str(message), mac);
    auth_scram_wipe(&s);
    assert_int_equal(s.left, 0);
    buf_deinit(&text);
}

static const struct {
    const char *name, *in;
    bool ok;
    const char *out;
} passwords[] = {
    {"as it is", "pencil", true, "pencil"},
    {"case stays", "Pencil", true, "Pencil"},
    {"soft hyphen goes", "I\xc2\xadX", true, "IX"},
    {"compatibility form", "\xe2\x85\xa8", true, "IX"},
    {"younger than Unicode 3.2", "\xf0\x9f\x94\x91", true, "\xf0\x9f\x94\x91"},
    {"no UTF-8", "a\xff", false, NULL},
    {"control character", "a\x07", false, NULL},
    {"nothing", "", false, NULL},
    {"nothing after mapping", "\xc2\xad", false, NULL},
};

static void test_prepare(void **state)
{
    char big[AUTH_PASSWORD_MAX + 2];
    struct buf out = BUF_INIT(AUTH_PASSWORD_MAX * 4);

    for (size_t i = 0; i < sizeof(passwords) / sizeof(passwords[0]); i++) {

        buf_clear(&out);
        if (auth_scram_prepare(span_str(passwords[i].in), &out) != passwords[i].ok)
            fail_msg("%s", passwords[i].name);
        if (passwords[i].ok)
            assert_string_equal(buf_str(&out), passwords[i].out);
    }
    memset(big, 'x', sizeof(big));
    buf_clear(&out);
    assert_true(auth_scram_prepare(span_of(big, AUTH_PASSWORD_MAX), &out));
    assert_false(auth_scram_prepare(span_of(big, AUTH_PASSWORD_MAX + 1), &out));
    assert_false(auth_scram_prepare(span_of("a\0b", 3), &out));
    buf_deinit(&out);
}

/* A key longer than a block is hashed first (RFC 2104 §2): both sides of that edge differ. */
static void test_long_key(void **state)
{
    char key[66];
    uint8_t got[3][MAC_SIZE], hashed[MAC_SIZE];

    memset(key, 'k', sizeof(key));
    for (size_t i = 0; i < 3; i++) {
        struct auth_scram s;

        auth_scram_start(&s, span_of(key, 63 + i), SPAN_LIT("salt"), 1);
        assert_true(auth_scram_work(&s, 1));
        memcpy(got[i], s.salted, MAC_SIZE);
    }
    assert_memory_not_equal(got[0], got[1], MAC_SIZE);
    mac_sha256(span_of(key, 65), hashed);
    for (size_t i = 0; i < 2; i++) {
        struct auth_scram s;

        auth_scram_start(&s, span_of(hashed, MAC_SIZE), SPAN_LIT("salt"), 1);
        assert_memory_equal(s.salted, got[2], MAC_SIZE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_rfc7677),
        cmocka_unit_test(test_prepare),
        cmocka_unit_test(test_long_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
