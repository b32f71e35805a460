/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "report/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A target that was given as an address is not named twice. */
static void test_target_name(void **state)
{
    static const struct {
        const char *target, *input, *want;
    } cases[] = {
        {"mx.example.org", "192.0.2.1", "tester --> mx.example.org 192.0.2.1:25 --> sink"},
        {"mx.example.org:25", "192.0.2.1", "tester --> mx.example.org:25 192.0.2.1:25 --> sink"},
        {"192.0.2.1", "192.0.2.1", "tester --> 192.0.2.1:25 --> sink"},
        {"192.0.2.1:25", "192.0.2.1", "tester --> 192.0.2.1:25 --> sink"},
        {"2001:db8::1", "2001:db8::1", "tester --> [2001:db8::1]:25 --> sink"},
        {"[2001:db8::1]:25", "2001:db8::1", "tester --> [2001:db8::1]:25 --> sink"},
        {"192.0.2.2", "192.0.2.1", "tester --> 192.0.2.2 192.0.2.1:25 --> sink"},
    };
    static const struct report_style plain = {.width = 80};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *proved = json_pack("{s:s, s:i, s:s}", "input", cases[i].input, "port", 25, "output",
                                   cases[i].input);
        struct buf out = BUF_INIT(400);
        struct report_path path;

        report_path_of(&path, proved, span_str(cases[i].target));
        report_path_text(&out, &path, &plain);
        assert_string_equal(buf_str(&out), cases[i].want);
        buf_deinit(&out);
        json_decref(proved);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_target_name)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
