/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/budget.h"

#include "guard.h"
#include "source.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
    const char *name, *text;
    int want;
    unsigned n; /* servers, or the bad line */
    const char *says;
} files[] = {
    {"empty", "", 0, 0, ""},
    {"comments only", "# a\n\n# b\n", 0, 0, ""},
    {"all fields",
     "Server: x\nBanner: X\nEhlo: y\nRefusals: 1\nSyntax: 2\nResets: 3\nRecipients: 4\n"
     "Lock-step: yes\nQuit-alone: no\nSource: s\n",
     0, 1, ""},
    {"two rows", "Server: x\nBanner: X\n\nServer: y\nEhlo: Y\n", 0, 2, ""},
    {"no limit", "Server: x\nBanner: X\nRefusals: none\nResets: NONE\n", 0, 1, ""},
    {"the largest number", "Server: x\nBanner: X\nRefusals: 10000\n", 0, 1, ""},
    {"one past it", "Server: x\nBanner: X\nRefusals: 10001\n", -EINVAL, 3, "\"10001\""},
    {"zero", "Server: x\nBanner: X\nSyntax: 0\n", -EINVAL, 3, "Syntax"},
    {"no number", "Server: x\nBanner: X\nRecipients: many\n", -EINVAL, 3, "neither a number"},
    {"negative", "Server: x\nBanner: X\nResets: -1\n", -EINVAL, 3, "Resets"},
    {"neither yes nor no", "Server: x\nBanner: X\nLock-step: maybe\n", -EINVAL, 3, "Lock-step"},
    {"neither yes nor no, quit", "Server: x\nBanner: X\nQuit-alone: 1\n", -EINVAL, 3, "Quit-alone"},
    {"unknown field", "Server: x\nBanner: X\nColour: red\n", -EINVAL, 3, "\"Colour\""},
    {"no name", "Banner: X\n", -EINVAL, 1, "\"Server\""},
    {"longest name", "Server: 1234567890123456789012345678901\nBanner: X\n", 0, 1, ""},
    {"one letter longer", "Server: 12345678901234567890123456789012\nBanner: X\n", -EINVAL, 1,
     "at most 31"},
    {"nothing to know it by", "Server: x\nRefusals: 3\n", -EINVAL, 1, "\"Banner\""},
    {"bad second row", "Server: x\nBanner: X\n\nServer: y\nBanner: Y\nSyntax: x\n", -EINVAL, 6,
     "Syntax"},
};

static void test_load(void **state)
{
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct budget_table t = {0};
        struct rows_error err = {0};
        int got = budget_load(&t, guard_str(&g, files[i].text), &err);

        if (got != files[i].want)
            fail_msg("%s: %d (line %u: %s)", files[i].name, got, err.line, err.why);
        if (got == 0 && t.count != files[i].n)
            fail_msg("%s: %zu rows", files[i].name, t.count);
        if (got < 0 && (err.line != files[i].n || !strstr(err.why, files[i].says)))
            fail_msg("%s: line %u: %s", files[i].name, err.line, err.why);
        budget_deinit(&t);
    }
    guard_free(&g);
}

static void test_bad_file_leaves_the_table(void **state)
{
    struct budget_table t = {0};
    struct rows_error err;

    assert_int_equal(budget_load(&t, SPAN_LIT("Server: x\nBanner: X\nSyntax: 2\n"), &err), 0);
    assert_int_equal(budget_load(&t, SPAN_LIT("Server: y\n"), &err), -EINVAL);
    assert_int_equal(t.count, 1);
    assert_string_equal(t.servers[0].name, "x");
    assert_int_equal(t.servers[0].budget.syntax, 2);
    budget_deinit(&t);
    budget_deinit(&t);
}

