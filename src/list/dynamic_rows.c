/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading the rows. Words become one pattern with the digit that must be near them:
 *
 *     ^\D*+\d.*?WORD  |  WORD\D*+\d          a digit before, or behind
 *
 * The possessive \D*+ and the anchor keep that linear: each alternative tries every word once, and
 * no name of 253 octets comes near the limit of steps. Patterns of rows get no such help, which is
 * why dynamic_check() is to be run on a changed file.
 */
#include "list/dynamic_priv.h"

#include <errno.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

static const char *const known[] = {"Id",     "Kind", "Words",  "Pattern", "Why",
                                    "Source", "Hits", "Misses", "Note",    NULL};
static const char *const required[] = {"Id", "Kind", "Why", "Source", "Hits", NULL};

static int fail(const struct row *row, struct rows_error *err, const char *field, const char *why)
{
    rows_fail(err, row_line(row, field), "%s: %s", field, why);
    return -EINVAL;
}

static void add_words(struct buf *out, struct span words)
{
    const char *between = "";
    struct span word;

    buf_add_str(out, "(?<![a-z])(?:");
    while (span_word(&words, &word)) {
        buf_add_str(out, between);
        buf_add(out, word);
        between = "|";
    }
    buf_add_str(out, ")(?![a-z])");
}

static bool words_ok(struct span words)
{
    struct span word;
    bool some = false;

    while (span_word(&words, &word)) {
        some = true;
        for (size_t i = 0; i < word.n; i++)
            if (ascii_lower(word.p[i]) != word.p[i] ||
                (!ascii_is_alnum(word.p[i]) && word.p[i] != '-'))
                return false;
    }
    return some;
}

/* "$" and \z, \Z would mean the end of the host part here and of the whole name in a zone. */
static bool has_end(const char *pattern)
{
    for (const char *p = pattern; *p; p++) {
        if (*p == '$')
            return true;
        if (*p == '\\' && p[1]) {
            if (p[1] == 'z' || p[1] == 'Z')
                return true;
            p++;
        }
    }
    return false;
}

static int make_pattern(const struct row *row, enum dynamic_kind kind, struct buf *out,
                        struct rows_error *err)
{
    const char *words = row_get(row, "Words"), *pattern = row_get(row, "Pattern");

    if (!words == !pattern)
        return fail(row, err, "Id", "a row has either Words or a Pattern");
    if (words && !words_ok(span_str(words)))
        return fail(row, err, "Words", "lower case letters, digits, hyphens");
    if (pattern && has_end(pattern))
        return fail(row, err, "Pattern", "the end of the name has no place in it: $ \\z \\Z");
    if (pattern) {
        buf_add_str(out, pattern);
    } else if (kind == DYNAMIC_STATIC) {
        add_words(out, span_str(words));
    } else {
        buf_add_str(out, "^\\D*+\\d.*?");
        add_words(out, span_str(words));
        buf_add_str(out, "|");
        add_words(out, span_str(words));
        buf_add_str(out, "\\D*+\\d");
    }
    if (out->err == -EMSGSIZE)
        return fail(row, err, words ? "Words" : "Pattern", "too long");
    return out->err;
}

static int compile(const struct row *row, struct dynamic_row *d, struct rows_error *err)
{
    PCRE2_SIZE at;
    PCRE2_UCHAR why[100];
    int error;

    d->code = pcre2_compile((PCRE2_SPTR)d->pattern, PCRE2_ZERO_TERMINATED,
                            PCRE2_NO_AUTO_CAPTURE | PCRE2_NEVER_BACKSLASH_C, &error, &at, NULL);
    if (d->code)
        return 0;
    if (error == PCRE2_ERROR_HEAP_FAILED)
        return -ENOMEM;
    pcre2_get_error_message(error, why, sizeof(why));
    rows_fail(err, row_line(row, "Pattern"), "Pattern: at %zu: %s", (size_t)at, (char *)why);
    return -EINVAL;
}

static void row_free(struct dynamic_row *d)
{
    free(d->id);
    free(d->why);
    free(d->hits);
    free(d->misses);
    free(d->pattern);
    pcre2_code_free(d->code);
    *d = (struct dynamic_row){0};
}

static char *dup_or_empty(const char *s)
{
    return span_dup(span_str(s ? s : ""));
}

