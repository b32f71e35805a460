/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The knowledge base as shipped, beside the practice range and the probe catalogue: the three speak
 * of the same products, versions, classes and forms.
 */
#include "advise/classes.h"
#include "advise/lookup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "shipped_test.h"

static void whole(void **state)
{
    struct advise_error err = {0};

    if (advise_book_check(*state, &err) != 0)
        fail_msg("%s", err.text);
}

/* Every class of the list C1 to C19 has its row. */
static void all_classes(void **state)
{
    for (int i = 1; i <= 19; i++) {
        char id[16];

        snprintf(id, sizeof(id), "C%d", i);
        if (advise_book_class(*state, span_str(id)) < 0)
            fail_msg("no row for %s", id);
    }
}

/* The classes of a form of the catalogue; what is no weakness has none. */
static void form_case(const struct advise_book *b, const struct row *row)
{
    static const char *const none[] = {"third-party",        "unresolvable",
                                       "tester-host",        "own",
                                       "control-postmaster", "control-postmaster-local",
                                       "control-mailbox"};
    const char *kind = row_get(row, "Kind"), *id = row_get(row, "Id");
    char letter = strcmp(kind, "sender") == 0      ? 's'
                  : strcmp(kind, "recipient") == 0 ? 'r'
                  : strcmp(kind, "helo") == 0      ? 'h'
                  : strcmp(kind, "channel") == 0   ? 'c'
                                                   : 0;
    bool neutral = letter == 0;

    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        neutral |= strcmp(none[i], id) == 0;
    if (!neutral && advise_classes_of_form(b, letter, span_str(id)) == 0)
        fail_msg("%s %s belongs to no class", kind, id);
}

static void each_form_has_a_class(void **state)
{
    static const char *const files[] = {"senders", "recipients", "helos", "channels"};
    size_t forms = 0;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        struct rows_reader reader;
        struct rows_error err;
        struct row row = {0};
        char path[60];

        snprintf(path, sizeof(path), "data/probes/%s.rows", files[i]);
        rows_open(&reader, source_text(path));
        while (rows_next(&reader, &row, &err) > 0) {
            form_case(*state, &row);
            forms++;
        }
        row_deinit(&row);
    }
    assert_true(forms > 100);
}

static uint64_t term_classes(const struct advise_book *b, struct span term)
{
    uint64_t classes = 0;
    struct span one;

    while (span_cut(&term, '+', &one)) {
        int n = advise_book_class(b, one);

        if (n < 0)
            fail_msg("the range knows %.*s, the knowledge base does not", SPAN_ARG(one));
        classes |= UINT64_C(1) << n;
    }
    return classes;
}

static bool row_has_term(const struct advise_row *row, uint64_t classes)
{
    for (size_t i = 0; i < row->term_count; i++)
        if (row->terms[i].classes == classes)
            return true;
    return false;
}

static bool model_has_term(const struct advise_book *b, const char *opens, uint64_t classes)
{
    struct span rest = span_str(opens), term;

    while (span_word(&rest, &term))
        if (term_classes(b, term) == classes)
            return true;
    return false;
}

/* What a model cannot show: it looks nothing up, and takes passwords under TLS only. */
static bool beyond_models(const struct advise_book *b, uint64_t classes)
{
    return (classes & (term_classes(b, SPAN_LIT("C16")) | term_classes(b, SPAN_LIT("C18")))) != 0;
}

static void same_classes(const struct advise_book *b, const struct row *model,
                         const struct advise_row *row)
{
    struct span rest = span_str(row_get(model, "Opens")), term;

    while (span_word(&rest, &term))
        if (!row_has_term(row, term_classes(b, term)))
            fail_msg("model %s opens %.*s, the row does not", row->id, SPAN_ARG(term));
    for (size_t i = 0; i < row->term_count; i++)
        if (row->cause != ADVISE_BY_SETTING && !beyond_models(b, row->terms[i].classes) &&
            !model_has_term(b, row_get(model, "Opens"), row->terms[i].classes))
            fail_msg("row %s has a class that its model does not open: %s", row->id, row->classes);
}

/* A model's greeting has the shape of its product's: it must be known by it. */
static void same_greeting(const struct advise_book *b, const struct row *model,
                          const struct advise_row *row)
{
    struct span rest = span_str(row_get(model, "Banner"));
    struct buf banner = BUF_INIT(4000);
    struct advise_known_list known;
    struct advise_signs signs = {0};

    buf_add_str(&banner, "220 ");
    while (rest.n) {
        if (span_starts(rest, SPAN_LIT("{host}"))) {
            buf_add_str(&banner, "mail.x.range.example");
            rest = span_slice(rest, 6, rest.n);
        } else if (span_starts(rest, SPAN_LIT("\\n"))) {
            buf_add_char(&banner, '\n');
            rest = span_slice(rest, 2, rest.n);
        } else {
            buf_add_char(&banner, rest.p[0]);
            rest = span_slice(rest, 1, rest.n);
        }
    }
    signs.text[ADVISE_BANNER] = buf_span(&banner);
    assert_int_equal(advise_know(b, &signs, &known), 0);
    if (row->silent ? known.count && known.v[0].sure
                    : !known.count || !known.v[0].sure ||
                          strcmp(known.v[0].lead->product, row->product) != 0)
        fail_msg("model %s greets as %s", row->id, known.count ? known.v[0].called : "nobody");
    buf_deinit(&banner);
}

