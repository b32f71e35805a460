/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/maildir.h"

#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct box {
    char path[64];
    struct maildir *m;
    struct buf log; /* "file=text;" of what was handed out */
    int say;        /* what the callback returns */
};

static const char *in(const struct box *b, const char *name)
{
    static char path[200];

    snprintf(path, sizeof(path), "%s/%s", b->path, name);
    return path;
}

static void put(const struct box *b, const char *name, const char *text)
{
    assert_int_equal(file_write(in(b, name), span_str(text), 0600), 0);
}

static int set_up(void **state)
{
    static const char *const folders[] = {"new", "cur", "tmp", ".sub", ".sub/new", ".sub/cur"};
    struct box *b = calloc(1, sizeof(*b));
    char err[MAILDIR_ERROR_MAX] = "";

    assert_non_null(b);
    snprintf(b->path, sizeof(b->path), "/tmp/postern-maildir-XXXXXX");
    assert_non_null(mkdtemp(b->path));
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(mkdir(in(b, folders[i]), 0700), 0);
    b->log = (struct buf)BUF_INIT(1 << 22);
    if (maildir_open(b->path, time(NULL), &b->m, err) < 0)
        print_error("%s\n", err);
    assert_non_null(b->m);
    *state = b;
    return 0;
}

static int rm(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    return remove(path);
}

static int tear_down(void **state)
{
    struct box *b = *state;

    maildir_close(&b->m);
    maildir_close(&b->m);
    nftw(b->path, rm, 10, FTW_DEPTH | FTW_PHYS);
    buf_deinit(&b->log);
    free(b);
    return 0;
}

static int take(void *ctx, const char *file, struct span message, bool cut, int64_t wall)
{
    struct box *b = ctx;

    buf_addf(&b->log, "%s=%.*s%s;", file, message.n > 20 ? 0 : (int)message.n,
             message.p ? message.p : "", cut ? "+" : "");
    assert_true(wall > 0);
    return b->say;
}

static const char *poll_once(struct box *b, int want)
{
    buf_clear(&b->log);
    assert_int_equal(maildir_poll(b->m, take, b), want);
    return buf_str(&b->log);
}

static void each_message_once(void **state)
{
    struct box *b = *state;

    assert_string_equal(poll_once(b, 0), "");
    put(b, "new/1.a.host", "one");
    assert_string_equal(poll_once(b, 0), "new/1.a.host=one;");
    assert_string_equal(poll_once(b, 0), "");
    /* A reader takes it: moved and flagged, it is the same message. */
    char from[200];
    snprintf(from, sizeof(from), "%s", in(b, "new/1.a.host"));
    assert_int_equal(rename(from, in(b, "cur/1.a.host:2,S")), 0);
    assert_string_equal(poll_once(b, 0), "");
    put(b, "cur/2.b.host:2,", "two");
    assert_string_equal(poll_once(b, 0), "cur/2.b.host:2,=two;");
    put(b, ".sub/new/3.c.host", "three");
    assert_string_equal(poll_once(b, 0), ".sub/new/3.c.host=three;");
    assert_string_equal(poll_once(b, 0), "");
}

static void not_ours_to_read(void **state)
{
    struct box *b = *state;

    put(b, "tmp/1.a.host", "being written");
    put(b, "new/.hidden", "x");
    put(b, "outside", "secret");
    assert_int_equal(symlink("../outside", in(b, "new/4.link")), 0);
    assert_int_equal(mkfifo(in(b, "new/5.fifo"), 0600), 0);
    assert_int_equal(mkdir(in(b, "new/6.folder"), 0700), 0);
    assert_string_equal(poll_once(b, 0), "");
    assert_string_equal(poll_once(b, 0), "");
}

static void old_messages_are_passed_over(void **state)
{
    struct box *b = *state;
    char err[MAILDIR_ERROR_MAX];

    put(b, "new/1.old", "old");
    maildir_close(&b->m);
    assert_int_equal(maildir_open(b->path, time(NULL) + MAILDIR_SLACK + 10, &b->m, err), 0);
    assert_string_equal(poll_once(b, 0), "");
    maildir_close(&b->m);
    assert_int_equal(maildir_open(b->path, time(NULL) + MAILDIR_SLACK - 10, &b->m, err), 0);
    assert_string_equal(poll_once(b, 0), "new/1.old=old;");
}

