/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the store share. Nobody outside src/store includes this. */
#ifndef POSTERN_STORE_PRIVATE_H
#define POSTERN_STORE_PRIVATE_H

#include "store/store.h"

#include <sqlite3.h>

/* Every statement, in the order of sql.c; all are prepared when a store is opened. */
enum sql {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_SAVE,
    SQL_RELEASE,
    SQL_UNDO,
    SQL_PAGES,

    SQL_RUN_ADD,
    SQL_RUN_STATE,
    SQL_RUN_GET,
    SQL_RUN_LAST,
    SQL_RUN_PREFIX,
    SQL_RUNS,
    SQL_RUN_RESUME,
    SQL_RUN_PENDING,

    SQL_TARGET_COUNT,
    SQL_TARGET_ADD,
    SQL_TARGET_NEXT,
    SQL_TARGET_FINISH,
    SQL_TARGET_GET,
    SQL_TARGET_FIND,
    SQL_TARGETS,
    SQL_RESULT_PUT,
    SQL_RESULT_GET,

    SQL_PROBE_PUT,
    SQL_DIGEST_PUT,
    SQL_PROBES,
    SQL_PROBES_OF_TOKEN,
    SQL_DEFERRED_DUE,
    SQL_DEFERRED_NEXT,

    SQL_TRANSCRIPT_ADD,
    SQL_TRANSCRIPTS,

    SQL_PROOF_SEEN,
    SQL_PROOF_ADD,
    SQL_PROOFS_SINCE,
    SQL_PROOF_GET,
    SQL_PROOF_RAW,
    SQL_MESSAGE_FIND,
    SQL_MESSAGE_ADD,

    SQL_RULE_ADD,
    SQL_RULE_REMOVE,
    SQL_RULES,
    SQL_TESTED_GET,
    SQL_TESTED_PUT,
    SQL_NETWORK_ADD,
    SQL_NETWORK_GET,

    SQL_LISTING_ADD,
    SQL_LISTING_SET,
    SQL_LISTING_GET,
    SQL_LISTING_ID,
    SQL_LISTINGS,
    SQL_LISTINGS_OF_TOKEN,
    SQL_LISTINGS_IN,
    SQL_LISTINGS_DUE,
    SQL_LISTINGS_OVER,
    SQL_LISTING_COUNTS,
    SQL_RECORD_LAST,
    SQL_RECORD_ADD,
    SQL_RECORDS,
    SQL_RECORDS_OF,
    SQL_RECORD_COUNTS,
    SQL_EVIDENCE_ADD,
    SQL_EVIDENCE,
    SQL_LISTING_PROOF_ADD,
    SQL_LISTING_PROOFS,
    SQL_EXEMPT_ADD,
    SQL_EXEMPT_REMOVE,
    SQL_EXEMPTS,
    SQL_DIRTY_ADD,
    SQL_DIRTY_REMOVE,
    SQL_DIRTY,
    SQL_VALUE_SET,
    SQL_VALUE_GET,

    SQL_STATEMENTS,
};

extern const char *const sql_text[SQL_STATEMENTS];

struct store {
    sqlite3 *db; /* NULL when opening failed */
    char *path;
    unsigned flags;
    unsigned reading; /* iterations under way: no write may happen */
    int turn;         /* the lock file's descriptor, -1 until the first write */
    bool batch;       /* between store_begin and store_commit */
    bool lost;        /* of a batch: something of it could not be committed */
    bool begun;       /* SQLite has a transaction of ours; a batch begins it at its first write */
    bool broken;      /* the file was found damaged: nothing is written any more */
    sqlite3_stmt *stmt[SQL_STATEMENTS];
    struct buf record; /* the bytes behind the spans of the record given out last */
    char error[1200];
};

/* One step from a schema version to the next; the first makes version 1 of an empty file. */
struct schema_step {
    const char *what; /* for people: what the step adds */
    const char *ddl;
};

enum {
    SCHEMA_APPLICATION = 0x50737472, /* "Pstr", the application_id of our files */
    SCHEMA_HEADER = 100,             /* bytes of an SQLite file header */
};

extern const struct schema_step schema_steps[];
extern const unsigned schema_version; /* how many steps there are: the version we write */

/* Runs the steps from version `from` on; each in a transaction that also counts user_version. */
int schema_upgrade(struct store *store, const struct schema_step *steps, unsigned from,
                   unsigned to);
/* Makes a complete store aside and links it into place; that of another, made meanwhile, stays. */
int schema_create(struct store *store);
/*
 * When the superuser makes a file in a folder of another (a sink's, under its own user), it is
 * given to that one, as SQLite does with its -wal file.
 */
void schema_give(struct store *store, int fd);

/* Opens a connection that changes nothing; an SQLite result code. *ret is to be closed always. */
int inspect_open(struct store *store, bool immutable, sqlite3 **ret);
/* Whether a -wal file holds changes that are not in the main file yet. */
bool inspect_pending(const struct store *store);
/* Looks at the file without changing anything: an outcome of store_open, or a negative errno. */
int inspect_file(struct store *store, unsigned version);

/* Sets the error text, "<path>: " first; returns rc. */
int fail(struct store *store, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The errno for what SQLite said last, with the text set. */
int fail_sql(struct store *store, int code);
/* -EMSGSIZE when s is longer than max. */
int limit(struct store *store, struct span s, size_t max, const char *what);

/* A statement, clear of earlier values. */
sqlite3_stmt *sql_use(struct store *store, enum sql which);
/* Columns and parameters. An empty span is kept as an empty value, not as NULL. */
void sql_text_bind(sqlite3_stmt *q, int at, struct span s);
void sql_blob_bind(sqlite3_stmt *q, int at, struct span s);
void sql_ip_bind(sqlite3_stmt *q, int at, struct ip ip);
struct span sql_span(sqlite3_stmt *q, int column);
struct ip sql_ip(sqlite3_stmt *q, int column);
/* Runs a statement that gives no row. */
int sql_run(struct store *store, sqlite3_stmt *q);
/* Steps to one row: STORE_OK, STORE_NONE, or a negative errno. The caller ends with sql_done. */
int sql_row(struct store *store, sqlite3_stmt *q);
void sql_done(sqlite3_stmt *q);
/* Calls row(ctx, q) for each row until it returns other than 0, which is then the result. */
int sql_each(struct store *store, sqlite3_stmt *q, int (*row)(void *ctx, sqlite3_stmt *q),
             void *ctx);

/* Copies what the spans of a record point to into store->record and lets them point there. */
int record_keep(struct store *store, struct span *const *fields, size_t count);

/* Waiting one's turn to write; the busy handler of SQLite likewise. 0 or a negative errno. */
int turn_take(struct store *store);
void turn_give(struct store *store);
/* Whether somebody else waits to write. */
bool turn_wanted(const struct store *store);
void turn_close(struct store *store);
int turn_busy(void *ctx, int count);

/*
 * Brackets of every write: write_begin opens a transaction or, in a batch, a savepoint; write_end
 * keeps what was done when rc is 0 and undoes it otherwise. Returns rc, or why keeping failed.
 */
int write_begin(struct store *store);
/* Commits what a batch has so far. */
int write_flush(struct store *store);
int write_end(struct store *store, int rc);

#endif
