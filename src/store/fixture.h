/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the tests of the store share: a folder of their own, and what stands in it byte for byte. */
#ifndef POSTERN_STORE_FIXTURE_H
#define POSTERN_STORE_FIXTURE_H

#include "store/private.h"

#include "base/mac.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define assert_text(got, want) assert_true(span_eq((got), span_str(want)))

struct fixture {
    char folder[64];
    char path[96];
};

static inline int fixture_set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    snprintf(f->folder, sizeof(f->folder), "/tmp/postern-store-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/postern.db", f->folder);
    *state = f;
    return 0;
}

static inline int fixture_tear_down(void **state)
{
    struct fixture *f = *state;
    DIR *dir = opendir(f->folder);
    struct dirent *e;

    chmod(f->folder, 0700);
    while (dir && (e = readdir(dir)))
        unlinkat(dirfd(dir), e->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(f->folder);
    free(f);
    return 0;
}

static inline struct store *fixture_open(const struct fixture *f, unsigned flags)
{
    struct store *store = NULL;
    int rc = store_open(f->path, flags, &store);

    if (rc != STORE_OK)
        print_error("%s\n", store_error(store));
    assert_int_equal(rc, STORE_OK);
    assert_string_equal(store_error(store), "");
    return store;
}

/* A run with so many targets, named host0.example and on. */
static inline void fixture_run(struct store *store, uint32_t id, size_t targets)
{
    struct store_run run = {.id = id,
                            .started_wall = 1700000000 + (int64_t)id,
                            .command = SPAN_LIT("postern test host0.example"),
                            .probe_domain = SPAN_LIT("probe.example"),
                            .options = SPAN_LIT("{\"own\":true}"),
                            .tester = SPAN_LIT("tester.example")};
    struct span *names = calloc(targets + 1, sizeof(*names));

    assert_non_null(names);
    for (size_t i = 0; i < targets; i++) {
        char *name = malloc(32);

        assert_non_null(name);
        snprintf(name, 32, "host%zu.example", i);
        names[i] = span_str(name);
    }
    assert_int_equal(store_run_add(store, &run), STORE_OK);
    assert_int_equal(store_targets_add(store, id, names, targets), STORE_OK);
    for (size_t i = 0; i < targets; i++)
        free((void *)(uintptr_t)names[i].p);
    free(names);
}

static inline void fixture_read(const char *path, struct buf *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char chunk[65536];
    ssize_t n;

    assert_true(fd >= 0);
    buf_init(ret, 1 << 28);
    while ((n = read(fd, chunk, sizeof(chunk))) > 0)
        buf_add(ret, span_of(chunk, (size_t)n));
    close(fd);
    assert_int_equal(ret->err, 0);
}

static inline void fixture_write(const char *path, struct span bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.p ? bytes.p : "", bytes.n), (ssize_t)bytes.n);
    close(fd);
}

static inline int fixture_visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* One hash over names and bytes in the folder; -shm, SQLite's scratch memory, is left out. */
static inline void fixture_sum(const struct fixture *f, uint8_t ret[MAC_SIZE])
{
    struct buf all = BUF_INIT(1 << 28), bytes;
    struct dirent **names;
    int n = scandir(f->folder, &names, fixture_visible, alphasort);

    assert_true(n >= 0);
    for (int i = 0; i < n; i++) {
        char path[400];

        snprintf(path, sizeof(path), "%s/%s", f->folder, names[i]->d_name);
        if (!span_ends_nocase(span_str(path), SPAN_LIT("-shm"))) {
            fixture_read(path, &bytes);
            buf_addf(&all, "%s %zu\n", names[i]->d_name, buf_span(&bytes).n);
            buf_add(&all, buf_span(&bytes));
            buf_deinit(&bytes);
        }
        free(names[i]);
    }
    free(names);
    mac_sha256(buf_span(&all), ret);
    buf_deinit(&all);
}

/* Runs fn in a child, which must end with status 0. */
static inline void fixture_in_child(void (*fn)(void *ctx), void *ctx)
{
    pid_t pid = fork();
    int status = 0;

    assert_true(pid >= 0);
    if (pid == 0) {
        fn(ctx);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

#endif
