/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The schema. A field is read by a function of its own that sets it or says what is wrong, with the
 * line of that field. All texts of a row are copied into one block, so that the file's bytes may
 * go.
 */
#include "advise/book_row.h"

#include "advise/pattern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const row_fields[] = {
    "Kind",     "Id",      "Product",     "Called",  "Name",  "Vendor",   "Also",
    "Affected", "Safe",    "Unsecurable", "Numbers", "Cause", "Pair",     "Classes",
    "Banner",   "Hello",   "Ehlo",        "Help",    "Reply", "Received", "Silent",
    "Fix",      "Restart", "Bounces",     "CVE",     "Note",  "Source",   NULL};
static const char *const row_required[] = {"Id",  "Name",    "Vendor", "Cause", "Classes",
                                           "Fix", "Restart", "Source", NULL};
static const char *const class_fields[] = {"Kind",    "Id",         "Name",   "Family",
                                           "Senders", "Recipients", "Helos",  "Channels",
                                           "Fix",     "Note",       "Source", NULL};
static const char *const class_required[] = {"Id", "Name", "Fix", "Source", NULL};

/* As enum advise_place. */
static const char *const sign_fields[ADVISE_PLACES] = {"Banner", "Hello", "Ehlo",
                                                       "Help",   "Reply", "Received"};

struct reading {
    const struct advise_book *b;
    const struct row *row;
    struct rows_error *err;
};

static int fail(struct reading *r, const char *field, const char *why)
{
    rows_fail(r->err, row_line(r->row, field), "%s: %s", field, why);
    return -EINVAL;
}

static int fields_check(struct reading *r, const char *kind, const char *const *known,
                        const char *const *required)
{
    const struct row_field *unknown = row_unknown(r->row, known);

    if (unknown) {
        rows_fail(r->err, unknown->line, "a %s row has no field \"%.*s\"", kind,
                  (int)(unknown->name.n < 40 ? unknown->name.n : 40), unknown->name.p);
        return -EINVAL;
    }
    for (size_t i = 0; i < r->row->count; i++) {
        if (r->row->fields[i].value[0])
            continue;
        rows_fail(r->err, r->row->fields[i].line, "%.*s: empty; leave the field out",
                  (int)r->row->fields[i].name.n, r->row->fields[i].name.p);
        return -EINVAL;
    }
    for (; *required; required++)
        if (!row_get(r->row, *required))
            return fail(r, *required, "missing");
    return 0;
}

struct text {
    const char **to;
    const char *text;
};

static int take_texts(const struct text *texts, size_t count, char **ret_block)
{
    size_t size = 1;
    char *at;

    for (size_t i = 0; i < count; i++)
        size += texts[i].text ? strlen(texts[i].text) + 1 : 0;
    at = *ret_block = malloc(size);
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
    return 0;
}

static bool slug_ok(const char *s)
{
    return rows_slug_ok(s, "-.", ADVISE_ID_MAX);
}

static int read_term(struct reading *r, struct span word, struct advise_term *ret)
{
    struct span one;

    for (struct span rest = word; span_cut(&rest, '+', &one);) {
        int n = advise_book_class(r->b, one);

        if (n < 0) {
            rows_fail(r->err, row_line(r->row, "Classes"),
                      "Classes: no class row is named \"%.*s\"", (int)(one.n < 40 ? one.n : 40),
                      one.p);
            return -EINVAL;
        }
        ret->classes |= UINT64_C(1) << n;
    }
    return 0;
}

static int read_classes(struct reading *r, struct advise_row *ret)
{
    struct span rest = span_str(row_get(r->row, "Classes")), word;

    if (span_eq(rest, SPAN_LIT("none")))
        return ret->cause == ADVISE_NO_RELAY
                   ? 0
                   : fail(r, "Classes", "\"none\" is for rows with Cause: none");
    if (ret->cause == ADVISE_NO_RELAY && !ret->bounces)
        return fail(r, "Classes", "\"none\", or Bounces, where no relay is known");
    while (span_word(&rest, &word)) {
        if (ret->term_count == ADVISE_TERMS_MAX)
            return fail(r, "Classes", "more than 24 classes");
        if (read_term(r, word, &ret->terms[ret->term_count++]) < 0)
            return -EINVAL;
    }
    return 0;
}

