/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The tables, as the steps that made them: version n is what the first n steps leave. A new store
 * runs them all, an old one those it lacks. A step that was ever released is never changed.
 *
 * A store is made aside and linked into place whole, and migrated in SQLite's rollback mode, not in
 * WAL mode. So the header of the main file tells the truth about application and version at every
 * moment, also after a kill, and inspect.c can refuse a foreign or newer file by reading a hundred
 * bytes. The price: migrating needs the file for itself; with an older Postern still at work on it,
 * it fails with -EBUSY, and should.
 *
 * Tables are STRICT, so that a number is a number for ever. What strangers sent is BLOB, because it
 * may hold any byte; our own words are TEXT.
 */
#include "store/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char step_results[] =
    "CREATE TABLE runs ("
    /* The id is drawn by lot: seq tells which run came last. */
    " seq INTEGER PRIMARY KEY, id INTEGER NOT NULL UNIQUE,"
    " started INTEGER NOT NULL, ended INTEGER NOT NULL,"
    " state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),"
    " command TEXT NOT NULL, probe_domain TEXT NOT NULL,"
    " options TEXT NOT NULL, tester TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE targets ("
    " id INTEGER PRIMARY KEY,"
    " run INTEGER NOT NULL REFERENCES runs (id),"
    " ordinal INTEGER NOT NULL, name TEXT NOT NULL,"
    " state INTEGER NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 3),"
    " verdict TEXT NOT NULL DEFAULT '', exit_class INTEGER NOT NULL DEFAULT -1,"
    " started INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0,"
    " window INTEGER NOT NULL DEFAULT 0,"
    " UNIQUE (run, ordinal)"
    ") STRICT;"
    "CREATE INDEX targets_pending ON targets (run, ordinal) WHERE state = 0;"
    "CREATE INDEX targets_verdict ON targets (run, verdict);"
    "CREATE TABLE results ("
    " target INTEGER PRIMARY KEY REFERENCES targets (id), lines TEXT NOT NULL"
    ") STRICT;"
    "CREATE TABLE probes ("
    " target INTEGER NOT NULL REFERENCES targets (id), serial INTEGER NOT NULL,"
    " digest BLOB NOT NULL, day INTEGER NOT NULL, probe TEXT NOT NULL,"
    " address BLOB NOT NULL, port INTEGER NOT NULL, tls TEXT NOT NULL,"
    " mail BLOB NOT NULL, rcpt BLOB NOT NULL, helo BLOB NOT NULL,"
    " state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 5),"
    " meaning TEXT NOT NULL, code INTEGER NOT NULL, enhanced TEXT NOT NULL, text BLOB NOT NULL,"
    " attempts INTEGER NOT NULL, retry INTEGER NOT NULL, sent INTEGER NOT NULL,"
    " PRIMARY KEY (target, serial)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX probes_deferred ON probes (retry) WHERE state = 1;"
    "CREATE TABLE digests ("
    " run INTEGER NOT NULL REFERENCES runs (id), digest BLOB NOT NULL,"
    " target INTEGER NOT NULL REFERENCES targets (id),"
    " PRIMARY KEY (run, digest, target)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE transcripts ("
    " id INTEGER PRIMARY KEY, target INTEGER NOT NULL REFERENCES targets (id),"
    " started INTEGER NOT NULL, label TEXT NOT NULL, text TEXT NOT NULL, cut INTEGER NOT NULL"
    ") STRICT;"
    "CREATE INDEX transcripts_target ON transcripts (target);";

