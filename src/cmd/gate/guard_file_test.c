/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/gate/guard_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[80];
static struct guard_file *f;

static int set_up(void **state)
{
    snprintf(folder, sizeof(folder), "/tmp/guard-file-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/guard", folder);
    return guard_file_open(path, (uid_t)-1, &f);
}

static int tear_down(void **state)
{
    guard_file_close(&f);
    guard_file_close(&f);
    unlink(path);
    return rmdir(folder);
}

static void check(int want, const char *words)
{
    struct buf out = BUF_INIT(GUARD_FILE_WORDS);

    assert_int_equal(guard_file_read(f, &out), want);
    assert_string_equal(buf_str(&out), words);
    buf_deinit(&out);
}

static void put(const char *words)
{
    assert_int_equal(guard_file_write(f, span_str(words)), 0);
}

static void reopen(void)
{
    guard_file_close(&f);
    assert_int_equal(guard_file_open(path, getuid(), &f), 0);
}

static void test_life(void **state)
{
    check(0, "");
    put("one");
    check(0, "one");
    reopen();
    check(0, "one");
    for (int i = 0; i < 9; i++)
        put(i % 2 ? "firewall-nat all 7 192.0.2.1" : "");
    check(0, "");
    put("two words");
    reopen();
    check(0, "two words");
    assert_int_equal(guard_file_open(folder, (uid_t)-1, &f), -EISDIR);
}

static void spoil(off_t at, const char *bytes)
{
    int fd = open(path, O_WRONLY);

    assert_int_equal(pwrite(fd, bytes, strlen(bytes), at), (ssize_t)strlen(bytes));
    close(fd);
}

/* Whatever octet a crash stopped at, one of the two slots is as it was. */
static void test_torn(void **state)
{
    char old[GUARD_FILE_SLOT], fresh[2 * GUARD_FILE_SLOT];
    size_t end;
    int fd;

    put("first");
    put("second");
    fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, old, sizeof(old), 0), (ssize_t)sizeof(old)); /* holds "first" */
    put("third");
    assert_int_equal(pread(fd, fresh, sizeof(fresh), 0), (ssize_t)sizeof(fresh));
    end = span_find(span_of(fresh, GUARD_FILE_SLOT), '\n'); /* at the same place in both */
    for (size_t cut = 0; cut <= GUARD_FILE_SLOT; cut++) {
        assert_int_equal(pwrite(fd, fresh, cut, 0), (ssize_t)cut);
        assert_int_equal(pwrite(fd, old + cut, sizeof(old) - cut, (off_t)cut),
                         (ssize_t)(sizeof(old) - cut));
        check(0, cut >= end ? "third" : "second");
    }
    close(fd);
}

/* A crash at the very first writing leaves a file that is shorter. */
static void test_short(void **state)
{
    put("first");
    for (off_t n = GUARD_FILE_SLOT - 1; n >= 0; n -= 97) {
        assert_int_equal(truncate(path, n), 0);
        check(n ? -EBADMSG : 0, "");
    }
    put("again");
    check(0, "again");
}

static void test_spoilt(void **state)
{
    put("first");
    put("second");
    spoil(GUARD_FILE_SLOT + 30, "x");
    check(0, "second"); /* in the padding */
    spoil(GUARD_FILE_SLOT + 20, "x");
    check(0, "first");
    spoil(0, "zz");
    check(-EBADMSG, "");
    put("third");
    check(0, "third");
}

static void test_bounds(void **state)
{
    char longest[GUARD_FILE_WORDS + 2];

    memset(longest, 'a', sizeof(longest));
    put("short");
    assert_int_equal(guard_file_write(f, span_of(longest, GUARD_FILE_WORDS + 1)), -EMSGSIZE);
    check(0, "short");
    longest[GUARD_FILE_WORDS] = '\0';
    put(longest);
    check(0, longest);
    assert_int_equal(guard_file_open("/nowhere/guard", (uid_t)-1, &f), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_life, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_torn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_short, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_spoilt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
