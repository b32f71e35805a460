/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "advise/classes.h"
#include "advise/lookup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "guard.h"

#define CLASSES                                                                                    \
    "Kind: class\nId: C1\nName: any\nRecipients: plain\nFix: a | b\nSource: s\n\n"                 \
    "Kind: class\nId: C2\nName: null\nFamily: null\nSenders: null\nFix: c\nSource: s\n\n"          \
    "Kind: class\nId: C8\nName: percent\nFamily: percent\nRecipients: percent-*\nFix: d\n"         \
    "Source: s\n\n"                                                                                \
    "Kind: class\nId: C14\nName: after\nFix: e\nSource: s\n\n"                                     \
    "Kind: class\nId: helo\nName: helo\nHelos: local*\nChannels: xclient-*\nFix: e\nSource: s\n\n"
#define MUST "Name: Foo\nVendor: v\nFix: f | g\nRestart: r\nSource: s\n"
#define ROW  "Kind: product\nId: foo\n" MUST "Cause: bug\nClasses: C1 C8+C2\nAffected: < 2\n"
#define SIGN "Banner: ESMTP Foo {v}\n"

static int load(struct advise_book *b, const char *text, struct advise_error *err)
{
    struct guard g = {0};
    int rc = advise_book_load(b, guard_str(&g, text), "x.rows", err);

    guard_free(&g);
    return rc;
}

static void good(struct advise_book *b, const char *text)
{
    struct advise_error err = {0};

    advise_book_init(b);
    if (load(b, text, &err) != 0 || advise_book_check(b, &err) != 0)
        fail_msg("%s", err.text);
}

static void good_row(void **state)
{
    struct advise_book b;
    const struct advise_row *row;

    good(&b, CLASSES ROW SIGN "Called: F\nSafe: >= 2\nPair: old\nNumbers: decimal\n"
                              "CVE: CVE-1999-0512 CVE-2001-1445\n");
    assert_int_equal(b.count, 1);
    assert_int_equal(b.class_count, 5);
    row = advise_book_row(&b, SPAN_LIT("foo"));
    assert_non_null(row);
    assert_string_equal(row->product, "foo");
    assert_string_equal(advise_book_called(&b, "foo"), "F");
    assert_int_equal(row->term_count, 2);
    assert_int_equal(row->terms[0].classes, 1);
    assert_int_equal(row->terms[1].classes, 1 << 2 | 1 << 1);
    assert_true(row->decimal && row->pair_set && row->pair == ADVISE_PAIR_OLD);
    assert_int_equal(row->cause, ADVISE_BY_BUG);
    assert_string_equal(row->file, "x.rows");
    assert_int_equal(row->line, 38);
    advise_book_deinit(&b);
    advise_book_deinit(&b);
}

