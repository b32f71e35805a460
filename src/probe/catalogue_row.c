/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One row, one form. Every field is read by its own small function that either sets it or says what
 * is wrong, with the line of that field. All texts of a form are copied into one block, so that the
 * file's bytes may go and a form is freed in two calls.
 */
#include "probe/catalogue_row.h"

#include "base/num.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The fields that each kind of row may have, and those that it must. */
static const struct {
    const char *const *known, *const *required;
} fields_of[] = {
    [FORM_SENDER] = {(const char *const[]){"Kind", "Id", "Ref", "Family", "Form", "Needs", "Risk",
                                           "Prior", "Flaw", "CVE", "Source", "Note", NULL},
                     (const char *const[]){"Id", "Family", "Form", "Prior", "Flaw", "Source",
                                           NULL}},
    [FORM_RECIPIENT] = {(const char *const[]){"Kind", "Id", "Ref", "Family", "Form", "Needs",
                                              "Risk", "Prior", "Before", "Flaw", "CVE", "Source",
                                              "Note", NULL},
                        (const char *const[]){"Id", "Family", "Form", "Prior", "Flaw", "Source",
                                              NULL}},
    [FORM_HELO] = {(const char *const[]){"Kind", "Id", "Ref", "Family", "Form", "Verb", "Needs",
                                         "Risk", "Prior", "Flaw", "CVE", "Source", "Note", NULL},
                   (const char *const[]){"Id", "Form", "Prior", "Flaw", "Source", NULL}},
    [FORM_CHANNEL] = {(const char *const[]){"Kind", "Id", "Ref", "Family", "Channel", "With",
                                            "Needs", "Risk", "Prior", "Flaw", "CVE", "Source",
                                            "Note", NULL},
                      (const char *const[]){"Id", "Family", "Channel", "With", "Prior", "Flaw",
                                            "Source", NULL}},
    [FORM_PAIR] = {(const char *const[]){"Kind", "Id", "Ref", "Sender", "Recipient", "Helo",
                                         "Channel", "Needs", "Risk", "Before", "Prior", "Flaw",
                                         "CVE", "Source", "Note", NULL},
                   (const char *const[]){"Id", "Sender", "Recipient", "Prior", "Source", NULL}},
};

struct reading {
    const struct catalogue *c;
    const struct row *row;
    struct form *f;
    struct rows_error *err;
};

static int fail(struct reading *r, const char *field, const char *why)
{
    rows_fail(r->err, row_line(r->row, field), "%s: %s", field, why);
    return -EINVAL;
}

/* Where the value stands in the list, or -1. */
/* An optional field that holds one of a few words; the first is the default. */
static int read_choice(struct reading *r, const char *field, const char *const *words, int *ret)
{
    const char *value = row_get(r->row, field);
    struct buf list = BUF_INIT(150);

    *ret = value ? rows_word_of(span_str(value), words) : 0;
    if (*ret >= 0)
        return 0;
    for (int i = 0; words[i]; i++)
        buf_addf(&list, "%s%s", i ? ", " : "one of ", words[i]);
    fail(r, field, buf_str(&list));
    buf_deinit(&list);
    return -EINVAL;
}

static bool slug_ok(const char *s)
{
    return rows_slug_ok(s, "-", FORM_ID_MAX);
}

static int read_kind(struct reading *r)
{
    static const char *const kinds[] = {"sender", "recipient", "helo", "channel", "pair", NULL};
    const char *value = row_get(r->row, "Kind");
    const struct row_field *unknown;
    int kind;

    if (!value)
        return fail(r, "Kind", "missing; one of sender, recipient, helo, channel, pair");
    if (read_choice(r, "Kind", kinds, &kind) < 0)
        return -EINVAL;
    r->f->kind = (enum form_kind)kind;
    unknown = row_unknown(r->row, fields_of[kind].known);
    if (unknown) {
        rows_fail(r->err, unknown->line, "a %s row has no field \"%.*s\"", kinds[kind],
                  (int)(unknown->name.n < 40 ? unknown->name.n : 40), unknown->name.p);
        return -EINVAL;
    }
    for (const char *const *need = fields_of[kind].required; *need; need++) {
        const char *text = row_get(r->row, *need);

        if (!text || !*text)
            return fail(r, *need, "missing");
    }
    return 0;
}

