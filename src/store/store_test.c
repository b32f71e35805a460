/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/fixture.h"

#include <sched.h>
#include <sys/mount.h>

static const struct ip v4 = {IP_V4, {192, 0, 2, 1}};

static void made_and_opened_again(void **state)
{
    struct fixture *f = *state;
    struct store *store = NULL;
    struct stat st;
    uint64_t bytes = 0;

    assert_int_equal(store_open(f->path, 0, &store), STORE_MISSING);
    assert_non_null(strstr(store_error(store), f->path));
    store_close(store);
    assert_int_equal(store_open(f->path, STORE_READ | STORE_CREATE, &store), STORE_MISSING);
    store_close(store);
    assert_int_not_equal(stat(f->path, &st), 0);

    store = fixture_open(f, STORE_CREATE);
    fixture_run(store, 1, 3);
    assert_int_equal(store_bytes(store, &bytes), STORE_OK);
    assert_true(bytes >= 4096 && bytes < 1 << 20);
    store_close(store);
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);

    store = fixture_open(f, STORE_READ);
    struct store_run run;
    assert_int_equal(store_run_get(store, 1, &run), STORE_OK);
    assert_int_equal(run.targets, 3);
    assert_int_equal(store_run_set_state(store, 1, STORE_RUN_DONE, 1), -EROFS);
    assert_int_equal(store_begin(store), -EROFS);
    store_close(store);
    store_close(NULL);
    assert_string_equal(store_error(NULL), "out of memory");
}

static void open_by_sixteen(void *ctx)
{
    const struct fixture *f = ctx;
    pid_t pids[16];

    for (size_t i = 0; i < 16; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct store *store = NULL;
            int rc = store_open(f->path, STORE_CREATE, &store);
            struct store_run run = {.id = (uint32_t)i + 1};

            if (rc == 0)
                rc = store_run_add(store, &run);
            if (rc != 0)
                fprintf(stderr, "%s\n", store_error(store));
            store_close(store);
            _exit(rc != 0);
        }
    }
    for (size_t i = 0; i < 16; i++) {
        int status = 0;

        waitpid(pids[i], &status, 0);
        if (status != 0)
            _exit(1);
    }
}

/* All make the store at once: one file comes of it and nobody's run is lost. */
static void made_by_many_at_once(void **state)
{
    struct fixture *f = *state;
    struct store *store;
    struct store_run run;

    fixture_in_child(open_by_sixteen, f);
    store = fixture_open(f, 0);
    for (uint32_t id = 1; id <= 16; id++)
        assert_int_equal(store_run_get(store, id, &run), STORE_OK);
    store_close(store);
    /* Nothing of the making is left beside it. */
    DIR *dir = opendir(f->folder);
    struct dirent *e;
    while ((e = readdir(dir)))
        assert_null(strstr(e->d_name, ".new-"));
    closedir(dir);
}

static void batches(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f, STORE_CREATE), *other = fixture_open(f, 0);
    struct store_run run = {.id = 7};

    assert_int_equal(store_begin(store), 0);
    assert_true(store_in_batch(store));
    /* An empty batch holds up nobody. */
    assert_int_equal(store_run_add(other, &(struct store_run){.id = 1}), STORE_OK);
    assert_int_equal(store_commit(store), 0);

    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_run_add(store, &run), STORE_OK);
    assert_int_equal(store_run_add(store, &run), STORE_EXISTS);
    assert_int_equal(store_run_get(other, 7, &run), STORE_NONE);
    assert_int_equal(store_run_get(store, 7, &run), STORE_OK);
    store_rollback(store);
    assert_int_equal(store_run_get(store, 7, &run), STORE_NONE);

    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_run_add(store, &(struct store_run){.id = 7}), STORE_OK);
    /* A write that fails undoes itself, not the batch. */
    assert_true(store_targets_add(store, 8, &SPAN_LIT("nobody.example"), 1) < 0);
    assert_int_equal(store_commit(store), 0);
    assert_int_equal(store_run_get(other, 7, &run), STORE_OK);

    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_run_add(store, &(struct store_run){.id = 9}), STORE_OK);
    store_close(store);
    assert_int_equal(store_run_get(other, 9, &run), STORE_NONE);
    store_close(other);
}

static int ends_at_second(void *ctx, const struct store_run *run)
{
    unsigned *calls = ctx;

    return ++*calls == 2 ? 1 : 0;
}

