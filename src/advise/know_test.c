/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tests/data/advise/shown.rows: what servers show, and what must be made of it. Each row of the
 * knowledge base that can be known at all must have a case.
 */
#include "advise/advice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "shipped_test.h"

struct tested {
    struct advise_book book;
    const struct advise_row *rows[ADVISE_ROWS_MAX]; /* that some case has led to */
    size_t count;
};

static const char *const places[ADVISE_PLACES] = {"Banner", "Hello", "Ehlo",
                                                  "Help",   "Reply", "Received"};

/* "\n" of two characters becomes a line end. */
static void unescape(const char *text, struct buf *out)
{
    struct span rest = span_str(text);

    while (rest.n) {
        size_t at = span_find_nocase(rest, SPAN_LIT("\\n"));

        buf_add(out, span_slice(rest, 0, at));
        if (at < rest.n)
            buf_add_char(out, '\n');
        rest = span_slice(rest, at + 2, rest.n);
    }
}

static uint64_t proof_of(const struct advise_book *b, const char *term)
{
    struct span rest = span_str(term), one;
    uint64_t classes = 0;

    while (rest.n && span_cut(&rest, '+', &one)) {
        int n = advise_book_class(b, one);

        assert_true(n >= 0);
        classes |= UINT64_C(1) << n;
    }
    return classes;
}

static void reached(struct tested *t, const struct advise_row *row)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->rows[i] == row)
            return;
    t->rows[t->count++] = row;
}

static bool same(const char *want, const char *got)
{
    return !want || strcmp(want, got) == 0;
}

static void expect(const struct row *row, const char *field, const char *got)
{
    if (!same(row_get(row, field), got))
        fail_msg("%s: %s is \"%s\"", row_get(row, "Case"), field, got);
}

/* What is advised to what was known. */
static void judge(struct tested *t, const struct row *row, const struct advise_known *k)
{
    const char *proved = row_get(row, "Proved"), *says = row_get(row, "Says");
    uint64_t proof = proof_of(&t->book, proved);
    const char *also = row_get(row, "Also");
    struct advise_advice advice;
    bool found = !also;

    advise_choose(&t->book, k->lead->product, span_str(k->version), k->pair, &proof, proved ? 1 : 0,
                  &advice);
    assert_true(advice.count > 0);
    expect(row, "Row", advice.v[0].row->id);
    expect(row, "Status", advise_status_name(advice.v[0].status));
    if (says && !strstr(advice.v[0].row->fix, says))
        fail_msg("%s: the fix does not say \"%s\"", row_get(row, "Case"), says);
    reached(t, advice.v[0].row);
    for (size_t i = 0; i < advice.count; i++) {
        if (!also || strcmp(advice.v[i].row->id, also) != 0)
            continue;
        found = true;
        reached(t, advice.v[i].row);
    }
    if (!found)
        fail_msg("%s: %s is not told", row_get(row, "Case"), also);
}

static void one_case(struct tested *t, const struct row *row)
{
    struct buf texts[ADVISE_PLACES];
    struct guard guards[ADVISE_PLACES] = {{0}};
    struct advise_known_list known;
    struct advise_signs signs = {0};
    const char *product = row_get(row, "Product");

    for (unsigned p = 0; p < ADVISE_PLACES; p++) {
        buf_init(&texts[p], 10000);
        unescape(row_get(row, places[p]) ? row_get(row, places[p]) : "", &texts[p]);
        signs.text[p] = guard_span(&guards[p], buf_span(&texts[p]));
    }
    assert_int_equal(advise_know(&t->book, &signs, &known), 0);
    if (strcmp(product, "unknown") == 0) {
        if (known.count && known.v[0].sure)
            fail_msg("%s: taken for %s", row_get(row, "Case"), known.v[0].called);
    } else {
        if (!known.count || !known.v[0].sure)
            fail_msg("%s: not known", row_get(row, "Case"));
        expect(row, "Product", known.v[0].lead->product);
        expect(row, "Version", known.v[0].version);
        expect(row, "Configuration", known.v[0].cf);
        expect(row, "Pair", advise_pair_name(known.v[0].pair));
        judge(t, row, &known.v[0]);
    }
    for (unsigned p = 0; p < ADVISE_PLACES; p++) {
        guard_free(&guards[p]);
        buf_deinit(&texts[p]);
    }
}

static void shown(void **state)
{
    static const char *const known[] = {"Case",  "Banner",   "Hello",   "Ehlo",    "Help",
                                        "Reply", "Received", "Product", "Version", "Configuration",
                                        "Pair",  "Proved",   "Row",     "Also",    "Status",
                                        "Says",  NULL};
    struct tested *t = *state;
    struct rows_reader reader;
    struct rows_error err = {0};
    struct row row = {0};
    size_t cases = 0;
    int got;

    rows_open(&reader, source_text("tests/data/advise/shown.rows"));
    while ((got = rows_next(&reader, &row, &err)) > 0) {
        const struct row_field *odd = row_unknown(&row, known);

        if (odd)
            fail_msg("line %u: no field of a case", odd->line);
        one_case(t, &row);
        cases++;
    }
    if (got < 0)
        fail_msg("line %u: %s", err.line, err.why);
    row_deinit(&row);
    assert_true(cases > 150);
}

