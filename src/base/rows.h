/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Data files: paragraphs of "Field: value" lines, one paragraph a row, as in Debian's control
 * files.
 *
 *     # a comment line
 *     Id: percent-host
 *     Flaw: the part before the percent sign is
 *      routed again after the check
 *
 * A line that starts with a blank continues the value before it (joined by one space). An empty
 * line ends the row. Field names are letters, digits and hyphens, compared without case; one field
 * stands once in a row. Control characters other than tab, what is not UTF-8, and lines over
 * ROWS_LINE_MAX are errors. The parser knows no field's meaning.
 */
#ifndef POSTERN_BASE_ROWS_H
#define POSTERN_BASE_ROWS_H

#include "base/buf.h"

enum {
    ROWS_LINE_MAX = 2000,
    ROWS_VALUE_MAX = 8000,
    ROWS_FIELDS_MAX = 40, /* fields in a row */
};

struct row_field {
    struct span name;
    char *value;   /* owned by the row */
    unsigned line; /* where the field starts, from 1 */
};

struct row {
    struct row_field *fields;
    size_t count, cap;
    unsigned line; /* of its first field */
};

struct rows_error {
    unsigned line;
    char why[200];
};

struct rows_reader {
    struct span text; /* what is left; borrowed */
    unsigned line;
};

void rows_open(struct rows_reader *r, struct span text);
/*
 * Reads the next row into *row (zeroed or used before; its old fields are freed). 1 a row, 0 the
 * end, -EINVAL bad text with *err filled, -ENOMEM. Field names borrow from the text.
 */
int rows_next(struct rows_reader *r, struct row *row, struct rows_error *err);
void row_deinit(struct row *row);
/*
 * Hands each row of the text to `take`, until one is refused (a negative value, which is returned;
 * for -EINVAL `take` has filled *err). 0 at the end; else as rows_next().
 */
typedef int rows_take(void *cookie, const struct row *row, struct rows_error *err);
int rows_each(struct span text, rows_take *take, void *cookie, struct rows_error *err);

/* The value, or NULL when the row has no such field. */
const char *row_get(const struct row *row, const char *name);
/* The line of a field, or of the row when it has no such field: for error messages. */
unsigned row_line(const struct row *row, const char *name);
/* The first field that is not in the NULL-ended list, or NULL when all are known. */
const struct row_field *row_unknown(const struct row *row, const char *const *known);

/* What values of several kinds of rows hold. */

/* 1 to max of a-z, 0-9 and what stands in `also`; a letter or digit first. */
bool rows_slug_ok(const char *s, const char *also, size_t max);
/* "CVE-1999-0512", several with blanks between; also none. */
bool rows_cves_ok(struct span s);
/* Which of the NULL-ended words it is, without case; -1 none. */
int rows_word_of(struct span value, const char *const *words);

void rows_fail(struct rows_error *err, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
