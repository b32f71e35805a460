/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the book: one paragraph of a file becomes one row or one class. */
#ifndef POSTERN_ADVISE_BOOK_ROW_H
#define POSTERN_ADVISE_BOOK_ROW_H

#include "advise/book.h"

/* 0, -EINVAL with *err filled, -ENOMEM. The caller frees the block of what was made. */
int advise_row_read(const struct advise_book *b, const struct row *row, const char *file,
                    struct advise_row *ret, struct rows_error *err);
int advise_class_read(const struct advise_book *b, const struct row *row, struct advise_class *ret,
                      char **ret_block, struct rows_error *err);

#endif