static void iteration_ends_early(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    unsigned calls = 0;

    for (uint32_t id = 1; id <= 5; id++)
        fixture_run(store, id, 0);
    assert_int_equal(store_runs_each(store, 0, ends_at_second, &calls), 1);
    assert_int_equal(calls, 2);
    /* The statement is free again. */
    calls = 5;
    assert_int_equal(store_runs_each(store, 2, ends_at_second, &calls), 0);
    assert_int_equal(calls, 7);
    store_close(store);
}

static void limits_at_the_edge(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    char *text = malloc(STORE_RESULT_MAX + 1);
    struct store_target t;
    struct buf got = BUF_INIT(STORE_RESULT_MAX);

    memset(text, 'x', STORE_RESULT_MAX + 1);
    fixture_run(store, 1, 1);
    assert_int_equal(store_target_next_pending(store, 1, 1, &t), STORE_OK);
    assert_int_equal(store_target_finish(store, &t, span_of(text, STORE_RESULT_MAX)), STORE_OK);
    assert_int_equal(store_target_finish(store, &t, span_of(text, STORE_RESULT_MAX + 1)),
                     -EMSGSIZE);
    assert_non_null(strstr(store_error(store), "longer than"));
    assert_int_equal(store_target_result(store, t.id, &got), STORE_OK);
    assert_int_equal(got.n, STORE_RESULT_MAX);
    buf_deinit(&got);

    struct span name = span_of(text, STORE_NAME_MAX);
    assert_int_equal(store_targets_add(store, 1, &name, 1), STORE_OK);
    name.n++;
    assert_int_equal(store_targets_add(store, 1, &name, 1), -EMSGSIZE);
    struct store_run run = {.id = 2, .command = span_of(text, STORE_COMMAND_MAX)};
    assert_int_equal(store_run_add(store, &run), STORE_OK);
    run.id = 3;
    run.command.n++;
    assert_int_equal(store_run_add(store, &run), -EMSGSIZE);
    free(text);
    store_close(store);
}

static int count_transcript(void *ctx, const struct store_transcript *t)
{
    struct store_transcript *last = ctx;

    last->text.n = t->text.n;
    last->cut = t->cut;
    last->id++;
    return 0;
}

static void transcripts(void **state)
{
    struct store *store = fixture_open(*state, STORE_CREATE);
    char *text = malloc(STORE_TRANSCRIPT_MAX + 1);
    struct store_transcript last = {0};

    memset(text, '.', STORE_TRANSCRIPT_MAX + 1);
    fixture_run(store, 1, 1);
    struct store_transcript t = {.target = 1, .text = span_of(text, STORE_TRANSCRIPT_MAX)};
    assert_int_equal(store_transcript_add(store, &t), STORE_OK);
    assert_int_equal(store_transcripts_each(store, 1, count_transcript, &last), STORE_OK);
    assert_false(last.cut);
    t.started_wall_ms = 1;
    t.text.n++;
    assert_int_equal(store_transcript_add(store, &t), STORE_OK);
    assert_int_equal(store_transcripts_each(store, 1, count_transcript, &last), STORE_OK);
    assert_true(last.cut);
    assert_int_equal(last.text.n, STORE_TRANSCRIPT_MAX);
    assert_int_equal(last.id, 3);
    t.target = 99;
    assert_true(store_transcript_add(store, &t) < 0);
    free(text);
    store_close(store);
}

/* On a file system of 2 MiB: the fault is named, what was acknowledged stays, and it heals. */
static void fill_the_disk(void *ctx)
{
    struct fixture *f = ctx;
    struct store *store = NULL;
    struct store_run run;
    char *text = calloc(1, STORE_COMMAND_MAX);
    uint32_t id = 1;
    int rc = 0;

    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("small", f->folder, "tmpfs", 0, "size=2m") < 0)
        _exit(77);
    if (store_open(f->path, STORE_CREATE, &store) != 0)
        _exit(1);
    run = (struct store_run){.command = span_of(text, STORE_COMMAND_MAX)};
    for (; id < 1000 && rc == 0; id++) {
        run.id = id;
        rc = store_run_add(store, &run);
    }
    if (rc != -ENOSPC || !strstr(store_error(store), "make room"))
        _exit(2);
    /* A batch dies as a whole, and says so. */
    store_begin(store);
    do {
        run.id = id++;
        rc = store_run_add(store, &run);
    } while (rc == 0 && id < 2000);
    if (rc != -ENOSPC)
        _exit(3);
    rc = store_commit(store);
    if (rc != 0 && rc != -ECANCELED && rc != -ENOSPC)
        _exit(4);
    store_close(store);
    if (mount("small", f->folder, "tmpfs", MS_REMOUNT, "size=16m") < 0)
        _exit(5);
    if (store_open(f->path, STORE_CHECK, &store) != 0)
        _exit(6);
    if (store_run_get(store, 1, &run) != 0)
        _exit(7);
    run = (struct store_run){.id = 5000};
    if (store_run_add(store, &run) != 0)
        _exit(8);
    store_close(store);
    free(text);
}

