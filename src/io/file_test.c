/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/file.h"

#include "io/datadir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/postern-file-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[4][200];
    static unsigned turn;
    char *p = path[turn++ % 4];

    snprintf(p, sizeof(path[0]), "%s/%s", folder, name);
    return p;
}

static void test_read(void **state)
{
    struct buf exact = BUF_INIT(5), small = BUF_INIT(4), other = BUF_INIT(100);

    assert_int_equal(file_write(in_folder("five"),
                                SPAN_LIT("12\0"
                                         "45"),
                                0644),
                     0);
    assert_int_equal(file_read(in_folder("five"), &exact), 0);
    assert_true(span_eq(buf_span(&exact), SPAN_LIT("12\0"
                                                   "45")));
    assert_int_equal(file_read(in_folder("five"), &small), -EFBIG);
    assert_int_equal(file_read(in_folder("none"), &other), -ENOENT);
    assert_int_equal(file_read(folder, &other), -EISDIR);
    assert_int_equal(file_read("/dev/null", &other), -EINVAL);
    assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
    assert_int_equal(file_read(in_folder("fifo"), &other), 0); /* nobody writes: empty, no wait */
    assert_int_equal(other.n, 0);
    buf_deinit(&exact);
    buf_deinit(&small);
    buf_deinit(&other);
    unlink(in_folder("five"));
    unlink(in_folder("fifo"));
}

static void expect(const char *path, const char *text, mode_t mode)
{
    struct buf b = BUF_INIT(100);
    struct stat st;

    assert_int_equal(file_read(path, &b), 0);
    assert_string_equal(buf_str(&b), text);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, mode);
    buf_deinit(&b);
}

