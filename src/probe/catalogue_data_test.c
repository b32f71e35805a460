/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The rows that are shipped: all load, none of the reference list is missing, each can be filled.
 */
#include "probe/catalogue.h"
#include "source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const files[] = {"senders", "recipients", "helos", "channels", "pairs"};

static void load(struct catalogue *c, struct span text, const char *name)
{
    struct catalogue_error err = {0};

    if (catalogue_load(c, text, name, &err) != 0)
        fail_msg("%s", err.text);
}

static void load_file(struct catalogue *c, const char *name)
{
    char path[100];

    snprintf(path, sizeof(path), "data/probes/%s.rows", name);
    load(c, source_text(path), path);
}

static int setup(void **state)
{
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

static size_t count_ref(const struct catalogue *c, const char *ref)
{
    size_t n = 0;

    for (size_t i = 0; i < c->count; i++)
        n += strcmp(c->forms[i]->ref, ref) == 0;
    return n;
}

/* Senders s1 to s14, recipients r1 to r20, and n1 to n15, which no other tester has. */
static void whole_reference_list(void **state)
{
    static const struct {
        char letter;
        unsigned last;
    } lists[] = {{'s', 14}, {'r', 20}, {'n', 15}};

    for (size_t i = 0; i < 3; i++) {
        for (unsigned n = 1; n <= lists[i].last; n++) {
            char ref[8];

            snprintf(ref, sizeof(ref), "%c%u", lists[i].letter, n);
            if (count_ref(*state, ref) == 0)
                fail_msg("no row has Ref: %s", ref);
        }
    }
}

/* Every kind, every channel and every family that can be asked for has a row. */
static void every_kind_has_rows(void **state)
{
    const struct catalogue *c = *state;
    unsigned kinds[FORM_PAIR + 1] = {0}, channels[CHANNEL_AUTH + 1] = {0};
    const char *family;

    for (size_t i = 0; i < c->count; i++) {
        kinds[c->forms[i]->kind]++;
        channels[c->forms[i]->channel]++;
    }
    assert_int_equal(kinds[FORM_SENDER], 14);
    assert_in_range(kinds[FORM_RECIPIENT], 50, 100);
    assert_in_range(kinds[FORM_HELO], 11, 20);
    assert_in_range(kinds[FORM_CHANNEL], 30, 60);
    assert_in_range(kinds[FORM_PAIR], 5, 40);
    for (unsigned t = CHANNEL_BDAT; t <= CHANNEL_AUTH; t++)
        if (channels[t] == 0)
            fail_msg("no channel row of type %s", channel_type_name((enum channel_type)t));
    for (size_t f = 0; (family = family_optin_at(f)); f++) {
        size_t n = 0;

        for (size_t i = 0; i < c->count; i++)
            n += strcmp(c->forms[i]->family, family) == 0;
        if (n == 0)
            fail_msg("no row of family %s", family);
    }
}

/* The seven endings of a message that an attacker can get past a careful server, and no other. */
static void smuggling_endings(void **state)
{
    static const char *const want[] = {
        "\\x0a.\\x0a",
        "\\x0a.\\x0d",
        "\\x0d.\\x0a",
        "\\x0d.\\x0d",
        "\\x0a.\\x0d\\x0a",
        "\\x0d.\\x0d\\x0a",
        "\\x0d\\x0a\\x00.\\x0d\\x0a",
    };
    const struct catalogue *c = *state;
    size_t rows = 0, found = 0;

    for (size_t i = 0; i < c->count; i++) {
        if (c->forms[i]->channel != CHANNEL_SMUGGLE)
            continue;
        rows++;
        for (size_t k = 0; k < 7; k++)
            found += strcmp(c->forms[i]->with, want[k]) == 0;
    }
    assert_int_equal(rows, 7);
    assert_int_equal(found, 7);
}

/* What a reader is promised of each row. */
static void every_row_explains_itself(void **state)
{
    const struct catalogue *c = *state;

    for (size_t i = 0; i < c->count; i++) {
        const struct form *f = c->forms[i];

        if (!*f->ref || !f->flaw || strlen(f->flaw) < 20 || strlen(f->source) < 8)
            fail_msg("%s:%u: Ref, Flaw or Source is missing or empty", f->file, f->line);
    }
}

static void every_form_can_be_filled(void **state)
{
    static const char token[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    struct expand_values v = {
        .u_token = token,
        .s_token = token,
        .domain = "probe.example",
        .target_host = "mx.example",
        .local_domain = "target.example",
        .helo = "me.example",
        .tester = "me.example",
        .rand = "r",
        .mx_label = "m.probe.example",
        .mailbox = "a@target.example",
        .partner = "p.example",
        .account = "a",
        .password = "p",
    };
    const struct catalogue *c = *state;
    struct buf out = BUF_INIT(EXPAND_MAX);

    assert_true(ip_parse(SPAN_LIT("2001:db8::1"), &v.target));
    assert_true(ip_parse(SPAN_LIT("2001:db8::2"), &v.mine));
    for (size_t i = 0; i < c->count; i++) {
        const struct form *f = c->forms[i];
        const char *text = f->form ? f->form : f->with;
        enum expand_var missing;

        buf_clear(&out);
        if (text && expand_form(span_str(text), &v, &out, &missing) != EXPAND_OK)
            fail_msg("%s:%u: cannot be filled", f->file, f->line);
        if (f->kind == FORM_RECIPIENT && !f->optin && !f->by_sender &&
            strcmp(f->family, "control") != 0 && !span_has_nocase(buf_span(&out), span_str(token)))
            fail_msg("%s:%u: the token is not in it", f->file, f->line);
    }
    buf_deinit(&out);
}

static void own_name_is_there(void **state)
{
    const struct form *own = catalogue_find(*state, FORM_HELO, SPAN_LIT("own"));

    assert_non_null(own);
    assert_string_equal(own->form, "{me}");
    assert_int_equal(own->prior, FORM_PRIOR_MAX);
}

/* The page knows every variable, condition and opt-in family; its worked example loads. */
static void manual_is_whole(void **state)
{
    struct span page = source_text("man/postern-probes.5"), line;
    struct buf example = BUF_INIT(4000);
    const char *family;
    bool inside = false;

    for (unsigned v = 0; v < EXPAND_PAD; v++) {
        char name[40];

        snprintf(name, sizeof(name), "{%s}", expand_var_name((enum expand_var)v));
        if (!span_has_nocase(page, span_str(name)))
            fail_msg("%s is not in the manual", name);
    }
    for (unsigned bit = 0; *form_need_name((enum form_need)(1u << bit)); bit++)
        if (!span_has_nocase(page, span_str(form_need_name((enum form_need)(1u << bit)))))
            fail_msg("%s is not in the manual", form_need_name((enum form_need)(1u << bit)));
    for (size_t i = 0; (family = family_optin_at(i)); i++)
        if (!span_has_nocase(page, span_str(family)))
            fail_msg("%s is not in the manual", family);
    while (span_cut(&page, '\n', &line)) {
        inside = span_starts(line, SPAN_LIT("Kind: ")) || (inside && line.p[0] != '.');
        buf_add(&example, inside ? line : SPAN_NULL);
        buf_add_char(&example, '\n');
    }
    load(*state, buf_span(&example), "the manual");
    assert_non_null(catalogue_find(*state, FORM_RECIPIENT, SPAN_LIT("hash-local")));
    assert_non_null(catalogue_find(*state, FORM_PAIR, SPAN_LIT("null-hash")));
    buf_deinit(&example);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_reference_list),     cmocka_unit_test(every_kind_has_rows),
        cmocka_unit_test(smuggling_endings),        cmocka_unit_test(every_row_explains_itself),
        cmocka_unit_test(every_form_can_be_filled), cmocka_unit_test(own_name_is_there),
        cmocka_unit_test(manual_is_whole), /* last: it adds rows */
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
