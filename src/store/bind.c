/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Between SQLite's values and ours. Statements are prepared once and reset after each use, at the
 * latest before the next: an open one would hold a snapshot, and the -wal file would grow behind
 * it. Binding cannot fail but for memory; the step then fails on a NOT NULL column, so it is not
 * asked after each value.
 */
#include "store/private.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

sqlite3_stmt *sql_use(struct store *store, enum sql which)
{
    sqlite3_stmt *q = store->stmt[which];

    /* The same iteration inside itself would step on its own rows. */
    assert(q && !sqlite3_stmt_busy(q));
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return q;
}

void sql_text_bind(sqlite3_stmt *q, int at, struct span s)
{
    sqlite3_bind_text64(q, at, s.n ? s.p : "", s.n, SQLITE_STATIC, SQLITE_UTF8);
}

void sql_blob_bind(sqlite3_stmt *q, int at, struct span s)
{
    sqlite3_bind_blob64(q, at, s.n ? s.p : "", s.n, SQLITE_STATIC);
}

void sql_ip_bind(sqlite3_stmt *q, int at, struct ip ip)
{
    size_t n = ip.family == IP_V4 ? 4 : ip.family == IP_V6 ? 16 : 0;

    /* The address is the caller's copy, gone before the step. */
    sqlite3_bind_blob64(q, at, ip.b, n, SQLITE_TRANSIENT);
}

struct span sql_span(sqlite3_stmt *q, int column)
{
    const void *p = sqlite3_column_blob(q, column);

    return p ? span_of(p, (size_t)sqlite3_column_bytes(q, column)) : SPAN_NULL;
}

struct ip sql_ip(sqlite3_stmt *q, int column)
{
    struct span s = sql_span(q, column);
    struct ip ip = {0};

    if (s.n == 4 || s.n == 16) {
        ip.family = s.n == 4 ? IP_V4 : IP_V6;
        memcpy(ip.b, s.p, s.n);
    }
    return ip;
}

int sql_run(struct store *store, sqlite3_stmt *q)
{
    int code = sqlite3_step(q);
    int rc = code == SQLITE_DONE || code == SQLITE_ROW ? 0 : fail_sql(store, code);

    sqlite3_reset(q);
    return rc;
}

int sql_row(struct store *store, sqlite3_stmt *q)
{
    int code = sqlite3_step(q);

    if (code == SQLITE_ROW)
        return STORE_OK;
    return code == SQLITE_DONE ? STORE_NONE : fail_sql(store, code);
}

void sql_done(sqlite3_stmt *q)
{
    sqlite3_reset(q);
}

int sql_each(struct store *store, sqlite3_stmt *q, int (*row)(void *ctx, sqlite3_stmt *q),
             void *ctx)
{
    int rc, said = 0;

    store->reading++;
    while ((rc = sql_row(store, q)) == STORE_OK && (said = row(ctx, q)) == 0)
        ;
    store->reading--;
    sql_done(q);
    if (said)
        return said;
    return rc == STORE_NONE ? STORE_OK : rc;
}

int record_keep(struct store *store, struct span *const *fields, size_t count)
{
    size_t at = 0, total = 0;

    for (size_t i = 0; i < count; i++)
        total += fields[i]->n;
    buf_deinit(&store->record);
    buf_init(&store->record, total);
    for (size_t i = 0; i < count; i++)
        buf_add(&store->record, *fields[i]);
    if (store->record.err)
        return fail(store, -ENOMEM, "out of memory");
    /* Only now: while the buffer grew, its bytes moved. */
    for (size_t i = 0; i < count; i++) {
        *fields[i] = span_of(total ? store->record.p + at : "", fields[i]->n);
        at += fields[i]->n;
    }
    return 0;
}
