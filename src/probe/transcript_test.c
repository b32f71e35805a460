/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/transcript.h"

#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect_line(const struct transcript *t, uint16_t n, const char *want)
{
    struct span got = transcript_line(t, n);

    if (!span_eq(got, span_str(want)))
        fail_msg("line %u: \"%.*s\", not \"%s\"", n, SPAN_ARG(got), want);
}

static void test_lines(void **state)
{
    struct transcript t;

    transcript_init(&t);
    assert_int_equal(transcript_add(&t, "* ", SPAN_LIT("connected")), 0);
    assert_int_equal(transcript_add(&t, "C: ", SPAN_LIT("RSET")), 1);
    assert_int_equal(transcript_add(&t, "C: ", SPAN_NULL), 2);
    expect_line(&t, 0, "* connected");
    expect_line(&t, 1, "C: RSET");
    expect_line(&t, 2, "C: ");
    assert_null(transcript_line(&t, 3).p);
    assert_null(transcript_line(&t, TRANSCRIPT_NONE).p);
    assert_true(span_eq(buf_span(&t.text), SPAN_LIT("* connected\nC: RSET\nC: \n")));
    transcript_deinit(&t);
    transcript_deinit(&t);
}

static const struct {
    const char *name;
    unsigned code;
    const char *text;
    uint16_t n;
    const char *first, *last;
} replies[] = {
    {"one line", 250, "2.1.0 Ok", 1, "S: 250 2.1.0 Ok", "S: 250 2.1.0 Ok"},
    {"three lines", 250, "a\nb\nc", 3, "S: 250-a", "S: 250 c"},
    {"no text", 220, "", 1, "S: 220 ", "S: 220 "},
    {"empty lines within", 550, "a\n\nb", 3, "S: 550-a", "S: 550 b"},
    {"empty last line", 550, "a\n", 2, "S: 550-a", "S: 550 "},
    {"colours", 550, "\x1b[31mno", 1, "S: 550 \\x1b[31mno", "S: 550 \\x1b[31mno"},
    {"a line within a line", 550, "no\rS: 250 yes", 1, "S: 550 no\\rS: 250 yes", NULL},
    {"NUL has a code of its own", 550, "\x01\x7f", 1, "S: 550 \\x01\\x7f", NULL},
    {"octets over 127", 550, "gr\xc3\xbc\xff", 1, NULL, NULL},
};

static void test_replies(void **state)
{
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        struct transcript t;

        transcript_init(&t);
        transcript_add(&t, "C: ", SPAN_LIT("x"));
        assert_int_equal(transcript_add_reply(&t, replies[i].code, guard_str(&g, replies[i].text)),
                         1);
        if (t.count != replies[i].n + 1u)
            fail_msg("%s: %zu lines", replies[i].name, t.count - 1);
        if (replies[i].first)
            expect_line(&t, 1, replies[i].first);
        if (replies[i].last)
            expect_line(&t, replies[i].n, replies[i].last);
        /* Whatever was said, what is kept is printable, and has the line ends that we put there. */
        for (size_t k = 0; k < t.text.n; k++) {
            unsigned char c = (unsigned char)t.text.p[k];

            assert_true(c == '\n' || (c >= ' ' && c < 0x7f) || c >= 0x80);
        }
        transcript_deinit(&t);
    }
    guard_free(&g);
}

static void test_longest_line(void **state)
{
    char *bytes = malloc(TRANSCRIPT_LINE_MAX + 1);
    struct transcript t;

    assert_non_null(bytes);
    memset(bytes, 'x', TRANSCRIPT_LINE_MAX + 1);
    transcript_init(&t);
    transcript_add(&t, "C: ", span_of(bytes, TRANSCRIPT_LINE_MAX));
    transcript_add(&t, "C: ", span_of(bytes, TRANSCRIPT_LINE_MAX + 1));
    assert_int_equal(transcript_line(&t, 0).n, TRANSCRIPT_LINE_MAX + 3);
    assert_true(span_ends_nocase(transcript_line(&t, 1), SPAN_LIT("x [1 bytes more]")));
    transcript_deinit(&t);
    free(bytes);
}

static void test_most_lines(void **state)
{
    struct transcript t;

    transcript_init(&t);
    for (unsigned i = 0; i < TRANSCRIPT_LINES_MAX; i++)
        assert_int_equal(transcript_add(&t, "", SPAN_LIT("a")), i);
    assert_int_equal(t.dropped, 0);
    assert_int_equal(transcript_add(&t, "", SPAN_LIT("b")), TRANSCRIPT_NONE);
    assert_int_equal(transcript_add_reply(&t, 250, SPAN_LIT("a\nb")), TRANSCRIPT_NONE);
    assert_int_equal(t.dropped, 3);
    assert_int_equal(t.count, TRANSCRIPT_LINES_MAX);
    expect_line(&t, TRANSCRIPT_LINES_MAX - 1, "a");
    transcript_deinit(&t);
}

/* A line that does not fit leaves no half of itself, and nothing is added behind it. */
static void test_most_bytes(void **state)
{
    char bytes[TRANSCRIPT_LINE_MAX];
    struct transcript t;
    size_t n = 0;

    memset(bytes, '\x01', sizeof(bytes)); /* four letters each, escaped */
    transcript_init(&t);
    while (transcript_add(&t, "S: ", span_of(bytes, sizeof(bytes))) != TRANSCRIPT_NONE)
        n++;
    assert_in_range(n, TRANSCRIPT_MAX / (4 * TRANSCRIPT_LINE_MAX + 4) - 1,
                    TRANSCRIPT_MAX / (4 * TRANSCRIPT_LINE_MAX + 4));
    assert_true(t.text.n <= TRANSCRIPT_MAX);
    assert_int_equal(t.text.p[t.text.n - 1], '\n');
    assert_int_equal(t.count, n);
    assert_int_equal(t.dropped, 1);
    assert_int_equal(transcript_line(&t, (uint16_t)(n - 1)).n, 4 * TRANSCRIPT_LINE_MAX + 3);
    assert_int_equal(transcript_add(&t, "", SPAN_LIT("short")), TRANSCRIPT_NONE);
    transcript_deinit(&t);
}

static void test_trim(void **state)
{
    struct transcript t;

    transcript_init(&t);
    for (int i = 0; i < 10; i++)
        transcript_add(&t, "C: ", SPAN_LIT("line"));
    transcript_trim(&t, 20);
    assert_int_equal(t.count, 10);
    assert_int_equal(t.dropped, 0);
    transcript_trim(&t, 3);
    assert_int_equal(t.count, 3);
    assert_int_equal(t.dropped, 7);
    expect_line(&t, 2, "C: line");
    assert_null(transcript_line(&t, 3).p);
    /* It goes on from there. */
    assert_int_equal(transcript_add(&t, "C: ", SPAN_LIT("more")), 3);
    expect_line(&t, 3, "C: more");
    transcript_trim(&t, 0);
    assert_int_equal(t.count, 0);
    assert_null(transcript_line(&t, 0).p);
    transcript_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),        cmocka_unit_test(test_replies),
        cmocka_unit_test(test_longest_line), cmocka_unit_test(test_most_lines),
        cmocka_unit_test(test_most_bytes),   cmocka_unit_test(test_trim),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
