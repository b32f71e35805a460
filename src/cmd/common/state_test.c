/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/common/state.h"

#include "io/file.h"

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
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char top[64];
    char folder[96];
    struct state state;
    char err[STATE_ERROR_MAX];
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    snprintf(p->top, sizeof(p->top), "/tmp/postern-state-XXXXXX");
    assert_non_null(mkdtemp(p->top));
    snprintf(p->folder, sizeof(p->folder), "%s/a/state", p->top);
    unsetenv("POSTERN_STATE");
    *state = p;
    return 0;
}

static void empty(const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *e;

    while (dir && (e = readdir(dir))) {
        char name[512];

        if (e->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
        if (unlink(name) < 0)
            empty(name);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

static int tear_down(void **state)
{
    struct place *p = *state;

    empty(p->top);
    free(p);
    return 0;
}

static const char *in(const struct place *p, const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/%s", p->folder, name);
    return path;
}

static void open_it(struct place *p)
{
    if (state_open(&p->state, p->folder, true, p->err) < 0)
        fail_msg("%s", p->err);
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 07777;
}

static void folder(void **state)
{
    struct place *p = *state;

    assert_int_equal(state_open(&p->state, p->folder, false, p->err), -ENOENT);
    assert_non_null(strstr(p->err, p->folder));
    assert_int_not_equal(access(p->folder, F_OK), 0);
    open_it(p);
    assert_int_equal(mode_of(p->folder), 0700);
    assert_string_equal(p->state.folder, p->folder);
    assert_int_equal(state_open(&p->state, p->folder, false, p->err), 0);
    /* The environment names it too, and the flag wins. */
    setenv("POSTERN_STATE", p->folder, 1);
    assert_int_equal(state_open(&p->state, NULL, false, p->err), 0);
    assert_string_equal(p->state.folder, p->folder);
    assert_int_equal(state_open(&p->state, "/nonexistent/x", false, p->err), -ENOENT);
    unsetenv("POSTERN_STATE");

    assert_int_equal(chmod(p->folder, 0755), 0);
    assert_int_equal(state_open(&p->state, p->folder, false, p->err), 0);
    assert_int_equal(chmod(p->folder, 0770), 0);
    assert_int_equal(state_open(&p->state, p->folder, false, p->err), -EPERM);
    assert_non_null(strstr(p->err, "chmod 700"));
    assert_int_equal(chmod(p->folder, 0700), 0);

    assert_int_equal(file_write(in(p, "file"), SPAN_LIT("x"), 0600), 0);
    char file[256];
    snprintf(file, sizeof(file), "%s", in(p, "file"));
    assert_int_equal(state_open(&p->state, file, true, p->err), -ENOTDIR);
    assert_non_null(strstr(p->err, "--state"));
}

static void key_is_made_once(void **state)
{
    struct place *p = *state;
    uint8_t one[MAC_KEY] = {0}, two[MAC_KEY] = {0}, zero[MAC_KEY] = {0};

    open_it(p);
    assert_int_equal(state_key(&p->state, false, one, p->err), -ENOENT);
    assert_non_null(strstr(p->err, "no key yet"));
    assert_int_not_equal(access(in(p, "key"), F_OK), 0);
    assert_int_equal(state_key(&p->state, true, one, p->err), 0);
    assert_memory_not_equal(one, zero, MAC_KEY);
    assert_int_equal(mode_of(in(p, "key")), 0600);
    assert_int_equal(state_key(&p->state, true, two, p->err), 0);
    assert_memory_equal(one, two, MAC_KEY);
    assert_int_equal(state_key(&p->state, false, two, p->err), 0);
    assert_memory_equal(one, two, MAC_KEY);
    /* Another folder, another key. */
    assert_int_equal(unlink(in(p, "key")), 0);
    assert_int_equal(state_key(&p->state, true, two, p->err), 0);
    assert_memory_not_equal(one, two, MAC_KEY);
}

/* Made by the superuser in the folder of a service: the service can read it. */
static void key_in_folder_of_another(void **state)
{
    struct place *p = *state;
    uint8_t key[MAC_KEY], other[MAC_KEY];
    int status = 0, report[2];

    if (geteuid() != 0)
        skip();
    open_it(p);
    assert_int_equal(chmod(p->top, 0755), 0);
    assert_int_equal(chown(p->folder, 65534, 65534), 0);
    assert_int_equal(state_key(&p->state, true, key, p->err), 0);
    assert_int_equal(pipe(report), 0);
    pid_t pid = fork();
    if (pid == 0) {
        if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0 ||
            state_key(&p->state, false, key, p->err) < 0)
            _exit(1);
        _exit(write(report[1], key, MAC_KEY) != MAC_KEY);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(read(report[0], other, MAC_KEY), MAC_KEY);
    assert_memory_equal(key, other, MAC_KEY);
    close(report[0]);
    close(report[1]);
}

static const struct {
    const char *name;
    const char *text;
    mode_t mode;
    int want;
} keys[] = {
    {"good", "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsa\n", 0600, 0},
    {"upper case, CRLF", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567ABCDEFGHIJKLMNOPQRSA\r\n", 0400, 0},
    {"no newline", "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsa", 0600, 0},
    {"empty", "", 0600, -EBADMSG},
    {"short", "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrs\n", 0600, -EBADMSG},
    {"long", "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsaa\n", 0600, -EBADMSG},
    {"much too long",
     "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsa\n"
     "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsa\n",
     0600, -EBADMSG},
    {"other letters", "0bcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsa\n", 0600, -EBADMSG},
    {"group may read", "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsa\n", 0640, -EPERM},
    {"all may write", "abcdefghijklmnopqrstuvwxyz234567abcdefghijklmnopqrsa\n", 0602, -EPERM},
};

static void key_files(void **state)
{
    struct place *p = *state;

    open_it(p);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        uint8_t key[MAC_KEY];
        struct buf after = BUF_INIT(1000);

        assert_int_equal(file_write(in(p, "key"), span_str(keys[i].text), keys[i].mode), 0);
        int rc = state_key(&p->state, true, key, p->err);
        if (rc != keys[i].want || (rc < 0 && !strstr(p->err, in(p, "key"))))
            fail_msg("%s: %d, %s", keys[i].name, rc, p->err);
        /* A bad key is never replaced, and never shown. */
        assert_int_equal(file_read(in(p, "key"), &after), 0);
        assert_string_equal(buf_str(&after), keys[i].text);
        assert_null(strstr(p->err, "cdefghij"));
        buf_deinit(&after);
    }
    unlink(in(p, "key"));
    assert_int_equal(mkdir(in(p, "key"), 0700), 0);
    uint8_t key[MAC_KEY];
    assert_int_equal(state_key(&p->state, true, key, p->err), -EBADMSG);
}

static void key_of_many_at_once(void **state)
{
    struct place *p = *state;
    uint8_t key[MAC_KEY];
    pid_t pids[12];
    int reports[2];

    open_it(p);
    assert_int_equal(pipe(reports), 0);
    for (size_t i = 0; i < 12; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            int rc = state_key(&p->state, true, key, p->err);

            if (rc == 0 && write(reports[1], key, MAC_KEY) != MAC_KEY)
                rc = -EIO;
            _exit(rc != 0);
        }
    }
    for (size_t i = 0; i < 12; i++) {
        int status = 1;

        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
    uint8_t mine[MAC_KEY];
    assert_int_equal(state_key(&p->state, false, mine, p->err), 0);
    for (size_t i = 0; i < 12; i++) {
        assert_int_equal(read(reports[0], key, MAC_KEY), MAC_KEY);
        assert_memory_equal(key, mine, MAC_KEY);
    }
    close(reports[0]);
    close(reports[1]);
    /* Nothing of the making is left. */
    DIR *dir = opendir(p->folder);
    struct dirent *e;
    while ((e = readdir(dir)))
        assert_true(e->d_name[0] == '.' || strcmp(e->d_name, "key") == 0);
    closedir(dir);
}

static void store_outcomes(void **state)
{
    struct place *p = *state;
    struct store *store = NULL;

    open_it(p);
    assert_int_equal(state_store_look(&p->state, &store, p->err), -ENOENT);
    assert_null(store);
    assert_int_equal(state_store(&p->state, STORE_CREATE, &store, p->err), 0);
    store_close(store);
    assert_int_equal(state_store_look(&p->state, &store, p->err), 0);
    store_close(store);
    assert_int_equal(file_write(in(p, "postern.db"), SPAN_LIT("nothing"), 0600), 0);
    assert_int_equal(state_store_look(&p->state, &store, p->err), -EBADMSG);
    assert_null(store);
    assert_non_null(strstr(p->err, "postern.db: is no store"));
}

static void one_at_a_run(void **state)
{
    struct place *p = *state;
    int one, two, other;

    open_it(p);
    assert_int_equal(state_lock_run(&p->state, 0xffffffff, &one, p->err), 0);
    assert_int_equal(state_lock_run(&p->state, 0xffffffff, &two, p->err), -EBUSY);
    assert_non_null(strstr(p->err, "ffffffff"));
    assert_int_equal(state_lock_run(&p->state, 0xfffffffe, &other, p->err), 0);
    /* Held by the descriptor: closing another one of the same file changes nothing. */
    close(other);
    assert_int_equal(state_lock_run(&p->state, 0xffffffff, &two, p->err), -EBUSY);
    close(one);
    assert_int_equal(state_lock_run(&p->state, 0xffffffff, &two, p->err), 0);
    close(two);
    pid_t pid = fork();
    if (pid == 0) {
        if (state_lock_run(&p->state, 7, &one, p->err) < 0)
            _exit(1);
        abort();
    }
    waitpid(pid, NULL, 0);
    assert_int_equal(state_lock_run(&p->state, 7, &two, p->err), 0);
    close(two);
    assert_int_equal(mode_of(in(p, "locks")), 0600);
}

static void lists(void **state)
{
    struct place *p = *state;
    struct scope_list scope, never;
    struct store *store = NULL;
    char more[256];

    open_it(p);
    assert_int_equal(state_lists(&p->state, NULL, NULL, NULL, &scope, &never, p->err), 0);
    assert_int_equal(scope.count + never.count, 0);
    assert_int_equal(state_lists(&p->state, NULL, "/nonexistent", NULL, &scope, &never, p->err),
                     -ENOENT);

    assert_int_equal(file_write(in(p, "scope"), SPAN_LIT("192.0.2.0/24 ours\n"), 0600), 0);
    assert_int_equal(file_write(in(p, "never"), SPAN_LIT("192.0.2.7 asked\n# x\n"), 0600), 0);
    assert_int_equal(file_write(in(p, "more"), SPAN_LIT("a.example\nb.example\n"), 0600), 0);
    snprintf(more, sizeof(more), "%s", in(p, "more"));
    assert_int_equal(state_store(&p->state, STORE_CREATE, &store, p->err), 0);
    struct store_rule rule = {.pattern = SPAN_LIT("c.example"), .reason = SPAN_LIT("r")};
    assert_int_equal(store_rule_add(store, STORE_LIST_NEVER, &rule), 0);
    assert_int_equal(state_lists(&p->state, store, more, NULL, &scope, &never, p->err), 0);
    assert_int_equal(scope.count, 3);
    assert_int_equal(never.count, 2);
    assert_string_equal(scope.rules[0].source, in(p, "scope"));
    assert_string_equal(scope.rules[2].source, more);
    assert_string_equal(never.rules[1].source, "store");
    scope_list_deinit(&scope);
    scope_list_deinit(&never);

    /* A bad line: its place, and no list at all. */
    assert_int_equal(file_write(in(p, "never"), SPAN_LIT("192.0.2.7\n\n1.2.3.4/40\n"), 0600), 0);
    assert_int_equal(state_lists(&p->state, store, NULL, NULL, &scope, &never, p->err), -EBADMSG);
    assert_non_null(strstr(p->err, "/never:3: "));
    assert_int_equal(scope.count + never.count, 0);
    assert_int_equal(unlink(in(p, "never")), 0);
    rule.pattern = SPAN_LIT("no good");
    assert_int_equal(store_rule_add(store, STORE_LIST_SCOPE, &rule), 0);
    assert_int_equal(state_lists(&p->state, store, NULL, NULL, &scope, &never, p->err), -EBADMSG);
    assert_non_null(strstr(p->err, "store: "));
    store_close(store);
}

static void exits(void **state)
{
    assert_int_equal(state_exit(-ENOENT), EX_NOINPUT);
    assert_int_equal(state_exit(-EBADMSG), EX_DATAERR);
    assert_int_equal(state_exit(-EUCLEAN), EX_DATAERR);
    assert_int_equal(state_exit(-EACCES), EX_NOPERM);
    assert_int_equal(state_exit(-EBUSY), EX_TEMPFAIL);
    assert_int_equal(state_exit(-ENOSPC), EX_IOERR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(folder),
        T(key_is_made_once),
        T(key_files),
        T(key_of_many_at_once),
        T(key_in_folder_of_another),
        T(store_outcomes),
        T(one_at_a_run),
        T(lists),
        T(exits),
#undef T
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