/* Each field refuses what it cannot be, with its own line. */
static void bad_rows(void **state)
{
    static const struct {
        const char *text, *why;
        unsigned line;
    } cases[] = {
        {"Id: foo\n", "Kind: missing", 1},
        {"Kind: cause\nId: foo\n", "Kind: unknown", 1},
        {"Kind: product\nId: foo\nColour: red\n", "no field \"Colour\"", 3},
        {"Kind: product\n" MUST "Cause: bug\nClasses: C1\nAffected: all\n", "Id: missing", 1},
        {"Kind: product\nId: f\nName: x\nFix: f\nRestart: r\nSource: s\nCause: bug\nClasses: C1\n",
         "Vendor: missing", 1},
        {"Kind: product\nId: f\nVendor: v\nFix: f\nRestart: r\nSource: s\nCause: bug\n",
         "Name: missing", 1},
        {"Kind: product\nId: f\n" MUST "Classes: C1\nAffected: all\n", "Cause: missing", 1},
        {"Kind: product\nId: f\n" MUST "Cause: bug\nAffected: all\n", "Classes: missing", 1},
        {"Kind: product\nId: f\nName: x\nVendor: v\nRestart: r\nSource: s\nCause: bug\n"
         "Classes: C1\n",
         "Fix: missing", 1},
        {"Kind: product\nId: f\nName: x\nVendor: v\nFix: f\nSource: s\nCause: bug\nClasses: C1\n",
         "Restart: missing", 1},
        {"Kind: product\nId: f\nName: x\nVendor: v\nFix: f\nRestart: r\nCause: bug\nClasses: C1\n",
         "Source: missing", 1},
        {"Kind: product\nId: f\n" MUST "Cause: bug\nClasses: C1\n", "Affected: missing", 1},
        {"Kind: product\nId: Foo\n" MUST "Cause: bug\nClasses: C1\nAffected: all\n", "Id: 1 to 40",
         2},
        {"Kind: product\nId: -f\n" MUST "Cause: bug\nClasses: C1\nAffected: all\n", "Id: 1 to 40",
         2},
        {"Kind: product\nId: f\nProduct: a b\n" MUST "Cause: bug\nClasses: C1\nAffected: all\n",
         "Product: 1 to 40", 3},
        {ROW "Vendor: w\n", "stands twice", 11},
        {ROW "Note:\n", "Note: empty", 11},
        {"Kind: product\nId: f\n" MUST "Cause: fate\nClasses: C1\nAffected: all\n", "Cause: one of",
         8},
        {ROW "Pair: new\n", "Pair: one of", 11},
        {ROW "Numbers: roman\n", "Numbers: one of", 11},
        {ROW "CVE: 1999-0512\n", "CVE: not of the shape", 11},
        {ROW "CVE: CVE-99-0512\n", "CVE: not of the shape", 11},
        {ROW "Safe: later\n", "Safe: a version begins", 11},
        {ROW "Unsecurable: < 1 < 2 < 3\n", "Unsecurable: at most two", 11},
        {"Kind: product\nId: f\n" MUST "Cause: bug\nClasses: C1\nAffected: never\n",
         "Affected: a version begins", 10},
        {"Kind: product\nId: f\n" MUST "Cause: bug\nClasses: C77\nAffected: all\n",
         "no class row is named \"C77\"", 9},
        {"Kind: product\nId: f\n" MUST "Cause: bug\nClasses: C1+\nAffected: all\n",
         "no class row is named \"\"", 9},
        {"Kind: product\nId: f\n" MUST "Cause: bug\nClasses: +C1\nAffected: all\n",
         "no class row is named \"\"", 9},
        {"Kind: product\nId: f\n" MUST "Cause: bug\nClasses: none\nAffected: all\n",
         "for rows with Cause: none", 9},
        {"Kind: product\nId: f\n" MUST "Cause: none\nClasses: C1\nAffected: all\n",
         "where no relay is known", 9},
        {"Kind: product\nId: f\n" MUST
         "Cause: bug\nAffected: all\nClasses: C1 C1 C1 C1 C1 C1 C1 C1 "
         "C1 C1 C1 C1 C1 C1 C1 C1 C1 C1 C1 C1 C1 C1 C1 C1 C1\n",
         "more than 24 classes", 10},
        {ROW "Banner: {foo} bar\n", "Banner: unknown place", 11},
        {ROW "Hello: ab\n", "Hello: fewer than three", 11},
        {ROW "Help: ESMTP {r}\n", "Help: {r} needs {v}", 11},
        {ROW "Reply: a{*}{*}bcd\n", "Reply: two {*}", 11},
        {ROW "Received: abc{$}d\n", "Received: {$} stands", 11},
        {ROW "Banner: ESMTP Foo |  | bar\n", "Banner: fewer than three", 11},
        {ROW "Ehlo: X;Y\n", "Ehlo: keywords are", 11},
        {ROW "Ehlo: only\n", "Ehlo: a keyword is missing", 11},
        {"Kind: product\nId: f\nName: x\nVendor: v\nFix: a |  | b\nRestart: r\nSource: s\nCause: "
         "bug\n"
         "Classes: C1\nAffected: all\n",
         "Fix: an empty step", 5},
        {ROW "\n" ROW, "two rows are named \"foo\"", 13},
        {"Kind: class\nId: C1\nName: n\nFix: f\nSource: s\n", "two class rows have this name", 2},
        {"Kind: class\nId: C0\nName: n\nFix: f\nSource: s\n", "Id: C and a number", 2},
        {"Kind: class\nId: C100\nName: n\nFix: f\nSource: s\n", "Id: C and a number", 2},
        {"Kind: class\nId: C3\nFix: f\nSource: s\n", "Name: missing", 1},
        {"Kind: class\nId: C3\nName: n\nSource: s\n", "Fix: missing", 1},
        {"Kind: class\nId: C3\nName: n\nFix: f\n", "Source: missing", 1},
        {"Kind: class\nId: C3\nName: n\nFix: f\nSource: s\nCause: bug\n", "no field \"Cause\"", 6},
        {"Kind: class\nId: C3\nName: n\nFix: f\nSource: s\nSenders: a*b\n", "Senders: names of", 6},
        {"Kind: class\nId: C3\nName: n\nFix: f\nSource: s\nRecipients: *\n", "Recipients: names of",
         6},
        {"Kind: class\nId: C3\nName: n\nFix: f\nSource: s\nHelos: *x\n", "Helos: names of", 6},
        {"Kind: class\nId: C3\nName: n\nFix: f\nSource: s\nChannels: *\n", "Channels: names of", 6},
        {"Kind: class\nId: C3\nName: n\nFix: f |  | g\nSource: s\n", "Fix: an empty step", 4},
        {"Kind: product\nId foo\n", "expected \"Field: value\"", 2},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct advise_error err = {0};
        struct advise_book b;

        good(&b, CLASSES);
        if (load(&b, cases[i].text, &err) != -EINVAL)
            fail_msg("taken: %s", cases[i].text);
        if (!strstr(err.text, cases[i].why) || strncmp(err.text, "x.rows:", 7) != 0)
            fail_msg("case %zu: \"%s\", not \"%s\"", i, err.text, cases[i].why);
        if (err.line != cases[i].line)
            fail_msg("%s: line %u, not %u", err.text, err.line, cases[i].line);
        assert_int_equal(b.count, 0);
        assert_int_equal(b.class_count, 5);
        advise_book_deinit(&b);
    }
}

