/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/pairs.h"
#include "source.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void load_file(struct catalogue *c, const char *name)
{
    struct catalogue_error err = {0};
    char path[100];

    snprintf(path, sizeof(path), "data/probes/%s.rows", name);
    if (catalogue_load(c, source_text(path), path, &err) != 0)
        fail_msg("%s", err.text);
}

static int setup(void **state)
{
    static const char *const files[] = {"senders", "recipients", "helos", "channels", "pairs"};
    struct catalogue *c = calloc(1, sizeof(*c));

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        load_file(c, files[i]);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    catalogue_deinit(*state);
    free(*state);
    return 0;
}

static void make(const struct catalogue *c, const struct pairs_options *o, struct probe_list *ret)
{
    char why[200] = "";

    probe_list_init(ret);
    if (pairs_make(c, o, ret, why, sizeof(why)) != 0)
        fail_msg("%s", why);
}

static const struct probe *find(const struct probe_list *list, const char *id)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->probes[i].id, id) == 0)
            return &list->probes[i];
    return NULL;
}

/* The first four refusals of a session must already tell most of what there is to tell. */
static void likeliest_first(void **state)
{
    static const char *const first[] = {"third-party.plain", "local-forged.plain", "null.plain",
                                        "third-party.percent-host"};
    struct probe_list list;

    make(*state, &(struct pairs_options){0}, &list);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(list.probes[i].id, first[i]);
    for (size_t i = 1; i < list.count; i++)
        assert_true(list.probes[i - 1].prior >= list.probes[i].prior);
    probe_list_deinit(&list);
    probe_list_deinit(&list);
}

static void sets(void **state)
{
    struct probe_list list;

    make(*state, &(struct pairs_options){.set = PAIRS_QUICK}, &list);
    assert_int_equal(list.count, PAIRS_QUICK_COUNT);
    probe_list_deinit(&list);
    make(*state, &(struct pairs_options){0}, &list);
    assert_in_range(list.count, 120, 320);
    for (size_t i = 0; i < list.count; i++)
        assert_false(list.probes[i].optin || list.probes[i].channel);
    probe_list_deinit(&list);
    make(*state, &(struct pairs_options){.set = PAIRS_FULL}, &list);
    assert_in_range(list.count, 600, 2000);
    probe_list_deinit(&list);
}

/* Each sender with each recipient family, and each row with the likeliest sender. */
static void pairwise(void **state)
{
    const struct catalogue *c = *state;
    struct probe_list list;

    make(c, &(struct pairs_options){0}, &list);
    for (size_t s = 0; s < c->count; s++) {
        for (size_t r = 0; c->forms[s]->kind == FORM_SENDER && r < c->count; r++) {
            const struct form *rcpt = c->forms[r];
            bool met = false, met_by_first = false;

            if (rcpt->kind != FORM_RECIPIENT || rcpt->optin || !strcmp(rcpt->family, "control"))
                continue;
            for (size_t i = 0; i < list.count; i++) {
                const struct probe *p = &list.probes[i];

                met |= p->sender == c->forms[s] && !strcmp(p->rcpt->family, rcpt->family);
                met_by_first |= p->rcpt == rcpt && !strcmp(p->sender->id, "third-party");
            }
            if (!met)
                fail_msg("%s never meets family %s", c->forms[s]->id, rcpt->family);
            if (!met_by_first && rcpt->prior >= PAIRS_STANDARD_PRIOR)
                fail_msg("third-party never meets %s", rcpt->id);
        }
    }
    probe_list_deinit(&list);
}

/* Every row of every kind is in the full list once its family is asked for. */
static void every_row_is_used(void **state)
{
    const struct catalogue *c = *state;
    struct probe_list list;

    make(c,
         &(struct pairs_options){
             .set = PAIRS_FULL, .with = (const char *const[]){"all"}, .with_count = 1},
         &list);
    for (size_t r = 0; r < c->count; r++) {
        const struct form *f = c->forms[r];
        bool used = !strcmp(f->family, "control");

        for (size_t i = 0; i < list.count; i++)
            used |= list.probes[i].sender == f || list.probes[i].rcpt == f ||
                    list.probes[i].helo == f || list.probes[i].channel == f ||
                    list.probes[i].pair == f;
        if (!used)
            fail_msg("%s \"%s\" is in no probe", form_kind_name(f->kind), f->id);
    }
    probe_list_deinit(&list);
}

