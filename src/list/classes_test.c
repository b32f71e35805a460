/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "list/classes.h"
#include "list/rules.h"
#include "source.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROW "Id: relay\nCode: 127.0.0.2\nPath: one\nRank: 1\nText: open relay\n\n"
#define REST                                                                                       \
    "Id: chain-input\nCode: 127.0.0.4\nPath: several\nRank: 2\nText: input\n\n"                    \
    "Id: login\nCode: 127.0.0.14\nFamily: auth certificate\nRank: 3\nText: login\n\n"              \
    "Id: out\nCode: 127.0.0.5\nZone: outputs\nSubject: output\nRank: 1\nUse: score\nText: out\n\n" \
    "Id: once\nCode: 127.0.0.10\nRank: 90\nGrade: provisional\nText: once\n\n"

static const struct {
    const char *name, *text;
    int rc;
} texts[] = {
    {"as it should be", ROW, 0},
    {"code outside 127/8", "Id: a\nCode: 128.0.0.2\nRank: 1\nText: t\n", -EINVAL},
    {"code that says the list is dead", "Id: a\nCode: 127.0.0.1\nRank: 1\nText: t\n", -EINVAL},
    {"code of a network", "Id: a\nCode: 127.0.0.0\nRank: 1\nText: t\n", -EINVAL},
    {"code of a refusal", "Id: a\nCode: 127.255.255.254\nRank: 1\nText: t\n", -EINVAL},
    {"code that is IPv6", "Id: a\nCode: ::ffff:8.8.8.8\nRank: 1\nText: t\n", -EINVAL},
    {"no code", "Id: a\nRank: 1\nText: t\n", -EINVAL},
    {"no id", "Code: 127.0.0.2\nRank: 1\nText: t\n", -EINVAL},
    {"no text", "Id: a\nCode: 127.0.0.2\nRank: 1\n", -EINVAL},
    {"no rank", "Id: a\nCode: 127.0.0.2\nText: t\n", -EINVAL},
    {"rank 0", "Id: a\nCode: 127.0.0.2\nRank: 0\nText: t\n", -EINVAL},
    {"rank 1000", "Id: a\nCode: 127.0.0.2\nRank: 1000\nText: t\n", 0},
    {"rank 1001", "Id: a\nCode: 127.0.0.2\nRank: 1001\nText: t\n", -EINVAL},
    {"unknown field", "Id: a\nCode: 127.0.0.2\nRank: 1\nText: t\nColour: red\n", -EINVAL},
    {"unknown path", "Id: a\nCode: 127.0.0.2\nRank: 1\nText: t\nPath: two\n", -EINVAL},
    {"unknown use", "Id: a\nCode: 127.0.0.2\nRank: 1\nText: t\nUse: both\n", -EINVAL},
    {"an output in the list's own zone",
     "Id: a\nCode: 127.0.0.2\nRank: 1\nText: t\nSubject: output\n", -EINVAL},
    {"two labels", "Id: a\nCode: 127.0.0.2\nRank: 1\nText: t\nZone: a.b\n", -EINVAL},
};

static void rows(void **state)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct list_classes c = {0};
        struct rows_error err = {0};

        if (list_classes_read(&c, span_str(texts[i].text), &err) != texts[i].rc)
            fail_msg("%s: %s", texts[i].name, err.why);
        if (texts[i].rc)
            assert_string_not_equal(err.why, "");
        list_classes_deinit(&c);
        list_classes_deinit(&c);
    }
}

static void a_row_replaces(void **state)
{
    struct list_classes c = {0};
    struct rows_error err;

    assert_int_equal(list_classes_read(&c, SPAN_LIT(ROW REST), &err), 0);
    assert_int_equal(c.count, 5);
    assert_int_equal(
        list_classes_read(&c, SPAN_LIT("Id: relay\nCode: 127.0.0.7\nRank: 4\nText: other\n"), &err),
        0);
    assert_int_equal(c.count, 5);
    assert_int_equal(list_class_of(&c, SPAN_LIT("relay"))->code, 0x7f000007);
    assert_null(list_class_of(&c, SPAN_LIT("Relay")));
    assert_string_equal(list_class_provisional(&c)->id, "once");
    assert_true(list_classes_whole(&c, &err));
    assert_int_equal(list_classes_read(&c,
                                       SPAN_LIT("Id: two\nCode: 127.0.0.11\nRank: 1\nText: t\n"
                                                "Grade: provisional\n"),
                                       &err),
                     0);
    assert_false(list_classes_whole(&c, &err));
    list_classes_deinit(&c);
    assert_int_equal(list_classes_read(&c, SPAN_LIT(ROW), &err), 0);
    assert_false(list_classes_whole(&c, &err));
    list_classes_deinit(&c);
}

