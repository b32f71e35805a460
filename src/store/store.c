/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Opening, closing, batches, and what went wrong.
 *
 * WAL, because a tester writes while others read and a sink writes between its batches; synchronous
 * FULL, because a proof that was acknowledged must survive the loss of power, and the one sync that
 * a commit costs is little beside the hundreds of writes in a batch. Every write transaction begins
 * IMMEDIATE: one that only turns out to be a write after reading can be refused by SQLite without
 * any waiting, which no caller could handle well.
 *
 * A batch takes the write lock at its first write, not before, so that an idle one holds up nobody,
 * and gives way in its middle when another process waits (turn.c).
 */
#include "store/private.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *store_outcome_name(enum store_outcome outcome)
{
    switch (outcome) {
    case STORE_OK:
        return "ok";
    case STORE_NONE:
        return "none";
    case STORE_EXISTS:
        return "exists";
    case STORE_SOON:
        return "soon";
    case STORE_MANY:
        return "many";
    case STORE_MISSING:
        return "missing";
    case STORE_FOREIGN:
        return "foreign";
    case STORE_DAMAGED:
        return "damaged";
    case STORE_NEWER:
        return "newer";
    case STORE_OLDER:
        return "older";
    }
    return "?";
}

const char *store_error(const struct store *store)
{
    return store ? store->error : "out of memory";
}

int fail(struct store *store, int rc, const char *fmt, ...)
{
    int n = snprintf(store->error, sizeof(store->error), "%s: ", store->path);
    va_list ap;

    if (n < 0 || (size_t)n >= sizeof(store->error))
        n = 0; /* a path too long to say: the fault matters more */
    va_start(ap, fmt);
    vsnprintf(store->error + n, sizeof(store->error) - (size_t)n, fmt, ap);
    va_end(ap);
    return rc;
}

static int fail_io(struct store *store)
{
    int fault = sqlite3_system_errno(store->db);

    if (fault == ENOSPC || fault == EDQUOT || fault == EFBIG)
        return fail(store, -ENOSPC, "cannot grow: %s; make room", strerror(fault));
    return fail(store, -EIO, "cannot be read or written: %s (%s)",
                fault ? strerror(fault) : "no reason given", sqlite3_errmsg(store->db));
}

int fail_sql(struct store *store, int code)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return fail(store, -ENOMEM, "out of memory");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fail(store, -EBUSY, "another program has held it for over %d seconds",
                    STORE_BUSY_MS / 1000);
    case SQLITE_FULL:
        return fail(store, -ENOSPC, "cannot grow: no space left; make room");
    case SQLITE_TOOBIG:
        return fail(store, -EMSGSIZE, "a value is too long");
    case SQLITE_READONLY:
        return fail(store, -EROFS,
                    "cannot be written: the file, its folder or its file system "
                    "is read-only for this user");
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        /* What the -wal file holds stays there: closing must not spread it over a broken file. */
        store->broken = true;
        if (store->db)
            sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        return fail(store, -EUCLEAN, "is damaged (%s); stop what uses it and copy a good one back",
                    sqlite3_errmsg(store->db));
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return fail_io(store);
    default:
        return fail(store, -EIO, "%s", sqlite3_errmsg(store->db));
    }
}

int limit(struct store *store, struct span s, size_t max, const char *what)
{
    return s.n <= max
               ? 0
               : fail(store, -EMSGSIZE, "%s of %zu bytes is longer than %zu", what, s.n, max);
}

static int set_up(struct store *store)
{
    static const char settings[] = "PRAGMA journal_mode = WAL;"
                                   "PRAGMA synchronous = FULL;"
                                   "PRAGMA wal_autocheckpoint = 4000;"
                                   "PRAGMA journal_size_limit = 67108864;";
    static const char common[] = "PRAGMA foreign_keys = ON;"
                                 "PRAGMA trusted_schema = OFF;"
                                 "PRAGMA temp_store = MEMORY;"
                                 "PRAGMA cache_size = -8192;";
    int code = sqlite3_exec(store->db, common, NULL, NULL, NULL);

    if (code == SQLITE_OK && !(store->flags & STORE_READ))
        code = sqlite3_exec(store->db, settings, NULL, NULL, NULL);
    for (int i = 0; i < SQL_STATEMENTS && code == SQLITE_OK; i++)
        code = sqlite3_prepare_v3(store->db, sql_text[i], -1, SQLITE_PREPARE_PERSISTENT,
                                  &store->stmt[i], NULL);
    return code == SQLITE_OK ? 0 : fail_sql(store, code);
}

static void shut(struct store *store)
{
    for (int i = 0; i < SQL_STATEMENTS; i++)
        sqlite3_finalize(store->stmt[i]);
    memset(store->stmt, 0, sizeof(store->stmt));
    if (sqlite3_close(store->db) != SQLITE_OK)
        assert(!"a statement was left open");
    store->db = NULL;
}

/*
 * Reading needs the -shm file, and so a folder that can be written to; without one, and with
 * nothing waiting in a -wal file, the file stands still and can be read as it is.
 */
static int open_reader(struct store *store)
{
    int rc;

    for (int immutable = 0; immutable <= 1; immutable++) {
        int code = inspect_open(store, immutable, &store->db);

        rc = code == SQLITE_OK ? set_up(store) : fail_sql(store, code);
        if (rc == 0)
            return 0;
        shut(store);
        if ((rc != -EROFS && rc != -EIO) || inspect_pending(store))
            break;
    }
    return rc;
}

