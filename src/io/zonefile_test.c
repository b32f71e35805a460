/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/zonefile.h"

#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char top[] = "/tmp/postern-zonefile-XXXXXX";
static char folder[100];

static const char *in_folder(const char *name)
{
    static char path[200];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void expect(const char *name, struct span want)
{
    struct buf got = BUF_INIT(1000);

    assert_int_equal(file_read(in_folder(name), &got), 0);
    assert_true(span_eq(buf_span(&got), want));
    buf_deinit(&got);
}

static int set_up(void **state)
{
    if (!mkdtemp(top))
        return -1;
    snprintf(folder, sizeof(folder), "%s/zones/bl.example.org", top);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const files[] = {"image", "journal", "lock", "big"};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        unlink(in_folder(files[i]));
    rmdir(folder);
    snprintf(folder, sizeof(folder), "%s/zones", top);
    rmdir(folder);
    return rmdir(top);
}

static void test_replace(void **state)
{
    struct zonefile z, other;

    assert_int_equal(zonefile_open(folder, 0, &z), 0);
    assert_int_equal(zonefile_replace(&z, "image", SPAN_LIT("one")), 0);
    expect("image", SPAN_LIT("one"));
    assert_int_equal(zonefile_replace(&z, "image", SPAN_LIT("longer")), 0);
    expect("image", SPAN_LIT("longer"));
    assert_int_equal(access(in_folder("image.tmp"), F_OK), -1);
    /* One writer at a time, in one process too. */
    assert_int_equal(zonefile_open(folder, 20, &other), -ETIMEDOUT);
    zonefile_close(&z);
    zonefile_close(&z);
    assert_int_equal(zonefile_open(folder, 0, &other), 0);
    zonefile_close(&other);
}

static void test_append(void **state)
{
    struct zonefile_map m;
    struct zonefile z;

    assert_int_equal(zonefile_open(folder, 0, &z), 0);
    assert_int_equal(zonefile_append(&z, "none", 0, SPAN_LIT("x")), -ENOENT);
    assert_int_equal(zonefile_replace(&z, "journal", SPAN_LIT("head")), 0);
    assert_int_equal(zonefile_append(&z, "journal", 4, SPAN_LIT("+one")), 0);
    expect("journal", SPAN_LIT("head+one"));
    /* A torn tail behind what is good is left out; who has the file mapped keeps the old one. */
    assert_int_equal(zonefile_map(folder, "journal", 100, &m), 0);
    assert_int_equal(zonefile_append(&z, "journal", 4, SPAN_LIT("+two")), 0);
    expect("journal", SPAN_LIT("head+two"));
    assert_true(span_eq(m.bytes, SPAN_LIT("head+one")));
    assert_int_equal(zonefile_changed(folder, "journal", &m), 1);
    zonefile_unmap(&m);
    assert_int_equal(zonefile_append(&z, "journal", 9, SPAN_LIT("x")), -ESTALE);
    expect("journal", SPAN_LIT("head+two"));
    zonefile_close(&z);
}

/* A killed writer's file is removed by the next one, and its lock is free. */
static void test_killed(void **state)
{
    struct zonefile z;
    int status, pipes[2];
    char byte;
    pid_t child;

    assert_int_equal(pipe(pipes), 0);
    child = fork();
    if (child == 0) {
        if (zonefile_open(folder, 0, &z) == 0 &&
            file_write(in_folder("image.tmp"), SPAN_LIT("torn"), 0644) == 0)
            (void)!write(pipes[1], "x", 1);
        pause();
        _exit(0);
    }
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    assert_int_equal(zonefile_open(folder, 0, &z), -ETIMEDOUT);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(zonefile_open(folder, 1000, &z), 0);
    assert_int_equal(access(in_folder("image.tmp"), F_OK), -1);
    zonefile_close(&z);
    close(pipes[0]);
    close(pipes[1]);
}

static void test_map(void **state)
{
    struct zonefile_map m, again;
    struct zonefile z;

    assert_int_equal(zonefile_open(folder, 0, &z), 0);
    assert_int_equal(zonefile_map(folder, "none", 100, &m), -ENOENT);
    assert_int_equal(zonefile_changed(folder, "none", &(struct zonefile_map){0}), -ENOENT);
    assert_int_equal(zonefile_replace(&z, "big", SPAN_LIT("0123456789")), 0);
    assert_int_equal(zonefile_map(folder, "big", 9, &m), -EFBIG);
    assert_int_equal(zonefile_map(folder, "big", 10, &m), 0);
    assert_true(span_eq(m.bytes, SPAN_LIT("0123456789")));
    assert_int_equal(zonefile_changed(folder, "big", &m), 0);
    /* What is mapped stays as it is when the name stands for another file. */
    assert_int_equal(zonefile_replace(&z, "big", SPAN_LIT("abcdefghij")), 0);
    assert_int_equal(zonefile_changed(folder, "big", &m), 1);
    assert_true(span_eq(m.bytes, SPAN_LIT("0123456789")));
    assert_int_equal(zonefile_map(folder, "big", 10, &again), 0);
    assert_true(span_eq(again.bytes, SPAN_LIT("abcdefghij")));
    assert_int_equal(zonefile_replace(&z, "big", SPAN_NULL), 0);
    zonefile_unmap(&m);
    zonefile_unmap(&m);
    zonefile_unmap(&again);
    assert_int_equal(zonefile_map(folder, "big", 10, &m), 0);
    assert_int_equal(m.bytes.n, 0);
    assert_int_equal(zonefile_map(folder, "lock/x", 10, &m), -ENOTDIR);
    assert_int_equal(zonefile_map(top, "zones", 10, &m), -EINVAL);
    zonefile_close(&z);
}

static void test_ours(void **state)
{
    static const struct span parts[] = {{"one ", 4}, {NULL, 0}, {"two", 3}};
    struct zonefile_map map;
    struct zonefile z;
    char other[200];

    assert_int_equal(zonefile_open(folder, 0, &z), 0);
    assert_int_equal(zonefile_replace_parts(&z, "image", parts, 3), 0);
    expect("image", SPAN_LIT("one two"));
    zonefile_close(&z);
    assert_int_equal(zonefile_map_ours(folder, "image", 7, &map), 0);
    assert_true(span_eq(map.bytes, SPAN_LIT("one two")));
    zonefile_unmap(&map);
    assert_int_equal(zonefile_map_ours(folder, "image", 6, &map), -EFBIG);
    assert_int_equal(zonefile_map_ours(folder, "nothing", 6, &map), -ENOENT);
    assert_int_equal(chmod(in_folder("image"), 0620), 0);
    assert_int_equal(zonefile_map_ours(folder, "image", 7, &map), -EPERM);
    assert_int_equal(chmod(in_folder("image"), 0600), 0);
    assert_int_equal(chmod(folder, 0757), 0);
    assert_int_equal(zonefile_map_ours(folder, "image", 7, &map), -EPERM);
    assert_int_equal(chmod(folder, 0755), 0);
    snprintf(other, sizeof(other), "%s/big", folder);
    assert_int_equal(symlink("image", other), 0);
    assert_int_equal(zonefile_map_ours(folder, "big", 7, &map), -ELOOP);
    assert_int_equal(unlink(other), 0);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_int_equal(zonefile_map_ours(folder, "big", 7, &map), -EINVAL);
    assert_int_equal(rmdir(other), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replace), cmocka_unit_test(test_ours), cmocka_unit_test(test_append),
        cmocka_unit_test(test_killed),  cmocka_unit_test(test_map),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
