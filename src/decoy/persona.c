/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading the rows. Each wording has a default, so that a row says only where its product differs
 * from what most servers say; but banner, EHLO, queue id and the reply to a message must be told,
 * since by those a spammer's tool knows a server.
 *
 * A persona offers nothing that the machine below it cannot do: a keyword of an extension that we
 * know and could not serve (XCLIENT, XFORWARD, BINARYMIME without CHUNKING) is an error in the
 * row. Keywords that nobody here knows are shown as they stand; who uses them gets the "unknown
 * command" of the persona.
 */
#include "decoy/persona.h"

#include "base/num.h"
#include "smtp/ehlo.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *field, *otherwise; /* otherwise NULL: the row must tell */
} texts[PERSONA_LINES] = {
    [PERSONA_BANNER] = {"Banner", NULL},
    [PERSONA_HELO] = {"Helo", "250 {host}"},
    [PERSONA_EHLO] = {"Hello", "250 {host}"},
    [PERSONA_MAIL] = {"Mail", "250 2.1.0 Ok"},
    [PERSONA_RCPT] = {"Rcpt", "250 2.1.5 Ok"},
    [PERSONA_DATA] = {"Data", "354 End data with <CR><LF>.<CR><LF>"},
    [PERSONA_QUEUED] = {"Queued", NULL},
    [PERSONA_QUIT] = {"Quit", "221 2.0.0 Bye"},
    [PERSONA_RESET] = {"Reset", "250 2.0.0 Ok"},
    [PERSONA_UNKNOWN] = {"Bad-Command", "500 5.5.1 Command unrecognized"},
    [PERSONA_NEEDS_HELO] = {"Needs-Helo", "503 5.5.1 Error: send HELO/EHLO first"},
    [PERSONA_NEEDS_MAIL] = {"Needs-Mail", "503 5.5.1 Error: need MAIL command"},
    [PERSONA_NEEDS_RCPT] = {"Needs-Rcpt", "503 5.5.1 Error: need RCPT command"},
    [PERSONA_STARTTLS] = {"Starttls", "220 2.0.0 Ready to start TLS"},
    [PERSONA_TIMEOUT] = {"Timeout", "421 4.4.2 {host} Error: timeout exceeded"},
    [PERSONA_VRFY] = {"Vrfy", "252 2.0.0 {rcpt}"},
    [PERSONA_LOGIN_BAD] = {"Login-Bad", "535 5.7.8 Error: authentication failed"},
    [PERSONA_LOGIN_OK] = {"Login-Ok", "235 2.7.0 Authentication successful"},
};

static const char *const known[] = {
    "Id",          "Product",    "Banner",     "Ehlo",       "Hello",      "Helo",
    "Mail",        "Rcpt",       "Data",       "Queued",     "Quit",       "Reset",
    "Bad-Command", "Needs-Helo", "Needs-Mail", "Needs-Rcpt", "Starttls",   "Timeout",
    "Vrfy",        "Login-Bad",  "Login-Ok",   "Queue-Id",   "Recipients", "Errors",
    "Delay",       "Quirks",     "Note",       "Source",     NULL};

static int fail(struct rows_error *err, const struct row *row, const char *field, const char *why)
{
    rows_fail(err, row_line(row, field), "%s: %s", field, why);
    return -EINVAL;
}

/* "250 text", of the class that the place wants. */
static bool code_ok(enum persona_line line, const char *text)
{
    static const char first[PERSONA_LINES] = {
        [PERSONA_BANNER] = '2',     [PERSONA_HELO] = '2',       [PERSONA_EHLO] = '2',
        [PERSONA_MAIL] = '2',       [PERSONA_RCPT] = '2',       [PERSONA_DATA] = '3',
        [PERSONA_QUEUED] = '2',     [PERSONA_QUIT] = '2',       [PERSONA_RESET] = '2',
        [PERSONA_UNKNOWN] = '5',    [PERSONA_NEEDS_HELO] = '5', [PERSONA_NEEDS_MAIL] = '5',
        [PERSONA_NEEDS_RCPT] = '5', [PERSONA_STARTTLS] = '2',   [PERSONA_TIMEOUT] = '4',
        [PERSONA_VRFY] = '2',       [PERSONA_LOGIN_BAD] = '5',  [PERSONA_LOGIN_OK] = '2',
    };
    unsigned code;

    return strlen(text) > 4 && strlen(text) <= PERSONA_REPLY_MAX && text[0] == first[line] &&
           text[3] == ' ' && num_uint(span_of(text, 3), 200, 599, &code);
}

static int read_lines(const struct row *row, struct persona *p, struct rows_error *err)
{
    for (unsigned i = 0; i < PERSONA_LINES; i++) {
        const char *text = row_get(row, texts[i].field);

        text = text ? text : texts[i].otherwise;
        if (!text)
            return fail(err, row, texts[i].field, "missing");
        if (!code_ok((enum persona_line)i, text))
            return fail(err, row, texts[i].field, "wants a code that fits its place, and a text");
        p->lines[i] = span_dup(span_str(text));
        if (!p->lines[i])
            return -ENOMEM;
    }
    return 0;
}

static unsigned ext_of(struct span word)
{
    for (unsigned bit = 1; bit <= SMTP_EXT_LIMITS; bit <<= 1)
        if (span_eq_nocase(word, span_str(smtp_ext_name((enum smtp_ext)bit))))
            return bit;
    return 0;
}