/*
 * Copies the texts into one block. A field that may be left out is NULL then, but Ref and Family.
 */
static int take_texts(struct reading *r, const char *file)
{
    struct form *f = r->f;
    const struct {
        const char **to;
        const char *text;
    } texts[] = {
        {&f->id, row_get(r->row, "Id")},         {&f->ref, row_get(r->row, "Ref")},
        {&f->family, row_get(r->row, "Family")}, {&f->form, row_get(r->row, "Form")},
        {&f->with, row_get(r->row, "With")},     {&f->flaw, row_get(r->row, "Flaw")},
        {&f->cve, row_get(r->row, "CVE")},       {&f->source, row_get(r->row, "Source")},
        {&f->note, row_get(r->row, "Note")},     {&f->file, file},
    };
    const size_t count = sizeof(texts) / sizeof(texts[0]);
    size_t size = 0;
    char *at;

    for (size_t i = 0; i < count; i++)
        size += texts[i].text ? strlen(texts[i].text) + 1 : 0;
    at = f->block = malloc(size + 1);
    if (!at)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        size_t n = texts[i].text ? strlen(texts[i].text) + 1 : 0;

        if (!n)
            continue;
        memcpy(at, texts[i].text, n);
        *texts[i].to = at;
        at += n;
    }
    *at = '\0';
    if (!f->ref)
        f->ref = at;
    if (!f->family)
        f->family = at;
    return 0;
}

static int read_names(struct reading *r)
{
    struct form *f = r->f;
    unsigned prior;

    if (!slug_ok(f->id))
        return fail(r, "Id", "1 to 40 of a-z, 0-9 and '-', and no '-' first");
    if (*f->family && !slug_ok(f->family))
        return fail(r, "Family", "1 to 40 of a-z, 0-9 and '-', and no '-' first");
    if (*f->ref && !slug_ok(f->ref))
        return fail(r, "Ref", "1 to 40 of a-z, 0-9 and '-', and no '-' first");
    if (f->cve && (!*f->cve || !rows_cves_ok(span_str(f->cve))))
        return fail(r, "CVE", "not of the shape CVE-1999-0512");
    if (!num_uint(span_str(row_get(r->row, "Prior")), 1, FORM_PRIOR_MAX, &prior))
        return fail(r, "Prior", "a number from 1 to 1000");
    f->prior = prior;
    f->optin = family_is_optin(span_str(f->family));
    return 0;
}

static int read_needs(struct reading *r)
{
    struct span rest = span_str(row_get(r->row, "Needs")), word;

    while (span_word(&rest, &word)) {
        unsigned bit = 0;

        while (bit < 32 &&
               !span_eq_nocase(word, span_str(form_need_name((enum form_need)(1u << bit)))))
            bit++;
        if (bit == 32) {
            rows_fail(r->err, row_line(r->row, "Needs"), "Needs: unknown condition \"%.*s\"",
                      (int)(word.n < 40 ? word.n : 40), word.p);
            return -EINVAL;
        }
        r->f->needs |= 1u << bit;
    }
    return 0;
}

static int read_template(struct reading *r, const char *field, const char *text)
{
    uint32_t vars = 0;
    char why[120];

    if (!text)
        return 0;
    if (!expand_check(span_str(text), &vars, why, sizeof(why)))
        return fail(r, field, why);
    r->f->vars |= vars;
    for (unsigned v = 0; v < EXPAND_VARS; v++)
        r->f->needs |= vars >> v & 1 ? form_need_of((enum expand_var)v) : 0;
    return 0;
}

static int read_options(struct reading *r)
{
    static const char *const risks[] = {"none", "syntax", NULL};
    static const char *const befores[] = {"none", "rejected", "local", NULL};
    static const char *const verbs[] = {"ehlo", "helo", "none", "both", NULL};
    int risk, before, verb;

    if (read_choice(r, "Risk", risks, &risk) < 0 ||
        read_choice(r, "Before", befores, &before) < 0 || read_choice(r, "Verb", verbs, &verb) < 0)
        return -EINVAL;
    r->f->risk_syntax = risk == 1;
    r->f->before = (enum form_before)before;
    r->f->verb = (enum helo_verb)verb;
    if (r->f->before == BEFORE_LOCAL)
        r->f->needs |= NEED_LOCAL_RCPT;
    return 0;
}

