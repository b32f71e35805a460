/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A row says what a product is known to get wrong; what postern test must find follows from it, and
 * the row states that too (Verdict), so that the two can be held against each other when the file
 * is read: a model that cannot show its hole would be a test that cannot fail.
 */
#include "cmd/range/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "smtp/ehlo.h"

static const char *const known[] = {"Id",      "Product", "Banner",  "Ehlo",  "Opens",
                                    "Bounces", "Refusal", "Unknown", "Taken", "Received",
                                    "Errors",  "Auth",    "With",    "Since", "Fixed",
                                    "Verdict", "Note",    "Source",  NULL};
static const char *const required[] = {"Id", "Product", "Banner", "Verdict", "Source", NULL};

const char *model_verdict_name(enum model_verdict v)
{
    switch (v) {
    case MODEL_CLOSED:
        return "closed";
    case MODEL_ACCEPTS:
        return "accepts";
    case MODEL_OPEN:
        return "open";
    }
    return "";
}

static int fail(struct rows_error *err, const struct row *row, const char *field, const char *why)
{
    rows_fail(err, row_line(row, field), "%s: %s", field, why);
    return -EINVAL;
}

static bool read_term(struct span text, uint32_t *ret)
{
    struct span piece;
    uint32_t mask = 0;

    while (span_cut(&text, '+', &piece)) {
        unsigned n;

        if (piece.n < 2 || piece.p[0] != 'C' ||
            !num_uint(span_slice(piece, 1, piece.n), 1, MODEL_CLASS_MAX, &n) || n == 16)
            return false;
        mask |= MODEL_CLASS(n);
    }
    /* A hole of the sender or the session shows with an ordinary recipient. */
    if (!(mask & MODEL_RCPT_CLASSES))
        mask |= MODEL_CLASS(1);
    *ret = mask;
    return mask != 0;
}

static int read_terms(const struct row *row, const char *field, struct model_terms *ret,
                      struct rows_error *err)
{
    struct span rest = span_str(row_get(row, field)), word;
    bool bounces = span_eq(span_str(field), SPAN_LIT("Bounces"));

    while (span_word(&rest, &word)) {
        if (bounces && span_eq(word, SPAN_LIT("unknown"))) {
            ret->unknown = true;
            continue;
        }
        if (ret->count == MODEL_TERMS_MAX)
            return fail(err, row, field, "too many classes");
        if (!read_term(word, &ret->masks[ret->count++]))
            return fail(err, row, field, "C1 to C15, C17, C18, joined by + where they must meet");
    }
    return 0;
}

static int read_ehlo(const struct row *row, struct model *m, struct rows_error *err)
{
    struct span rest = span_str(row_get(row, "Ehlo")), word;

    m->esmtp = !span_eq(span_trim(rest), SPAN_LIT("none"));
    while (m->esmtp && span_word(&rest, &word)) {
        unsigned bit = 1;

        while (bit <= SMTP_EXT_LIMITS &&
               !span_eq(word, span_str(smtp_ext_name((enum smtp_ext)bit))))
            bit <<= 1;
        if (bit > SMTP_EXT_LIMITS || bit == SMTP_EXT_STARTTLS || bit == SMTP_EXT_AUTH)
            return fail(err, row, "Ehlo", "keywords that a model can offer, or \"none\"");
        m->ext |= bit;
    }
    return 0;
}

static int read_verdict(const struct row *row, struct model *m, struct rows_error *err)
{
    enum model_verdict follows = MODEL_CLOSED;
    bool found = false;

    for (unsigned v = MODEL_CLOSED; v <= MODEL_OPEN; v++) {
        if (!span_eq(span_str(row_get(row, "Verdict")),
                     span_str(model_verdict_name((enum model_verdict)v))))
            continue;
        m->verdict = (enum model_verdict)v;
        found = true;
    }
    if (!found)
        return fail(err, row, "Verdict", "one of closed, accepts, open");
    if (m->bounces.count)
        follows = MODEL_ACCEPTS;
    for (size_t i = 0; i < m->opens.count; i++)
        if (!(m->opens.masks[i] & MODEL_CLASS(18))) /* a login is not among the plain probes */
            follows = MODEL_OPEN;
    if (follows != m->verdict)
        return fail(err, row, "Verdict", "does not follow from Opens and Bounces");
    return 0;
}

static int read_words(const struct row *row, struct model *m, struct rows_error *err)
{
    const char *auth = row_get(row, "Auth"), *errors = row_get(row, "Errors");

    for (const char *const *need = required; *need; need++)
        if (!row_get(row, *need) || !*row_get(row, *need))
            return fail(err, row, *need, "missing");
    if (!span_has_nocase(span_str(row_get(row, "Banner")), SPAN_LIT("(model)")))
        return fail(err, row, "Banner", "must say (model)");
    if (auth && !span_eq(span_str(auth), SPAN_LIT("ntlm-null")))
        return fail(err, row, "Auth", "only \"ntlm-null\" is known");
    m->ntlm_null = auth != NULL;
    if (errors && !num_uint(span_str(errors), 1, 1000, &m->errors))
        return fail(err, row, "Errors", "a number from 1 to 1000");
    return 0;
}