static int read_ranges(struct reading *r)
{
    static const char *const names[] = {"Affected", "Safe", "Unsecurable"};
    bool any = false;

    for (size_t i = 0; i < 3; i++) {
        const char *value = row_get(r->row, names[i]);
        const char *fault = value ? advise_range_check(span_str(value)) : NULL;

        if (fault)
            return fail(r, names[i], fault);
        any |= value != NULL;
    }
    return any ? 0 : fail(r, "Affected", "missing, and no Safe or Unsecurable either");
}

/* Keywords, or "only" and keywords. */
static const char *ehlo_fault(struct span pattern)
{
    unsigned count = 0;
    struct span word;

    while (span_word(&pattern, &word)) {
        for (size_t i = 0; i < word.n; i++)
            if (!ascii_is_alnum(word.p[i]) && word.p[i] != '-' && word.p[i] != '=' &&
                word.p[i] != '_')
                return "keywords are letters, digits, hyphens and \"=\"";
        count += !span_eq(word, SPAN_LIT("only"));
    }
    return count ? NULL : "a keyword is missing";
}

static int read_signs(struct reading *r, struct advise_row *ret)
{
    for (unsigned p = 0; p < ADVISE_PLACES; p++) {
        struct span rest = span_str(ret->signs[p]), part;
        size_t count = 0;

        while (advise_part(&rest, &part)) {
            if (part.n && part.p[0] == '~')
                part = span_trim(span_slice(part, 1, part.n));
            const char *fault = p == ADVISE_EHLO ? ehlo_fault(part) : advise_pattern_check(part);
            if (fault)
                return fail(r, sign_fields[p], fault);
            if (++count > ADVISE_PATTERNS_MAX)
                return fail(r, sign_fields[p], "more than 24 patterns");
        }
    }
    return 0;
}

static int read_words(struct reading *r, struct advise_row *ret)
{
    static const char *const causes[] = {"as-shipped", "bug", "setting", "none", NULL};
    static const char *const pairs[] = {"none",   "same",     "old", "linuxconf",
                                        "vendor", "own-name", NULL};
    static const char *const numbers[] = {"parts", "decimal", NULL};
    const char *value = row_get(r->row, "Numbers"), *pair = row_get(r->row, "Pair");
    int n = rows_word_of(span_str(row_get(r->row, "Cause")), causes);

    if (n < 0)
        return fail(r, "Cause", "one of as-shipped, bug, setting, none");
    ret->cause = (enum advise_cause)n;
    n = value ? rows_word_of(span_str(value), numbers) : 0;
    if (n < 0)
        return fail(r, "Numbers", "one of parts, decimal");
    ret->decimal = n == 1;
    n = pair ? rows_word_of(span_str(pair), pairs) : 0;
    if (n < 0)
        return fail(r, "Pair", "one of none, same, old, linuxconf, vendor, own-name");
    ret->pair = (enum advise_pair)n;
    ret->pair_set = pair != NULL;
    if (!slug_ok(ret->id))
        return fail(r, "Id", "1 to 40 of a-z, 0-9, '-' and '.', and none of these two first");
    if (!slug_ok(ret->product))
        return fail(r, "Product", "1 to 40 of a-z, 0-9, '-' and '.', and none of these two first");
    if (ret->cve && !rows_cves_ok(span_str(ret->cve)))
        return fail(r, "CVE", "not of the shape CVE-1999-0512");
    return 0;
}

static int read_steps(struct reading *r, const char *fix)
{
    struct span rest = span_str(fix), part;

    while (advise_part(&rest, &part))
        if (part.n == 0)
            return fail(r, "Fix", "an empty step");
    return 0;
}

