/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "store/fixture.h"

#include "base/num.h"

static void whole(struct buf *file)
{
}

static void emptied(struct buf *file)
{
    buf_truncate(file, 0);
}

static void cut_in_header(struct buf *file)
{
    buf_truncate(file, 50);
}

static void cut_after_header(struct buf *file)
{
    buf_truncate(file, 100);
}

static void cut_last_byte(struct buf *file)
{
    buf_truncate(file, file->n - 1);
}

static void cut_half(struct buf *file)
{
    buf_truncate(file, file->n / 2 / 4096 * 4096);
}

static void magic(struct buf *file)
{
    file->p[0] = 's';
}

static void text_file(struct buf *file)
{
    buf_clear(file);
    buf_add_str(file, "my notes\n");
}

static void other_program(struct buf *file)
{
    num_put32((uint8_t *)file->p + 68, 0x12345678);
}

static void newer(struct buf *file)
{
    num_put32((uint8_t *)file->p + 60, schema_version + 1);
}

static void version_zero(struct buf *file)
{
    num_put32((uint8_t *)file->p + 60, 0);
}

static void page_size(struct buf *file)
{
    num_put16((uint8_t *)file->p + 16, 4097);
}

static void schema_page(struct buf *file)
{
    memset(file->p + 100, 0xff, 400);
}

static void some_page(struct buf *file)
{
    memset(file->p + 4096 * 3, 0xa5, 4096);
}

static void table_gone(struct buf *file)
{
    /* The name of a table in its CREATE text: the schema still parses, the table is another. */
    struct span all = buf_span(file);
    size_t at = span_find_nocase(all, SPAN_LIT("TABLE messages"));

    assert_true(at < all.n);
    file->p[at + 6] = 'q';
}

static const struct {
    const char *name;
    void (*harm)(struct buf *file);
    int want;
    const char *says;
} cases[] = {
    {"sound", whole, STORE_OK, ""},
    {"empty", emptied, STORE_DAMAGED, "empty"},
    {"cut in the header", cut_in_header, STORE_DAMAGED, "cut short"},
    {"cut after the header", cut_after_header, STORE_DAMAGED, "cut short"},
    {"cut by a byte", cut_last_byte, STORE_DAMAGED, "cut short"},
    {"cut by half", cut_half, STORE_DAMAGED, "cut short"},
    {"magic", magic, STORE_FOREIGN, "not an SQLite file"},
    {"a text", text_file, STORE_FOREIGN, "not an SQLite file"},
    {"another program's", other_program, STORE_FOREIGN, "0x12345678"},
    {"newer", newer, STORE_NEWER, "newer Postern"},
    {"version 0", version_zero, STORE_DAMAGED, "version"},
    {"page size", page_size, STORE_DAMAGED, "page size"},
    {"schema page", schema_page, STORE_DAMAGED, "damaged"},
    {"a page", some_page, STORE_DAMAGED, "damaged"},
    {"a table renamed", table_gone, STORE_DAMAGED, "damaged"},
};

static void make_store(const struct fixture *f, struct buf *ret)
{
    struct store *store = fixture_open(f, STORE_CREATE);

    fixture_run(store, 1, 300);
    store_close(store);
    fixture_read(f->path, ret);
}

/* For reading and for writing alike: what is wrong is said, and nothing is touched or left. */
static void damaged_files(void **state)
{
    struct fixture *f = *state;
    struct buf good;
    uint8_t before[MAC_SIZE], after[MAC_SIZE];

    make_store(f, &good);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (unsigned flags = 0; flags <= STORE_READ; flags++) {
            struct buf bad = BUF_INIT(good.max);
            struct store *store = NULL;

            buf_add(&bad, buf_span(&good));
            cases[i].harm(&bad);
            fixture_write(f->path, buf_span(&bad));
            buf_deinit(&bad);
            fixture_sum(f, before);
            int rc = store_open(f->path, flags, &store);
            if (rc != cases[i].want || !strstr(store_error(store), cases[i].says))
                fail_msg("%s, flags %u: %s, %s", cases[i].name, flags,
                         rc < 0 ? strerror(-rc) : store_outcome_name((enum store_outcome)rc),
                         store_error(store));
            if (rc != STORE_OK)
                assert_non_null(strstr(store_error(store), f->path));
            store_close(store);
            fixture_sum(f, after);
            if (rc != STORE_OK && memcmp(before, after, MAC_SIZE) != 0)
                fail_msg("%s, flags %u: the folder has changed", cases[i].name, flags);
            if (rc != STORE_OK) {
                char shm[128];
                snprintf(shm, sizeof(shm), "%s-shm", f->path);
                assert_int_not_equal(access(shm, F_OK), 0);
            } else {
                char beside[128];
                snprintf(beside, sizeof(beside), "%s-wal", f->path);
                unlink(beside);
                snprintf(beside, sizeof(beside), "%s-shm", f->path);
                unlink(beside);
            }
        }
    }
    buf_deinit(&good);
}

