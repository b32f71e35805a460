/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A run is one call of the tester. Its counts are made when asked for: a sum kept in the row would
 * have to be right after every kill, and an index over (run, verdict) answers fast enough.
 */
#include "store/private.h"

#include <errno.h>

const char *store_run_state_name(enum store_run_state state)
{
    switch (state) {
    case STORE_RUN_RUNNING:
        return "running";
    case STORE_RUN_WAITING:
        return "waiting";
    case STORE_RUN_DONE:
        return "done";
    }
    return "?";
}

int store_run_add(struct store *store, const struct store_run *run)
{
    int rc = limit(store, run->command, STORE_COMMAND_MAX, "command line");
    sqlite3_stmt *q;

    if (rc == 0)
        rc = limit(store, run->options, STORE_COMMAND_MAX, "options");
    if (rc == 0)
        rc = limit(store, run->probe_domain, STORE_NAME_MAX, "probe domain");
    if (rc == 0)
        rc = limit(store, run->tester, STORE_NAME_MAX, "tester name");
    if (rc == 0)
        rc = write_begin(store);
    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_RUN_ADD);
    sqlite3_bind_int64(q, 1, run->id);
    sqlite3_bind_int64(q, 2, run->started_wall);
    sqlite3_bind_int64(q, 3, run->ended_wall);
    sqlite3_bind_int(q, 4, (int)run->state);
    sql_text_bind(q, 5, run->command);
    sql_text_bind(q, 6, run->probe_domain);
    sql_text_bind(q, 7, run->options);
    sql_text_bind(q, 8, run->tester);
    rc = sql_run(store, q);
    if (rc == 0 && sqlite3_changes(store->db) == 0)
        rc = STORE_EXISTS;
    return write_end(store, rc);
}

int store_run_set_state(struct store *store, uint32_t run, enum store_run_state state,
                        int64_t ended_wall)
{
    int rc = write_begin(store);
    sqlite3_stmt *q;

    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_RUN_STATE);
    sqlite3_bind_int64(q, 1, run);
    sqlite3_bind_int(q, 2, (int)state);
    sqlite3_bind_int64(q, 3, ended_wall);
    rc = sql_run(store, q);
    if (rc == 0 && sqlite3_changes(store->db) == 0)
        rc = STORE_NONE;
    return write_end(store, rc);
}

static void run_read(sqlite3_stmt *q, struct store_run *run)
{
    *run = (struct store_run){
        .id = (uint32_t)sqlite3_column_int64(q, 0),
        .started_wall = sqlite3_column_int64(q, 1),
        .ended_wall = sqlite3_column_int64(q, 2),
        .state = (enum store_run_state)sqlite3_column_int(q, 3),
        .command = sql_span(q, 4),
        .probe_domain = sql_span(q, 5),
        .options = sql_span(q, 6),
        .tester = sql_span(q, 7),
        .targets = (uint64_t)sqlite3_column_int64(q, 8),
        .open = (uint64_t)sqlite3_column_int64(q, 9),
        .accepts = (uint64_t)sqlite3_column_int64(q, 10),
        .closed = (uint64_t)sqlite3_column_int64(q, 11),
        .blocked = (uint64_t)sqlite3_column_int64(q, 12),
        .inconclusive = (uint64_t)sqlite3_column_int64(q, 13),
        .unreachable = (uint64_t)sqlite3_column_int64(q, 14),
        .proofs = (uint64_t)sqlite3_column_int64(q, 15),
    };
}

int store_run_get(struct store *store, uint32_t run, struct store_run *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_RUN_GET);
    struct store_run r;
    int rc;

    sqlite3_bind_int64(q, 1, run);
    rc = sql_row(store, q);
    if (rc == STORE_OK) {
        run_read(q, &r);
        rc = record_keep(
            store, (struct span *const[]){&r.command, &r.probe_domain, &r.options, &r.tester}, 4);
    }
    sql_done(q);
    if (rc == STORE_OK)
        *ret = r;
    return rc;
}

/* The ids that begin with these hexadecimal digits; false when they are no digits. */
static bool prefix_range(struct span name, uint32_t *ret_first, uint32_t *ret_last)
{
    uint64_t first = 0, last;

    if (name.n == 0 || name.n > 8)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = ascii_lower(name.p[i]);

        if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
            return false;
        first = first << 4 | (uint64_t)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    last = first + 1;
    first <<= 4 * (8 - name.n);
    last = (last << 4 * (8 - name.n)) - 1;
    *ret_first = (uint32_t)first;
    *ret_last = (uint32_t)last;
    return true;
}

int store_run_find(struct store *store, struct span name, uint32_t *ret)
{
    bool newest = span_eq_nocase(name, SPAN_LIT("last"));
    sqlite3_stmt *q = sql_use(store, newest ? SQL_RUN_LAST : SQL_RUN_PREFIX);
    uint32_t first, last, found;
    int rc;

    if (!newest) {
        if (!prefix_range(name, &first, &last))
            return STORE_NONE;
        sqlite3_bind_int64(q, 1, first);
        sqlite3_bind_int64(q, 2, last);
    }
    rc = sql_row(store, q);
    if (rc == STORE_OK) {
        found = (uint32_t)sqlite3_column_int64(q, 0);
        rc = newest ? STORE_NONE : sql_row(store, q);
        if (rc == STORE_OK)
            rc = STORE_MANY;
        else if (rc == STORE_NONE)
            rc = STORE_OK;
        if (rc == STORE_OK)
            *ret = found;
    }
    sql_done(q);
    return rc;
}

struct each_run {
    store_run_fn *fn;
    void *ctx;
};

static int each_run(void *ctx, sqlite3_stmt *q)
{
    const struct each_run *each = ctx;
    struct store_run run;

    run_read(q, &run);
    return each->fn(each->ctx, &run);
}

int store_runs_each(struct store *store, uint64_t max, store_run_fn *fn, void *ctx)
{
    struct each_run each = {fn, ctx};
    sqlite3_stmt *q = sql_use(store, SQL_RUNS);

    sqlite3_bind_int64(q, 1, max == 0 || max > INT64_MAX ? -1 : (int64_t)max);
    return sql_each(store, q, each_run, &each);
}

int store_run_resume(struct store *store, uint32_t run, uint64_t *ret_pending)
{
    int rc = write_begin(store);
    sqlite3_stmt *q;

    if (rc < 0)
        return rc;
    q = sql_use(store, SQL_RUN_RESUME);
    sqlite3_bind_int64(q, 1, run);
    rc = sql_run(store, q);
    if (rc == 0) {
        q = sql_use(store, SQL_RUN_PENDING);
        sqlite3_bind_int64(q, 1, run);
        rc = sql_row(store, q);
        if (rc == STORE_OK)
            *ret_pending = (uint64_t)sqlite3_column_int64(q, 0);
        sql_done(q);
    }
    return write_end(store, rc);
}
