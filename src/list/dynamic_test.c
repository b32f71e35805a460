/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "list/dynamic.h"

#include "source.h"

#define PCRE2_CODE_UNIT_WIDTH 8

#include <errno.h>
#include <pcre2.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define REST     "Why: w\nSource: s\n"

static void load(struct dynamic_rules *r)
{
    struct rows_error err;

    *r = (struct dynamic_rules){0};
    if (dynamic_read(r, source_text("data/list/dynamic.rows"), &err) != 0)
        fail_msg("line %u: %s", err.line, err.why);
}

static void shipped_rows_hold(void **state)
{
    struct dynamic_rules r;
    struct rows_error err;

    load(&r);
    assert_in_range(r.count, 20, 200);
    if (dynamic_check(&r, &err) != 0)
        fail_msg("line %u: %s", err.line, err.why);
    dynamic_deinit(&r);
    dynamic_deinit(&r);
}

/* What a pattern table of a zone would say of the name, with what it has: no public suffix list. */
static enum dynamic_got by_table(const struct dynamic_rules *r, struct span name)
{
    static const enum dynamic_got said[] = {DYNAMIC_CHOSEN, DYNAMIC_YES, DYNAMIC_MADE};
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    enum dynamic_got got = DYNAMIC_NO;

    for (size_t i = 0; i < r->count && got == DYNAMIC_NO; i++) {
        struct buf source = BUF_INIT(2 * DYNAMIC_PATTERN_MAX);
        pcre2_match_context *limits = pcre2_match_context_create(NULL);
        PCRE2_SIZE at;
        int error, matched;
        pcre2_code *code;

        assert_int_equal(dynamic_whole_pattern(&r->rows[i], &source), 0);
        code = pcre2_compile((PCRE2_SPTR)source.p, source.n, 0, &error, &at, NULL);
        assert_non_null(code);
        pcre2_set_match_limit(limits, DYNAMIC_STEPS);
        matched = pcre2_match(code, (PCRE2_SPTR)name.p, name.n, 0, 0, data, limits);
        if (matched < 0 && matched != PCRE2_ERROR_NOMATCH)
            fail_msg("%s runs away on %.*s", r->rows[i].id, SPAN_ARG(name));
        if (matched >= 0)
            got = said[r->rows[i].kind];
        pcre2_code_free(code);
        pcre2_match_context_free(limits);
        buf_deinit(&source);
    }
    pcre2_match_data_free(data);
    return got;
}

static void one_name(const struct dynamic_rules *r, struct span want, struct span name,
                     unsigned *wrong)
{
    struct dynamic_judgement j = dynamic_judge(r, name);
    bool hit = j.got == DYNAMIC_YES || j.got == DYNAMIC_MADE;
    enum dynamic_got table = by_table(r, name);
    bool as_wanted = span_eq(want, SPAN_LIT("clear"))
                         ? !hit && j.got != DYNAMIC_BAD
                         : span_eq(want, span_str(dynamic_got_name(j.got)));

    if (!as_wanted) {
        fprintf(stderr, "# %.*s: %s by %s\n", SPAN_ARG(name), dynamic_got_name(j.got),
                j.row ? j.row->id : "no row");
        ++*wrong;
    }
    /* Both ways to judge agree; a table takes a domain for what has no hit. */
    if (j.got != DYNAMIC_BAD && table != (j.got == DYNAMIC_DOMAIN ? DYNAMIC_NO : j.got)) {
        fprintf(stderr, "# %.*s: table says %s, rules %s\n", SPAN_ARG(name),
                dynamic_got_name(table), dynamic_got_name(j.got));
        ++*wrong;
    }
}

/* No mail server is hit; what is dynamic is. */
static void names_of_the_world(void **state)
{
    struct span rest, line, want, name;
    unsigned wrong = 0, seen = 0;
    struct dynamic_rules r;

    load(&r);
    rest = source_text("tests/data/list/dynamic.names");
    while (span_cut(&rest, '\n', &line)) {
        if (span_starts(line, SPAN_LIT("#")) || !span_word(&line, &want))
            continue;
        for (; span_word(&line, &name); seen++)
            one_name(&r, want, name, &wrong);
    }
    assert_in_range(seen, 200, 2000);
    assert_int_equal(wrong, 0);
    dynamic_deinit(&r);
}

static void bad_rows(void **state)
{
    static const struct {
        const char *name, *text, *why;
    } cases[] = {
        {"no pattern", "Id: a\nKind: dynamic\n" REST "Hits: x\n", "either Words or a Pattern"},
        {"both", "Id: a\nKind: dynamic\nWords: a\nPattern: a\n" REST "Hits: x\n", "either Words"},
        {"no hits", "Id: a\nKind: dynamic\nWords: a\n" REST, "Hits: is missing"},
        {"kind", "Id: a\nKind: dyn\nWords: a\n" REST "Hits: x\n", "Kind: "},
        {"id", "Id: A b\nKind: dynamic\nWords: a\n" REST "Hits: x\n", "Id: "},
        {"field", "Id: a\nKind: dynamic\nWords: a\nColour: red\n" REST "Hits: x\n",
         "Colour: no such field"},
        {"word", "Id: a\nKind: dynamic\nWords: a.b\n" REST "Hits: x\n", "Words: "},
        {"end", "Id: a\nKind: dynamic\nPattern: dsl$\n" REST "Hits: x\n", "Pattern: the end"},
        {"other end", "Id: a\nKind: dynamic\nPattern: dsl\\z\n" REST "Hits: x\n",
         "Pattern: the end"},
        {"syntax", "Id: a\nKind: dynamic\nPattern: (dsl\n" REST "Hits: x\n", "Pattern: at "},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dynamic_rules r = {0};
        struct rows_error err = {0};

        if (dynamic_read(&r, span_str(cases[i].text), &err) != -EINVAL ||
            !strstr(err.why, cases[i].why))
            fail_msg("%s: %s", cases[i].name, err.why);
        assert_int_equal(r.count, 0);
        dynamic_deinit(&r);
    }
}

