/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What can be tested without a server: URLs, passwords, the life of the thread. The dialogue
 * itself is tested against a real server and against hostile ones in tests/e2e/test_prove_imap.py.
 */
#include "io/imap_session.h"

#include "io/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void urls(void **state)
{
    static const struct {
        const char *name, *url, *user,
            *want; /* "server mailbox user", or the start of the reason */
    } cases[] = {
        {"all of it", "imaps://joe@mail.example:1993/Tests", NULL,
         "imaps://mail.example:1993/ Tests joe"},
        {"no mailbox", "imaps://mail.example", NULL, "imaps://mail.example/ INBOX -"},
        {"a slash", "imaps://mail.example/", NULL, "imaps://mail.example/ INBOX -"},
        {"plain scheme", "imap://127.0.0.1:143/INBOX", "joe", "imap://127.0.0.1:143/ INBOX joe"},
        {"user apart wins", "imaps://joe@mail.example/", "ann", "imaps://mail.example/ INBOX ann"},
        {"user with an @", "imaps://joe%40example.org@mail.example/", NULL,
         "imaps://mail.example/ INBOX joe@example.org"},
        {"folder", "imaps://mail.example/INBOX/Relay%20tests", NULL,
         "imaps://mail.example/ INBOX/Relay tests -"},
        {"IPv6", "imaps://[2001:db8::1]/", NULL, "imaps://[2001:db8::1]/ INBOX -"},
        {"password", "imaps://joe:secret@mail.example/", NULL, "no password in the URL"},
        {"empty password", "imaps://joe:@mail.example/", NULL, "no password in the URL"},
        {"another scheme", "https://mail.example/", NULL, "the mailbox's URL must begin"},
        {"no scheme", "mail.example", NULL, "that is no URL"},
        {"empty", "", NULL, "that is no URL"},
        {"query", "imaps://mail.example/INBOX?ALL", NULL, "the mailbox's URL has a ?"},
        {"command in the mailbox", "imaps://mail.example/a%0D%0AB%20LOGOUT", NULL,
         "the mailbox's name"},
        {"UID", "imaps://mail.example/INBOX;UID=1", NULL, "the mailbox's name"},
        {"beyond ASCII", "imaps://mail.example/%C3%A4", NULL, "the mailbox's name"},
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct imap_config config = {.url = cases[i].url, .user = cases[i].user, .password = "x"};
        char err[IMAP_ERROR_MAX] = "", got[600];
        struct imap_setup s;
        int rc = imap_setup_init(&s, &config, err);

        print_message("# %s\n", cases[i].name);
        if (rc == 0)
            snprintf(got, sizeof(got), "%s %s %s", s.server, s.mailbox, s.user ? s.user : "-");
        else
            snprintf(got, sizeof(got), "%.*s", (int)strlen(cases[i].want), err);
        assert_true(rc == 0 || rc == -EINVAL);
        assert_string_equal(got, cases[i].want);
        imap_setup_deinit(&s);
        imap_setup_deinit(&s);
    }
}

/* Without a password .netrc is asked, about the user that stands in the URL. */
static void user_for_netrc(void **state)
{
    struct imap_config config = {.url = "imaps://mail.example/Tests", .user = "joe@example.org"};
    char err[IMAP_ERROR_MAX] = "";
    struct imap_setup s;

    assert_int_equal(imap_setup_init(&s, &config, err), 0);
    assert_string_equal(s.server, "imaps://joe%40example.org@mail.example/");
    assert_string_equal(s.mailbox, "Tests");
    imap_setup_deinit(&s);
}

static void passwords(void **state)
{
    char path[] = "/tmp/postern-imap-XXXXXX", err[IMAP_ERROR_MAX] = "";
    struct buf got = BUF_INIT(100);
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(file_write(path, SPAN_LIT("open sesame\r\nsecond line\n"), 0600), 0);
    assert_int_equal(imap_password(path, &got, err), 0);
    assert_string_equal(buf_str(&got), "open sesame");
    buf_clear(&got);
    assert_int_equal(file_write(path, SPAN_LIT("\nx"), 0600), 0);
    assert_int_equal(imap_password(path, &got, err), -EINVAL);
    assert_int_equal(file_write(path, SPAN_LIT("x"), 0640), 0);
    assert_int_equal(imap_password(path, &got, err), -EPERM);
    assert_non_null(strstr(err, "chmod 600"));
    unlink(path);
    assert_int_equal(imap_password(path, &got, err), -ENOENT);

    assert_int_equal(setenv("POSTERN_IMAP_PASSWORD", "of the environment", 1), 0);
    assert_int_equal(imap_password(NULL, &got, err), 0);
    assert_string_equal(buf_str(&got), "of the environment");
    unsetenv("POSTERN_IMAP_PASSWORD");
    buf_clear(&got);
    assert_int_equal(imap_password(NULL, &got, err), 0);
    assert_int_equal(got.n, 0);
    buf_deinit(&got);
}

static struct loop *loop;
static unsigned troubles;

static void on_trouble(void *cookie, const char *why, int64_t again_ms)
{
    print_message("# %s, again in %lld ms\n", why, (long long)again_ms);
    assert_true(again_ms > 0);
    troubles++;
    loop_stop(loop);
}

/* Nobody listens: a trouble that may go away; then the thread is ended while it waits. */
static void nobody_listens(void **state)
{
    static const struct imap_events events = {.trouble = on_trouble};
    struct imap_config config = {.url = "imap://127.0.0.1:1/INBOX", .user = "joe", .plain = true};
    char err[IMAP_ERROR_MAX];
    struct imap *imap;

    assert_int_equal(loop_new(&loop), 0);
    assert_int_equal(imap_new(loop, &config, &events, NULL, &imap, err), 0);
    loop_run(loop);
    assert_int_equal(troubles, 1);
    imap_free(&imap);
    imap_free(&imap);
    loop_free(&loop);
}

/*
 * A loop that is dropped with a reader on it, and one that is freed before its first round is
 * over.
 */
static void dropped_early(void **state)
{
    static const struct imap_events events = {.trouble = on_trouble};
    struct imap_config config = {.url = "imap://127.0.0.1:1/INBOX", .plain = true};
    char err[IMAP_ERROR_MAX];
    struct imap *imap;

    assert_int_equal(loop_new(&loop), 0);
    assert_int_equal(imap_new(loop, &config, &events, NULL, &imap, err), 0);
    imap_free(&imap);
    assert_int_equal(imap_new(loop, &config, &events, NULL, &imap, err), 0);
    loop_free(&loop);
    assert_int_equal(troubles, 1);
}

static void refused_at_once(void **state)
{
    static const struct imap_events events = {0};
    struct imap_config config = {.url = "imaps://joe:secret@127.0.0.1/INBOX"};
    char err[IMAP_ERROR_MAX] = "";
    struct imap *imap = NULL;

    assert_int_equal(loop_new(&loop), 0);
    assert_int_equal(imap_new(loop, &config, &events, NULL, &imap, err), -EINVAL);
    assert_null(imap);
    assert_null(strstr(err, "secret"));
    loop_free(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls),          cmocka_unit_test(user_for_netrc),
        cmocka_unit_test(passwords),     cmocka_unit_test(nobody_listens),
        cmocka_unit_test(dropped_early), cmocka_unit_test(refused_at_once),
    };

    return cmocka_run_group_tests_name("imap", tests, NULL, NULL);
}
