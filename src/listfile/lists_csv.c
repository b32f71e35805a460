/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * CSV as RFC 4180 has it, which is how nobody writes it: the separator is whichever of comma,
 * semicolon and tab the first line has most of, a line may end in LF, and a lone quote inside a
 * field is taken as it stands. A field in quotes may hold separators, line ends and doubled quotes.
 * A field without doubled quotes is not copied.
 */
#include "listfile/lists_priv.h"

#include <errno.h>

struct record {
    struct span fields[LISTS_FIELDS_MAX];
    size_t n;
    bool too_many;
    struct buf bytes; /* fields that had doubled quotes; never moves */
};

static char separator_of(struct span bytes)
{
    struct span line = SPAN_NULL;
    size_t best = 0;
    char sep = ',';

    do { /* the first that is no comment */
        line = SPAN_NULL;
    } while (bytes.n && span_cut(&bytes, '\n', &line) &&
             (!span_trim(line).n || span_starts(span_trim(line), SPAN_LIT("#"))));
    for (const char *c = ",;\t"; *c; c++) {
        size_t n = 0;

        for (size_t i = 0; i < line.n; i++)
            n += line.p[i] == *c;
        if (n > best) {
            best = n;
            sep = *c;
        }
    }
    return sep;
}

/* A field in quotes at s->p[0]; false when its end is missing. */
static bool quoted(struct span *s, struct record *record, struct span *ret, uint32_t *line)
{
    size_t i = 1, doubled = 0;

    while (i < s->n && (s->p[i] != '"' || (i + 1 < s->n && s->p[i + 1] == '"'))) {
        doubled += s->p[i] == '"';
        i += s->p[i] == '"' ? 2 : 1;
    }
    if (i >= s->n || i > LISTS_LINE_MAX)
        return false;
    *ret = span_slice(*s, 1, i);
    for (size_t k = 0; k < ret->n; k++)
        *line += ret->p[k] == '\n';
    *s = span_slice(*s, i + 1, s->n);
    if (doubled) {
        size_t at = record->bytes.n;

        for (size_t k = 0; k < ret->n; k++) {
            buf_add_char(&record->bytes, ret->p[k]);
            k += ret->p[k] == '"';
        }
        *ret = span_of(record->bytes.p + at, record->bytes.n - at);
    }
    return true;
}

/* The next record: false at the end. *ret_bad when it has no end or is too long. */
static bool next_record(struct lists_work *w, struct span *s, char sep, struct record *ret,
                        bool *ret_bad)
{
    ret->n = 0;
    ret->too_many = false;
    buf_clear(&ret->bytes);
    buf_reserve(&ret->bytes, ret->bytes.max);
    *ret_bad = false;
    if (s->n == 0)
        return false;
    w->line++;
    for (;;) {
        struct span field = SPAN_NULL;
        size_t i = 0;

        if (s->n && s->p[0] == '"' && !quoted(s, ret, &field, &w->line)) {
            *ret_bad = true;
            *s = span_slice(*s, span_find(*s, '\n') + 1, s->n);
            return true;
        }
        while (i < s->n && s->p[i] != sep && s->p[i] != '\n')
            i++;
        if (!field.p)
            field = span_trim(span_slice(*s, 0, i));
        if (ret->n < LISTS_FIELDS_MAX)
            ret->fields[ret->n++] = field;
        else
            ret->too_many = true;
        bool end = i >= s->n || s->p[i] == '\n';

        *s = span_slice(*s, i + 1, s->n);
        if (end)
            return true;
    }
}

/* Which column is what, the first of each. False when this is no head line. */
static bool head(const struct record *r, enum lists_field columns[LISTS_FIELDS_MAX])
{
    bool there[LISTS_FIELDS + 1] = {false};

    for (size_t i = 0; i < r->n; i++) {
        columns[i] = lists_field_of(r->fields[i]);
        if (there[columns[i]])
            columns[i] = LISTS_OTHER;
        there[columns[i]] = true;
    }
    return (there[LISTS_ENTRY] || there[LISTS_NAMED]) && !lists_is_entry(r->fields[0]);
}

/* Of a first line that is neither a head that we know nor an entry. */
static bool strange_head(const struct record *r)
{
    struct span first = r->fields[0];

    for (size_t i = 0; i < first.n; i++)
        if (!ascii_is_alpha(first.p[i]) && !memchr("_ -", first.p[i], 3))
            return false;
    return r->n > 1;
}

int lists_csv(struct lists_work *w, struct span bytes)
{
    enum lists_field columns[LISTS_FIELDS_MAX] = {LISTS_ENTRY};
    struct record record = {.bytes = BUF_INIT(2 * LISTS_LINE_MAX)};
    char sep = separator_of(bytes);
    bool first = true, bad;
    size_t known = 1;
    int r = 0;

    while (r == 0 && next_record(w, &bytes, sep, &record, &bad)) {
        struct span fields[LISTS_FIELDS] = {SPAN_NULL};

        if (bad || record.too_many || record.bytes.err == -EMSGSIZE) {
            lists_skip(w, record.n ? record.fields[0] : SPAN_NULL,
                       "a record without end, or too long",
                       "close its quotes; 64 fields and 16384 octets at most");
            continue;
        }
        if (record.bytes.err) {
            r = record.bytes.err;
            break;
        }
        if (record.n == 0 || (record.fields[0].n && record.fields[0].p[0] == '#') ||
            (record.n == 1 && record.fields[0].n == 0))
            continue;
        if (first && head(&record, columns)) {
            known = record.n;
        } else if (first && strange_head(&record)) {
            columns[0] = LISTS_ENTRY;
            lists_skip(w, record.fields[0], "no column that is known",
                       "name the column of the entries \"ip\", \"cidr\" or \"name\"");
        } else {
            if (first)
                columns[0] = LISTS_ENTRY;
            for (size_t i = 0; i < record.n && i < known; i++)
                if (columns[i] < LISTS_FIELDS)
                    fields[columns[i]] = record.fields[i];
            r = lists_entry(w, fields);
        }
        first = false;
    }
    buf_deinit(&record.bytes);
    return r;
}
