/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The catalogue, the servers' budgets and the practice range are data that people write by hand.
 * Debian's paragraph form needs no quoting of %, ! and ", which these rows are full of, diffs well,
 * and is known to every reader of a Debian system. Errors carry the line: a bad row must be refused
 * with a place to look.
 */
#include "base/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void rows_fail(struct rows_error *err, unsigned line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(err->why, sizeof(err->why), fmt, ap);
    va_end(ap);
    err->line = line;
}

void rows_open(struct rows_reader *r, struct span text)
{
    *r = (struct rows_reader){.text = text};
}

void row_deinit(struct row *row)
{
    for (size_t i = 0; i < row->count; i++)
        free(row->fields[i].value);
    free(row->fields);
    *row = (struct row){0};
}

static bool field_name_char(char c)
{
    return ascii_is_alnum(c) || c == '-';
}

/* Takes the next line, checked for length and for bytes that have no place in a text file. */
static int next_line(struct rows_reader *r, struct span *ret, struct rows_error *err)
{
    if (r->text.n == 0 || !span_cut(&r->text, '\n', ret))
        return 0;
    r->line++;
    if (ret->n && ret->p[ret->n - 1] == '\r')
        ret->n--;
    if (ret->n > ROWS_LINE_MAX) {
        rows_fail(err, r->line, "line is longer than %d bytes", ROWS_LINE_MAX);
        return -EINVAL;
    }
    for (size_t i = 0; i < ret->n; i++) {
        unsigned char c = (unsigned char)ret->p[i];

        if ((c < ' ' && c != '\t') || c == 0x7f) {
            rows_fail(err, r->line, "control character \\x%02x", c);
            return -EINVAL;
        }
        /* U+0080 to U+009F: as good as an escape sequence to some terminals. */
        if (c == 0xc2 && i + 1 < ret->n && (unsigned char)ret->p[i + 1] < 0xa0) {
            rows_fail(err, r->line, "control character \\xc2\\x%02x", (unsigned char)ret->p[i + 1]);
            return -EINVAL;
        }
    }
    if (!span_is_utf8(*ret)) {
        rows_fail(err, r->line, "not UTF-8");
        return -EINVAL;
    }
    return 1;
}

static int row_continue(struct row *row, struct span line, struct rows_error *err, unsigned at)
{
    struct row_field *f = &row->fields[row->count - 1];
    struct buf joined = BUF_INIT(ROWS_VALUE_MAX);

    buf_add_str(&joined, f->value);
    if (joined.n)
        buf_add_char(&joined, ' ');
    buf_add(&joined, span_trim(line));
    if (joined.err) {
        int fault = joined.err;

        buf_deinit(&joined);
        if (fault == -ENOMEM)
            return fault;
        rows_fail(err, at, "value is longer than %d bytes", ROWS_VALUE_MAX);
        return -EINVAL;
    }
    free(f->value);
    f->value = buf_take(&joined);
    return 0;
}

static int row_field_add(struct row *row, struct span line, struct rows_error *err, unsigned at)
{
    size_t colon = span_find(line, ':');
    struct span name = span_slice(line, 0, colon);

    for (size_t i = 0; i < name.n; i++)
        if (!field_name_char(name.p[i]))
            colon = line.n;
    if (colon == line.n || name.n == 0) {
        rows_fail(err, at, "expected \"Field: value\"");
        return -EINVAL;
    }
    for (size_t i = 0; i < row->count; i++) {
        if (span_eq_nocase(row->fields[i].name, name)) {
            rows_fail(err, at, "field \"%.*s\" stands twice (first in line %u)", SPAN_ARG(name),
                      row->fields[i].line);
            return -EINVAL;
        }
    }
    if (row->count == ROWS_FIELDS_MAX) {
        rows_fail(err, at, "more than %d fields in one row", ROWS_FIELDS_MAX);
        return -EINVAL;
    }
    if (array_grow(&row->fields, &row->cap, sizeof(row->fields[0]), row->count + 1) < 0)
        return -ENOMEM;
    char *value = span_dup(span_trim(span_slice(line, colon + 1, line.n)));
    if (!value)
        return -ENOMEM;
    row->fields[row->count++] = (struct row_field){name, value, at};
    if (row->count == 1)
        row->line = at;
    return 0;
}

int rows_next(struct rows_reader *r, struct row *row, struct rows_error *err)
{
    struct span line;
    int got;

    row_deinit(row);
    while ((got = next_line(r, &line, err)) > 0) {
        int done = 0;

        if (span_trim(line).n == 0) {
            if (row->count)
                return 1;
            continue;
        }
        if (line.p[0] == '#')
            continue;
        if (line.p[0] == ' ' || line.p[0] == '\t') {
            if (row->count == 0) {
                rows_fail(err, r->line, "a continued line with nothing before it");
                return -EINVAL;
            }
            done = row_continue(row, line, err, r->line);
        } else {
            done = row_field_add(row, line, err, r->line);
        }
        if (done < 0)
            return done;
    }
    if (got < 0)
        return got;
    return row->count ? 1 : 0;
}

int rows_each(struct span text, rows_take *take, void *cookie, struct rows_error *err)
{
    struct rows_reader reader;
    struct row row = {0};
    int got;

    rows_open(&reader, text);
    while ((got = rows_next(&reader, &row, err)) > 0) {
        got = take(cookie, &row, err);
        if (got < 0)
            break;
    }
    row_deinit(&row);
    return got;
}

static const struct row_field *row_find(const struct row *row, const char *name)
{
    for (size_t i = 0; i < row->count; i++)
        if (span_eq_nocase(row->fields[i].name, span_str(name)))
            return &row->fields[i];
    return NULL;
}

const char *row_get(const struct row *row, const char *name)
{
    const struct row_field *f = row_find(row, name);

    return f ? f->value : NULL;
}

unsigned row_line(const struct row *row, const char *name)
{
    const struct row_field *f = row_find(row, name);

    return f ? f->line : row->line;
}

const struct row_field *row_unknown(const struct row *row, const char *const *known)
{
    for (size_t i = 0; i < row->count; i++) {
        size_t k = 0;

        while (known[k] && !span_eq_nocase(row->fields[i].name, span_str(known[k])))
            k++;
        if (!known[k])
            return &row->fields[i];
    }
    return NULL;
}

bool rows_slug_ok(const char *s, const char *also, size_t max)
{
    size_t n = strlen(s);

    if (n == 0 || n > max || !ascii_is_alnum(s[0]))
        return false;
    for (; *s; s++)
        if (!ascii_is_digit(*s) && !(*s >= 'a' && *s <= 'z') && !strchr(also, *s))
            return false;
    return true;
}

bool rows_cves_ok(struct span s)
{
    struct span word;

    while (span_word(&s, &word)) {
        if (!span_starts(word, SPAN_LIT("CVE-")) || word.n < 13 || word.p[8] != '-')
            return false;
        for (size_t i = 4; i < word.n; i++)
            if (i != 8 && !ascii_is_digit(word.p[i]))
                return false;
    }
    return true;
}

int rows_word_of(struct span value, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (span_eq_nocase(value, span_str(words[i])))
            return i;
    return -1;
}
