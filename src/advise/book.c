/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Loading is all or nothing for each file: a bad row takes the good ones before it along, because
 * half a file would answer "unknown" for what its author thinks is known.
 */
#include "advise/book.h"

#include "advise/book_row.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void advise_book_init(struct advise_book *b)
{
    *b = (struct advise_book){0};
}

static void row_free(struct advise_row *row)
{
    free(row->block);
    free(row);
}

static void cut_back(struct advise_book *b, size_t rows, size_t classes)
{
    while (b->count > rows)
        row_free(b->rows[--b->count]);
    while (b->class_count > classes)
        free(b->blocks[--b->class_count]);
}

void advise_book_deinit(struct advise_book *b)
{
    cut_back(b, 0, 0);
    free(b->rows);
    free(b->classes);
    free(b->blocks);
    *b = (struct advise_book){0};
}

static int add_class(struct advise_book *b, const struct row *row, struct rows_error *err)
{
    struct advise_class made = {0};
    char *block = NULL;
    int rc;

    if (b->class_count == ADVISE_CLASSES_MAX) {
        rows_fail(err, row->line, "more than %d class rows", ADVISE_CLASSES_MAX);
        return -EINVAL;
    }
    if (array_grow(&b->classes, &b->class_cap, sizeof(b->classes[0]), b->class_count + 1) < 0 ||
        array_grow(&b->blocks, &b->block_cap, sizeof(b->blocks[0]), b->class_count + 1) < 0)
        return -ENOMEM;
    rc = advise_class_read(b, row, &made, &block, err);
    if (rc < 0)
        return rc;
    b->classes[b->class_count] = made;
    b->blocks[b->class_count++] = block;
    return 0;
}

static int add_product(struct advise_book *b, const struct row *row, const char *file,
                       struct rows_error *err)
{
    struct advise_row *made;
    int rc;

    if (b->count == ADVISE_ROWS_MAX) {
        rows_fail(err, row->line, "more than %d rows", ADVISE_ROWS_MAX);
        return -EINVAL;
    }
    made = calloc(1, sizeof(*made));
    if (!made || array_grow(&b->rows, &b->cap, sizeof(b->rows[0]), b->count + 1) < 0) {
        free(made);
        return -ENOMEM;
    }
    rc = advise_row_read(b, row, file, made, err);
    if (rc == 0 && advise_book_row(b, span_str(made->id))) {
        rows_fail(err, row_line(row, "Id"), "Id: two rows are named \"%s\"", made->id);
        rc = -EINVAL;
    }
    if (rc < 0)
        row_free(made);
    else
        b->rows[b->count++] = made;
    return rc;
}

/* Where rows of a file go. */
struct loading {
    struct advise_book *to;
    const char *file;
};

static int add_row(void *cookie, const struct row *row, struct rows_error *err)
{
    const struct loading *l = cookie;
    const char *kind = row_get(row, "Kind");

    if (kind && strcmp(kind, "class") == 0)
        return add_class(l->to, row, err);
    if (kind && strcmp(kind, "product") == 0)
        return add_product(l->to, row, l->file, err);
    rows_fail(err, row_line(row, "Kind"), "Kind: %s; one of product, class",
              kind ? "unknown" : "missing");
    return -EINVAL;
}

static void tell(struct advise_error *err, const char *file, unsigned line, const char *why)
{
    err->line = line;
    snprintf(err->text, sizeof(err->text), "%.150s:%u: %s", file, line, why);
}

int advise_book_load(struct advise_book *b, struct span text, const char *file,
                     struct advise_error *err)
{
    size_t rows = b->count, classes = b->class_count;
    struct rows_error why = {0};
    int got = rows_each(text, add_row, &(struct loading){.to = b, .file = file}, &why);

    if (got < 0)
        cut_back(b, rows, classes);
    if (got == -EINVAL)
        tell(err, file, why.line, why.why);
    return got;
}

/* A sign that makes a server known, alone. */
static bool has_sure_sign(const struct advise_row *row)
{
    for (unsigned p = 0; p < ADVISE_PLACES; p++) {
        struct span rest = span_str(row->signs[p]), part;

        while (advise_part(&rest, &part))
            if (part.n && part.p[0] != '~')
                return true;
    }
    return false;
}

/* A row without signs of its own shows itself as its product does. */
static bool product_has_sign(const struct advise_book *b, const char *product)
{
    for (size_t i = 0; i < b->count; i++)
        if (strcmp(b->rows[i]->product, product) == 0 && has_sure_sign(b->rows[i]))
            return true;
    return false;
}

int advise_book_check(const struct advise_book *b, struct advise_error *err)
{
    for (size_t i = 0; i < b->count; i++) {
        const struct advise_row *row = b->rows[i];
        bool shows = product_has_sign(b, row->product);

        if (!shows && !row->silent) {
            tell(err, row->file, row->line,
                 "no sure sign of this product; say in Silent why it cannot be known");
            return -EINVAL;
        }
        if (shows && row->silent) {
            tell(err, row->file, row->line, "Silent, but the product has a sure sign");
            return -EINVAL;
        }
    }
    return 0;
}

const struct advise_row *advise_book_row(const struct advise_book *b, struct span id)
{
    for (size_t i = 0; i < b->count; i++)
        if (span_eq_nocase(span_str(b->rows[i]->id), id))
            return b->rows[i];
    return NULL;
}

int advise_book_class(const struct advise_book *b, struct span id)
{
    for (size_t i = 0; i < b->class_count; i++)
        if (span_eq_nocase(span_str(b->classes[i].id), id))
            return (int)i;
    return -1;
}

void advise_book_class_names(const struct advise_book *b, uint64_t classes, struct buf *out)
{
    const char *gap = "";

    for (size_t i = 0; i < b->class_count; i++) {
        if (!(classes >> i & 1))
            continue;
        buf_addf(out, "%s%s", gap, b->classes[i].id);
        gap = " ";
    }
}

const char *advise_book_called(const struct advise_book *b, const char *product)
{
    const char *name = NULL;

    for (size_t i = 0; i < b->count; i++) {
        const struct advise_row *row = b->rows[i];

        if (strcmp(row->product, product) != 0)
            continue;
        if (row->called)
            return row->called;
        if (!name)
            name = row->name;
    }
    return name;
}

const char *advise_cause_name(enum advise_cause cause)
{
    static const char *const names[] = {"as-shipped", "bug", "setting", "none"};

    return names[cause];
}

const char *advise_place_name(enum advise_place place)
{
    static const char *const names[ADVISE_PLACES] = {"banner", "hello", "ehlo",
                                                     "help",   "reply", "received"};

    return names[place];
}

const char *advise_pair_name(enum advise_pair pair)
{
    static const char *const names[] = {"none", "same", "old", "linuxconf", "vendor", "own-name"};

    return names[pair];
}

bool advise_part(struct span *rest, struct span *ret)
{
    size_t at;

    if (!rest->p || rest->n == 0)
        return false;
    at = span_find_nocase(*rest, SPAN_LIT(" | "));
    *ret = span_trim(span_slice(*rest, 0, at));
    *rest = at < rest->n ? span_slice(*rest, at + 3, rest->n) : SPAN_NULL;
    return true;
}