static void ids_are_unique_and_stable(void **state)
{
    const struct pairs_options all = {
        .set = PAIRS_FULL, .with = (const char *const[]){"all"}, .with_count = 1};
    struct probe_list a, b;

    make(*state, &all, &a);
    make(*state, &all, &b);
    assert_int_equal(a.count, b.count);
    for (size_t i = 0; i < a.count; i++) {
        assert_string_equal(a.probes[i].id, b.probes[i].id);
        for (size_t k = 0; k < i; k++)
            if (strcmp(a.probes[i].id, a.probes[k].id) == 0)
                fail_msg("%s stands twice", a.probes[i].id);
    }
    probe_list_deinit(&a);
    probe_list_deinit(&b);
}

/* What a probe takes from its rows. */
static void what_a_probe_says(void **state)
{
    const struct pairs_options all = {.with = (const char *const[]){"all"}, .with_count = 1};
    const struct probe *p;
    struct probe_list list;

    make(*state, &all, &list);
    p = find(&list, "null.percent-host");
    assert_non_null(p);
    assert_string_equal(p->cause->id, "null-percent");
    assert_int_equal(p->prior, 420);
    assert_int_equal(p->needs, NEED_HOST);
    assert_string_equal(probe_family(p), "percent");
    p = find(&list, "third-party.plain");
    assert_string_equal(p->cause->id, "third-party");
    assert_string_equal(p->helo->id, "own");
    p = find(&list, "third-party.percent-literal");
    assert_string_equal(p->cause->id, "percent-literal");
    assert_true(p->risk_syntax);
    p = find(&list, "third-party.plain.helo-localhost");
    assert_string_equal(p->cause->id, "localhost");
    p = find(&list, "third-party.plain+xclient-loopback");
    assert_true(p->optin);
    assert_int_equal(p->needs, NEED_XCLIENT);
    assert_string_equal(probe_family(p), "xclient");
    p = find(&list, "third-party.plain.after-local");
    assert_int_equal(p->before, BEFORE_LOCAL);
    assert_int_equal(p->needs, NEED_LOCAL_RCPT);
    p = find(&list, "third-party.postmaster");
    assert_non_null(p);
    assert_null(find(&list, "null.postmaster"));
    probe_list_deinit(&list);
}