int advise_row_read(const struct advise_book *b, const struct row *row, const char *file,
                    struct advise_row *ret, struct rows_error *err)
{
    struct reading r = {b, row, err};
    const char *id = row_get(row, "Id"), *product = row_get(row, "Product");
    const struct text texts[] = {
        {&ret->id, id},
        {&ret->product, product ? product : id},
        {&ret->called, row_get(row, "Called")},
        {&ret->name, row_get(row, "Name")},
        {&ret->vendor, row_get(row, "Vendor")},
        {&ret->also, row_get(row, "Also")},
        {&ret->affected, row_get(row, "Affected")},
        {&ret->safe, row_get(row, "Safe")},
        {&ret->unsecurable, row_get(row, "Unsecurable")},
        {&ret->classes, row_get(row, "Classes")},
        {&ret->signs[ADVISE_BANNER], row_get(row, "Banner")},
        {&ret->signs[ADVISE_HELLO], row_get(row, "Hello")},
        {&ret->signs[ADVISE_EHLO], row_get(row, "Ehlo")},
        {&ret->signs[ADVISE_HELP], row_get(row, "Help")},
        {&ret->signs[ADVISE_REPLY], row_get(row, "Reply")},
        {&ret->signs[ADVISE_RECEIVED], row_get(row, "Received")},
        {&ret->silent, row_get(row, "Silent")},
        {&ret->fix, row_get(row, "Fix")},
        {&ret->restart, row_get(row, "Restart")},
        {&ret->bounces, row_get(row, "Bounces")},
        {&ret->cve, row_get(row, "CVE")},
        {&ret->note, row_get(row, "Note")},
        {&ret->source, row_get(row, "Source")},
        {&ret->file, file},
    };

    if (fields_check(&r, "product", row_fields, row_required) < 0)
        return -EINVAL;
    if (take_texts(texts, sizeof(texts) / sizeof(texts[0]), &ret->block) < 0)
        return -ENOMEM;
    ret->line = row->line;
    if (read_words(&r, ret) < 0 || read_ranges(&r) < 0 || read_classes(&r, ret) < 0 ||
        read_signs(&r, ret) < 0)
        return -EINVAL;
    return read_steps(&r, ret->fix);
}

/* C1 to C99, or a name of the catalogue's families. */
static bool class_id_ok(const char *s)
{
    if (s[0] == 'C' && ascii_is_digit(s[1]) && s[1] != '0')
        return s[2] == '\0' || (ascii_is_digit(s[2]) && s[3] == '\0');
    return slug_ok(s);
}

static const char *globs_fault(const char *globs)
{
    struct span rest = span_str(globs), word;

    while (span_word(&rest, &word)) {
        struct span head = span_slice(word, 0, span_find(word, '*'));

        if (head.n + 1 < word.n || head.n == 0)
            return "names of forms, with \"*\" at the end or not at all";
    }
    return NULL;
}

int advise_class_read(const struct advise_book *b, const struct row *row, struct advise_class *ret,
                      char **ret_block, struct rows_error *err)
{
    static const char *const globs[] = {"Senders", "Recipients", "Helos", "Channels"};
    struct reading r = {b, row, err};
    const struct text texts[] = {
        {&ret->id, row_get(row, "Id")},
        {&ret->name, row_get(row, "Name")},
        {&ret->family, row_get(row, "Family")},
        {&ret->senders, row_get(row, "Senders")},
        {&ret->rcpts, row_get(row, "Recipients")},
        {&ret->helos, row_get(row, "Helos")},
        {&ret->channels, row_get(row, "Channels")},
        {&ret->fix, row_get(row, "Fix")},
        {&ret->note, row_get(row, "Note")},
        {&ret->source, row_get(row, "Source")},
    };

    if (fields_check(&r, "class", class_fields, class_required) < 0)
        return -EINVAL;
    if (!class_id_ok(row_get(row, "Id")))
        return fail(&r, "Id", "C and a number, or 1 to 40 of a-z, 0-9 and '-'");
    if (advise_book_class(b, span_str(row_get(row, "Id"))) >= 0)
        return fail(&r, "Id", "two class rows have this name");
    for (size_t i = 0; i < 4; i++) {
        const char *fault = globs_fault(row_get(row, globs[i]));

        if (fault)
            return fail(&r, globs[i], fault);
    }
    if (read_steps(&r, row_get(row, "Fix")) < 0)
        return -EINVAL;
    return take_texts(texts, sizeof(texts) / sizeof(texts[0]), ret_block);
}