static void what_was_not_taken_comes_again(void **state)
{
    struct box *b = *state;

    put(b, "new/1.a", "one");
    b->say = -ENOSPC;
    assert_string_equal(poll_once(b, -ENOSPC), "new/1.a=one;");
    b->say = 0;
    assert_string_equal(poll_once(b, 0), "new/1.a=one;");
    assert_string_equal(poll_once(b, 0), "");
}

static void long_messages_are_cut(void **state)
{
    struct box *b = *state;
    struct buf text = BUF_INIT(2 * MAILDIR_MESSAGE_MAX);

    while (text.n < MAILDIR_MESSAGE_MAX)
        buf_add_char(&text, 'x');
    assert_int_equal(file_write(in(b, "new/1.fits"), buf_span(&text), 0600), 0);
    assert_string_equal(poll_once(b, 0), "new/1.fits=;");
    buf_add_char(&text, 'x');
    assert_int_equal(file_write(in(b, "new/2.long"), buf_span(&text), 0600), 0);
    assert_string_equal(poll_once(b, 0), "new/2.long=+;");
    put(b, "new/3.empty", "");
    assert_string_equal(poll_once(b, 0), "new/3.empty=;");
    buf_deinit(&text);
}

static void nothing_is_changed(void **state)
{
    struct box *b = *state;
    struct timespec then[2] = {{.tv_sec = time(NULL) - 5}, {.tv_sec = time(NULL) - 5}};
    struct stat before, after;

    put(b, "new/1.a", "one");
    assert_int_equal(utimensat(AT_FDCWD, in(b, "new/1.a"), then, 0), 0);
    assert_int_equal(stat(in(b, "new/1.a"), &before), 0);
    assert_string_equal(poll_once(b, 0), "new/1.a=one;");
    assert_int_equal(stat(in(b, "new/1.a"), &after), 0);
    assert_memory_equal(&before.st_atim, &after.st_atim, sizeof(before.st_atim));
    assert_memory_equal(&before.st_ctim, &after.st_ctim, sizeof(before.st_ctim));
}

/* Past the table's first sizes; every name is met once, however many there are. */
static void many(void **state)
{
    struct box *b = *state;
    char name[40];

    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "new/%d.m", i);
        int fd = open(in(b, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    poll_once(b, 0);
    size_t lines = 0;
    for (size_t i = 0; i < b->log.n; i++)
        lines += b->log.p[i] == ';';
    assert_int_equal(lines, 2000);
    assert_string_equal(poll_once(b, 0), "");
}

static void no_maildir(void **state)
{
    struct box *b = *state;
    struct maildir *m = NULL;
    char err[MAILDIR_ERROR_MAX] = "";

    assert_false(maildir_is(in(b, "new")));
    assert_true(maildir_is(b->path));
    assert_int_equal(maildir_open(in(b, "new"), 0, &m, err), -ENOTDIR);
    assert_null(m);
    assert_non_null(strstr(err, "new and cur"));
    assert_int_equal(maildir_open(in(b, "none"), 0, &m, err), -ENOENT);
    put(b, "file", "x");
    assert_int_equal(maildir_open(in(b, "file"), 0, &m, err), -ENOTDIR);
    /* It goes away while it is watched: an error, and no harm when it comes back. */
    char moved[80];
    snprintf(moved, sizeof(moved), "%s.moved", b->path);
    assert_int_equal(rename(b->path, moved), 0);
    poll_once(b, -ENOENT);
    assert_int_equal(rename(moved, b->path), 0);
    put(b, "new/1.a", "one");
    assert_string_equal(poll_once(b, 0), "new/1.a=one;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_message_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(not_ours_to_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(old_messages_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_not_taken_comes_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_messages_are_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_maildir, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("maildir", tests, NULL, NULL);
}
