/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The list has no tester of its own: what lists a host is the very program that anybody can run
 * against his own. It reads its section of the same configuration file, keeps its run in the same
 * store, and decides for itself whom it may not touch, so that a fault in here can't overrule that.
 *
 * Its own progress counts targets, and the list often asks it one at a time: so it is told to be
 * quiet, and what is shown is the whole queue. Where nobody watches, a line each minute will do.
 */
#include "cmd/list/tester.h"

#include "io/datadir.h"
#include "io/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum {
    WORDS_MAX = TESTER_TARGETS_MAX + 2 * TESTER_ONLY_MAX + 64,
    TESTER_ODD = 4,
    SHOW_TTY_MS = 500,
    SHOW_PLAIN_MS = 60000,
    TESTER_LINE_MAX = 64 << 20,
};

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

static size_t word_with(const char **words, size_t n, const char *option, const char *value)
{
    if (!value)
        return n;
    words[n] = option;
    words[n + 1] = value;
    return n + 2;
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
    n = word_with(words, n, "--config", g->args->config);
    n = word_with(words, n, "--scope", job->scope);
    if (job->gentle)
        words[n++] = "--gentle";
    n = word_with(words, n, "--ports", job->ports);
    n = word_with(words, n, "--tls", job->tls);
    n = word_with(words, n, "--limit", job->limit);
    n = word_with(words, n, "--with", job->optin ? "all" : NULL);
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

/* --- while it works -------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct watch {
    const struct tester_shown *shown; /* NULL: silent */
    struct progress p;
    int64_t began, next;
};

static void watch_begin(struct watch *w, const struct ledger *g, const struct tester_job *job)
{
    int64_t now = now_ms();

    *w = (struct watch){.shown = g->args->json || g->args->quiet ? NULL : job->shown, .began = now};
    if (!w->shown)
        return;
    progress_start(&w->p, "hosts", w->shown->done, now);
    w->next = now + (w->p.tty ? SHOW_TTY_MS : SHOW_PLAIN_MS);
}

static void watch_show(struct watch *w)
{
    int64_t now = now_ms(), ran = (now - w->began) / 1000;
    char note[80];

    if (now < w->next)
        return;
    w->next = now + (w->p.tty ? SHOW_TTY_MS : SHOW_PLAIN_MS);
    snprintf(note, sizeof(note), "%s%s%" PRId64 ":%02d", w->shown->note ? w->shown->note : "",
             w->shown->note ? ", " : "", ran / 60, (int)(ran % 60));
    progress_show(&w->p, w->shown->done, w->shown->total, note, now);
}

/* The next octets of the tester, and meanwhile what there is to show. 0 at the end, or -1. */
static ssize_t more_of(struct watch *w, int fd, char *to, size_t room)
{
    struct pollfd one = {.fd = fd, .events = POLLIN};

    for (;;) {
        ssize_t n;

        if (w->shown) {
            int64_t left = w->next - now_ms();
            int ready = poll(&one, 1, left > 0 ? (int)left : 0);

            watch_show(w);
            if (ready == 0 || (ready < 0 && errno == EINTR))
                continue;
        }
        n = read(fd, to, room);
        if (n >= 0 || errno != EINTR)
            return n;
    }
}

/* Line by line to fn, until it fails; but read to the end, or the tester would stand still. */
static int read_lines(struct watch *w, int fd, tester_fn *fn, void *ctx)
{
    struct buf text = BUF_INIT(TESTER_LINE_MAX);
    char piece[1 << 16];
    ssize_t n;
    int rc = 0;

    while ((n = more_of(w, fd, piece, sizeof(piece))) > 0) {
        struct span rest = span_of(piece, (size_t)n);

        while (rest.n) {
            size_t at = 0;

            while (at < rest.n && rest.p[at] != '\n')
                at++;
            buf_add(&text, span_slice(rest, 0, at));
            if (at == rest.n)
                break;
            if (rc == 0 && !text.err) {
                if (w->shown)
                    progress_hide(&w->p);
                rc = line(buf_str(&text), text.n, fn, ctx);
            }
            buf_deinit(&text);
            text = (struct buf)BUF_INIT(TESTER_LINE_MAX);
            rest = span_slice(rest, at + 1, rest.n);
        }
    }
    if (w->shown)
        progress_hide(&w->p);
    buf_deinit(&text);
    return rc;
}