/* One message may prove a hundred tokens: it is kept once. */
static const char step_proofs[] =
    "CREATE TABLE messages ("
    " id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE,"
    " size INTEGER NOT NULL, raw BLOB NOT NULL"
    ") STRICT;"
    /* AUTOINCREMENT: a tester that polls by id must never see one again. */
    "CREATE TABLE proofs ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    /* No REFERENCES runs: the sink may stand on another machine than the tester. */
    " run INTEGER NOT NULL, digest BLOB NOT NULL, serial INTEGER NOT NULL, day INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, what INTEGER NOT NULL CHECK (what BETWEEN 0 AND 2),"
    " peer BLOB NOT NULL, message INTEGER NOT NULL REFERENCES messages (id),"
    " received INTEGER NOT NULL, last INTEGER NOT NULL, seen INTEGER NOT NULL DEFAULT 1,"
    " source INTEGER NOT NULL CHECK (source BETWEEN 0 AND 4),"
    " helo BLOB NOT NULL, tls TEXT NOT NULL, mail BLOB NOT NULL, rcpt BLOB NOT NULL,"
    " scope INTEGER NOT NULL CHECK (scope BETWEEN 0 AND 1), chain TEXT NOT NULL,"
    " UNIQUE (run, digest, serial, day, kind, what, peer, message)"
    ") STRICT;"
    "CREATE INDEX proofs_run ON proofs (run, what);";

static const char step_manners[] =
    "CREATE TABLE rules ("
    " list INTEGER NOT NULL CHECK (list BETWEEN 0 AND 1), pattern TEXT NOT NULL,"
    " reason TEXT NOT NULL, who TEXT NOT NULL, added INTEGER NOT NULL,"
    " PRIMARY KEY (list, pattern)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE tested (address BLOB PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE networks ("
    " network BLOB NOT NULL, day INTEGER NOT NULL, tests INTEGER NOT NULL,"
    " PRIMARY KEY (network, day)"
    ") STRICT, WITHOUT ROWID;";

/*
 * More kinds of mail about a probe. A CHECK cannot be changed, so the table is made anew; its
 * numbers go on where they were.
 */
static const char step_notices[] =
    "CREATE TABLE proofs_new ("
    " id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " run INTEGER NOT NULL, digest BLOB NOT NULL, serial INTEGER NOT NULL, day INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, what INTEGER NOT NULL CHECK (what BETWEEN 0 AND 4),"
    " peer BLOB NOT NULL, message INTEGER NOT NULL REFERENCES messages (id),"
    " received INTEGER NOT NULL, last INTEGER NOT NULL, seen INTEGER NOT NULL DEFAULT 1,"
    " source INTEGER NOT NULL CHECK (source BETWEEN 0 AND 4),"
    " helo BLOB NOT NULL, tls TEXT NOT NULL, mail BLOB NOT NULL, rcpt BLOB NOT NULL,"
    " scope INTEGER NOT NULL CHECK (scope BETWEEN 0 AND 1), chain TEXT NOT NULL,"
    " UNIQUE (run, digest, serial, day, kind, what, peer, message)"
    ") STRICT;"
    "INSERT INTO sqlite_sequence (name, seq)"
    " SELECT 'proofs_new', seq FROM sqlite_sequence WHERE name = 'proofs';"
    "INSERT INTO proofs_new SELECT id, run, digest, serial, day, kind, what, peer, message,"
    " received, last, seen, source, helo, tls, mail, rcpt, scope, chain FROM proofs;"
    "DROP TABLE proofs;"
    "ALTER TABLE proofs_new RENAME TO proofs;"
    "CREATE INDEX proofs_run ON proofs (run, what);";

/*
 * The list. A listing is what an address amounts to now; its records are how it came to that, and
 * no record is ever changed: each hash covers the one before it, and the triggers stop a slip of
 * the hand. Evidence and proofs hang on the listing. What is dirty differs, or may, from what the
 * zone's files say; it is put there in the same transaction as the record.
 */
