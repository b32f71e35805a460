/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/base64.h"

#include "base/escape.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* RFC 4648 §10, and what is forgiven or not. */
static void test_decode(void **state)
{
    static const struct {
        struct span text;
        const char *want; /* NULL: none */
    } cases[] = {
        {SPAN_LIT(""), ""},        {SPAN_LIT("Zg=="), "f"},        {SPAN_LIT("Zm8="), "fo"},
        {SPAN_LIT("Zm9v"), "foo"}, {SPAN_LIT("Zm9vYg=="), "foob"}, {SPAN_LIT("Zm9vYmE="), "fooba"},
        {SPAN_LIT("Zg"), "f"},     {SPAN_LIT("Zm8"), "fo"},        {SPAN_LIT("Zh=="), "f"},
        {SPAN_LIT("===="), ""},    {SPAN_LIT("Z g="), NULL},       {SPAN_LIT("Zm9v\r\n"), NULL},
        {SPAN_LIT("Z=g="), NULL},  {SPAN_LIT("Zm-_"), NULL},
    };
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t out[6];
        size_t n = 99;
        bool ok = base64_decode(guard_span(&g, cases[i].text), out, sizeof(out), &n);

        assert_int_equal(ok, cases[i].want != NULL);
        if (ok)
            assert_true(span_eq(span_of(out, n), span_str(cases[i].want)));
    }
    guard_free(&g);
}

/* Every octet, at each place of a group, comes back; with no octet more of room than it needs. */
static void test_back(void **state)
{
    for (unsigned octet = 0; octet < 256; octet++) {
        for (size_t n = 1; n <= 4; n++) {
            uint8_t in[4] = {0x5a, 0, 0xff, 0x13}, out[4];
            struct buf text = BUF_INIT(20);
            size_t got = 0;

            in[n - 1] = (uint8_t)octet;
            escape_base64(&text, span_of(in, n));
            assert_true(base64_decode(buf_span(&text), out, n, &got));
            assert_int_equal(got, n);
            assert_memory_equal(out, in, n);
            assert_false(base64_decode(buf_span(&text), out, n - 1, &got));
            buf_deinit(&text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