static void filters(void **state)
{
    const struct {
        const char *name;
        struct pairs_options o;
        size_t least, most;
        const char *has, *lacks;
    } cases[] = {
        {"a ref",
         {.only = (const char *const[]){"n2"}, .only_count = 1},
         3,
         3,
         "null.percent-host",
         "null.plain"},
        {"a row",
         {.only = (const char *const[]){"bang*"}, .only_count = 1},
         10,
         60,
         "third-party.bang-host",
         "null.plain"},
        {"a probe",
         {.only = (const char *const[]){"NULL.plain"}, .only_count = 1},
         1,
         1,
         "null.plain",
         "null.percent-host"},
        {"a probe of the full set",
         {.only = (const char *const[]){"null.colon"}, .only_count = 1},
         1,
         1,
         "null.colon",
         "null.plain"},
        {"two",
         {.only = (const char *const[]){"null.plain", "s12"}, .only_count = 2},
         10,
         40,
         "local-forged.plain",
         "third-party.plain"},
        {"skip",
         {.skip = (const char *const[]){"null*", "r5"}, .skip_count = 2},
         150,
         300,
         "third-party.plain",
         "null.plain"},
        {"only and skip",
         {.only = (const char *const[]){"r5"},
          .only_count = 1,
          .skip = (const char *const[]){"null"},
          .skip_count = 1},
         3,
         60,
         "third-party.percent-host",
         "null.percent-host"},
        {"family",
         {.family = (const char *const[]){"percent"}, .family_count = 1},
         15,
         40,
         "third-party.percent-host",
         "third-party.plain"},
        {"opt-in family alone",
         {.family = (const char *const[]){"xclient"}, .family_count = 1},
         7,
         40,
         "third-party.plain+xclient-loopback",
         "third-party.plain"},
        {"opt-in family on top",
         {.with = (const char *const[]){"smuggling"}, .with_count = 1},
         200,
         320,
         "third-party.plain+smuggle-lf-dot-lf",
         "third-party.plain+xclient-loopback"},
        {"opt-in recipients",
         {.with = (const char *const[]){"mx-backup"}, .with_count = 1},
         200,
         320,
         "third-party.mx-label",
         "third-party.no-such-user"},
        {"quick of a family",
         {.set = PAIRS_QUICK, .family = (const char *const[]){"route"}, .family_count = 1},
         16,
         16,
         "third-party.source-route-host",
         "third-party.plain"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct probe_list list;

        make(*state, &cases[i].o, &list);
        if (list.count < cases[i].least || list.count > cases[i].most)
            fail_msg("%s: %zu probes", cases[i].name, list.count);
        if (!find(&list, cases[i].has) || find(&list, cases[i].lacks))
            fail_msg("%s: lacks %s or has %s", cases[i].name, cases[i].has, cases[i].lacks);
        probe_list_deinit(&list);
    }
}

static void options_that_name_nothing(void **state)
{
    const struct {
        struct pairs_options o;
        const char *why;
    } cases[] = {
        {{.only = (const char *const[]){"percnet"}, .only_count = 1}, "called \"percnet\""},
        {{.skip = (const char *const[]){"percnet"}, .skip_count = 1}, "called \"percnet\""},
        {{.only = (const char *const[]){"xclient-*"}, .only_count = 1}, "families asked for"},
        {{.family = (const char *const[]){"percnet"}, .family_count = 1}, "family \"percnet\""},
        {{.with = (const char *const[]){"percent"}, .with_count = 1}, "not an opt-in family"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct probe_list list;
        char why[200] = "";

        probe_list_init(&list);
        assert_int_equal(pairs_make(*state, &cases[i].o, &list, why, sizeof(why)), -EINVAL);
        if (!strstr(why, cases[i].why))
            fail_msg("said \"%s\", not \"%s\"", why, cases[i].why);
        assert_int_equal(list.count, 0);
    }
}

static void poor_catalogues(void **state)
{
    static const char *const rows[] = {
        "", "Kind: sender\nId: a\nFamily: f\nForm: <>\nPrior: 1\nFlaw: w\nSource: s\n",
        "Kind: helo\nId: own\nForm: {me}\nPrior: 1\nFlaw: w\nSource: s\n"};

    for (size_t i = 0; i < 3; i++) {
        struct catalogue_error err;
        struct probe_list list;
        struct catalogue c;
        char why[200] = "";

        catalogue_init(&c);
        probe_list_init(&list);
        assert_int_equal(catalogue_load(&c, span_str(rows[i]), "x", &err), 0);
        assert_int_equal(pairs_make(&c, &(struct pairs_options){0}, &list, why, sizeof(why)),
                         -EINVAL);
        assert_non_null(strstr(why, "the catalogue has no"));
        catalogue_deinit(&c);
    }
}

static void by_hand(void **state)
{
    const struct {
        const char *from, *rcpt, *helo;
        const char *why; /* NULL: taken */
    } cases[] = {
        {NULL, "{u}@{d}", NULL, NULL},
        {"<>", "<{u}%{d}@{H}>", "localhost", NULL},
        {"root@mx.target.example", "{u}%probe.example@mx.target.example", NULL, NULL},
        {NULL, "\"{u}@PROBE.example\"@[192.0.2.1]", NULL, NULL},
        {NULL, "x@sub.probe.example", NULL, NULL},
        {NULL, "probe.example!{u}", NULL, NULL},
        {NULL, "{u}%probe.example@a.mx.target.example", NULL, NULL},
        {NULL, "{u}%probe.example@amx.target.example", NULL, "neither ours nor the target's"},
        {NULL, "{u}", NULL, "must name the probe domain"},
        {NULL, "{u}@gmail.com", NULL, "must name the probe domain"},
        {NULL, "{u}@notprobe.example", NULL, "must name the probe domain"},
        {NULL, "{u}@probe.example.org", NULL, "neither ours nor the target's"},
        {NULL, "{u}@{d}@gmail.com", NULL, "neither ours nor the target's"},
        {NULL, "{u}%gmail.com@probe.example", NULL, "neither ours nor the target's"},
        {NULL, "gmail.com!{u}@{d}", NULL, "neither ours nor the target's"},
        {NULL, "{mailbox},{u}@{d}", NULL, "no place in a recipient written by hand"},
        {NULL, "{u}@{d}\\x0d\\x0aQUIT", NULL, "CR and LF"},
        {"<a>\\x0aRSET", "{u}@{d}", NULL, "CR and LF"},
        {NULL, "{u}@{d}", "x\\x0aRSET", "CR and LF"},
        {NULL, "{u}@{nosuch}", NULL, "unknown variable"},
    };
    static const char *const hosts[] = {"mx.target.example", "192.0.2.1"};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct pairs_envelope e = {cases[i].from,   cases[i].rcpt, cases[i].helo,
                                         "probe.example", hosts,         2};
        struct probe_list list;
        char why[300] = "";
        int got;

        probe_list_init(&list);
        got = pairs_by_hand(*state, &e, &list, why, sizeof(why));
        if ((got == 0) != (cases[i].why == NULL) || (got && !strstr(why, cases[i].why)))
            fail_msg("%s: %d %s", cases[i].rcpt, got, why);
        assert_int_equal(list.count, got == 0);
        assert_int_equal(list.made_count, got ? 0 : cases[i].helo ? 3 : 2);
        probe_list_deinit(&list);
    }
}

static void by_hand_makes_probes(void **state)
{
    const struct pairs_envelope a = {.from = "x@y", .rcpt = "{u}%{d}@{L}", .helo = "{H}"};
    const struct pairs_envelope b = {.rcpt = "<postmaster@{d}>"};
    struct probe_list list;
    char why[200];

    probe_list_init(&list);
    assert_int_equal(pairs_by_hand(*state, &a, &list, why, sizeof(why)), 0);
    assert_int_equal(pairs_by_hand(*state, &b, &list, why, sizeof(why)), 0);
    assert_string_equal(list.probes[0].id, "hand-1");
    assert_string_equal(list.probes[0].sender->form, "<x@y>");
    assert_string_equal(list.probes[0].rcpt->form, "<{u}%{d}@{L}>");
    assert_string_equal(list.probes[0].helo->form, "{H}");
    assert_int_equal(list.probes[0].needs, NEED_LOCAL_DOMAIN | NEED_HOST);
    assert_false(list.probes[0].rcpt->by_sender);
    assert_string_equal(list.probes[1].id, "hand-2");
    assert_string_equal(list.probes[1].sender->form, "<{s}@{d}>");
    assert_string_equal(list.probes[1].helo->id, "own");
    assert_true(list.probes[1].rcpt->by_sender);
    probe_list_deinit(&list);
}

static void by_hand_is_bounded(void **state)
{
    char text[EXPAND_MAX];
    const struct pairs_envelope e = {.rcpt = text};
    struct probe_list list;
    char why[200] = "";

    probe_list_init(&list);
    memset(text, 'x', sizeof(text));
    memcpy(text, "{u}@{d},", 8);
    text[EXPAND_MAX / 2] = '\0';
    assert_int_equal(pairs_by_hand(*state, &e, &list, why, sizeof(why)), 0);
    memset(text + EXPAND_MAX / 2, 'x', 1);
    text[EXPAND_MAX / 2 + 1] = '\0';
    assert_int_equal(pairs_by_hand(*state, &e, &list, why, sizeof(why)), -EINVAL);
    assert_non_null(strstr(why, "longer than"));
    probe_list_deinit(&list);
}

static void globs(void **state)
{
    const struct {
        const char *glob, *text;
        bool match;
    } cases[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "abc", true},
        {"a*c", "abc", true},
        {"a*c", "abd", false},
        {"A?C", "abc", true},
        {"a?c", "ac", false},
        {"*b*", "abc", true},
        {"*bc", "abcbc", true},
        {"a*b*c", "axbxc", true},
        {"a*b*c", "axcxb", false},
        {"abc", "abcd", false},
        {"abcd", "abc", false},
        {"**", "x", true},
        {"*.plain", "null.plain", true},
        {"s1", "s12", false},
        {"s1*", "s12", true},
        {"*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (glob_match(span_str(cases[i].glob), span_str(cases[i].text)) != cases[i].match)
            fail_msg("%s on %s", cases[i].glob, cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(likeliest_first),
        cmocka_unit_test(sets),
        cmocka_unit_test(pairwise),
        cmocka_unit_test(every_row_is_used),
        cmocka_unit_test(ids_are_unique_and_stable),
        cmocka_unit_test(what_a_probe_says),
        cmocka_unit_test(filters),
        cmocka_unit_test(options_that_name_nothing),
        cmocka_unit_test(poor_catalogues),
        cmocka_unit_test(by_hand),
        cmocka_unit_test(by_hand_makes_probes),
        cmocka_unit_test(by_hand_is_bounded),
        cmocka_unit_test(globs),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