static void test_missing_numbers_are_the_careful_ones(void **state)
{
    struct budget_table t = {0};
    struct rows_error err;
    struct budget careful = budget_careful();

    assert_int_equal(budget_load(&t, SPAN_LIT("Server: x\nBanner: X\n"), &err), 0);
    assert_int_equal(t.servers[0].budget.refusals, careful.refusals);
    assert_int_equal(t.servers[0].budget.syntax, careful.syntax);
    assert_int_equal(t.servers[0].budget.resets, careful.resets);
    assert_int_equal(t.servers[0].budget.rcpts, careful.rcpts);
    assert_false(t.servers[0].budget.lock_step || t.servers[0].budget.quit_alone);
    budget_deinit(&t);
    /* Exchange hangs up at the fifth error, Exim at the fourth malformed command. */
    assert_int_equal(careful.refusals, 4);
    assert_int_equal(careful.syntax, 3);
}

static void test_find(void **state)
{
    static const char text[] = "Server: both\nBanner: Foo\nEhlo: bar\n\n"
                               "Server: banner\nBanner: Foo\n\n"
                               "Server: ehlo\nEhlo: X-THING\n";
    static const struct {
        const char *name, *banner, *ehlo, *want;
    } cases[] = {
        {"banner", "mx.example ESMTP foo 1.2", "mx.example\nPIPELINING", "banner"},
        {"both", "FOO", "mx\nbar", "both"},
        {"ehlo", "mx.example", "mx\nX-Thing", "ehlo"},
        {"banner not yet seen", NULL, "mx\nX-Thing", "ehlo"},
        {"ehlo not yet seen", "foo", NULL, "banner"},
        {"nobody we know", "mx.example ESMTP", "mx.example", NULL},
        {"nothing at all", NULL, NULL, NULL},
        {"the word of one in the other", "bar X-THING", "foo", NULL},
    };
    struct budget_table t = {0};
    struct rows_error err;

    assert_int_equal(budget_load(&t, SPAN_LIT(text), &err), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct budget_server *got =
            budget_find(&t, cases[i].banner ? span_str(cases[i].banner) : SPAN_NULL,
                        cases[i].ehlo ? span_str(cases[i].ehlo) : SPAN_NULL);
        const char *name = got ? got->name : "nobody", *want = cases[i].want;

        if (strcmp(name, want ? want : "nobody") != 0)
            fail_msg("%s: %s", cases[i].name, name);
    }
    budget_deinit(&t);
}

#define TEXT(s)                                                                                    \
    {                                                                                              \
        s, sizeof(s) - 1                                                                           \
    }

/* The budget before is 8 refusals, 6 malformed, 9 resets. */
static const struct {
    const char *name;
    struct budget_spent spent;
    bool known, found;
    unsigned refusals, syntax, resets;
} lessons[] = {
    {"all spent, nothing happened", {.refusals = 8}, false, false, 16, 6, 9},
    {"more than all", {.refusals = 12}, false, false, 16, 6, 9},
    {"one left", {.refusals = 7}, false, false, 8, 6, 9},
    {"a row knows better", {.refusals = 8}, true, false, 8, 6, 9},
    {"cut at the fifth", {.refusals = 5, .cut = true}, false, true, 4, 6, 9},
    {"cut at the first", {.refusals = 1, .cut = true}, false, true, 1, 6, 9},
    {"cut before any", {.cut = true}, false, true, 1, 6, 9},
    {"cut later than we feared", {.refusals = 30, .cut = true}, false, true, 8, 6, 9},
    {"known, and cut earlier", {.refusals = 3, .cut = true}, true, true, 2, 6, 9},
    {"slow from the fourth on", {.refusals = 8, .slow_at = 4}, false, true, 3, 6, 9},
    {"slow at the first", {.refusals = 8, .slow_at = 1}, false, true, 1, 6, 9},
    {"cut by malformed ones", {.refusals = 5, .syntax = 4, .cut = true}, false, true, 8, 3, 9},
    {"malformed ones, fewer than the others",
     {.refusals = 8, .syntax = 3, .cut = true},
     false,
     true,
     7,
     6,
     9},
    {"the reason names them",
     {.refusals = 8, .syntax = 3, .cut = true, .reason = TEXT("too many syntax errors")},
     false,
     true,
     8,
     2,
     9},
    {"too many nonmail commands",
     {.refusals = 8, .resets = 5, .cut = true, .reason = TEXT("Too many NONMAIL commands")},
     false,
     true,
     8,
     6,
     4},
};

