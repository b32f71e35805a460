/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/range/model.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "source.h"

#define HEAD "Id: x\nProduct: p\nBanner: b (model)\nSource: s\n"

static void good_row(void **state)
{
    struct rows_error err;
    struct models m;

    assert_int_equal(
        models_read(SPAN_LIT(HEAD "Opens: C8+C2 C6 C3\nBounces: C10 unknown\nErrors: 7\n"
                                  "Ehlo: SIZE ETRN\nVerdict: open\nTaken: 250 fine\n"),
                    &m, &err),
        0);
    assert_int_equal(m.count, 1);
    assert_int_equal(m.v[0].opens.count, 3);
    assert_int_equal(m.v[0].opens.masks[0], MODEL_CLASS(8) | MODEL_CLASS(2));
    assert_int_equal(m.v[0].opens.masks[2], MODEL_CLASS(3) | MODEL_CLASS(1));
    assert_true(m.v[0].bounces.unknown);
    assert_int_equal(m.v[0].bounces.count, 1);
    assert_int_equal(m.v[0].errors, 7);
    assert_true(m.v[0].esmtp);
    assert_string_equal(m.v[0].taken, "250 fine");
    assert_string_equal(m.v[0].refusal, "550 Relaying denied");
    assert_null(m.v[0].received);
    models_deinit(&m);
    models_deinit(&m);
}

static void bad_rows(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"Id: x\nProduct: p\nBanner: b\nSource: s\nVerdict: closed\n", "must say (model)"},
        {"Product: p\nBanner: b (model)\nSource: s\nVerdict: closed\n", "Id: missing"},
        {HEAD "Verdict: maybe\n", "one of closed, accepts, open"},
        {HEAD "Verdict: open\n", "does not follow"},
        {HEAD "Verdict: closed\nOpens: C1\n", "does not follow"},
        {HEAD "Verdict: closed\nBounces: C8\n", "does not follow"},
        {HEAD "Verdict: open\nOpens: C18\n", "does not follow"},
        {HEAD "Verdict: open\nOpens: C19\n", "C1 to C15"},
        {HEAD "Verdict: open\nOpens: C16\n", "C1 to C15"},
        {HEAD "Verdict: open\nOpens: C1+\n", "C1 to C15"},
        {HEAD "Verdict: open\nOpens: unknown\n", "C1 to C15"},
        {HEAD "Verdict: open\nOpens: C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C17 C1\n",
         "too many classes"},
        {HEAD "Verdict: closed\nColour: red\n", "no field \"Colour\""},
        {HEAD "Verdict: closed\nEhlo: STARTTLS\n", "keywords that a model can offer"},
        {HEAD "Verdict: closed\nEhlo: nosuch\n", "keywords that a model can offer"},
        {HEAD "Verdict: closed\nAuth: plain\n", "ntlm-null"},
        {HEAD "Verdict: closed\nErrors: 0\n", "a number from 1 to 1000"},
        {HEAD "Verdict: closed\nRefusal: no\n", "a code of 4xx or 5xx"},
        {HEAD "Verdict: closed\nRefusal: 250 yes\n", "a code of 4xx or 5xx"},
        {HEAD "Verdict: closed\nTaken: 550 no\n", "a code of 2xx"},
        {HEAD "Verdict: closed\nUnknown: 250 yes\n", "a code of 4xx or 5xx"},
        {HEAD "Verdict: closed\n\n" HEAD "Verdict: closed\n", "stands twice"},
    };
    struct guard g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rows_error err = {0};
        struct models m;

        assert_int_equal(models_read(guard_str(&g, cases[i].text), &m, &err), -EINVAL);
        if (!strstr(err.why, cases[i].why))
            fail_msg("case %zu said \"%s\", not \"%s\"", i, err.why, cases[i].why);
        assert_true(err.line > 0);
        assert_int_equal(m.count, 0);
    }
    guard_free(&g);
}

static void terms(void **state)
{
    const struct model_terms t = {
        .masks = {MODEL_CLASS(8) | MODEL_CLASS(2), MODEL_CLASS(6)}, .count = 2, .unknown = true};
    struct buf text = BUF_INIT(100);

    assert_true(model_terms_met(&t, MODEL_CLASS(6)));
    assert_true(model_terms_met(&t, MODEL_CLASS(6) | MODEL_CLASS(3)));
    assert_true(model_terms_met(&t, MODEL_CLASS(8) | MODEL_CLASS(2) | MODEL_CLASS(17)));
    assert_false(model_terms_met(&t, MODEL_CLASS(8)));
    assert_false(model_terms_met(&t, MODEL_CLASS(2) | MODEL_CLASS(1)));
    assert_false(model_terms_met(&t, 0));
    model_terms_text(&t, &text);
    assert_string_equal(buf_str(&text), "C2+C8 C6 unknown");
    buf_deinit(&text);
}

/* The rows that are shipped: they load, and every class that can be shown has a model. */
static void shipped_rows(void **state)
{
    uint32_t classes = 0, want = 0;
    struct rows_error err = {0};
    struct models m;

    if (models_read(source_text("data/range/models.rows"), &m, &err) != 0)
        fail_msg("line %u: %s", err.line, err.why);
    assert_in_range(m.count, 60, MODEL_COUNT_MAX);
    for (size_t i = 0; i < m.count; i++)
        for (size_t k = 0; k < m.v[i].opens.count; k++)
            classes |= m.v[i].opens.masks[k];
    for (unsigned n = 1; n <= MODEL_CLASS_MAX; n++)
        want |= n == 16 ? 0 : MODEL_CLASS(n);
    assert_int_equal(classes, want);
    models_deinit(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_row),
        cmocka_unit_test(bad_rows),
        cmocka_unit_test(terms),
        cmocka_unit_test(shipped_rows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