/* A row that does not do what it says is found, and so is one that another kind takes over. */
static void checks_itself(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"Id: a\nKind: dynamic\nWords: dsl\n" REST "Hits: cable7.isp.example\n", "does not match"},
        {"Id: a\nKind: dynamic\nWords: dsl\n" REST
         "Hits: dsl7.isp.example\nMisses: 7-dsl.x.example\n",
         "does match 7-dsl"},
        {"Id: a\nKind: dynamic\nWords: dsl\n" REST "Hits: mail7.dsl.isp.example\n\n"
         "Id: b\nKind: static\nWords: mail\n" REST "Hits: mail.isp.example\n",
         "is taken by b"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct dynamic_rules r = {0};
        struct rows_error err = {0};

        if (dynamic_read(&r, span_str(cases[i].text), &err) != 0)
            fail_msg("%s", err.why);
        assert_int_equal(dynamic_check(&r, &err), -EINVAL);
        if (!strstr(err.why, cases[i].why))
            fail_msg("%s", err.why);
        dynamic_deinit(&r);
    }
}

/* Static rows come first wherever they stand; a later row of an id takes the place of the first. */
static void order(void **state)
{
    struct dynamic_rules r = {0};
    struct rows_error err;

    assert_int_equal(
        dynamic_read(&r,
                     SPAN_LIT("Id: g\nKind: generic\nPattern: 1-2\n" REST
                              "Hits: 1-2.isp.example\n\n"
                              "Id: d\nKind: dynamic\nWords: dsl\n" REST "Hits: dsl1.isp.example\n\n"
                              "Id: s\nKind: static\nWords: fix\n" REST "Hits: fix.isp.example\n"),
                     &err),
        0);
    assert_string_equal(r.rows[0].id, "s");
    assert_string_equal(r.rows[2].id, "g");
    assert_int_equal(dynamic_judge(&r, SPAN_LIT("DSL-1-2.fix.isp.example.")).got, DYNAMIC_CHOSEN);
    assert_int_equal(dynamic_judge(&r, SPAN_LIT("DSL-1-2.isp.example.")).got, DYNAMIC_YES);
    assert_int_equal(dynamic_judge(&r, SPAN_LIT("x-1-2.isp.example")).got, DYNAMIC_MADE);
    assert_int_equal(dynamic_judge(&r, SPAN_LIT("x.isp.example")).host, 1);
    assert_int_equal(
        dynamic_read(&r,
                     SPAN_LIT("Id: s\nKind: static\nWords: fest\n" REST "Hits: fest.isp.example\n"),
                     &err),
        0);
    assert_int_equal(r.count, 3);
    assert_int_equal(dynamic_judge(&r, SPAN_LIT("DSL-1-2.fix.isp.example.")).got, DYNAMIC_YES);
    dynamic_deinit(&r);
}

/* Names of strangers that are as long and as twisted as can be: no shipped row runs out of steps.
 */
static void no_row_runs_away(void **state)
{
    static const char *const pieces[] = {"1",     "1-",  "a1-", "dsl",  "dsl-", "0a", "1-2-3-",
                                         "mail-", "x1x", "ff",  "smtp", "12.",  "a.", "0a-"};
    struct dynamic_rules r;
    char name[DYNAMIC_NAME_MAX + 1];

    load(&r);
    for (size_t i = 0; i < COUNT(pieces); i++)
        for (size_t k = 0; k < COUNT(pieces); k++) {
            size_t n = 0, label = 0;

            while (n + 20 < DYNAMIC_NAME_MAX) {
                const char *piece = n < 120 ? pieces[i] : pieces[k];

                if (label + strlen(piece) > 60) {
                    name[n++] = '.';
                    label = 0;
                }
                memcpy(name + n, piece, strlen(piece));
                n += strlen(piece);
                label = name[n - 1] == '.' ? 0 : label + strlen(piece);
            }
            if (name[n - 1] == '.')
                n--;
            memcpy(name + n, ".isp.example", 12);
            n += 12;
            if (dynamic_judge(&r, span_of(name, n)).got == DYNAMIC_RUNAWAY)
                fail_msg("%.*s", (int)n, name);
            by_table(&r, span_of(name, n));
        }
    dynamic_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_rows_hold),
        cmocka_unit_test(names_of_the_world),
        cmocka_unit_test(bad_rows),
        cmocka_unit_test(checks_itself),
        cmocka_unit_test(order),
        cmocka_unit_test(no_row_runs_away),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