/* A product shows itself, or its row says why it does not. */
static void signs_needed(void **state)
{
    static const struct {
        const char *more, *why;
    } cases[] = {
        {"", "no sure sign"},
        {"Banner: ~ ESMTP Foo\n", "no sure sign"},
        {"Banner: ~ ESMTP Foo\nSilent: so\n", NULL},
        {"Silent: no banner known\n", NULL},
        {SIGN, NULL},
        {SIGN "Silent: so\n", "Silent, but"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf text = BUF_INIT(10000);
        struct advise_error err = {0};
        struct advise_book b;
        int rc;

        buf_addf(&text, "%s%s%s", CLASSES, ROW, cases[i].more);
        advise_book_init(&b);
        assert_int_equal(load(&b, buf_str(&text), &err), 0);
        rc = advise_book_check(&b, &err);
        assert_int_equal(rc, cases[i].why ? -EINVAL : 0);
        assert_true(!cases[i].why || strstr(err.text, cases[i].why));
        advise_book_deinit(&b);
        buf_deinit(&text);
    }
}

/* One row or class more than there is room for. */
static void too_many(void **state)
{
    struct buf text = BUF_INIT(1 << 20);
    struct advise_error err = {0};
    struct advise_book b;

    for (int i = 0; i < ADVISE_CLASSES_MAX - 5; i++)
        buf_addf(&text, "Kind: class\nId: x%d\nName: n\nFix: f\nSource: s\n\n", i);
    good(&b, CLASSES);
    assert_int_equal(load(&b, buf_str(&text), &err), 0);
    assert_int_equal(load(&b, "Kind: class\nId: one\nName: n\nFix: f\nSource: s\n", &err), -EINVAL);
    assert_non_null(strstr(err.text, "more than 64 class rows"));
    buf_clear(&text);
    for (int i = 0; i < ADVISE_ROWS_MAX; i++)
        buf_addf(&text,
                 "Kind: product\nId: r%d\n" MUST "Cause: bug\nClasses: C1\nAffected: all\n\n", i);
    assert_int_equal(load(&b, buf_str(&text), &err), 0);
    assert_int_equal(b.count, ADVISE_ROWS_MAX);
    assert_int_equal(load(&b, ROW, &err), -EINVAL);
    assert_non_null(strstr(err.text, "more than 1000 rows"));
    advise_book_deinit(&b);
    buf_deinit(&text);
}

static void names(void **state)
{
    static const struct {
        const char *name, *want, *version; /* product:…, row:…, class:… or "" */
    } cases[] = {
        {"bar", "product:bar", ""},
        {"BAR", "product:bar", ""},
        {"bar-5.5", "row:bar-5.5", ""},
        {"Bar 5.5", "row:bar-5.5", ""},
        {"Bar 5.5.1", "product:bar", "5.5.1"},
        {"bar v6", "product:bar", "v6"},
        {"bar/6.1", "product:bar", "6.1"},
        {"The Bar", "product:bar", ""},
        {"old name", "product:bar", ""},
        {"Small One", "row:bar-5.5", ""},
        {"C8", "class:C8", ""},
        {"c8", "class:C8", ""},
        {"ba", "", ""},
        {"barr", "", ""},
        {"55", "", ""},
        {"", "", ""},
        {"5.5", "", ""},
        {"C8 1", "", ""},
    };
    const char *near[ADVISE_NEAR_MAX];
    struct advise_book b;

    good(&b, CLASSES "Kind: product\nId: bar\n" MUST "Cause: bug\nClasses: C1\nAffected: < 5\n" SIGN
                     "Called: The Bar\nAlso: Old Name, Oldest\n\n"
                     "Kind: product\nId: bar-5.5\nProduct: bar\n" MUST
                     "Cause: bug\nClasses: C1\nAffected: 5.5\nAlso: Small-One\n");
    b.rows[0]->name = "The Bar";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct advise_named got = {0};
        char text[200] = "";

        if (advise_lookup(&b, span_str(cases[i].name), &got))
            snprintf(text, sizeof(text), "%s:%s",
                     got.klass     ? "class"
                     : got.product ? "product"
                                   : "row",
                     got.klass     ? got.klass->id
                     : got.product ? got.product
                                   : got.row->id);
        if (strcmp(text, cases[i].want) != 0 || strcmp(got.version, cases[i].version) != 0)
            fail_msg("\"%s\": %s %s", cases[i].name, text, got.version);
    }
    assert_int_equal(advise_near(&b, SPAN_LIT("barr"), near), 1);
    assert_string_equal(near[0], "bar");
    assert_int_equal(advise_near(&b, SPAN_LIT("oldst"), near), 1);
    assert_string_equal(near[0], "bar");
    assert_int_equal(advise_near(&b, SPAN_LIT("zzzzzz"), near), 0);
    assert_int_equal(advise_near(&b, SPAN_LIT(""), near), 0);
    advise_book_deinit(&b);
}