static void test_write(void **state)
{
    const char *path = in_folder("key");

    umask(0077);
    assert_int_equal(file_create(path, SPAN_LIT("one"), 0644), 0);
    expect(path, "one", 0644); /* the mode that was asked, whatever the umask */
    assert_int_equal(file_create(path, SPAN_LIT("two"), 0600), -EEXIST);
    expect(path, "one", 0644);
    assert_int_equal(file_write(path, SPAN_LIT("three"), 0600), 0);
    expect(path, "three", 0600);
    assert_int_equal(file_write(in_folder("no/such/folder"), SPAN_LIT("x"), 0600), -ENOENT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* nothing half done was left behind */
    assert_int_equal(mkdir(folder, 0700), 0);
}

/* Two starters at once make one key: in any order one wins, the other sees the winner's. */
static void test_create_race(void **state)
{
    const char *path = in_folder("key");
    unsigned won = 0;

    for (int i = 0; i < 8; i++) {
        if (fork() == 0)
            _exit(file_create(path, SPAN_LIT("one"), 0600) == 0 ? 1 : 0);
    }
    for (int i = 0; i < 8; i++) {
        int status;

        assert_true(wait(&status) > 0);
        won += (unsigned)WEXITSTATUS(status);
    }
    assert_int_equal(won, 1);
    unlink(path);
}

static void test_mkdirs(void **state)
{
    struct stat st;

    umask(0022);
    assert_int_equal(file_mkdirs(in_folder("a/b/c"), 0700), 0);
    assert_int_equal(file_mkdirs(in_folder("a/b/c"), 0700), 0);
    assert_int_equal(stat(in_folder("a/b/c"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(file_mkdirs(in_folder("a//b/d/"), 0700), 0);
    assert_int_equal(file_write(in_folder("a/file"), SPAN_LIT(""), 0600), 0);
    assert_int_equal(file_mkdirs(in_folder("a/file"), 0700), -ENOTDIR);
    assert_int_equal(file_mkdirs(in_folder("a/file/x"), 0700), -ENOTDIR);
    assert_int_equal(file_mkdirs("", 0700), -ENOENT);
    unlink(in_folder("a/file"));
    rmdir(in_folder("a/b/c"));
    rmdir(in_folder("a/b/d"));
    rmdir(in_folder("a/b"));
    rmdir(in_folder("a"));
}

static void test_data(void **state)
{
    char path[DATADIR_PATH_MAX], want[DATADIR_PATH_MAX];

    assert_int_equal(file_mkdirs(in_folder("probes"), 0755), 0);
    assert_int_equal(file_write(in_folder("probes/plain.rows"), SPAN_LIT("x"), 0644), 0);
    setenv("POSTERN_DATA", folder, 1);
    assert_true(datadir_find("probes/plain.rows", path));
    assert_string_equal(path, in_folder("probes/plain.rows"));
    /* A folder that was named is the only one that counts. */
    assert_false(datadir_find("probes/none.rows", path));
    assert_string_equal(path, in_folder("probes/none.rows"));
    unsetenv("POSTERN_DATA");
    assert_false(datadir_find("no-such-file-anywhere", path));
    snprintf(want, sizeof(want), "%s/no-such-file-anywhere", POSTERN_DATADIR);
    assert_string_equal(path, want);
    assert_true(datadir_exe()[0] == '/');
    unlink(in_folder("probes/plain.rows"));
    rmdir(in_folder("probes"));
}

static void test_state(void **state)
{
    char path[DATADIR_PATH_MAX];

    assert_int_equal(datadir_state(in_folder("given"), path), 0);
    assert_string_equal(path, in_folder("given"));
    assert_int_equal(rmdir(path), 0);
    setenv("POSTERN_STATE", in_folder("env/state"), 1);
    assert_int_equal(datadir_state(NULL, path), 0);
    assert_string_equal(path, in_folder("env/state"));
    assert_int_equal(rmdir(path), 0);
    rmdir(in_folder("env"));
    assert_int_equal(datadir_state("/dev/null/x", path), -ENOTDIR);
    assert_string_equal(path, "/dev/null/x");
    unsetenv("POSTERN_STATE");
    if (geteuid() == 0)
        return; /* it would make /var/lib/postern */
    setenv("XDG_STATE_HOME", folder, 1);
    assert_int_equal(datadir_state(NULL, path), 0);
    assert_string_equal(path, in_folder("postern"));
    rmdir(path);
    setenv("XDG_STATE_HOME", "relative", 1);
    setenv("HOME", folder, 1);
    assert_int_equal(datadir_state(NULL, path), 0);
    assert_string_equal(path, in_folder(".local/state/postern"));
    rmdir(path);
    rmdir(in_folder(".local/state"));
    rmdir(in_folder(".local"));
}

static int add_line(void *cookie, struct span old, struct buf *ret)
{
    if (old.n > 100000)
        return -EDOM;
    buf_add(ret, old);
    buf_add_str(ret, cookie);
    return 0;
}

/* Nobody's change is lost; mode stays; a refusal leaves the file as it is. */
static void test_change(void **state)
{
    enum { CHANGERS = 4, TIMES = 25 };
    char path[200], line[] = "a line\n";
    struct buf text = BUF_INIT(10000);
    struct stat st;

    snprintf(path, sizeof(path), "%s", in_folder("changed"));
    for (unsigned i = 0; i < CHANGERS; i++)
        if (fork() == 0) {
            for (unsigned k = 0; k < TIMES; k++)
                if (file_change(path, 10000, 0600, add_line, line) < 0)
                    _exit(1);
            _exit(0);
        }
    for (unsigned i = 0; i < CHANGERS; i++) {
        int status = 1;

        wait(&status);
        assert_int_equal(status, 0);
    }
    assert_int_equal(file_read(path, &text), 0);
    assert_int_equal(text.n, CHANGERS * TIMES * (sizeof(line) - 1));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(file_change(path, 10000, 0600, add_line, line), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(file_change(path, text.n + sizeof(line) - 1, 0600, add_line, line), -EFBIG);
    assert_int_equal(file_change(in_folder("no/such"), 10, 0600, add_line, line), -ENOENT);
    assert_int_equal(file_change(folder, 10, 0600, add_line, line), -EINVAL);
    unlink(path);
    buf_deinit(&text);
}

static int make_folder(void **state)
{
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),        cmocka_unit_test(test_write),
        cmocka_unit_test(test_create_race), cmocka_unit_test(test_mkdirs),
        cmocka_unit_test(test_data),        cmocka_unit_test(test_state),
        cmocka_unit_test(test_change),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