static void as_shipped(void **state)
{
    static const struct {
        const char *id;
        uint32_t code;
    } codes[] = {{"relay", 0x7f000002},        {"chain-input", 0x7f000004},
                 {"chain-output", 0x7f000005}, {"web", 0x7f000008},
                 {"proxy", 0x7f000009},        {"provisional", 0x7f00000a},
                 {"login-trick", 0x7f00000e},  {"dynamic", 0x7f000003}};
    struct list_classes c = {0};
    struct rows_error err;

    if (list_classes_read(&c, source_text("data/list/classes.rows"), &err) != 0)
        fail_msg("line %u: %s", err.line, err.why);
    assert_true(list_classes_whole(&c, &err));
    assert_int_equal(c.count, sizeof(codes) / sizeof(codes[0]));
    for (size_t i = 0; i < c.count; i++)
        assert_int_equal(list_class_of(&c, span_str(codes[i].id))->code, codes[i].code);
    assert_string_equal(list_class_of(&c, SPAN_LIT("chain-output"))->zone, "outputs");
    list_classes_deinit(&c);
}

/* --- rules ----------------------------------------------------------------------------------- */

#define A "192.0.2.1"
#define B "192.0.2.2"
#define C "192.0.2.3"

struct given {
    unsigned run;
    const char *in, *out, *family;
    int64_t began, arrived;
};

static const struct {
    const char *name;
    struct given proofs[5];
    const char *class;
    unsigned runs;
    const char *output; /* judged as an output: this address */
} cases[] = {
    {"nothing", {{0}}, NULL, 0, NULL},
    {"itself", {{1, A, A, "plain"}}, "relay", 1, NULL},
    {"itself, many of one run", {{1, A, A, "plain"}, {1, A, A, "bang"}}, "relay", 1, NULL},
    {"itself, two runs", {{1, A, A, "plain"}, {2, A, A, "plain"}}, "relay", 2, NULL},
    {"two runs, mixed", {{1, A, A, ""}, {2, A, A, ""}, {1, A, A, ""}}, "relay", 2, NULL},
    {"nobody saw who brought it", {{1, A, "", "plain"}}, "relay", 1, NULL},
    {"through another", {{1, A, B, "plain"}}, "chain-input", 1, NULL},
    {"both ways", {{1, A, B, "plain"}, {1, A, A, "plain"}}, "relay", 1, NULL},
    {"by a login", {{1, A, A, "auth"}}, "login", 1, NULL},
    {"by a certificate, through another", {{1, A, B, "Certificate"}}, "login", 1, NULL},
    {"by a login, and without", {{1, A, A, "auth"}, {2, A, A, "plain"}}, "relay", 2, NULL},
    {"output of one run", {{1, A, B, ""}, {1, C, B, ""}}, "out", 1, B},
    {"output of two", {{1, A, B, ""}, {2, C, B, ""}}, "out", 2, B},
    {"output, but the other", {{1, A, B, ""}, {2, A, C, ""}}, "out", 1, B},
    {"input is no output", {{1, A, A, ""}, {2, A, A, ""}}, NULL, 0, A},
    {"two runs, one after the other",
     {{1, A, A, "", 10, 20}, {2, A, A, "", 20, 30}, {1, A, A, "", 11, 40}},
     "relay",
     2,
     NULL},
    {"two runs side by side", {{1, A, A, "", 10, 20}, {2, A, A, "", 19, 30}}, "relay", 1, NULL},
    {"a later envelope of a run that began before",
     {{1, A, A, "", 10, 20}, {2, A, A, "", 15, 25}, {2, A, A, "", 30, 40}},
     "relay",
     1,
     NULL},
    {"begun, nobody knows when", {{1, A, A, "", 0, 20}, {2, A, A, "", 0, 30}}, "relay", 2, NULL},
    {"one long run around two",
     {{1, A, A, "", 5, 90}, {2, A, A, "", 10, 20}, {3, A, A, "", 30, 40}},
     "relay",
     2,
     NULL},
    {"the clock was set back", {{1, A, A, "", 90, 95}, {2, A, A, "", 10, 92}}, "relay", 1, NULL},
    {"output of two side by side", {{1, A, B, "", 10, 20}, {2, C, B, "", 12, 20}}, "out", 1, B},
    {"output of nothing", {{1, A, "", ""}}, NULL, 0, B},
};

static struct ip ip(const char *text)
{
    struct ip got = {0};

    if (text && *text)
        assert_true(ip_parse(span_str(text), &got));
    return got;
}

static void judged(void **state)
{
    struct list_classes c = {0};
    struct rows_error err;

    assert_int_equal(list_classes_read(&c, SPAN_LIT(ROW REST), &err), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct list_proof proofs[5];
        struct list_judgement j;
        size_t n = 0;

        for (; n < 5 && cases[i].proofs[n].in; n++)
            proofs[n] =
                (struct list_proof){cases[i].proofs[n].run,     ip(cases[i].proofs[n].in),
                                    ip(cases[i].proofs[n].out), span_str(cases[i].proofs[n].family),
                                    cases[i].proofs[n].began,   cases[i].proofs[n].arrived};
        j = cases[i].output ? list_judge_output(&c, proofs, n, ip(cases[i].output))
                            : list_judge_host(&c, proofs, n);
        if (!j.class != !cases[i].class || (j.class && strcmp(j.class->id, cases[i].class) != 0) ||
            j.runs != cases[i].runs)
            fail_msg("%s: %s by %u runs", cases[i].name, j.class ? j.class->id : "nothing", j.runs);
    }
    list_classes_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(a_row_replaces),
        cmocka_unit_test(as_shipped),
        cmocka_unit_test(judged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
