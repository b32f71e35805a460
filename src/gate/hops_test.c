/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "gate/hops.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *name, *text;
    unsigned count;
} cases[] = {
    {"none", "Subject: x\r\n\r\nReceived: in the body\r\n", 0},
    {"two", "Received: a\r\nReceived: b\r\nSubject: x\r\n\r\n", 2},
    {"any case", "RECEIVED: a\r\nreceived: b\r\n\r\n", 2},
    {"blanks before the colon", "Received \t: a\r\n\r\n", 1},
    {"longer names", "Received-SPF: a\r\nX-Received: b\r\nReceivedx: c\r\n\r\n", 0},
    {"in a fold", "Subject: x\r\n Received: b\r\n\r\n", 0},
    {"fold of a Received", "Received: a\r\n\tby Received: c\r\n\r\n", 1},
    {"no colon", "Received\r\nReceived: a\r\n\r\n", 1},
    {"cut names", "Rece\r\nReceived: a\r\n\r\n", 1},
    {"LF lines", "Received: a\nReceived: b\n\nReceived: c\n", 2},
    {"attached message", "Received: a\r\n\r\n--b\r\n\r\nReceived: c\r\n", 1},
    {"empty message", "", 0},
    {"body at once", "\r\nReceived: a\r\n", 0},
    {"CR inside a line", "Sub\rReceived: a\r\nReceived: b\r\n\r\n", 1},
    {"CR at the begin of a line", "\rReceived: a\r\nReceived: b\r\n\r\n", 1},
    {"no end", "Received: a\r\nReceived: b", 2},
    {"colon in a fold only", "Received\r\n : a\r\n\r\n", 0},
};

static void test_cases(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span text = span_str(cases[i].text);

        /* Whole, byte by byte, and cut at each place. */
        for (size_t cut = 0; cut <= text.n + 1; cut++) {
            struct hops h;

            hops_init(&h);
            if (cut <= text.n) {
                assert_true(hops_feed(&h, span_slice(text, 0, cut), 0));
                assert_true(hops_feed(&h, span_slice(text, cut, text.n), 0));
            } else {
                for (size_t k = 0; k < text.n; k++)
                    assert_true(hops_feed(&h, span_slice(text, k, k + 1), 0));
            }
            if (h.count != cases[i].count)
                fail_msg("%s, cut at %zu: %u", cases[i].name, cut, h.count);
        }
    }
}

static void test_limit(void **state)
{
    for (unsigned n = HOPS_MAX; n <= HOPS_MAX + 1; n++) {
        struct hops h = {0};
        bool fine = true;

        for (unsigned i = 0; i < n; i++)
            fine = hops_feed(&h, SPAN_LIT("Received: x\r\n"), HOPS_MAX);
        assert_int_equal(fine, n == HOPS_MAX);
        fine = hops_feed(&h, SPAN_LIT("\r\nbody"), HOPS_MAX);
        assert_int_equal(fine, n == HOPS_MAX); /* and it stays said */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_limit)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
