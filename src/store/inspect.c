/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks before the store is opened for writing, because opening is already a change: SQLite makes
 * -wal and -shm files beside the database and copies changes back when it closes. Evidence must not
 * be lost by a program that only wanted to look.
 *
 * First the hundred bytes of the header, read through SQLite's own file handle (a descriptor of our
 * own would, when closed, drop the locks of every other connection of this process to that file:
 * that is how POSIX locks are). Then, with nobody else about, the pages through a connection that
 * takes the file for immutable and so makes no file beside it; or, where a -wal or -shm file shows
 * that the store is or was in use, through a read-only one that never checkpoints.
 *
 * Every page is read in files of up to INSPECT_WHOLE, or when asked for: a bulk run's store has
 * hundreds of megabytes, and reading them for each command would cost more than it finds. In larger
 * files header, length, tables and statements are checked, and damage that comes to light later is
 * an error then (store.c, fail_sql).
 */
#include "store/private.h"

#include "base/escape.h"
#include "base/num.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { INSPECT_WHOLE = 64 << 20 }; /* read in some 70 ms */

struct beside {
    bool wal;     /* with something in it */
    bool journal; /* likewise: left by a migration that was killed */
    bool used;    /* a -wal or -shm file is there: somebody has it open, or was killed */
};

static bool file_beside(const struct store *store, const char *suffix, int64_t *ret_size)
{
    struct buf name = BUF_INIT(strlen(store->path) + 16);
    struct stat st;
    bool there;

    buf_addf(&name, "%s%s", store->path, suffix);
    there = name.err == 0 && stat(buf_str(&name), &st) == 0;
    *ret_size = there ? (int64_t)st.st_size : 0;
    buf_deinit(&name);
    return there;
}

static struct beside look_beside(const struct store *store)
{
    struct beside b = {0};
    int64_t size;

    b.used = file_beside(store, "-wal", &size);
    b.wal = size > 0;
    b.used |= file_beside(store, "-shm", &size);
    file_beside(store, "-journal", &size);
    b.journal = size > 0;
    return b;
}

bool inspect_pending(const struct store *store)
{
    return look_beside(store).wal;
}

static int damaged(struct store *store, const char *what)
{
    return fail(store, STORE_DAMAGED,
                "is damaged (%s) and was left as it is; move it away and copy a good one back, or "
                "start anew without it",
                what);
}

/* The pages that the header counts, or 0 where the count is not to be trusted. */
static int64_t header_bytes(const uint8_t *h)
{
    int64_t page = num_get16(h + 16) == 1 ? 65536 : num_get16(h + 16);

    /* An old SQLite may have written the file without the count: then these two differ. */
    return num_get32(h + 24) == num_get32(h + 92) ? page * num_get32(h + 28) : 0;
}

static int judge_header(struct store *store, const uint8_t *h, int64_t size, unsigned version,
                        struct beside beside, unsigned *ret_version)
{
    unsigned page = num_get16(h + 16);

    if (size == 0)
        return damaged(store, "it is empty");
    if (size < SCHEMA_HEADER) {
        return memcmp(h, "SQLite format 3", size < 15 ? (size_t)size : 15) == 0
                   ? damaged(store, "it is cut short")
                   : fail(store, STORE_FOREIGN, "is no store of Postern: it is not an SQLite file");
    }
    if (memcmp(h, "SQLite format 3", 16) != 0)
        return fail(store, STORE_FOREIGN,
                    "is no store of Postern, or its beginning is damaged: it is not an SQLite "
                    "file; name another folder with --state, or move the file away");
    if (num_get32(h + 68) != SCHEMA_APPLICATION)
        return fail(store, STORE_FOREIGN,
                    "is the SQLite file of another program (application id 0x%08x); name another "
                    "folder with --state",
                    num_get32(h + 68));
    *ret_version = num_get32(h + 60);
    if (*ret_version > version)
        return fail(store, STORE_NEWER,
                    "was written by a newer Postern (schema %u, this program knows up to %u); "
                    "install that version, or name another folder with --state",
                    *ret_version, version);
    if (*ret_version == 0)
        return damaged(store, "its schema version is 0");
    if (page != 1 && (page < 512 || (page & (page - 1))))
        return damaged(store, "its page size makes no sense");
    /* With a -wal file, a checkpoint cut off half-way leaves the main file short; that heals. */
    if (!beside.wal && !beside.journal && size < header_bytes(h))
        return damaged(store, "it is cut short");
    return STORE_OK;
}

static int read_header(struct store *store, sqlite3 *db, unsigned version, struct beside beside,
                       unsigned *ret_version, int64_t *ret_size)
{
    uint8_t header[SCHEMA_HEADER] = {0};
    sqlite3_file *file = NULL;
    sqlite3_int64 size = 0;
    int code = sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file);

    if (code != SQLITE_OK || !file || !file->pMethods)
        return fail(store, -EIO, "cannot be read");
    code = file->pMethods->xFileSize(file, &size);
    if (code == SQLITE_OK)
        code = file->pMethods->xRead(file, header, sizeof(header), 0);
    /* What is missing at the end has been filled with zeros. */
    if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)
        return fail(store, -EIO, "cannot be read: %s", sqlite3_errstr(code));
    *ret_size = size;
    return judge_header(store, header, size, version, beside, ret_version);
}

