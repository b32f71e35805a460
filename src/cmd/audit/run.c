/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One program at a time, and never a hanging audit: the output is read against a deadline, and
 * whoever is late or talks too much is killed. A mail server's own tools are run as the user that
 * asked; nothing is gained or given.
 */
#include "cmd/audit/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const folders[] = {"/usr/sbin", "/usr/bin",        "/sbin",
                                      "/bin",      "/usr/local/sbin", "/usr/local/bin"};

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool find(const char *name, char path[256])
{
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        snprintf(path, 256, "%s/%s", folders[i], name);
        if (access(path, X_OK) == 0)
            return true;
    }
    return false;
}

static int start(const char *path, const char *const *argv, int out, pid_t *ret)
{
    static char path_var[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
    char *const environment[] = {path_var, locale, NULL};
    posix_spawn_file_actions_t files;
    int r = posix_spawn_file_actions_init(&files);

    if (r != 0)
        return -r;
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    r = posix_spawn(ret, path, &files, NULL, (char *const *)(uintptr_t)argv, environment);
    posix_spawn_file_actions_destroy(&files);
    return -r;
}

static int take(int fd, struct buf *out)
{
    int64_t end = now() + RUN_TIME_MAX;
    char chunk[8192];

    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left = end - now();
        int r = left > 0 ? poll(&p, 1, (int)left) : 0;
        ssize_t n;

        if (r < 0 && errno == EINTR)
            continue;
        if (r == 0)
            return -ETIMEDOUT;
        n = r < 0 ? -1 : read(fd, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return 0;
        buf_add(out, span_of(chunk, (size_t)n));
        if (out->err)
            return out->err;
    }
}

/* Its output is closed: it has little left to do, but it gets no more than a second for it. */
static int finish(pid_t pid, bool late)
{
    int status = 0;

    for (unsigned i = 0; i < 100 && !late; i++) {
        struct timespec nap = {0, 10000000};
        pid_t got = waitpid(pid, &status, WNOHANG);

        if (got == pid)
            return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
        if (got < 0 && errno != EINTR)
            return -errno;
        nanosleep(&nap, NULL);
    }
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return -ETIMEDOUT;
}

int run_program(const char *const *argv, struct buf *out)
{
    char path[256];
    int pipes[2], r, ended;
    pid_t pid;

    if (!find(argv[0], path))
        return -ENOENT;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return -errno;
    r = start(path, argv, pipes[1], &pid);
    close(pipes[1]);
    if (r < 0) {
        close(pipes[0]);
        return r;
    }
    r = take(pipes[0], out);
    close(pipes[0]);
    ended = finish(pid, r < 0);
    return r < 0 ? r : ended;
}
