/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list has no tester of its own: what lists a host is the very program that anybody can run
 * against his own. It reads its section of the same configuration file, keeps its run in the same
 * store, and decides for itself whom it may not touch, so that a fault in here can't overrule that.
 */
#include "cmd/list/tester.h"

#include "io/datadir.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { WORDS_MAX = TESTER_TARGETS_MAX + 2 * TESTER_ONLY_MAX + 64, TESTER_ODD = 4 };

extern char **environ;

struct child {
    pid_t pid;
    FILE *out;
};

static bool find_tester(char ret[DATADIR_PATH_MAX])
{
    const char *const folders[] = {datadir_exe(), POSTERN_LIBEXECDIR};

    for (size_t i = 0; i < 2; i++)
        if (*folders[i] && datadir_join(folders[i], "postern-test", ret) && access(ret, X_OK) == 0)
            return true;
    return false;
}

static int spawn(const struct ledger *g, char *const *words, struct child *ret)
{
    posix_spawn_file_actions_t actions;
    int ends[2], error;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return ledger_say(g, EX_OSERR, "%s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    error = posix_spawn(&ret->pid, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    ret->out = error ? NULL : fdopen(ends[0], "r");
    if (!ret->out) {
        close(ends[0]);
        return ledger_say(g, EX_OSERR, "%s: %s", words[0], strerror(error ? error : errno));
    }
    return 0;
}

/* The exit status of the tester: 0 to 3 are verdicts. */
static int end(const struct ledger *g, struct child *child)
{
    int status = 0;

    fclose(child->out);
    while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFSIGNALED(status))
        return ledger_say(g, EX_SOFTWARE, "postern test was killed by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) < TESTER_ODD)
        return 0;
    return ledger_say(g, EX_UNAVAILABLE, "postern test gave up with status %d",
                      WEXITSTATUS(status));
}

static bool run_of(const json_t *doc, uint32_t *ret)
{
    const char *text = json_string_value(json_object_get(doc, "run"));
    uint64_t id = 0;

    for (const char *p = text; p && *p; p++) {
        char c = ascii_lower(*p);

        if (!ascii_is_digit(c) && (c < 'a' || c > 'f'))
            return false;
        id = id << 4 | (uint64_t)(ascii_is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *ret = (uint32_t)id;
    return text && strlen(text) == 8;
}

static int line(const char *text, size_t n, tester_fn *fn, void *ctx)
{
    struct tester_verdict v = {0};
    json_error_t err;
    json_t *doc;
    int rc = 0;

    /* Probes with their transcripts are most of the output, and nothing to us. */
    if (!memmem(text, n, "\"verdict\"", 9))
        return 0;
    doc = json_loadb(text, n, 0, &err);
    v.target = json_string_value(json_object_get(doc, "target"));
    v.verdict = json_string_value(json_object_get(doc, "verdict"));
    v.why = json_string_value(json_object_get(doc, "why"));
    v.why = v.why ? v.why : "";
    if (v.target && v.verdict && run_of(doc, &v.run) && json_object_get(doc, "type") &&
        strcmp(json_string_value(json_object_get(doc, "type")), "verdict") == 0)
        rc = fn(ctx, &v);
    json_decref(doc);
    return rc;
}

static size_t words_of(const struct ledger *g, const struct tester_job *job, const char *program,
                       const char *words[WORDS_MAX])
{
    size_t n = 0;

    words[n++] = program;
    words[n++] = "--json";
    words[n++] = "--quiet";
    words[n++] = "--state";
    words[n++] = g->state.folder;
    if (g->args->config) {
        words[n++] = "--config";
        words[n++] = g->args->config;
    }
    if (job->scope) {
        words[n++] = "--scope";
        words[n++] = job->scope;
    }
    if (job->gentle)
        words[n++] = "--gentle";
    for (size_t i = 0; i < job->only_count; i++) {
        words[n++] = "--only";
        words[n++] = job->only[i];
    }
    for (size_t i = 0; i < job->more_count && i < 30; i++)
        words[n++] = job->more[i];
    words[n++] = "--";
    for (size_t i = 0; i < job->target_count; i++)
        words[n++] = job->targets[i];
    words[n] = NULL;
    return n;
}

int tester_run(const struct ledger *g, const struct tester_job *job, tester_fn *fn, void *ctx)
{
    char program[DATADIR_PATH_MAX], *text = NULL;
    const char *words[WORDS_MAX];
    struct child child;
    size_t room = 0;
    ssize_t n;
    int rc = 0, status;

    if (!find_tester(program))
        return ledger_say(g, EX_UNAVAILABLE, "postern-test is not where it should be");
    words_of(g, job, program, words);
    status = spawn(g, (char *const *)(uintptr_t)words, &child);
    if (status)
        return status;
    while ((n = getline(&text, &room, child.out)) > 0)
        if (rc == 0)
            rc = line(text, (size_t)n, fn, ctx);
    free(text);
    status = end(g, &child);
    return rc ? rc : status;
}

int tester_quick(const struct ledger *g, char **ids, size_t max)
{
    char program[DATADIR_PATH_MAX], *text = NULL;
    const char *words[] = {program, "--list-probes", "--json", "--set", "quick", NULL};
    struct child child;
    size_t room = 0, count = 0;
    json_error_t err;
    ssize_t n;

    if (!find_tester(program) || spawn(g, (char *const *)(uintptr_t)words, &child))
        return -ENOENT;
    while ((n = getline(&text, &room, child.out)) > 0) {
        json_t *doc = json_loadb(text, (size_t)n, 0, &err);
        const char *id = json_string_value(json_object_get(doc, "probe"));

        if (id && count < max && (ids[count] = strdup(id)))
            count++;
        json_decref(doc);
    }
    free(text);
    return end(g, &child) ? -EIO : (int)count;
}

int tester_alone(const struct ledger *g, bool wait, int *ret_fd)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char path[DATADIR_PATH_MAX];
    int fd;

    if (!datadir_join(g->state.folder, "list-test.lock", path))
        return ledger_say(g, EX_CANTCREAT, "the state folder's name is too long");
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return ledger_say(g, EX_CANTCREAT, "%s: %s", path, strerror(errno));
    while (fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &whole) < 0) {
        if (errno == EINTR)
            continue;
        close(fd);
        return ledger_say(g, EX_TEMPFAIL, "another postern list test is at work");
    }
    *ret_fd = fd;
    return 0;
}