/* The URI of the file with nobody about: SQLite then takes no lock and makes no file. */
static char *immutable_uri(const char *path)
{
    struct buf uri = BUF_INIT(strlen(path) * 3 + 64);
    struct span rest = span_str(path), part;

    buf_add_str(&uri, path[0] == '/' ? "file://" : "file:");
    while (span_cut(&rest, '/', &part)) {
        escape_uri(&uri, part);
        if (rest.p)
            buf_add_char(&uri, '/');
    }
    buf_add_str(&uri, "?immutable=1");
    return buf_take(&uri);
}

int inspect_open(struct store *store, bool immutable, sqlite3 **ret)
{
    char *uri = immutable ? immutable_uri(store->path) : NULL;
    int code;

    if (immutable && !uri)
        return SQLITE_NOMEM;
    code = sqlite3_open_v2(uri ? uri : store->path, ret,
                           SQLITE_OPEN_READONLY | (uri ? SQLITE_OPEN_URI : 0), NULL);
    free(uri);
    if (code != SQLITE_OK)
        return code;
    sqlite3_busy_timeout(*ret, STORE_BUSY_MS);
    return sqlite3_db_config(*ret, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
}

/* Runs one checking statement; a row that is not "ok" says what is wrong. */
static int check_with(sqlite3 *db, const char *sql, struct buf *why)
{
    sqlite3_stmt *q = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &q, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(q);
    if (code == SQLITE_ROW) {
        struct span said = sql_span(q, 0);

        if (!span_eq(said, SPAN_LIT("ok")))
            buf_add(why, said);
        code = SQLITE_OK;
    }
    sqlite3_finalize(q);
    return code;
}

/* Whether the tables are there and fit the statements. */
static int check_statements(sqlite3 *db)
{
    int code = SQLITE_OK;

    for (int i = 0; i < SQL_STATEMENTS && code == SQLITE_OK; i++) {
        sqlite3_stmt *q = NULL;

        code = sqlite3_prepare_v2(db, sql_text[i], -1, &q, NULL);
        sqlite3_finalize(q);
    }
    return code;
}

static int read_pages(struct store *store, bool immutable, bool whole, bool current)
{
    struct buf why = BUF_INIT(200);
    sqlite3 *db = NULL;
    int rc = STORE_OK, code = inspect_open(store, immutable, &db);

    if (code == SQLITE_OK)
        code = check_with(db, whole ? "PRAGMA quick_check(1)" : "SELECT 'ok' FROM sqlite_schema",
                          &why);
    if (code == SQLITE_OK && why.n == 0 && why.err == 0 && current)
        code = check_statements(db);
    if (why.n || why.err) {
        /* Some of SQLite's findings are several lines long. */
        for (size_t i = 0; i < why.n; i++)
            if (why.p[i] == '\n')
                why.p[i] = ' ';
        rc = damaged(store, why.n ? buf_str(&why) : "more than one page");
    } else if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB || code == SQLITE_ERROR) {
        rc = damaged(store, sqlite3_errmsg(db));
    } else if (code == SQLITE_NOMEM) {
        rc = -ENOMEM;
    } else if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
        rc = fail(store, -EBUSY, "is held by another program");
    } else if (code != SQLITE_OK && !(store->flags & STORE_READ)) {
        rc = fail(store, -EIO, "cannot be read: %s", sqlite3_errmsg(db));
    }
    /* A reader that cannot make the -shm file finds its own way in store.c. */
    buf_deinit(&why);
    sqlite3_close(db);
    return rc;
}

static int open_error(struct store *store, sqlite3 *db)
{
    int fault = db ? sqlite3_system_errno(db) : ENOMEM;
    struct stat st;

    if (stat(store->path, &st) < 0)
        fault = errno;
    else if (S_ISDIR(st.st_mode))
        fault = EISDIR;
    if (fault == ENOENT)
        return fail(store, STORE_MISSING, "there is no store here yet");
    if (fault == 0)
        fault = EIO;
    return fail(store, -fault, "cannot be opened: %s", strerror(fault));
}

int inspect_file(struct store *store, unsigned version)
{
    struct beside beside = look_beside(store);
    unsigned found = 0;
    int64_t size = 0;
    sqlite3 *db = NULL;
    bool whole;
    int rc;

    if (inspect_open(store, false, &db) != SQLITE_OK)
        rc = open_error(store, db);
    else
        rc = read_header(store, db, version, beside, &found, &size);
    sqlite3_close(db);
    if (rc != STORE_OK)
        return rc;
    /* Half migrated: what is in the journal must be put back before anything can be judged. */
    if (beside.journal)
        return fail(store, STORE_OLDER, "an interrupted conversion is to be undone first");
    whole = size <= INSPECT_WHOLE || (store->flags & STORE_CHECK);
    rc = read_pages(store, !beside.used, whole, found == version);
    /* Somebody may have come to work on it while it was taken for immutable. */
    if (rc == STORE_DAMAGED && !beside.used && look_beside(store).used)
        rc = read_pages(store, false, whole, found == version);
    if (rc != STORE_OK)
        return rc;
    return found < version ? fail(store, STORE_OLDER, "is of an older version (schema %u)", found)
                           : STORE_OK;
}