static void probe_classes(void **state)
{
    static const struct {
        const char *id, *family;
        uint64_t want;
    } cases[] = {
        {"third-party.plain", NULL, 1},
        {"null.plain", NULL, 2},
        {"null.percent-host", NULL, 2 | 4},
        {"third-party.percent-bare", NULL, 4},
        {"third-party.plain.after-local", NULL, 8},
        {"third-party.plain.helo-localhost", NULL, 16},
        {"third-party.plain+xclient-loopback", NULL, 16},
        {"null.percent-x.helo-local.after-local+xclient-x", NULL, 2 | 4 | 8 | 16},
        {"mine.mine", "percent", 4},
        {"hand-1", "hand", 0},
        {"", NULL, 0},
        {"....+", NULL, 0},
    };
    struct advise_book b;
    struct guard g = {0};

    good(&b, CLASSES);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t got =
            advise_classes_of_probe(&b, guard_str(&g, cases[i].id), span_str(cases[i].family));

        if (got != cases[i].want)
            fail_msg("\"%s\": %llx", cases[i].id, (unsigned long long)got);
    }
    guard_free(&g);
    advise_book_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_row), cmocka_unit_test(bad_rows), cmocka_unit_test(signs_needed),
        cmocka_unit_test(too_many), cmocka_unit_test(names),    cmocka_unit_test(probe_classes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