static const char step_list[] =
    "CREATE TABLE listings ("
    /* AUTOINCREMENT: the id is the evidence id in DNS, and must never mean another. */
    " id INTEGER PRIMARY KEY AUTOINCREMENT, address BLOB NOT NULL,"
    " side INTEGER NOT NULL CHECK (side BETWEEN 0 AND 1), state INTEGER NOT NULL,"
    " class TEXT NOT NULL, digest BLOB NOT NULL,"
    " created INTEGER NOT NULL, changed INTEGER NOT NULL, fresh INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, due INTEGER NOT NULL, tested INTEGER NOT NULL,"
    " tries INTEGER NOT NULL, times INTEGER NOT NULL, failed INTEGER NOT NULL,"
    " UNIQUE (address, side)"
    ") STRICT;"
    "CREATE INDEX listings_digest ON listings (digest);"
    "CREATE INDEX listings_state ON listings (state);"
    "CREATE INDEX listings_due ON listings (due) WHERE due > 0;"
    "CREATE INDEX listings_expires ON listings (expires) WHERE expires > 0;"
    "CREATE TABLE listing_records ("
    " seq INTEGER PRIMARY KEY, listing INTEGER NOT NULL, wall INTEGER NOT NULL,"
    " subject TEXT NOT NULL, event TEXT NOT NULL, was TEXT NOT NULL, became TEXT NOT NULL,"
    " class TEXT NOT NULL, who TEXT NOT NULL, reason TEXT NOT NULL, run INTEGER NOT NULL,"
    " expires INTEGER NOT NULL, hash BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX listing_records_listing ON listing_records (listing, seq);"
    "CREATE TRIGGER listing_records_change BEFORE UPDATE ON listing_records"
    " BEGIN SELECT RAISE (ABORT, 'records are never changed'); END;"
    "CREATE TRIGGER listing_records_remove BEFORE DELETE ON listing_records"
    " BEGIN SELECT RAISE (ABORT, 'records are never removed'); END;"
    "CREATE TABLE listing_evidence ("
    " id INTEGER PRIMARY KEY, listing INTEGER NOT NULL REFERENCES listings (id),"
    " wall INTEGER NOT NULL, source TEXT NOT NULL, reason TEXT NOT NULL, witness TEXT NOT NULL,"
    " who TEXT NOT NULL, sha256 BLOB NOT NULL, text BLOB NOT NULL,"
    " UNIQUE (listing, sha256)"
    ") STRICT;"
    "CREATE TABLE listing_proofs ("
    " listing INTEGER NOT NULL REFERENCES listings (id), proof INTEGER NOT NULL,"
    " run INTEGER NOT NULL, wall INTEGER NOT NULL, input BLOB NOT NULL, output BLOB NOT NULL,"
    " probe TEXT NOT NULL, family TEXT NOT NULL,"
    " PRIMARY KEY (listing, proof)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE listing_exempt ("
    " pattern TEXT PRIMARY KEY, reason TEXT NOT NULL, who TEXT NOT NULL,"
    " added INTEGER NOT NULL, until INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE listing_dirty (listing INTEGER PRIMARY KEY) STRICT;"
    "CREATE TABLE listing_values (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
    " STRICT, WITHOUT ROWID;";

const struct schema_step schema_steps[] = {
    {"runs, targets, probes and transcripts", step_results},
    {"proofs of arrival", step_proofs},
    {"scope, exclusions and times of tests", step_manners},
    {"delay notices and receipts", step_notices},
    {"listings, their evidence and their records", step_list},
};
const unsigned schema_version = sizeof(schema_steps) / sizeof(schema_steps[0]);

