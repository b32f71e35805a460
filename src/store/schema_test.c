/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/fixture.h"

#include <signal.h>

static void sql(sqlite3 *db, const char *text)
{
    char *why = NULL;

    if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", text, why);
}

static int64_t number(sqlite3 *db, const char *text)
{
    sqlite3_stmt *q = NULL;
    int64_t n = -1;

    assert_int_equal(sqlite3_prepare_v2(db, text, -1, &q, NULL), SQLITE_OK);
    if (sqlite3_step(q) == SQLITE_ROW)
        n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return n;
}

/* What a Postern of that schema version would have left behind, with a run of three targets. */
static void make_version(const struct fixture *f, unsigned version)
{
    struct store old = {.path = (char *)(uintptr_t)f->path};
    char mark[64];

    assert_int_equal(sqlite3_open(f->path, &old.db), SQLITE_OK);
    assert_int_equal(schema_upgrade(&old, schema_steps, 0, version), 0);
    snprintf(mark, sizeof(mark), "PRAGMA application_id = %d", SCHEMA_APPLICATION);
    sql(old.db, mark);
    sql(old.db, "PRAGMA journal_mode = WAL");
    sql(old.db, "INSERT INTO runs (id, started, ended, state, command, probe_domain, options,"
                " tester) VALUES (77, 1, 2, 0, 'c', 'd', 'o', 't');"
                "INSERT INTO targets (run, ordinal, name) VALUES (77, 0, 'a'), (77, 1, 'b'),"
                " (77, 2, 'c')");
    assert_int_equal(number(old.db, "PRAGMA user_version"), version);
    sqlite3_close(old.db);
}

static void every_older_version(void **state)
{
    struct fixture *f = *state;

    for (unsigned version = 1; version < schema_version; version++) {
        struct store *store = NULL;
        struct store_run run;
        uint8_t before[MAC_SIZE], after[MAC_SIZE];

        unlink(f->path);
        make_version(f, version);
        fixture_sum(f, before);
        assert_int_equal(store_open(f->path, STORE_READ, &store), STORE_OLDER);
        store_close(store);
        fixture_sum(f, after);
        assert_memory_equal(before, after, MAC_SIZE);

        store = fixture_open(f, 0);
        assert_int_equal(number(store->db, "PRAGMA user_version"), schema_version);
        assert_int_equal(store_run_get(store, 77, &run), STORE_OK);
        assert_int_equal(run.targets, 3);
        assert_text(run.tester, "t");
        fixture_run(store, 78, 2);
        store_close(store);
        store = fixture_open(f, STORE_READ | STORE_CHECK);
        assert_int_equal(store_run_get(store, 78, &run), STORE_OK);
        store_close(store);
    }
}

