/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A table of a fixed number of rows, found by a 16-octet id; when it is full, the row longest
 * untouched makes room. Ids are keyed hashes, so nobody outside can choose where one falls.
 */
#ifndef POSTERN_AUTH_TABLE_H
#define POSTERN_AUTH_TABLE_H

#include "base/mac.h"
#include "base/span.h"

enum { AUTH_TABLE_ID = 16 };

struct auth_table;

struct auth_table_id {
    uint8_t b[AUTH_TABLE_ID];
};

/* The id of some bytes of a kind; `kind` keeps tables with the same key apart. */
struct auth_table_id auth_table_id(const uint8_t key[MAC_KEY], char kind, struct span bytes);
/* Of a login: without ASCII case. */
struct auth_table_id auth_table_login(const uint8_t key[MAC_KEY], char kind, struct span login);

/* Rows of `size` bytes, aligned for an int64_t; memory is touched only as rows are used. */
int auth_table_new(unsigned rows, size_t size, struct auth_table **ret);
void auth_table_free(struct auth_table **t);
/* The row, or NULL. Does not count as a touch. */
void *auth_table_find(const struct auth_table *t, const struct auth_table_id *id);
/* The row, made and zeroed where there is none. It is now the one touched last. */
void *auth_table_take(struct auth_table *t, const struct auth_table_id *id);
/* The n-th row, or NULL past the last: to see all. None may be taken meanwhile. */
void *auth_table_at(const struct auth_table *t, size_t n);
size_t auth_table_count(const struct auth_table *t);

#endif