static void every_row_is_shown(void **state)
{
    struct tested *t = *state;
    size_t missing = 0;

    for (size_t i = 0; i < t->book.count; i++) {
        const struct advise_row *row = t->book.rows[i];
        bool found = row->silent != NULL;

        for (size_t k = 0; k < t->count; k++)
            found |= t->rows[k] == row;
        if (found)
            continue;
        print_error("no case leads to %s\n", row->id);
        missing++;
    }
    assert_int_equal(missing, 0);
}

/* Junk of any length makes nothing known and costs no more than its length. */
static void junk(void **state)
{
    struct tested *t = *state;
    struct advise_known_list known;
    struct advise_signs signs = {0};
    size_t n = 4 << 20;
    char *text = malloc(n);

    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)(i * 2654435761u >> 13);
    for (unsigned p = 0; p < ADVISE_PLACES; p++)
        signs.text[p] = span_of(text, n);
    assert_int_equal(advise_know(&t->book, &signs, &known), 0);
    assert_true(known.count == 0 || !known.v[0].sure);
    free(text);
}

/* The greeting is told before what another server wrote. */
static void two_servers(void **state)
{
    struct tested *t = *state;
    struct advise_known_list known;
    struct advise_signs signs = {
        .text = {[ADVISE_BANNER] = SPAN_LIT("220 mx.example ESMTP Proxmox\r\n"),
                 [ADVISE_RECEIVED] = SPAN_LIT("Received: from a ([192.0.2.1])\r\n\tby b with "
                                              "Microsoft SMTPSVC(6.0.3790.4675);\r\n\tx\r\n")}};

    assert_int_equal(advise_know(&t->book, &signs, &known), 0);
    assert_int_equal(known.count, 2);
    assert_string_equal(known.v[0].lead->product, "pmg");
    assert_string_equal(known.v[1].lead->product, "ms-smtp");
    assert_true(known.v[1].sure);
    assert_int_equal(known.v[1].evidence[0].place, ADVISE_RECEIVED);
}

static void hints_stay_hints(void **state)
{
    struct tested *t = *state;
    struct advise_known_list known;
    struct advise_signs signs = {
        .text = {[ADVISE_BANNER] = SPAN_LIT("220 mx.example ESMTP\r\n"),
                 [ADVISE_EHLO] = SPAN_LIT("250-PIPELINING\r\n250 8BITMIME\r\n"),
                 [ADVISE_REPLY] = SPAN_LIT("250 ok 1 qp 2\r\n")}};

    assert_int_equal(advise_know(&t->book, &signs, &known), 0);
    assert_true(known.count >= 1);
    assert_string_equal(known.v[0].lead->product, "qmail");
    assert_int_equal(known.v[0].evidence_count, 3);
    assert_false(known.v[0].sure);
}

/* A cause is what passes with the fewest classes; what comes along with it is none. */
static void least_proofs(void **state)
{
    static const struct {
        const char *proofs, *proved, *row;
    } cases[] = {
        {"C8 C8+C2 C8+C3 C8+helo", "C8", "slmail-3"},
        {"C8+C2 C8+C3", "C2 C3 C8", "slmail-3"},
        {"C1 C2 C8 C8+C2 C15", "C1", "slmail-3"},
        {"C10", "C10", "slmail-3"},
    };
    const struct tested *t = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span rest = span_str(cases[i].proofs), word;
        struct buf names = BUF_INIT(200);
        struct advise_advice advice;
        uint64_t proofs[10];
        size_t count = 0;

        while (span_word(&rest, &word)) {
            char *term = span_dup(word);

            proofs[count++] = proof_of(&t->book, term);
            free(term);
        }
        advise_choose(&t->book, "slmail", SPAN_LIT("3.2"), ADVISE_PAIR_NONE, proofs, count,
                      &advice);
        advise_book_class_names(&t->book, advice.proved, &names);
        assert_string_equal(buf_str(&names), cases[i].proved);
        assert_string_equal(advice.v[0].row->id, cases[i].row);
        assert_int_equal(advice.unexplained != 0, i == 3 || i == 2);
        buf_deinit(&names);
    }
}

/* The short form is a heading and two to seven lines, whatever is known. */
static void short_form(void **state)
{
    const struct tested *t = *state;

    for (size_t i = 0; i <= t->book.count; i++) {
        const struct advise_row *row = i < t->book.count ? t->book.rows[i] : NULL;
        struct advise_known known = {.lead = row, .called = row ? row->name : "", .sure = true};
        uint64_t proofs[2] = {proof_of(&t->book, "C8"), proof_of(&t->book, "C15+C2")};
        struct buf out = BUF_INIT(10000);
        struct advise_advice advice;
        char more[ADVISE_ID_MAX + 1];
        size_t lines = 0;

        advise_choose(&t->book, row ? row->product : NULL, SPAN_NULL, ADVISE_PAIR_NONE, proofs, 2,
                      &advice);
        advise_lines(&t->book, row ? &known : NULL, &advice, proof_of(&t->book, "C17"), &out, more);
        for (size_t k = 0; k < out.n; k++)
            lines += out.p[k] == '\n';
        assert_in_range(lines, 3, ADVISE_LINES_MAX);
        assert_true(more[0] != '\0');
        buf_deinit(&out);
    }
}

static int setup(void **state)
{
    struct tested *t = calloc(1, sizeof(*t));

    shipped_load(&t->book);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    advise_book_deinit(&((struct tested *)*state)->book);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shown),
        cmocka_unit_test(every_row_is_shown),
        cmocka_unit_test(junk),
        cmocka_unit_test(two_servers),
        cmocka_unit_test(hints_stay_hints),
        cmocka_unit_test(least_proofs),
        cmocka_unit_test(short_form),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
