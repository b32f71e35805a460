/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/notice.h"

#include "base/span.h"
#include "io/file.h"
#include "io/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct notice *notice;
static char folder[100], path[150];
static struct timer stop;

static struct {
    int folder;
    char name[50];
    enum notice_what what;
} seen[100];
static size_t count;

static void on_notice(void *cookie, int from, const char *name, enum notice_what what)
{
    assert_true(count < 100);
    seen[count].folder = from;
    snprintf(seen[count].name, sizeof(seen[count].name), "%s", name);
    seen[count++].what = what;
    loop_stop(loop);
}

static void on_late(void *cookie)
{
    fail_msg("nothing was told");
}

static int set_up(void **state)
{
    snprintf(folder, sizeof(folder), "/tmp/notice-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/file", folder);
    assert_int_equal(loop_new(&loop), 0);
    assert_int_equal(notice_open(loop, on_notice, NULL, &notice), 0);
    count = 0;
    return 0;
}

static int tear_down(void **state)
{
    timer_stop(&stop);
    notice_close(&notice);
    notice_close(&notice);
    loop_free(&loop);
    unlink(path);
    rmdir(folder);
    return 0;
}

/* Runs until that was told of the file. */
static void wait_for(const char *name, enum notice_what what)
{
    timer_init(&stop, on_late, NULL);
    timer_start(&stop, loop, 10000);
    for (;;) {
        for (size_t i = 0; i < count; i++)
            if (strcmp(seen[i].name, name) == 0 && seen[i].what == what) {
                count = 0;
                timer_stop(&stop);
                return;
            }
        loop_run(loop);
    }
}

static void test_file(void **state)
{
    int fd, wd = notice_add(notice, folder);

    assert_true(wd >= 0);
    assert_int_equal(notice_add(notice, folder), wd);
    fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0600);
    assert_true(fd >= 0);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(write(fd, "a", 1), 1);
        wait_for("file", NOTICE_WRITTEN);
    }
    close(fd);
    wait_for("file", NOTICE_CLOSED);
    /* Replaced by rename, it is still told by its name. */
    assert_int_equal(file_write(path, SPAN_LIT("new"), 0600), 0);
    wait_for("file", NOTICE_CLOSED);
    assert_int_equal(unlink(path), 0);
    wait_for("file", NOTICE_GONE);
}

static void test_folder(void **state)
{
    assert_int_equal(notice_add(notice, "/nowhere/at/all"), -ENOENT);
    assert_true(notice_add(notice, folder) >= 0);
    assert_int_equal(rmdir(folder), 0);
    wait_for("", NOTICE_LOST);
}

/* file -> there/file, and on from there: the folders of the link and of what it stands for. */
static void test_way(void **state)
{
    int found[NOTICE_WAY_MAX], wd = notice_add(notice, folder);
    char sub[160], file[200];
    bool winding;

    snprintf(sub, sizeof(sub), "%s/there", folder);
    snprintf(file, sizeof(file), "%s/file", sub);
    assert_int_equal(notice_add_way(notice, path, found, &winding), 1);
    assert_int_equal(found[0], wd);
    assert_true(winding);
    assert_int_equal(symlink("there/file", path), 0);
    wait_for("file", NOTICE_CLOSED);
    assert_int_equal(notice_add_way(notice, path, found, &winding), 2);
    assert_true(winding);
    assert_int_equal(mkdir(sub, 0700), 0);
    assert_int_equal(file_write(file, SPAN_LIT("x"), 0600), 0);
    assert_int_equal(notice_add_way(notice, path, found, &winding), 2);
    assert_int_equal(found[0], wd);
    assert_int_equal(found[1], notice_add(notice, sub));
    assert_true(winding);
    assert_int_equal(notice_add_way(notice, file, found, &winding), 1);
    assert_int_equal(found[0], notice_add(notice, sub));
    assert_false(winding);
    /* A link to itself ends somewhere. */
    unlink(path);
    assert_int_equal(symlink("file", path), 0);
    assert_true(notice_add_way(notice, path, found, &winding) <= NOTICE_WAY_MAX);
    unlink(path);
    assert_int_equal(unlink(file), 0);
    wait_for("file", NOTICE_GONE);
    assert_int_equal(rmdir(sub), 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_way, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