static void test_learn(void **state)
{
    for (size_t i = 0; i < sizeof(lessons) / sizeof(lessons[0]); i++) {
        struct budget b = {.refusals = 8, .syntax = 6, .resets = 9, .rcpts = 100};

        budget_learn(&b, &lessons[i].spent, lessons[i].known);
        if (b.refusals != lessons[i].refusals || b.syntax != lessons[i].syntax ||
            b.resets != lessons[i].resets || b.found != lessons[i].found || b.rcpts != 100)
            fail_msg("%s: %u refusals, %u malformed, %u resets%s", lessons[i].name, b.refusals,
                     b.syntax, b.resets, b.found ? ", found" : "");
    }
}

/* What a server has shown is not forgotten: a quiet session after a cut dares no more. */
static void test_found_stays(void **state)
{
    struct budget b = budget_careful();
    struct budget_spent quiet = {.refusals = 4}, cut = {.refusals = 9, .cut = true};

    budget_learn(&b, &quiet, false);
    budget_learn(&b, &(struct budget_spent){.refusals = 8}, false);
    assert_int_equal(b.refusals, 16);
    budget_learn(&b, &cut, false);
    assert_int_equal(b.refusals, 8);
    for (int i = 0; i < 5; i++)
        budget_learn(&b, &(struct budget_spent){.refusals = 8}, false);
    assert_int_equal(b.refusals, 8);
}

/* Doubling ends where numbers do. */
static void test_bounds(void **state)
{
    struct budget b = budget_careful();

    for (int i = 0; i < 100; i++)
        budget_learn(&b, &(struct budget_spent){.refusals = BUDGET_NONE}, false);
    assert_in_range(b.refusals, BUDGET_NONE / 2, BUDGET_NONE);
    for (int i = 0; i < 20000; i++)
        budget_learn(&b, &(struct budget_spent){.refusals = b.refusals, .cut = true}, false);
    assert_int_equal(b.refusals, 1);
}

/* The table that is shipped can be read, and knows the servers of the lab. */
static void test_shipped_table(void **state)
{
    static const struct {
        const char *banner, *name;
    } known[] = {
        {"mx.example ESMTP Postfix (Debian/GNU)", "postfix"},
        {"mx.example ESMTP Exim 4.96 Sat, 01 Jan 2022 00:00:00 +0000", "exim"},
        {"mx.example ESMTP Sendmail 8.17.1.9/8.17.1.9", "sendmail"},
        {"mx.example ESMTP OpenSMTPD", "opensmtpd"},
        {"mx.example Microsoft ESMTP MAIL Service ready at", "exchange"},
    };
    struct budget_table t = {0};
    struct rows_error err;

    if (budget_load(&t, source_text("data/servers/budgets.rows"), &err) != 0)
        fail_msg("line %u: %s", err.line, err.why);
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const struct budget_server *s = budget_find(&t, span_str(known[i].banner), SPAN_NULL);

        if (!s || strcmp(s->name, known[i].name) != 0)
            fail_msg("%s: %s", known[i].banner, s ? s->name : "nobody");
    }
    /* Each row says where its numbers come from, or leaves them careful. */
    for (size_t i = 0; i < t.count; i++)
        if (!t.servers[i].source && t.servers[i].budget.refusals > 8)
            fail_msg("%s: no source for its numbers", t.servers[i].name);
    budget_deinit(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load),
        cmocka_unit_test(test_bad_file_leaves_the_table),
        cmocka_unit_test(test_missing_numbers_are_the_careful_ones),
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_learn),
        cmocka_unit_test(test_found_stays),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_shipped_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
