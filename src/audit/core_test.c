/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The core without any MTA's interpreter: lines, files, doors, joins, verdicts. */
#include "audit/audit_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void lines_keep_their_numbers(void **state)
{
    static const struct {
        const char *name;
        enum audit_lines_style style;
        const char *in, *out; /* "first-last:text|" each */
    } cases[] = {
        {"plain", AUDIT_LINES_PLAIN, "a\n\nb\r\nc", "1-1:a|3-3:b|4-4:c|"},
        {"blank", AUDIT_LINES_BLANK, "a\n b\n# c\n\n\td\ne\n", "1-5:a b\td|6-6:e|"},
        {"blank, comment first", AUDIT_LINES_BLANK, "# x\n  # y\na = 1\n", "3-3:a = 1|"},
        {"blank, nothing", AUDIT_LINES_BLANK, "\n\n#\n", ""},
        {"backslash", AUDIT_LINES_BACKSLASH, "a = b : \\\n  # no\n   c\nd\n",
         "1-3:a = b : c|4-4:d|"},
        {"backslash at the end", AUDIT_LINES_BACKSLASH, "a \\", "1-1:a |"},
        {"tab", AUDIT_LINES_TAB, "R$*\t$1\n\tx\n#c\nSfoo\n", "1-2:R$*\t$1\n\tx|4-4:Sfoo|"},
        {"byte order mark", AUDIT_LINES_PLAIN,
         "\xEF\xBB\xBF"
         "a\n",
         "1-1:a|"},
    };
    struct audit_files files = audit_files_memory(&(struct audit_memory){0});

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct audit *a = audit_new(&files);
        struct audit_source_file f = {"f", span_str(cases[i].in)};
        struct buf out = BUF_INIT(1000);
        struct audit_lines r;
        struct audit_line line;

        audit_lines_open(&r, a, cases[i].style, &f);
        while (audit_lines_next(&r, &line)) {
            buf_addf(&out, "%u-%u:", line.first, line.last);
            buf_add(&out, line.text);
            buf_add_char(&out, '|');
        }
        if (strcmp(buf_str(&out), cases[i].out) != 0)
            print_error("case: %s\n", cases[i].name);
        assert_string_equal(buf_str(&out), cases[i].out);
        buf_deinit(&out);
        audit_free(&a);
    }
}

static void a_joined_byte_knows_its_line(void **state)
{
    struct audit_files files = audit_files_memory(&(struct audit_memory){0});
    struct audit *a = audit_new(&files);
    struct audit_source_file f = {"f", SPAN_LIT("x = one,\n  two,\n# no\n  three\n")};
    struct audit_lines r;
    struct audit_line line;

    audit_lines_open(&r, a, AUDIT_LINES_BLANK, &f);
    assert_true(audit_lines_next(&r, &line));
    assert_int_equal(audit_line_of(&line, line.text.p), 1);
    assert_int_equal(
        audit_line_of(&line, line.text.p + span_find_nocase(line.text, SPAN_LIT("two"))), 2);
    assert_int_equal(
        audit_line_of(&line, line.text.p + span_find_nocase(line.text, SPAN_LIT("three"))), 4);
    audit_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_keep_their_numbers),
        cmocka_unit_test(a_joined_byte_knows_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