static void disk_full(void **state)
{
    struct fixture *f = *state;
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        fill_the_disk(f);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip(); /* no right to mount */
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* As a user who may read the folder and not write to it. */
static void read_only(void *ctx)
{
    struct fixture *f = ctx;
    struct store *store = NULL;
    struct store_run run;

    if (geteuid() == 0 && (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534)))
        _exit(1);
    if (store_open(f->path, STORE_READ, &store) != STORE_OK)
        _exit(2);
    if (store_run_get(store, 1, &run) != STORE_OK || run.targets != 2)
        _exit(3);
    if (store_run_set_state(store, 1, STORE_RUN_DONE, 0) != -EROFS)
        _exit(4);
    store_close(store);
    /* Writing says why it cannot, and changes nothing. */
    int rc = store_open(f->path, 0, &store);
    if (rc != -EROFS && rc != -EACCES)
        _exit(5);
    if (!strstr(store_error(store), f->path))
        _exit(6);
    store_close(store);
    char none[128];
    snprintf(none, sizeof(none), "%s/none.db", f->folder);
    if (store_open(none, STORE_CREATE, &store) != -EACCES)
        _exit(7);
    store_close(store);
}

static void read_only_folder(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f, STORE_CREATE);
    uint8_t before[MAC_SIZE], after[MAC_SIZE];

    fixture_run(store, 1, 2);
    store_close(store);
    assert_int_equal(chmod(f->path, 0444), 0);
    assert_int_equal(chmod(f->folder, 0555), 0);
    fixture_sum(f, before);
    fixture_in_child(read_only, f);
    fixture_sum(f, after);
    assert_memory_equal(before, after, MAC_SIZE);
}

static void write_as_nobody(void *ctx)
{
    struct fixture *f = ctx;
    struct store *store = NULL;

    if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
        _exit(1);
    if (store_open(f->path, STORE_CREATE, &store) != STORE_OK)
        _exit(2);
    if (store_run_add(store, &(struct store_run){.id = 2}) != STORE_OK)
        _exit(3);
    store_close(store);
}

/* Made by the superuser in the folder of a service: the service can work with it. */
static void folder_of_another(void **state)
{
    struct fixture *f = *state;
    /* Volatile: kept in a register, a child would have lost it, and be blamed for a leak. */
    struct store *volatile store;

    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(f->folder, 65534, 65534), 0);
    store = fixture_open(f, STORE_CREATE);
    assert_int_equal(store_run_add(store, &(struct store_run){.id = 1}), STORE_OK);
    fixture_in_child(write_as_nobody, f);
    store_close(store);
}

static void kept_from_writing(void *ctx)
{
    struct fixture *f = ctx;
    struct store *store = NULL;
    int64_t last;

    if (store_open(f->path, 0, &store) != 0)
        _exit(1);
    sqlite3_busy_timeout(store->db, 50);
    if (store_tested_claim(store, v4, 100, 10, &last) != -EBUSY)
        _exit(2);
    if (!strstr(store_error(store), "another program"))
        _exit(3);
    store_close(store);
}

static void other_writer(void **state)
{
    struct fixture *f = *state;
    struct store *volatile store = fixture_open(f, STORE_CREATE);

    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_run_add(store, &(struct store_run){.id = 1}), STORE_OK);
    fixture_in_child(kept_from_writing, f);
    assert_int_equal(store_commit(store), 0);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
        T(made_and_opened_again), T(made_by_many_at_once), T(batches),   T(iteration_ends_early),
        T(limits_at_the_edge),    T(transcripts),          T(disk_full), T(read_only_folder),
        T(folder_of_another),     T(other_writer),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