/* A model that let through what it opens must be told its own row, whatever else fits. */
static void same_advice(const struct advise_book *b, const struct row *model,
                        const struct advise_row *row)
{
    struct span rest = span_str(row_get(model, "Opens")), term;
    struct advise_advice advice;
    uint64_t proofs[16];
    size_t count = 0;
    bool told = false;

    while (span_word(&rest, &term))
        proofs[count++] = term_classes(b, term);
    advise_choose(b, row->product, SPAN_NULL, row->pair_set ? row->pair : ADVISE_PAIR_NONE, proofs,
                  count, &advice);
    for (size_t i = 0; i < advice.count; i++)
        told |= advice.v[i].row == row && (count == 0 || advice.v[i].explains > 0);
    if (!told || advice.unexplained)
        fail_msg("model %s: its row is %s", row->id, told ? "told, with more" : "not told");
}

/* A greeting that nobody recorded is neutral in the range. */
static bool neutral(const struct row *model)
{
    static const char *const plain[] = {"{host} ESMTP (model)", "{host} ESMTP ready (model)",
                                        "{host} SMTP ready (model)"};

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (strcmp(row_get(model, "Banner"), plain[i]) == 0)
            return true;
    return false;
}

static void range_and_rows_agree(void **state)
{
    const struct advise_book *b = *state;
    struct rows_reader reader;
    struct rows_error err;
    struct row model = {0};
    size_t models = 0;

    rows_open(&reader, source_text("data/range/models.rows"));
    while (rows_next(&reader, &model, &err) > 0) {
        const char *id = row_get(&model, "Id");
        const struct advise_row *row = advise_book_row(b, span_str(id));

        if (strncmp(id, "hole-", 5) == 0 || strcmp(id, "backscatter") == 0)
            continue;
        if (!row)
            fail_msg("the range has %s, the knowledge base does not", id);
        same_classes(b, &model, row);
        same_advice(b, &model, row);
        if (!neutral(&model))
            same_greeting(b, &model, row);
        models++;
    }
    row_deinit(&model);
    assert_true(models >= 65);
}

/* Each row is found by its id, its product, its name and its other names. */
static void each_row_has_its_names(void **state)
{
    const struct advise_book *b = *state;

    for (size_t i = 0; i < b->count; i++) {
        const struct advise_row *row = b->rows[i];
        struct span rest = span_str(row->also), one;
        struct advise_named got;

        if (!advise_lookup(b, span_str(row->id), &got) ||
            (got.row != row && (!got.product || strcmp(got.product, row->product) != 0)))
            fail_msg("%s is not found by its id", row->id);
        while (rest.n && span_cut(&rest, ',', &one))
            if (!advise_lookup(b, one, &got) || strcmp(got.row       ? got.row->product
                                                       : got.product ? got.product
                                                                     : "",
                                                       row->product))
                fail_msg("%s is not found as \"%.*s\"", row->id, SPAN_ARG(one));
    }
}

/* Reports escape what is not ASCII, so the texts that they show must be. */
static void plain_texts(void **state)
{
    const struct advise_book *b = *state;

    for (size_t i = 0; i < b->count; i++) {
        const char *const texts[] = {b->rows[i]->name, b->rows[i]->fix, b->rows[i]->restart,
                                     advise_book_called(b, b->rows[i]->product)};

        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
            for (const char *p = texts[k]; *p; p++)
                if ((unsigned char)*p >= 0x80)
                    fail_msg("%s: \"%s\" is not ASCII", b->rows[i]->id, texts[k]);
    }
}

/* What the issue asks for by name. */
static void servers_of_today(void **state)
{
    static const char *const names[] = {"Postfix",
                                        "Exim",
                                        "Sendmail",
                                        "qmail",
                                        "notqmail",
                                        "s-qmail",
                                        "OpenSMTPD",
                                        "Courier",
                                        "Haraka",
                                        "maddy",
                                        "Stalwart",
                                        "James",
                                        "Exchange 2000 Server",
                                        "Exchange 2016",
                                        "Exchange SE",
                                        "Exchange Online",
                                        "IIS SMTP",
                                        "hMailServer",
                                        "MDaemon",
                                        "MailEnable",
                                        "IceWarp",
                                        "Axigen",
                                        "Postal",
                                        "Zimbra",
                                        "Domino",
                                        "PMG",
                                        "mailcow",
                                        "Mailu",
                                        "docker-mailserver",
                                        "Cisco ESA",
                                        "Barracuda",
                                        "FortiMail",
                                        "Symantec Messaging Gateway",
                                        "Kerio",
                                        "CommuniGate",
                                        "Mercury",
                                        "chasquid",
                                        "qpsmtpd",
                                        "cc:Mail",
                                        "Netscape",
                                        "GWIA",
                                        "SCO OpenServer",
                                        "WcSmtp",
                                        "AIMS",
                                        "XtraMail",
                                        "ListCaster",
                                        "HP3000",
                                        "Unoverica",
                                        "DRAC",
                                        "poprelayd",
                                        "smap",
                                        "PMDF",
                                        "Post.Office",
                                        "InterMail",
                                        "Vintra",
                                        "Teamware",
                                        "AS/400",
                                        "SIMS",
                                        "VirusWall",
                                        "WebShield"};
    struct advise_named got;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!advise_lookup(*state, span_str(names[i]), &got)) {
            const char *near[ADVISE_NEAR_MAX];

            if (!advise_near(*state, span_str(names[i]), near))
                fail_msg("%s: not found, and nothing near it", names[i]);
        }
}

static int setup(void **state)
{
    struct advise_book *b = malloc(sizeof(*b));

    shipped_load(b);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    advise_book_deinit(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),
        cmocka_unit_test(all_classes),
        cmocka_unit_test(each_form_has_a_class),
        cmocka_unit_test(range_and_rows_agree),
        cmocka_unit_test(each_row_has_its_names),
        cmocka_unit_test(servers_of_today),
        cmocka_unit_test(plain_texts),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