static bool with_bdat(struct span s)
{
    struct span word;
    unsigned n, all = 0, last = 0;

    while (span_word(&s, &word)) {
        if (last)
            return false;
        if (span_eq(word, SPAN_LIT("all")))
            all++;
        else if (span_eq(word, SPAN_LIT("last")))
            last++;
        else if (!num_uint(word, 0, 1000, &n))
            return false;
    }
    return all == 1 && last == 1;
}

/* "NAME=value" words with the names of Postfix's XCLIENT_README and XFORWARD_README. */
static bool with_attributes(struct span s)
{
    static const char *const names[] = {"NAME",  "ADDR",     "PORT",     "PROTO",  "HELO",
                                        "LOGIN", "DESTADDR", "DESTPORT", "SOURCE", NULL};
    struct span word;
    size_t count = 0;

    for (; span_word(&s, &word); count++) {
        size_t sign = span_find(word, '=');

        if (sign + 1 >= word.n || rows_word_of(span_slice(word, 0, sign), names) < 0)
            return false;
    }
    return count > 0;
}

static bool with_proxy2(struct span s)
{
    struct span word, source, destination, more;

    if (!span_word(&s, &word))
        return false;
    if (span_eq(word, SPAN_LIT("local")))
        return !span_word(&s, &more);
    return (span_eq(word, SPAN_LIT("tcp4")) || span_eq(word, SPAN_LIT("tcp6"))) &&
           span_word(&s, &source) && span_word(&s, &destination) && !span_word(&s, &more);
}

/* The bytes must hold a dot, and not where every mail program would double it (RFC 5321 §4.5.2). */
static bool with_ending(struct span s)
{
    struct buf bytes = BUF_INIT(20);
    bool ok = true;

    while (ok && s.n) {
        struct expand_piece piece;
        struct span name;

        ok = !expand_next(&s, &piece, &name) && !piece.is_var;
        buf_add_char(&bytes, piece.byte);
    }
    ok = ok && !bytes.err && span_find(buf_span(&bytes), '.') < bytes.n &&
         !span_has_nocase(buf_span(&bytes), SPAN_LIT("\r\n."));
    buf_deinit(&bytes);
    return ok;
}

static bool with_auth(struct span s)
{
    struct span mech = span_slice(s, 0, span_find(s, ' '));

    for (size_t i = 0; i < mech.n; i++)
        if (!ascii_is_alnum(mech.p[i]) && mech.p[i] != '-' && mech.p[i] != '_')
            return false;
    return mech.n > 0 && mech.n <= 20;
}

static const char *with_fault(enum channel_type type, struct span with)
{
    switch (type) {
    case CHANNEL_BDAT:
        return with_bdat(with) ? NULL : "sizes of chunks, \"all\" once, and \"last\" at the end";
    case CHANNEL_XCLIENT:
    case CHANNEL_XFORWARD:
        return with_attributes(with) ? NULL : "attributes such as ADDR=127.0.0.1 NAME=localhost";
    case CHANNEL_PROXY1:
        return span_starts(with, SPAN_LIT("PROXY ")) ? NULL : "a line that begins with \"PROXY \"";
    case CHANNEL_PROXY2:
        return with_proxy2(with) ? NULL : "\"local\", or \"tcp4\" or \"tcp6\" with two addresses";
    case CHANNEL_CERT:
        return rows_word_of(with, (const char *const[]){"self-signed", "given", NULL}) >= 0
                   ? NULL
                   : "\"self-signed\" or \"given\"";
    case CHANNEL_SMUGGLE:
        return with_ending(with) ? NULL : "bytes with a dot that no mail program would double";
    case CHANNEL_EARLY:
        return rows_word_of(with, (const char *const[]){"banner", "data", NULL}) >= 0
                   ? NULL
                   : "\"banner\" or \"data\"";
    case CHANNEL_AUTH:
        return with_auth(with) ? NULL : "a mechanism and its responses";
    case CHANNEL_NONE:
        break;
    }
    return "unknown channel";
}