/* What stood in a store keeps its numbers, and none is given again. */
static void proofs_keep_their_numbers(void **state)
{
    struct fixture *f = *state;
    struct store_proof p = {.token = {.run = 77}, .what = STORE_WHAT_DELAY, .raw = SPAN_LIT("m")};
    struct store *store = NULL;
    sqlite3 *old = NULL;
    int64_t id = 0;

    make_version(f, 3);
    assert_int_equal(sqlite3_open(f->path, &old), SQLITE_OK);
    assert_int_equal(sqlite3_exec(old,
                                  "INSERT INTO messages VALUES (1, x'00', 1, x'41');"
                                  "INSERT INTO proofs VALUES (41, 77, x'00', 1, 2, 0, 1, x'', 1, 5,"
                                  " 6, 2, 0, x'', '', x'', x'', 0, '[]'),"
                                  " (50, 77, x'00', 2, 2, 0, 0, x'', 1, 5, 5, 1, 0, x'', '', x'',"
                                  " x'', 0, '[]');"
                                  "DELETE FROM proofs WHERE id = 50",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(old);
    store = fixture_open(f, 0);
    assert_int_equal(number(store->db, "SELECT count(*) FROM proofs WHERE id = 41 AND what = 1 AND"
                                       " seen = 2 AND last = 6 AND received = 5"),
                     1);
    assert_int_equal(store_proof_add(store, &p, &id), STORE_OK);
    assert_int_equal(id, 51);
    store_close(store);
}

/* Old and new must give the same tables, whichever way they came. */
static void same_schema_both_ways(void **state)
{
    static const char schema[] = "SELECT group_concat(sql, ';') FROM (SELECT sql FROM sqlite_schema"
                                 " WHERE sql IS NOT NULL ORDER BY name)";
    struct fixture *f = *state;
    struct buf texts[2] = {BUF_INIT(1 << 16), BUF_INIT(1 << 16)};

    for (int i = 0; i < 2; i++) {
        sqlite3_stmt *q = NULL;

        unlink(f->path);
        if (i)
            make_version(f, 1);
        struct store *store = fixture_open(f, STORE_CREATE);
        assert_int_equal(sqlite3_prepare_v2(store->db, schema, -1, &q, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        buf_add(&texts[i], sql_span(q, 0));
        sqlite3_finalize(q);
        store_close(store);
    }
    assert_true(texts[0].n > 1000);
    assert_string_equal(buf_str(&texts[0]), buf_str(&texts[1]));
    buf_deinit(&texts[0]);
    buf_deinit(&texts[1]);
}

/* A step that fails in its middle leaves the version before it, whole. */
static void failing_step(void **state)
{
    static const struct schema_step steps[] = {
        {"one", "CREATE TABLE a (x)"},
        {"two", "CREATE TABLE b (x); INSERT INTO b VALUES (1)"},
        {"three", "CREATE TABLE c (x); INSERT INTO nowhere VALUES (1)"},
        {"four", "CREATE TABLE d (x)"},
    };
    struct fixture *f = *state;
    struct store store = {.path = f->path};

    assert_int_equal(sqlite3_open(f->path, &store.db), SQLITE_OK);
    assert_true(schema_upgrade(&store, steps, 0, 4) < 0);
    assert_non_null(strstr(store.error, "nowhere"));
    assert_int_equal(number(store.db, "PRAGMA user_version"), 2);
    assert_int_equal(number(store.db, "SELECT count(*) FROM sqlite_schema"), 2);
    assert_int_equal(number(store.db, "SELECT count(*) FROM b"), 1);
    /* Going on from there takes no step twice. */
    assert_int_equal(schema_upgrade(&store, steps, 0, 2), 0);
    assert_int_equal(number(store.db, "SELECT count(*) FROM b"), 1);
    sqlite3_close(store.db);
}

static void open_and_close(void *ctx)
{
    const struct fixture *f = ctx;
    pid_t pids[8];

    for (size_t i = 0; i < 8; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct store *store = NULL;
            int rc = store_open(f->path, 0, &store);

            /* To be told that another is at it is fine. */
            _exit(rc != 0 && rc != -EBUSY);
        }
    }
    for (size_t i = 0; i < 8; i++) {
        int status = 0;

        waitpid(pids[i], &status, 0);
        if (status != 0)
            _exit(1);
    }
}

static void migrated_by_many_at_once(void **state)
{
    struct fixture *f = *state;
    struct store_run run;

    make_version(f, 1);
    fixture_in_child(open_and_close, f);
    struct store *store = fixture_open(f, STORE_CHECK);
    assert_int_equal(store_run_get(store, 77, &run), STORE_OK);
    assert_int_equal(run.targets, 3);
    store_close(store);
}

static void busy_old_store(void **state)
{
    struct fixture *f = *state;
    struct store *store = NULL;
    sqlite3 *old = NULL;

    make_version(f, 1);
    assert_int_equal(sqlite3_open(f->path, &old), SQLITE_OK);
    assert_int_equal(number(old, "SELECT count(*) FROM runs"), 1);
    assert_int_equal(store_open(f->path, 0, &store), -EBUSY);
    assert_non_null(strstr(store_error(store), "stop that program"));
    store_close(store);
    assert_int_equal(number(old, "SELECT count(*) FROM runs"), 1);
    assert_int_equal(number(old, "PRAGMA user_version"), 1);
    sqlite3_close(old);
    store_close(fixture_open(f, 0));
}

static void migrate_and_die(void *ctx)
{
    const struct fixture *f = ctx;
    struct store *store = NULL;

    store_open(f->path, 0, &store);
    _exit(0);
}

/* Killed at any moment of a migration, the next open finds a sound store with all its rows. */
static void killed_while_migrating(void **state)
{
    struct fixture *f = *state;

    for (useconds_t wait = 0; wait < 12000; wait += 600) {
        struct store_run run;
        pid_t pid;

        for (int i = 0; i < 4; i++) {
            static const char *const beside[] = {"", "-wal", "-shm", "-journal"};
            char path[128];

            snprintf(path, sizeof(path), "%s%s", f->path, beside[i]);
            unlink(path);
        }
        make_version(f, 1);
        pid = fork();
        if (pid == 0)
            migrate_and_die(f);
        usleep(wait);
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        struct store *store = fixture_open(f, STORE_CHECK);
        assert_int_equal(number(store->db, "PRAGMA user_version"), schema_version);
        assert_int_equal(store_run_get(store, 77, &run), STORE_OK);
        assert_int_equal(run.targets, 3);
        store_close(store);
    }
}

/* A migration cut off inside a transaction leaves a journal, which a reader may not play back. */
static void journal_left(void **state)
{
    struct fixture *f = *state;
    struct store *store = NULL;
    struct store_run run;
    uint8_t before[MAC_SIZE], after[MAC_SIZE];

    make_version(f, 1);
    pid_t pid = fork();
    if (pid == 0) {
        sqlite3 *db = NULL;

        sqlite3_open(f->path, &db);
        sqlite3_exec(db, "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; BEGIN EXCLUSIVE",
                     NULL, NULL, NULL);
        sqlite3_exec(db,
                     "CREATE TABLE half (x); PRAGMA user_version = 3;"
                     "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                     " WHERE i < 20000) INSERT INTO half SELECT 'some text' || i FROM n",
                     NULL, NULL, NULL);
        _exit(sqlite3_get_autocommit(db) != 0);
    }
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    fixture_sum(f, before);
    assert_int_equal(store_open(f->path, STORE_READ, &store), STORE_OLDER);
    store_close(store);
    fixture_sum(f, after);
    assert_memory_equal(before, after, MAC_SIZE);
    store = fixture_open(f, STORE_CHECK);
    assert_int_equal(store_run_get(store, 77, &run), STORE_OK);
    assert_int_equal(number(store->db, "PRAGMA user_version"), schema_version);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
        T(every_older_version),      T(proofs_keep_their_numbers),
        T(same_schema_both_ways),    T(failing_step),
        T(migrated_by_many_at_once), T(busy_old_store),
        T(killed_while_migrating),   T(journal_left),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