/* --- stopped ---------------------------------------------------------------------------------- */

/*
 * Who stops the list stops its tester: left alone it would go on with hosts that the next one takes
 * up again. What it had not finished is put back into the queue then, as always. A second signal
 * ends us at once.
 */
static volatile sig_atomic_t stopped;
static volatile pid_t stop_child;

static void on_stop(int signum)
{
    stopped = signum;
    kill(stop_child, SIGTERM);
}

static const int stops[] = {SIGINT, SIGTERM, SIGHUP};

enum { STOPS = sizeof(stops) / sizeof(stops[0]) };

static void stops_take(pid_t child, struct sigaction old[STOPS])
{
    struct sigaction act = {.sa_handler = on_stop, .sa_flags = (int)SA_RESETHAND};

    stop_child = child;
    for (size_t i = 0; i < STOPS; i++) {
        sigaction(stops[i], NULL, &old[i]);
        /* Under nohup it was not wanted. */
        if (old[i].sa_handler != SIG_IGN)
            sigaction(stops[i], &act, NULL);
    }
}

static void stops_give(const struct sigaction old[STOPS])
{
    for (size_t i = 0; i < STOPS; i++)
        sigaction(stops[i], &old[i], NULL);
}

int tester_run(const struct ledger *g, const struct tester_job *job, tester_fn *fn, void *ctx)
{
    char program[DATADIR_PATH_MAX];
    const char *words[WORDS_MAX];
    struct child child;
    struct sigaction old[STOPS];
    struct watch watch;
    int rc, status;

    if (!find_tester(program))
        return ledger_say(g, EX_UNAVAILABLE, "postern-test is not where it should be");
    words_of(g, job, program, words);
    status = spawn(g, (char *const *)(uintptr_t)words, &child);
    if (status)
        return status;
    stops_take(child.pid, old);
    watch_begin(&watch, g, job);
    rc = read_lines(&watch, fileno(child.out), fn, ctx);
    status = end(g, &child);
    stops_give(old);
    if (stopped && !status)
        status = ledger_say(g, EX_UNAVAILABLE, "stopped by signal %d", (int)stopped);
    return rc ? rc : status;
}

/* --- its catalogue --------------------------------------------------------------------------- */

/* Rows of a file of the caller's own are in the catalogue too. */
static size_t own_rows(const struct tester_job *job, const char **words, size_t n)
{
    for (size_t i = 0; i < job->more_count && i < 30; i++) {
        if (strncmp(job->more[i], "--probes=", 9) == 0)
            words[n++] = job->more[i];
        else if (strcmp(job->more[i], "--probes") == 0 && i + 1 < job->more_count)
            n = word_with(words, n, "--probes", job->more[++i]);
    }
    return n;
}

int tester_knows(const struct ledger *g, const struct tester_job *job, const char *const *ids,
                 size_t n, bool *ret_have, bool *ret_optin)
{
    char program[DATADIR_PATH_MAX], *text = NULL;
    const char *words[80] = {program, "--list-probes", "--json", "--set", "full", "--with", "all"};
    struct child child;
    json_error_t err;
    size_t room = 0, count = 7;

    memset(ret_have, 0, n * sizeof(*ret_have));
    *ret_optin = false;
    count = word_with(words, count, "--config", g->args->config);
    words[own_rows(job, words, count)] = NULL;
    if (!find_tester(program) || spawn(g, (char *const *)(uintptr_t)words, &child))
        return -ENOENT;
    while (getline(&text, &room, child.out) > 0) {
        json_t *doc = json_loads(text, 0, &err);
        const char *id = json_string_value(json_object_get(doc, "probe"));

        for (size_t i = 0; id && i < n; i++)
            if (strcmp(ids[i], id) == 0) {
                ret_have[i] = true;
                *ret_optin |= json_is_true(json_object_get(doc, "opt_in"));
            }
        json_decref(doc);
    }
    free(text);
    return end(g, &child) ? -EIO : 0;
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