static int fill(const struct row *row, struct dynamic_row *d, struct rows_error *err)
{
    struct buf pattern = BUF_INIT(DYNAMIC_PATTERN_MAX);
    int fault = make_pattern(row, d->kind, &pattern, err);

    d->line = row->line;
    d->id = dup_or_empty(row_get(row, "Id"));
    d->why = dup_or_empty(row_get(row, "Why"));
    d->hits = dup_or_empty(row_get(row, "Hits"));
    d->misses = dup_or_empty(row_get(row, "Misses"));
    d->pattern = buf_take(&pattern);
    buf_deinit(&pattern);
    if (fault)
        return fault;
    if (!d->id || !d->why || !d->hits || !d->misses || !d->pattern)
        return -ENOMEM;
    return compile(row, d, err);
}

static int read_row(const struct row *row, struct dynamic_row *d, struct rows_error *err)
{
    static const char *const kinds[] = {"static", "dynamic", "generic", NULL};
    const struct row_field *strange = row_unknown(row, known);
    int kind, fault;

    if (strange) {
        rows_fail(err, strange->line, "%.*s: no such field", SPAN_ARG(strange->name));
        return -EINVAL;
    }
    for (size_t i = 0; required[i]; i++)
        if (!row_get(row, required[i]))
            return fail(row, err, required[i], "is missing");
    if (!rows_slug_ok(row_get(row, "Id"), "-", DYNAMIC_ID_MAX))
        return fail(row, err, "Id", "lower case letters, digits, hyphens, at most 32");
    kind = rows_word_of(span_str(row_get(row, "Kind")), kinds);
    if (kind < 0)
        return fail(row, err, "Kind", "static, dynamic or generic");
    d->kind = (enum dynamic_kind)kind;
    fault = fill(row, d, err);
    if (fault)
        row_free(d);
    return fault;
}

/* Behind the rows of its kind; a row of the same id goes. */
static int place(struct dynamic_rules *r, struct dynamic_row *d, struct rows_error *err)
{
    size_t at = 0;

    if (array_grow(&r->rows, &r->cap, sizeof(*r->rows), r->count + 1) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < r->count; i++)
        if (strcmp(r->rows[i].id, d->id) == 0) {
            row_free(&r->rows[i]);
            memmove(r->rows + i, r->rows + i + 1, (r->count - i - 1) * sizeof(*r->rows));
            r->count--;
            break;
        }
    if (r->count == DYNAMIC_ROWS_MAX) {
        rows_fail(err, d->line, "more than %d rows", DYNAMIC_ROWS_MAX);
        return -EINVAL;
    }
    while (at < r->count && r->rows[at].kind <= d->kind)
        at++;
    memmove(r->rows + at + 1, r->rows + at, (r->count - at) * sizeof(*r->rows));
    r->rows[at] = *d;
    r->count++;
    return 0;
}

static int take(void *cookie, const struct row *row, struct rows_error *err)
{
    struct dynamic_row d = {0};
    int fault = read_row(row, &d, err);

    if (fault == 0) {
        fault = place(cookie, &d, err);
        if (fault)
            row_free(&d);
    }
    return fault;
}

int dynamic_read(struct dynamic_rules *r, struct span text, struct rows_error *err)
{
    if (!r->data)
        r->data = pcre2_match_data_create(1, NULL);
    return r->data ? rows_each(text, take, r, err) : -ENOMEM;
}

void dynamic_deinit(struct dynamic_rules *r)
{
    for (size_t i = 0; i < r->count; i++)
        row_free(&r->rows[i]);
    free(r->rows);
    pcre2_match_data_free(r->data);
    *r = (struct dynamic_rules){0};
}

static int check_names(const struct dynamic_rules *r, const struct dynamic_row *row, bool hits,
                       struct rows_error *err)
{
    struct span names = span_str(hits ? row->hits : row->misses), name;

    while (span_word(&names, &name)) {
        int got = dynamic_row_matches(r, row, name);
        struct dynamic_judgement j = dynamic_judge(r, name);

        if (got != hits) {
            rows_fail(err, row->line, "%s: %s match %.*s", row->id, hits ? "does not" : "does",
                      (int)(name.n < 100 ? name.n : 100), name.p);
            return -EINVAL;
        }
        /* Among all, another row of the kind may come first, never one of another kind. */
        if (hits && (!j.row || j.row->kind != row->kind)) {
            rows_fail(err, row->line, "%s: %.*s is taken by %s", row->id,
                      (int)(name.n < 100 ? name.n : 100), name.p, j.row ? j.row->id : "no row");
            return -EINVAL;
        }
    }
    return 0;
}

int dynamic_check(const struct dynamic_rules *r, struct rows_error *err)
{
    for (size_t i = 0; i < r->count; i++)
        if (check_names(r, &r->rows[i], true, err) || check_names(r, &r->rows[i], false, err))
            return -EINVAL;
    return 0;
}
