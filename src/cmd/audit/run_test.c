/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Programs that behave, and others. */
#include "cmd/audit/run.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const struct {
    const char *name;
    const char *argv[4];
    int want;
    const char *out; /* NULL: whatever */
} cases[] = {
    {"it prints", {"echo", "a", "b"}, 0, "a b\n"},
    {"it fails", {"false"}, -EIO, ""},
    {"it is not there", {"no-such-program-anywhere"}, -ENOENT, ""},
    {"it floods", {"yes"}, -EMSGSIZE, NULL},
    {"its input is empty", {"cat"}, 0, ""},
    {"its environment is clean", {"env"}, 0, "PATH=/usr/sbin:/usr/bin:/sbin:/bin\nLC_ALL=C\n"},
};

static void programs(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf out = BUF_INIT(1000);
        int r = run_program(cases[i].argv, &out);

        if (r != cases[i].want)
            print_error("case: %s\n", cases[i].name);
        assert_int_equal(r, cases[i].want);
        if (cases[i].out)
            assert_string_equal(buf_str(&out), cases[i].out);
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(programs)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
