/* SPDX-License-Identifier: GPL-3.0-or-later */
/* With the marks that come with Postern: a row of the data file that matches spam shows here. */
#include "decoy/judge.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "source.h"

static struct judge_marks marks;
static const struct ip ours = {IP_V4, {198, 51, 100, 7}};

static void load(void)
{
    struct rows_error err = {0};

    if (judge_marks_read(source_text("data/personas/marks.rows"), &marks, &err) != 0)
        fail_msg("line %u: %s", err.line, err.why);
}

static const struct {
    const char *name, *helo, *mail, *rcpt, *text;
    unsigned rcpts, earlier, again;
    uint64_t size; /* 0: of the text */
    bool test;
    const char *sign; /* that must be told */
} cases[] = {
    {"own address, dotted", "x", "<a@b>", "<c@d>", "Subject: t\r\n\r\n198.51.100.7\r\n", 1, 0, 0, 0,
     true, "own-address-in-text"},
    {"own address, dashed", "x", "<a@b>", "<c@d>", "\r\nrelay 198-51-100-7 ok\r\n", 1, 0, 0, 0,
     true, "own-address-in-text"},
    {"own address, hex", "x", "<a@b>", "<c@d>", "Subject: C6336407\r\n\r\nx\r\n", 1, 0, 0, 0, true,
     "own-address-in-text"},
    {"own address, decimal", "x", "<a@b>", "<c@d>", "\r\n3325256711\r\n", 1, 0, 0, 0, true,
     "own-address-in-text"},
    {"own address, reversed", "x", "<a@b>", "<c@d>", "\r\n7.100.51.198\r\n", 1, 0, 0, 0, true,
     "own-address-in-text"},
    {"own name", "x", "<a@b>", "<c@d>", "\r\nvia MX.decoy.example\r\n", 1, 0, 0, 0, true,
     "own-address-in-text"},
    {"own address in the recipient", "x", "<a@b>", "<c%d@[198.51.100.7]>", "\r\nhello\r\n", 1, 0, 0,
     0, true, "own-address-in-envelope"},
    {"nmap", "nmap.scanme.org", "<antispam@nmap.scanme.org>", "<relaytest@nmap.scanme.org>",
     "\r\nx\r\n", 1, 0, 0, 0, true, "nmap"},
    {"postern", "tester.example", "<p@x>", "<t@x>",
     "X-Postern-Contact: a@b\r\nSubject: Test\r\n\r\nA relay test.\r\n", 1, 60, 0, 0, true,
     "postern"},
    {"a whole catalogue of postern's", "t", "<p@x>", "<t@x>",
     "X-Postern-Contact: a@b\r\n\r\nA relay test.\r\n", 100, 0, 0, 3000, false, "postern"},
    {"short, to one, says nothing", "x", "<a@b>", "<c@d>", "Subject: hi\r\n\r\nhello\r\n", 1, 0, 0,
     0, false, "one-recipient"},
    {"empty", "", "", "", "", 1, 0, 0, 0, false, "short"},
    {"spam to many", "x", "<a@b>", "<c@d>", "Subject: buy\r\n\r\nbuy\r\n", 30, 5, 9, 0, false,
     "mass-mailing"},
    {"spam with our address copied in", "x", "<a@b>", "<c@d>",
     "Content-Type: text/html\r\n\r\n198.51.100.7 http://a http://b http://c\r\n", 30, 200, 9,
     50000, false, "seen-before"},
    {"long spam to one", "x", "<a@b>", "<c@d>", "Subject: buy\r\n\r\nbuy\r\n", 1, 0, 0, 90000,
     false, "long"},
};

static bool told(const struct judge *j, const char *sign)
{
    for (size_t i = 0; i < j->count; i++)
        if (strcmp(j->signs[i].name, sign) == 0)
            return true;
    return false;
}

static void judges(void **state)
{
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span rcpt = span_str(cases[i].rcpt);
        struct judge_case c = {
            .helo = span_str(cases[i].helo),
            .mail = span_str(cases[i].mail),
            .rcpts = &rcpt,
            .rcpt_shown = 1,
            .rcpt_count = cases[i].rcpts,
            .text = guard_str(&g, cases[i].text),
            .size = cases[i].size ? cases[i].size : strlen(cases[i].text),
            .host = "mx.decoy.example",
            .own = &ours,
            .own_count = 1,
            .earlier = cases[i].earlier,
            .again = cases[i].again,
        };
        struct judge j;

        print_message("# %s\n", cases[i].name);
        judge_message(&marks, &c, &j);
        assert_int_equal(j.test, cases[i].test);
        assert_true(told(&j, cases[i].sign));
        assert_int_equal(j.test, j.sum >= JUDGE_TEST);
    }
    guard_free(&g);
}

/* A decoy without a name or with an address of the other family must not match everything. */
static void no_name(void **state)
{
    struct judge_case c = {.rcpt_count = 1, .text = SPAN_LIT("\r\nx\r\n"), .host = ""};
    struct judge j;

    judge_message(&marks, &c, &j);
    assert_false(j.test);
    assert_false(told(&j, "own-address-in-text"));
}

static void bad_marks(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"Where: text\nMatch: abc\nWeight: 1\nSource: s\n", "Id: missing"},
        {"Id: a\nWhere: text\nMatch: ab\nWeight: 1\nSource: s\n", "three characters"},
        {"Id: a\nWhere: body\nMatch: abc\nWeight: 1\nSource: s\n", "words of helo"},
        {"Id: a\nMatch: abc\nWeight: 1\nSource: s\n", "words of helo"},
        {"Id: a\nWhere: text\nMatch: abc\nWeight: 10\nSource: s\n", "from 1 to 9"},
        {"Id: a\nWhere: text\nMatch: abc\nWeight: 1\n", "Source: missing"},
        {"Id: a\nWhen: x\n", "no field \"When\""},
    };
    struct judge_marks m;
    struct rows_error err;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(judge_marks_read(span_str(bad[i].text), &m, &err), -EINVAL);
        assert_non_null(strstr(err.why, bad[i].why));
        assert_int_equal(m.count, 0);
    }
}

static void helos(void **state)
{
    static const struct {
        const char *helo, *want;
    } rows[] = {
        {"", "none"},
        {"mail.example.net", ""},
        {"192.0.2.9", "bare-address,true-address"},
        {"[192.0.2.9]", "literal,true-address"},
        {"[IPv6:2001:db8::1]", "literal,false-address"},
        {"[198.51.100.7]", "literal,our-address"},
        {"MX.decoy.example", "our-name"},
        {"ylmf-pc", "no-dot"},
        {"localhost.localdomain", "localhost"},
        {"a_b c.d", "odd-characters"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf out = BUF_INIT(200);

        judge_helo(span_str(rows[i].helo), (struct ip){IP_V4, {192, 0, 2, 9}}, "mx.decoy.example",
                   &ours, 1, &out);
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(judges),
        cmocka_unit_test(no_name),
        cmocka_unit_test(bad_marks),
        cmocka_unit_test(helos),
    };
    int failed;

    load();
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    judge_marks_deinit(&marks);
    return failed;
}