static int read_channel(struct reading *r)
{
    static const enum channel_type raw[] = {CHANNEL_SMUGGLE, CHANNEL_AUTH};
    const char *value = row_get(r->row, "Channel"), *fault;
    struct form *f = r->f;
    bool may_break = false;

    for (unsigned t = CHANNEL_BDAT; t <= CHANNEL_AUTH; t++)
        if (span_eq_nocase(span_str(value), span_str(channel_type_name((enum channel_type)t))))
            f->channel = (enum channel_type)t;
    if (f->channel == CHANNEL_NONE)
        return fail(r, "Channel",
                    "unknown; bdat, xclient, xforward, proxy1, proxy2, certificate, "
                    "smuggle, early or auth");
    fault = with_fault(f->channel, span_str(f->with));
    if (fault)
        return fail(r, "With", fault);
    for (size_t i = 0; i < sizeof(raw) / sizeof(raw[0]); i++)
        may_break |= f->channel == raw[i];
    for (struct span rest = span_str(f->with), name; !may_break && rest.n;) {
        struct expand_piece piece;

        if (!expand_next(&rest, &piece, &name) && !piece.is_var &&
            (piece.byte == '\r' || piece.byte == '\n'))
            return fail(r, "With", "CR and LF would end the command");
    }
    if (!f->optin)
        return fail(r, "Family", "a channel belongs to an opt-in family");
    return 0;
}

static int read_part(struct reading *r, const char *field, enum form_kind kind,
                     const struct form **ret)
{
    const char *id = row_get(r->row, field);

    if (!id)
        return 0;
    *ret = catalogue_find(r->c, kind, span_str(id));
    if (!*ret) {
        rows_fail(r->err, row_line(r->row, field), "%s: no %s row is named \"%.40s\"", field,
                  form_kind_name(kind), id);
        return -EINVAL;
    }
    return 0;
}

static int read_pair(struct reading *r)
{
    struct form *f = r->f;

    if (read_part(r, "Sender", FORM_SENDER, &f->p_sender) < 0 ||
        read_part(r, "Recipient", FORM_RECIPIENT, &f->p_rcpt) < 0 ||
        read_part(r, "Helo", FORM_HELO, &f->p_helo) < 0 ||
        read_part(r, "Channel", FORM_CHANNEL, &f->p_channel) < 0)
        return -EINVAL;
    if (strcmp(f->p_rcpt->family, "control") == 0)
        return fail(r, "Recipient", "a control is no probe");
    if (f->p_rcpt->by_sender && !(f->p_sender->vars & 1u << EXPAND_S))
        return fail(r, "Sender", "this recipient carries no token, so its sender must");
    f->optin = f->p_rcpt->optin || (f->p_channel && f->p_channel->optin);
    return 0;
}

static int read_form(struct reading *r)
{
    const char *fault = catalogue_reach_fault(r->f);

    if (fault)
        return fail(r, "Form", fault);
    if (r->f->kind == FORM_RECIPIENT)
        r->f->by_sender = catalogue_by_sender(r->f);
    return 0;
}

static int read_row(struct reading *r, const char *file)
{
    int fault = read_kind(r);

    if (!fault)
        fault = take_texts(r, file);
    if (fault)
        return fault;
    r->f->line = r->row->line;
    if (read_names(r) < 0 || read_needs(r) < 0 || read_options(r) < 0 ||
        read_template(r, "Form", r->f->form) < 0 || read_template(r, "With", r->f->with) < 0)
        return -EINVAL;
    if (r->f->kind == FORM_PAIR)
        return read_pair(r);
    return r->f->kind == FORM_CHANNEL ? read_channel(r) : read_form(r);
}

int catalogue_row_form(const struct catalogue *c, const struct row *row, const char *file,
                       struct form **ret, struct rows_error *err)
{
    struct reading r = {.c = c, .row = row, .err = err};
    int fault;

    r.f = calloc(1, sizeof(*r.f));
    if (!r.f)
        return -ENOMEM;
    fault = read_row(&r, file);
    if (fault) {
        catalogue_form_free(r.f);
        return fault;
    }
    *ret = r.f;
    return 0;
}

void catalogue_form_free(struct form *f)
{
    if (!f)
        return;
    free(f->block);
    free(f);
}
