/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "advise/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard.h"

static void matches(void **state)
{
    static const struct {
        const char *pattern, *line, *version, *cf; /* version "-": no match; "": none */
    } cases[] = {
        {"ESMTP Postfix", "mx.example ESMTP Postfix", "", ""},
        {"esmtp  postfix", "mx.example ESMTP\tPOSTFIX (x)", "", ""},
        {"ESMTP Postfix", "mx.example ESMTP Postfixed", "-", ""},
        {"ESMTP Postfix", "mx.exampleESMTP Postfix", "-", ""},
        {"^{host} ESMTP Postfix", "mx.example ESMTP Postfix", "", ""},
        {"^{host} ESMTP Postfix", "a mx.example ESMTP Postfix", "-", ""},
        {"^{host} ESMTP{$}", "mx.example ESMTP", "", ""},
        {"^{host} ESMTP{$}", "mx.example ESMTP ", "", ""},
        {"^{host} ESMTP{$}", "mx.example ESMTP x", "-", ""},
        {"Sendmail {v}/{cf}", "Sendmail 8.8.8/8.7.3; x", "8.8.8", "8.7.3"},
        {"Sendmail {v}/{cf}", "Sendmail 8.8.8+Sun/linuxconf; x", "8.8.8+Sun", "linuxconf"},
        {"Sendmail {v}/{cf}", "Sendmail x/y", "-", ""},
        {"Sendmail {v}/{cf}", "Sendmail 8/", "-", ""},
        {"(SLmail {v})", "by x (SLmail 3.2.3113) with", "3.2.3113", ""},
        {"(SLmail {v})", "by x (SLmail 3.2.3113 with", "-", ""},
        {"SMTPD32-{v}", "(SMTPD32-7.04) id", "7.04", ""},
        {"Office v{v} release {r}", "Post.Office v3.5 release 215 ID", "3.5 release 215", ""},
        {"SMTP {v} on", "AS/400 SMTP V04R03M00 on Sun", "04R03M00", ""},
        {"{v} ready", "v10.30-- ready", "-", ""},
        {"Version: {v}", "Version: 10.30-- ready", "10.30", ""},
        {"Version: {v}", "Version: 10.30.", "10.30", ""},
        {"Version {*} ({v})", "Version 1.8 (1.8.2.9)", "1.8.2.9", ""},
        {"abc{*}def{*}ghi", "abc def ghi def", "", ""},
        {"abc{*}def{*}ghi{$}", "abc def ghi def", "-", ""},
        {"abc{*}ghi{$}", "abc ghi ghi", "", ""},
        {"abc{*}", "xx abc", "", ""},
        {"({w}) with", "by x (Postfix) with", "", ""},
        {"({w}) with", "by x (Post fix) with", "-", ""},
        {"ESMTP ({x32})", "x ESMTP (0123456789abcdef0123456789ABCDEF)", "", ""},
        {"ESMTP ({x32})", "x ESMTP (0123456789abcdef0123456789ABCDE)", "-", ""},
        {"ESMTP ({x32})", "x ESMTP (0123456789abcdef0123456789ABCDEF0)", "-", ""},
        {"id {n}{$}", "id 12a", "-", ""},
        {"**********", "220 ***********", "", ""},
        {"**********", "220 *********", "-", ""},
    };
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct advise_match m;
        struct span pattern = span_str(cases[i].pattern);
        bool want = strcmp(cases[i].version, "-") != 0;

        if (advise_pattern_match(pattern, guard_str(&g, cases[i].line), &m) != want)
            fail_msg("\"%s\" on \"%s\": %s", cases[i].pattern, cases[i].line,
                     want ? "no match" : "a match");
        if (want && (!span_eq(m.version, span_str(cases[i].version)) ||
                     !span_eq(m.cf, span_str(cases[i].cf))))
            fail_msg("\"%s\" on \"%s\": \"%.*s\" \"%.*s\"", cases[i].pattern, cases[i].line,
                     SPAN_ARG(m.version), SPAN_ARG(m.cf));
    }
    guard_free(&g);
}

/* Cut anywhere, a line is read to its end and no further. */
static void cut_lines(void **state)
{
    static const char *const patterns[] = {"^{host} ESMTP Sendmail {v}/{cf}", "{*}x{*}yzz{$}",
                                           "v{v} release {r}", "({w}) with", "({x32})abc"};
    static const char line[] = "m.example ESMTP Sendmail 8.8.8+Sun/8.7 v3.5 release 2 (x) with "
                               "(0123456789abcdef0123456789abcdef)abc yzz";
    struct guard g = {0};
    struct advise_match m;

    for (size_t p = 0; p < sizeof(patterns) / sizeof(patterns[0]); p++)
        for (size_t n = 0; n < sizeof(line); n++)
            for (size_t k = 0; k <= strlen(patterns[p]); k++)
                advise_pattern_match(span_of(patterns[p], k), guard_span(&g, span_of(line, n)), &m);
    guard_free(&g);
}

static void checks(void **state)
{
    static const struct {
        const char *pattern, *why; /* NULL: good */
    } cases[] = {
        {"ESMTP Postfix", NULL},
        {"^{host} ESMTP{$}", NULL},
        {"{version} ESMTP", "unknown place"},
        {"ESMTP {v", "unknown place"},
        {"ESMTP }", "unknown place"},
        {"ESMTP{$} x", "at the end only"},
        {"ESMTP {*}{*} x", "two {*}"},
        {"ESMTP {r}", "{r} needs {v}"},
        {"ab", "fewer than three"},
        {"{host} {v}", "fewer than three"},
        {"", "fewer than three"},
    };
    char edge[ADVISE_PATTERN_MAX + 1];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *why = advise_pattern_check(span_str(cases[i].pattern));

        if (!why != !cases[i].why || (why && !strstr(why, cases[i].why)))
            fail_msg("\"%s\": %s", cases[i].pattern, why ? why : "taken");
    }
    memset(edge, 'a', sizeof(edge));
    assert_null(advise_pattern_check(span_of(edge, ADVISE_PATTERN_MAX)));
    assert_non_null(advise_pattern_check(span_of(edge, ADVISE_PATTERN_MAX + 1)));
}

/* What stands behind the bound is not looked at. */
static void long_lines(void **state)
{
    char line[ADVISE_LINE_MAX + 10];
    struct advise_match m;

    memset(line, ' ', sizeof(line));
    memcpy(line + ADVISE_LINE_MAX - 3, "abc", 3);
    assert_true(advise_pattern_match(SPAN_LIT("abc"), span_of(line, sizeof(line)), &m));
    memset(line, ' ', sizeof(line));
    memcpy(line + ADVISE_LINE_MAX - 2, "abc", 3);
    assert_false(advise_pattern_match(SPAN_LIT("abc"), span_of(line, sizeof(line)), &m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches),
        cmocka_unit_test(cut_lines),
        cmocka_unit_test(checks),
        cmocka_unit_test(long_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