static int exec(struct store *store, const char *sql)
{
    int code = sqlite3_exec(store->db, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? 0 : fail_sql(store, code);
}

static int version_now(struct store *store, unsigned *ret)
{
    sqlite3_stmt *q = NULL;
    int code = sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &q, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(q);
    if (code == SQLITE_ROW)
        *ret = (unsigned)sqlite3_column_int(q, 0);
    sqlite3_finalize(q);
    return code == SQLITE_ROW ? 0 : fail_sql(store, code);
}

/* One step, unless another process has taken it while we waited for the lock. */
static int step_take(struct store *store, const struct schema_step *step, unsigned version)
{
    unsigned found = 0;
    char count[64];
    int rc = exec(store, "BEGIN EXCLUSIVE");

    if (rc < 0)
        return rc;
    rc = version_now(store, &found);
    if (rc == 0 && found == version - 1) {
        snprintf(count, sizeof(count), "PRAGMA user_version = %u", version);
        rc = exec(store, step->ddl);
        if (rc == 0)
            rc = exec(store, count);
    }
    if (rc == 0)
        rc = exec(store, "COMMIT");
    if (rc < 0) {
        char why[sizeof(store->error)];

        memcpy(why, store->error, sizeof(why));
        if (!sqlite3_get_autocommit(store->db))
            exec(store, "ROLLBACK");
        memcpy(store->error, why, sizeof(why));
    }
    return rc;
}

int schema_upgrade(struct store *store, const struct schema_step *steps, unsigned from, unsigned to)
{
    /* Fails with SQLITE_BUSY while anybody else has the file open in WAL mode. */
    int rc = exec(store, "PRAGMA journal_mode = DELETE");

    for (unsigned version = from + 1; rc == 0 && version <= to; version++)
        rc = step_take(store, &steps[version - 1], version);
    if (rc == -EBUSY)
        return fail(store, rc,
                    "is of an older version and must be converted, but another program uses it; "
                    "stop that program and try again");
    return rc;
}

/* The folder of the store; the caller frees it. NULL when out of memory. */
static char *folder_of(const struct store *store)
{
    const char *slash = strrchr(store->path, '/');

    return slash ? span_dup(span_of(store->path, (size_t)(slash - store->path) + 1))
                 : span_dup(SPAN_LIT("."));
}

void schema_give(struct store *store, int fd)
{
    char *folder = geteuid() == 0 ? folder_of(store) : NULL;
    struct stat st;

    /* When it fails, the other one will be told that he may not open the file. */
    if (folder && stat(folder, &st) == 0 && st.st_uid != 0 && fchown(fd, st.st_uid, st.st_gid) < 0)
        errno = 0;
    free(folder);
}

/* The name must be on disk before anybody is told that the store exists. */
static int sync_folder(struct store *store)
{
    char *folder = folder_of(store);
    int fd, rc = 0;

    if (!folder)
        return -ENOMEM;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        rc = fail(store, -errno, "folder cannot be written to disk: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    free(folder);
    return rc;
}

static int fill(struct store *store, const char *aside)
{
    char mark[64];
    int rc, code = sqlite3_open_v2(aside, &store->db, SQLITE_OPEN_READWRITE, NULL);

    if (code != SQLITE_OK)
        return fail_sql(store, code);
    snprintf(mark, sizeof(mark), "PRAGMA application_id = %d", SCHEMA_APPLICATION);
    rc = schema_upgrade(store, schema_steps, 0, schema_version);
    if (rc == 0)
        rc = exec(store, mark);
    if (rc == 0)
        rc = exec(store, "PRAGMA journal_mode = WAL");
    return rc;
}

int schema_create(struct store *store)
{
    struct buf aside = BUF_INIT(strlen(store->path) + 32);
    char *name;
    int fd, rc;

    buf_addf(&aside, "%s.new-XXXXXX", store->path);
    name = buf_take(&aside);
    if (!name)
        return -ENOMEM;
    fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0) {
        rc = fail(store, -errno, "cannot be made: %s", strerror(errno));
        free(name);
        return rc;
    }
    schema_give(store, fd);
    close(fd);
    rc = fill(store, name);
    sqlite3_close(store->db);
    store->db = NULL;
    /* link() and not rename(): a store that another process has made meanwhile stays. */
    if (rc == 0 && link(name, store->path) < 0 && errno != EEXIST)
        rc = fail(store, -errno, "cannot be made: %s", strerror(errno));
    unlink(name);
    if (rc < 0) {
        buf_addf(&aside, "%s-journal", name);
        unlink(buf_str(&aside));
        buf_deinit(&aside);
    }
    free(name);
    return rc < 0 ? rc : sync_folder(store);
}