static const char *take_keyword(struct persona *p, struct span keyword)
{
    struct span rest = keyword, word;
    unsigned bit;

    if (!span_word(&rest, &word) || keyword.n > 100)
        return "keywords with \"|\" between them";
    rest = span_trim(rest);
    bit = ext_of(word);
    if (bit & (SMTP_EXT_XCLIENT | SMTP_EXT_XFORWARD | SMTP_EXT_BINARYMIME | SMTP_EXT_LIMITS))
        return "a decoy cannot offer XCLIENT, XFORWARD, BINARYMIME or LIMITS";
    if (bit == SMTP_EXT_SIZE && rest.n && !num_u64(rest, 0, NUM_SIZE_MAX, &p->size))
        return "SIZE takes a number";
    if (bit == SMTP_EXT_AUTH && (rest.n == 0 || p->mechs))
        return "AUTH stands once, with its mechanisms";
    if (bit == SMTP_EXT_AUTH && !(p->mechs = span_dup(rest)))
        return NULL; /* found by the caller: AUTH without mechs */
    p->ext |= bit;
    return "";
}

static int read_ehlo(const struct row *row, struct persona *p, struct rows_error *err)
{
    struct buf list = BUF_INIT(ROWS_VALUE_MAX);
    struct span rest = span_str(row_get(row, "Ehlo")), keyword;
    const char *why = rest.n ? "" : "missing";

    while (why && !*why && span_cut(&rest, '|', &keyword)) {
        keyword = span_trim(keyword);
        why = take_keyword(p, keyword);
        buf_addf(&list, "%s%.*s", list.n ? "\n" : "", SPAN_ARG(keyword));
    }
    p->keywords = why && !*why ? buf_take(&list) : NULL;
    buf_deinit(&list);
    if (why && *why)
        return fail(err, row, "Ehlo", why);
    return p->keywords ? 0 : -ENOMEM;
}

static int read_quirks(const struct row *row, struct persona *p, struct rows_error *err)
{
    struct span rest = span_str(row_get(row, "Quirks")), word;

    while (span_word(&rest, &word)) {
        if (span_eq(word, SPAN_LIT("turns")))
            p->turns = true;
        else if (span_eq(word, SPAN_LIT("lf")))
            p->lf = true;
        else if (span_eq(word, SPAN_LIT("takes-logins")))
            p->takes_logins = true;
        else
            return fail(err, row, "Quirks", "knows turns, lf, takes-logins");
    }
    return 0;
}

static int read_number(const struct row *row, const char *field, unsigned max, unsigned *ret,
                       struct rows_error *err)
{
    const char *text = row_get(row, field);

    if (text && !num_uint(span_str(text), 1, max, ret))
        return fail(err, row, field, "is no number in its bounds");
    return 0;
}

static int take_words(const struct row *row, struct persona *p, struct rows_error *err)
{
    const struct {
        char **to;
        const char *field;
        bool needed;
    } words[] = {
        {&p->id, "Id", true},      {&p->product, "Product", true}, {&p->queue_id, "Queue-Id", true},
        {&p->note, "Note", false}, {&p->source, "Source", true},
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const char *text = row_get(row, words[i].field);

        if (words[i].needed && (!text || !*text))
            return fail(err, row, words[i].field, "missing");
        if (text && !(*words[i].to = span_dup(span_str(text))))
            return -ENOMEM;
    }
    return strlen(p->queue_id) < PERSONA_ID_MAX ? 0 : fail(err, row, "Queue-Id", "is too long");
}

static int read_persona(const struct row *row, struct persona *p, struct rows_error *err)
{
    const struct row_field *unknown = row_unknown(row, known);
    int fault;

    if (unknown) {
        rows_fail(err, unknown->line, "a persona has no field \"%.*s\"",
                  (int)(unknown->name.n < 40 ? unknown->name.n : 40), unknown->name.p);
        return -EINVAL;
    }
    fault = take_words(row, p, err);
    if (!fault)
        fault = read_lines(row, p, err);
    if (!fault)
        fault = read_ehlo(row, p, err);
    if (!fault)
        fault = read_quirks(row, p, err);
    if (!fault)
        fault = read_number(row, "Recipients", 100000, &p->rcpts, err);
    if (!fault)
        fault = read_number(row, "Errors", 1000, &p->errors, err);
    if (!fault)
        fault = read_number(row, "Delay", 10000, &p->delay, err);
    return fault;
}

static void persona_deinit(struct persona *p)
{
    for (unsigned i = 0; i < PERSONA_LINES; i++)
        free(p->lines[i]);
    free(p->id);
    free(p->product);
    free(p->note);
    free(p->source);
    free(p->keywords);
    free(p->mechs);
    free(p->queue_id);
    *p = (struct persona){0};
}

void personas_deinit(struct personas *p)
{
    for (size_t i = 0; i < p->count; i++)
        persona_deinit(&p->v[i]);
    free(p->v);
    *p = (struct personas){0};
}

static int add(void *personas, const struct row *row, struct rows_error *err)
{
    struct personas *list = personas;
    int fault;

    if (list->count == PERSONA_COUNT_MAX)
        return fail(err, row, "Id", "too many personas");
    if (array_grow(&list->v, &list->cap, sizeof(list->v[0]), list->count + 1) < 0)
        return -ENOMEM;
    list->v[list->count] = (struct persona){0};
    fault = read_persona(row, &list->v[list->count++], err);
    if (!fault && personas_find(list, list->v[list->count - 1].id) != &list->v[list->count - 1])
        fault = fail(err, row, "Id", "stands twice");
    return fault;
}

int personas_read(struct span text, struct personas *ret, struct rows_error *err)
{
    int got;

    *ret = (struct personas){0};
    got = rows_each(text, add, ret, err);
    if (got < 0)
        personas_deinit(ret);
    return got;
}

const struct persona *personas_find(const struct personas *p, const char *id)
{
    for (size_t i = 0; i < p->count; i++)
        if (strcmp(p->v[i].id, id) == 0)
            return &p->v[i];
    return NULL;
}