/* Whatever byte of the header is wrong, opening ends in an outcome and touches nothing. */
static void header_bytes_flipped(void **state)
{
    struct fixture *f = *state;
    struct buf file;
    uint8_t before[MAC_SIZE], after[MAC_SIZE];
    unsigned refused = 0;

    make_store(f, &file);
    for (size_t at = 0; at < SCHEMA_HEADER; at++) {
        struct store *store = NULL;

        file.p[at] = (char)(file.p[at] ^ 0xff);
        fixture_write(f->path, buf_span(&file));
        fixture_sum(f, before);
        int rc = store_open(f->path, 0, &store);
        assert_true(rc >= 0 || rc == -EIO || rc == -EROFS);
        store_close(store);
        fixture_sum(f, after);
        if (rc != STORE_OK) {
            refused++;
            assert_memory_equal(before, after, MAC_SIZE);
        }
        file.p[at] = (char)(file.p[at] ^ 0xff);
    }
    /* Change counters, the text encoding's unused bytes and the reserve may be anything. */
    assert_true(refused >= 40);
    buf_deinit(&file);
}

static void write_and_die(void *ctx)
{
    struct fixture *f = ctx;
    struct store *store = NULL;

    if (store_open(f->path, STORE_CREATE, &store) != 0)
        _exit(1);
    for (uint32_t id = 100; id < 120; id++)
        if (store_run_add(store, &(struct store_run){.id = id}) != 0)
            _exit(2);
    /* Without closing: the -wal file stays full. */
    _exit(0);
}

static void left_by_a_kill(void **state)
{
    struct fixture *f = *state;
    struct store *store;
    struct store_run run;
    char wal[128];
    struct stat st;

    fixture_in_child(write_and_die, f);
    snprintf(wal, sizeof(wal), "%s-wal", f->path);
    assert_int_equal(stat(wal, &st), 0);
    assert_true(st.st_size > 0);
    for (unsigned flags = 0; flags < 2; flags++) {
        store = fixture_open(f, flags ? 0 : STORE_READ);
        assert_int_equal(store_run_get(store, 119, &run), STORE_OK);
        store_close(store);
    }
    assert_int_not_equal(stat(wal, &st), 0);
}

/* Damage under a full -wal file: that is evidence too and must not be emptied into the ruin. */
static void damaged_beside_wal(void **state)
{
    struct fixture *f = *state;
    struct store *store = NULL;
    struct buf file;
    uint8_t before[MAC_SIZE], after[MAC_SIZE];

    make_store(f, &file);
    fixture_in_child(write_and_die, f);
    buf_deinit(&file);
    fixture_read(f->path, &file);
    some_page(&file);
    fixture_write(f->path, buf_span(&file));
    fixture_sum(f, before);
    assert_int_equal(store_open(f->path, 0, &store), STORE_DAMAGED);
    store_close(store);
    fixture_sum(f, after);
    assert_memory_equal(before, after, MAC_SIZE);

    newer(&file);
    fixture_write(f->path, buf_span(&file));
    fixture_sum(f, before);
    assert_int_equal(store_open(f->path, 0, &store), STORE_NEWER);
    store_close(store);
    fixture_sum(f, after);
    assert_memory_equal(before, after, MAC_SIZE);
    buf_deinit(&file);
}

static void odd_paths(void **state)
{
    struct fixture *f = *state;
    struct store *store = NULL;
    struct store_run run;

    assert_int_equal(store_open(f->folder, 0, &store), -EISDIR);
    store_close(store);
    assert_int_equal(store_open("/nonexistent/folder/postern.db", STORE_CREATE, &store), -ENOENT);
    store_close(store);
    /* Signs that mean something in a URI. */
    snprintf(f->path, sizeof(f->path), "%s/a?mode=ro#%%41 b.db", f->folder);
    store = fixture_open(f, STORE_CREATE);
    fixture_run(store, 1, 1);
    store_close(store);
    store = fixture_open(f, STORE_CHECK);
    assert_int_equal(store_run_get(store, 1, &run), STORE_OK);
    store_close(store);
}

/* A store that breaks while it is open: an error, no crash, and no more writing. */
static void damaged_in_use(void **state)
{
    struct fixture *f = *state;
    struct store *store = fixture_open(f, STORE_CREATE);
    struct buf bytes = BUF_INIT(STORE_RESULT_MAX);
    struct store_target t;
    char *text = malloc(400000);

    fixture_run(store, 1, 2);
    memset(text, 'y', 400000);
    assert_int_equal(store_target_next_pending(store, 1, 1, &t), STORE_OK);
    assert_int_equal(store_target_finish(store, &t, span_of(text, 400000)), STORE_OK);
    store_close(store);
    free(text);

    store = fixture_open(f, 0);
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    int fd = open(f->path, O_WRONLY | O_CLOEXEC);
    char junk[4096];
    memset(junk, 0xff, sizeof(junk));
    for (off_t at = 4096; at < st.st_size; at += 4096)
        assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
    assert_int_equal(store_target_result(store, t.id, &bytes), -EUCLEAN);
    assert_non_null(strstr(store_error(store), "damaged"));
    assert_int_equal(store_run_add(store, &(struct store_run){.id = 2}), -EUCLEAN);
    store_close(store);
    close(fd);
    buf_deinit(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_set_up, fixture_tear_down)
        T(damaged_files), T(header_bytes_flipped), T(left_by_a_kill), T(damaged_beside_wal),
        T(odd_paths),     T(damaged_in_use),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
