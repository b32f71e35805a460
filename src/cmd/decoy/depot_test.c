/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/decoy/depot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { DAY = 86400 };

static const int64_t wall = 1772366400; /* 2026-03-01T12:00:00Z */
static char folder[64], review[80];
static struct depot *d;

static int set_up(void **state)
{
    snprintf(folder, sizeof(folder), "/tmp/postern-depot-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(review, sizeof(review), "%s/review", folder);
    return mkdir(review, 0700);
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;
    char inner[400];

    while (dir && (e = readdir(dir))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof(inner), "%.100s/%.250s", path, e->d_name);
        if (unlink(inner) < 0)
            remove_all(inner);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static int tear_down(void **state)
{
    depot_close(&d);
    depot_close(&d);
    remove_all(folder);
    return 0;
}

static void open_it(uint64_t max, const char *review_folder)
{
    char err[DEPOT_ERROR_MAX] = "";

    if (depot_open(folder, review_folder, max, &d, err) != 0)
        fail_msg("%s", err);
}

static unsigned files_in(const char *name)
{
    char path[100];
    DIR *dir;
    unsigned n = 0;
    struct dirent *e;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    dir = opendir(path);
    assert_non_null(dir);
    while ((e = readdir(dir)))
        n += e->d_name[0] != '.';
    closedir(dir);
    return n;
}

static bool collect(void *cookie, struct span line)
{
    struct buf *out = cookie;

    buf_addf(out, "%.*s|", (int)(line.n < 20 ? line.n : 20), line.p);
    return true;
}

static void assert_lines(const char *want)
{
    struct buf out = BUF_INIT(1 << 20);

    assert_int_equal(depot_read(folder, collect, &out), 0);
    assert_string_equal(buf_str(&out), want);
    buf_deinit(&out);
}

static void days_and_order(void **state)
{
    open_it(8 << 20, NULL);
    assert_int_equal(depot_add_line(d, SPAN_LIT("a\n"), wall), 0);
    assert_int_equal(depot_add_line(d, SPAN_LIT("b\n"), wall + DAY), 0);
    assert_int_equal(depot_add_line(d, SPAN_LIT("c\n"), wall), 0); /* the clock went back */
    assert_int_equal(files_in("records"), 2);
    assert_lines("a|c|b|");
    depot_close(&d);
    open_it(8 << 20, NULL);
    assert_int_equal(depot_add_line(d, SPAN_LIT("d\n"), wall + DAY), 0);
    assert_int_equal(files_in("records"), 2);
    assert_lines("a|c|b|d|");
}

static void pieces(void **state)
{
    static char line[200 << 10];

    memset(line, 'x', sizeof(line));
    line[sizeof(line) - 1] = '\n';
    open_it(8 << 20, NULL);
    /* 512 KiB a piece: two such lines each. */
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(depot_add_line(d, span_of(line, sizeof(line)), wall), 0);
    assert_int_equal(files_in("records"), 3);
}

static void the_bound_holds(void **state)
{
    static char body[60 << 10];
    char id[RECORD_BODY_ID + 1], first[RECORD_BODY_ID + 1];
    unsigned again;

    open_it(8 << 20, NULL);
    assert_int_equal(depot_add_line(d, SPAN_LIT("kept\n"), wall), 0);
    for (unsigned i = 0; i < 400; i++) {
        memcpy(body, &i, sizeof(i));
        assert_int_equal(depot_add_body(d, span_of(body, sizeof(body)), i ? id : first, &again), 0);
        assert_int_equal(again, 0);
        assert_true(depot_counts(d).bytes <= 8 << 20);
    }
    assert_true(depot_counts(d).evicted > 200);
    assert_int_equal(files_in("bodies") + 1, depot_counts(d).files);
    /* The open piece is as young as its last line. */
    assert_lines("kept|");
    /* What was evicted is kept anew, and remembered as seen. */
    memset(body, 0, sizeof(unsigned));
    assert_int_equal(depot_add_body(d, span_of(body, sizeof(body)), id, &again), 0);
    assert_string_equal(id, first);
    assert_int_equal(again, 1);
    depot_close(&d);
    open_it(8 << 20, NULL);
    assert_true(depot_counts(d).bytes <= 8 << 20 && depot_counts(d).files > 100);
}

static void a_smaller_bound_at_the_start(void **state)
{
    static char body[60 << 10];
    char id[RECORD_BODY_ID + 1];
    unsigned again;

    open_it(64 << 20, NULL);
    for (unsigned i = 0; i < 300; i++) {
        memcpy(body, &i, sizeof(i));
        assert_int_equal(depot_add_body(d, span_of(body, sizeof(body)), id, &again), 0);
    }
    depot_close(&d);
    open_it(8 << 20, NULL);
    assert_true(depot_counts(d).bytes <= 8 << 20);
    assert_int_equal(files_in("bodies"), depot_counts(d).files);
}

static void bodies_once(void **state)
{
    char id[RECORD_BODY_ID + 1];
    unsigned again;

    open_it(8 << 20, NULL);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(depot_add_body(d, SPAN_LIT("abc"), id, &again), 0);
        assert_int_equal(again, i);
    }
    assert_string_equal(id, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(files_in("bodies"), 1);
    depot_close(&d);
    open_it(8 << 20, NULL); /* the count is forgotten, that it was seen is not */
    assert_int_equal(depot_add_body(d, SPAN_LIT("abc"), id, &again), 0);
    assert_int_equal(again, 1);
    assert_int_equal(depot_add_body(d, SPAN_NULL, id, &again), 0);
}

static void torn_line(void **state)
{
    char path[120];
    int fd;

    open_it(8 << 20, NULL);
    assert_int_equal(depot_add_line(d, SPAN_LIT("whole\n"), wall), 0);
    depot_close(&d);
    snprintf(path, sizeof(path), "%s/records/2026-03-01.000.jsonl", folder);
    fd = open(path, O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "torn", 4), 4);
    close(fd);
    open_it(8 << 20, NULL);
    assert_int_equal(depot_add_line(d, SPAN_LIT("after\n"), wall), 0);
    assert_lines("whole|torn|after|");
}

static void review_is_never_emptied(void **state)
{
    char id[16], path[160];

    open_it(8 << 20, review);
    for (unsigned i = 0; i < DEPOT_REVIEW_MAX; i++) {
        snprintf(id, sizeof(id), "t%u", i);
        assert_int_equal(depot_add_review(d, id, wall, SPAN_LIT("x")), 1);
    }
    assert_int_equal(depot_add_review(d, "more", wall, SPAN_LIT("x")), 0);
    assert_int_equal(files_in("review"), DEPOT_REVIEW_MAX);
    snprintf(path, sizeof(path), "%s/2026-03-01T12:00:00Z-t0.eml", review);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(depot_add_review(d, "more", wall + 59, SPAN_LIT("x")), 0);
    assert_int_equal(depot_add_review(d, "more", wall + 60, SPAN_LIT("x")), 1);
    depot_close(&d);
    open_it(8 << 20, NULL);
    assert_int_equal(depot_add_review(d, "none", wall, SPAN_LIT("x")), 0);
}

static void what_cannot_be(void **state)
{
    char err[DEPOT_ERROR_MAX];

    assert_int_equal(depot_open(folder, "/nonexistent", 8 << 20, &d, err), -ENOENT);
    assert_non_null(strstr(err, "/nonexistent"));
    assert_null(d);
    assert_lines("");
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(days_and_order),  TEST(pieces),
        TEST(the_bound_holds), TEST(bodies_once),
        TEST(torn_line),       TEST(a_smaller_bound_at_the_start),
        TEST(what_cannot_be),  TEST(review_is_never_emptied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