static int open_writer(struct store *store, unsigned version)
{
    int code = sqlite3_open_v2(store->path, &store->db, SQLITE_OPEN_READWRITE, NULL);
    int rc = code == SQLITE_OK ? 0 : fail_sql(store, code);

    /* SQLite quietly opens for reading what it may not write. */
    if (rc == 0 && sqlite3_db_readonly(store->db, "main"))
        rc = fail_sql(store, SQLITE_READONLY);
    if (rc == 0)
        sqlite3_busy_handler(store->db, turn_busy, NULL);
    if (rc == 0 && version < schema_version)
        rc = schema_upgrade(store, schema_steps, version, schema_version);
    if (rc == 0)
        rc = set_up(store);
    if (rc < 0)
        shut(store);
    return rc;
}

static int open_any(struct store *store)
{
    int rc = inspect_file(store, schema_version);

    if (rc == STORE_MISSING && (store->flags & STORE_CREATE) && !(store->flags & STORE_READ)) {
        rc = schema_create(store);
        if (rc == 0)
            rc = inspect_file(store, schema_version);
    }
    if (rc == STORE_OLDER && !(store->flags & STORE_READ))
        rc = open_writer(store, 0);
    else if (rc == STORE_OK)
        rc = store->flags & STORE_READ ? open_reader(store) : open_writer(store, schema_version);
    if (rc == 0)
        store->error[0] = '\0';
    return rc;
}

int store_open(const char *path, unsigned flags, struct store **ret)
{
    struct store *store = calloc(1, sizeof(*store));

    *ret = NULL;
    if (!store)
        return -ENOMEM;
    store->flags = flags;
    store->turn = -1;
    store->path = span_dup(span_str(path));
    if (!store->path) {
        free(store);
        return -ENOMEM;
    }
    *ret = store;
    return open_any(store);
}

void store_close(struct store *store)
{
    if (!store)
        return;
    assert(!store->reading);
    shut(store);
    turn_close(store);
    buf_deinit(&store->record);
    free(store->path);
    free(store);
}

int store_bytes(struct store *store, uint64_t *ret)
{
    sqlite3_stmt *q = sql_use(store, SQL_PAGES);
    int rc = sql_row(store, q);

    if (rc == STORE_OK)
        *ret = (uint64_t)sqlite3_column_int64(q, 0);
    sql_done(q);
    return rc;
}

bool store_in_batch(const struct store *store)
{
    return store->batch;
}

int store_begin(struct store *store)
{
    assert(!store->batch && !store->reading);
    if (store->flags & STORE_READ)
        return fail(store, -EROFS, "was opened for reading only");
    store->batch = true;
    return 0;
}

int write_flush(struct store *store)
{
    int rc;

    store->begun = false;
    if (sqlite3_get_autocommit(store->db))
        return fail(store, -ECANCELED, "an earlier fault has undone the whole batch");
    rc = sql_run(store, sql_use(store, SQL_COMMIT));
    if (rc < 0 && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}

int store_commit(struct store *store)
{
    int rc;

    assert(store->batch && !store->reading);
    rc = store->begun ? write_flush(store) : 0;
    if (rc == 0 && store->lost)
        rc = fail(store, -ECANCELED, "an earlier fault has undone a part of the batch");
    store->batch = store->lost = false;
    return rc;
}

void store_rollback(struct store *store)
{
    assert(store->batch && !store->reading);
    if (store->begun && !sqlite3_get_autocommit(store->db))
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    store->batch = store->begun = store->lost = false;
}

static int begin_now(struct store *store)
{
    int rc = turn_take(store);

    if (rc < 0)
        return rc;
    rc = sql_run(store, sql_use(store, SQL_BEGIN));
    turn_give(store);
    store->begun = rc == 0;
    return rc;
}

int write_begin(struct store *store)
{
    int rc = 0;

    assert(store->db && !store->reading);
    if (store->flags & STORE_READ)
        return fail(store, -EROFS, "was opened for reading only");
    if (store->broken)
        return fail(store, -EUCLEAN, "is damaged; nothing more is written to it");
    if (store->begun && sqlite3_get_autocommit(store->db))
        return fail(store, -ECANCELED, "an earlier fault has undone the whole batch");
    if (store->begun && turn_wanted(store)) {
        rc = write_flush(store);
        store->lost |= rc < 0;
    }
    if (rc == 0 && !store->begun)
        rc = begin_now(store);
    if (rc == 0 && store->batch)
        rc = sql_run(store, sql_use(store, SQL_SAVE));
    return rc;
}

int write_end(struct store *store, int rc)
{
    /* After a full disk SQLite may have undone everything already. */
    bool gone = sqlite3_get_autocommit(store->db);
    int end = 0;

    if (store->batch) {
        if (!gone && rc != 0)
            sqlite3_step(sql_use(store, SQL_UNDO));
        if (!gone)
            end = sql_run(store, sql_use(store, SQL_RELEASE));
        return rc ? rc : end;
    }
    store->begun = false;
    if (!gone && rc == 0)
        end = sql_run(store, sql_use(store, SQL_COMMIT));
    if (!sqlite3_get_autocommit(store->db))
        sqlite3_step(sql_use(store, SQL_ROLLBACK));
    return rc ? rc : end;
}