/* Copies the texts, with what every server says where the row says nothing. */
static int take_texts(const struct row *row, struct model *m)
{
    const struct {
        char **to;
        const char *field, *otherwise;
    } texts[] = {
        {&m->id, "Id", NULL},
        {&m->product, "Product", NULL},
        {&m->banner, "Banner", NULL},
        {&m->refusal, "Refusal", "550 Relaying denied"},
        {&m->unknown, "Unknown", "550 User unknown"},
        {&m->taken, "Taken", "250 Ok"},
        {&m->received, "Received", NULL},
        {&m->with, "With", NULL},
        {&m->since, "Since", NULL},
        {&m->fixed, "Fixed", NULL},
        {&m->note, "Note", NULL},
        {&m->source, "Source", NULL},
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *text = row_get(row, texts[i].field);

        if (!text)
            text = texts[i].otherwise;
        if (text && !(*texts[i].to = span_dup(span_str(text))))
            return -ENOMEM;
    }
    return 0;
}

/* "550 text" or "550 5.7.1 text", and of the class that the place wants. */
static bool reply_ok(const char *text, char first, char second)
{
    struct span s = span_str(text);

    return s.n > 4 && (s.p[0] == first || s.p[0] == second) && ascii_is_digit(s.p[1]) &&
           ascii_is_digit(s.p[2]) && s.p[3] == ' ';
}

static int read_model(const struct row *row, struct model *m, struct rows_error *err)
{
    const struct row_field *unknown = row_unknown(row, known);
    int fault;

    if (unknown) {
        rows_fail(err, unknown->line, "a model has no field \"%.*s\"",
                  (int)(unknown->name.n < 40 ? unknown->name.n : 40), unknown->name.p);
        return -EINVAL;
    }
    fault = read_words(row, m, err);
    if (!fault)
        fault = read_ehlo(row, m, err);
    if (!fault)
        fault = read_terms(row, "Opens", &m->opens, err);
    if (!fault)
        fault = read_terms(row, "Bounces", &m->bounces, err);
    if (!fault)
        fault = read_verdict(row, m, err);
    if (!fault)
        fault = take_texts(row, m);
    if (fault)
        return fault;
    if (!reply_ok(m->refusal, '4', '5'))
        return fail(err, row, "Refusal", "a code of 4xx or 5xx and a text");
    if (!reply_ok(m->unknown, '4', '5'))
        return fail(err, row, "Unknown", "a code of 4xx or 5xx and a text");
    return reply_ok(m->taken, '2', '2') ? 0 : fail(err, row, "Taken", "a code of 2xx and a text");
}

static void model_deinit(struct model *m)
{
    free(m->id);
    free(m->product);
    free(m->banner);
    free(m->refusal);
    free(m->unknown);
    free(m->taken);
    free(m->received);
    free(m->with);
    free(m->since);
    free(m->fixed);
    free(m->note);
    free(m->source);
    *m = (struct model){0};
}

void models_deinit(struct models *m)
{
    for (size_t i = 0; i < m->count; i++)
        model_deinit(&m->v[i]);
    free(m->v);
    *m = (struct models){0};
}

static int add_model(void *models, const struct row *row, struct rows_error *err)
{
    struct models *list = models;
    int fault;

    if (list->count == MODEL_COUNT_MAX)
        return fail(err, row, "Id", "more models than addresses");
    if (array_grow(&list->v, &list->cap, sizeof(list->v[0]), list->count + 1) < 0)
        return -ENOMEM;
    list->v[list->count] = (struct model){0};
    fault = read_model(row, &list->v[list->count++], err);
    for (size_t i = 0; !fault && i + 1 < list->count; i++)
        if (strcmp(list->v[i].id, list->v[list->count - 1].id) == 0)
            fault = fail(err, row, "Id", "stands twice");
    return fault;
}

int models_read(struct span text, struct models *ret, struct rows_error *err)
{
    int got;

    *ret = (struct models){0};
    got = rows_each(text, add_model, ret, err);
    if (got < 0)
        models_deinit(ret);
    return got;
}

bool model_terms_met(const struct model_terms *t, uint32_t classes)
{
    for (size_t i = 0; i < t->count; i++)
        if ((classes & t->masks[i]) == t->masks[i])
            return true;
    return false;
}

void model_terms_text(const struct model_terms *t, struct buf *out)
{
    for (size_t i = 0; i < t->count; i++) {
        uint32_t mask = t->masks[i];
        const char *join = i ? " " : "";

        /* The C1 that read_term() put in goes without saying. */
        if (mask & ~MODEL_RCPT_CLASSES)
            mask &= ~(uint32_t)MODEL_CLASS(1);
        for (unsigned n = 1; n <= MODEL_CLASS_MAX; n++) {
            if (!(mask & MODEL_CLASS(n)))
                continue;
            buf_addf(out, "%sC%u", join, n);
            join = "+";
        }
    }
    if (t->unknown)
        buf_addf(out, "%sunknown", t->count ? " " : "");
}
