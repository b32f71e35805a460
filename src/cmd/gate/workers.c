/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * By poll(2) and not on the loop: libuv's loops and signal pipes do not survive a fork, and a
 * parent that does next to nothing needs none. It is single-threaded, so that forking is safe.
 *
 * A worker that dies by a signal is started anew; one that ends by itself has said why, and the
 * service ends with it. Lines that a worker is too slow to take are dropped for that worker.
 */
#include "cmd/gate/workers.h"

#include "base/buf.h"
#include "base/num.h"
#include "io/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { LINES_MAX = 1 << 18, READ = 16384, RESTART_MS = 1000 };

struct worker {
    pid_t pid; /* 0: none */
    int fd;    /* -1: none */
    struct buf in;
    bool again;    /* to be started anew */
    bool torn;     /* the last line that it got was cut */
    uint64_t born; /* the how manieth it was to be started */
};

struct workers {
    struct worker v[WORKERS_MAX];
    unsigned count;
    worker_fn fn;
    void *cookie;
    int signals;
    struct buf apart;  /* lines for one worker alone, not told yet, */
    unsigned apart_to; /* and for which */
    uint64_t births;
    int status;
    bool stopping;
};

static void child(struct workers *w, unsigned index, int fd)
{
    sigset_t none;

    for (unsigned i = 0; i < w->count; i++)
        if (w->v[i].fd >= 0)
            close(w->v[i].fd);
    close(w->signals);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    exit(w->fn(w->cookie, index, fd));
}

static int start(struct workers *w, unsigned index)
{
    int pair[2];
    pid_t pid;

    w->v[index].again = false;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    pid = fork();
    if (pid == 0) {
        close(pair[0]);
        child(w, index, pair[1]);
    }
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return -EAGAIN;
    }
    w->v[index].pid = pid;
    w->v[index].fd = pair[0];
    w->v[index].in = (struct buf)BUF_INIT(LINES_MAX);
    w->v[index].torn = false;
    w->v[index].born = w->births++;
    return 0;
}

static void tell_all(struct workers *w, int signum)
{
    for (unsigned i = 0; i < w->count; i++)
        if (w->v[i].pid)
            kill(w->v[i].pid, signum);
}

static void drop_fd(struct worker *v)
{
    if (v->fd >= 0)
        close(v->fd);
    v->fd = -1;
    buf_deinit(&v->in);
}

static void ended(struct workers *w, struct worker *v, int status)
{
    unsigned index = (unsigned)(v - w->v);

    v->pid = 0;
    drop_fd(v);
    if (w->stopping)
        return;
    if (WIFSIGNALED(status)) {
        log_error("worker", "number", LOG_NUM(index), "died", strsignal(WTERMSIG(status)), "text",
                  "is started anew", NULL);
        v->again = true;
        return;
    }
    w->status = WEXITSTATUS(status);
    w->stopping = true;
    tell_all(w, SIGTERM);
}

static void reap(struct workers *w)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (unsigned i = 0; i < w->count; i++)
            if (w->v[i].pid == pid)
                ended(w, &w->v[i], status);
}

static void take_signal(struct workers *w)
{
    struct signalfd_siginfo info;

    while (read(w->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD) {
            reap(w);
        } else {
            w->stopping |= info.ssi_signo != SIGHUP;
            tell_all(w, (int)info.ssi_signo);
        }
    }
}

/*
 * What does not fit is lost, and a line that was cut is spoiled: half an address is another one's.
 */
static void tell(struct worker *v, unsigned number, struct span lines)
{
    ssize_t n = -1;

    if (!v->torn || write(v->fd, "?\n", 2) == 2) {
        v->torn = false;
        n = write(v->fd, lines.p, lines.n);
    }
    if (n == (ssize_t)lines.n)
        return;
    v->torn |= n > 0 && lines.p[n - 1] != '\n';
    log_warn("bus", "worker", LOG_NUM(number), "text", "too slow, lines are lost", NULL);
}

static void tell_each(struct workers *w, struct span lines)
{
    for (unsigned i = 0; i < w->count && lines.n; i++)
        if (w->v[i].fd >= 0)
            tell(&w->v[i], i, lines);
}

/* Who has been there longest knows most. */
static void pass_question(struct workers *w, const struct worker *from)
{
    struct worker *eldest = NULL;
    char line[40];
    int n;

    for (unsigned i = 0; i < w->count; i++)
        if (&w->v[i] != from && w->v[i].fd >= 0 && (!eldest || w->v[i].born < eldest->born))
            eldest = &w->v[i];
    if (!eldest)
        return;
    n = snprintf(line, sizeof(line), "sync %u %u\n", (unsigned)(from - w->v),
                 (unsigned)(eldest - w->v));
    tell(eldest, (unsigned)(eldest - w->v), span_of(line, (size_t)n));
}

/* In one piece: the kernel's room is taken by writes and not by octets. */
static void tell_apart(struct workers *w)
{
    struct worker *v = &w->v[w->apart_to];

    if (w->apart.n && v->fd >= 0)
        tell(v, w->apart_to, buf_span(&w->apart));
    buf_clear(&w->apart);
}

/* "@<number> <line>": for one worker alone. */
static void pass_answer(struct workers *w, struct span line)
{
    struct span number;
    uint64_t to;

    line = span_slice(line, 1, line.n);
    if (!span_cut(&line, ' ', &number) || !num_u64(number, 0, w->count - 1, &to) || w->v[to].fd < 0)
        return;
    if (w->apart_to != to)
        tell_apart(w);
    w->apart_to = (unsigned)to;
    buf_add(&w->apart, line);
}

/* Where a line goes that is not for all; false when it is. */
static bool pass_apart(struct workers *w, const struct worker *from, struct span line)
{
    if (span_eq(line, SPAN_LIT("sync\n")))
        pass_question(w, from);
    else if (line.n && line.p[0] == '@')
        pass_answer(w, line);
    else
        return false;
    return true;
}

/* Whole lines of one worker go to all, the sayer too, but for those about a new one. */
static void pass_on(struct workers *w, struct worker *from)
{
    size_t whole = span_rfind(buf_span(&from->in), '\n') + 1;
    struct span lines = span_slice(buf_span(&from->in), 0, whole);
    size_t begun = 0, at = 0; /* of the lines for all that are not passed on yet */

    if (whole > from->in.n)
        return;
    while (at < lines.n) {
        size_t end = at + span_find(span_slice(lines, at, lines.n), '\n') + 1;

        if (pass_apart(w, from, span_slice(lines, at, end))) {
            tell_each(w, span_slice(lines, begun, at));
            begun = end;
        }
        at = end;
    }
    tell_apart(w);
    tell_each(w, span_slice(lines, begun, lines.n));
    buf_consume(&from->in, whole);
}

static void take_lines(struct workers *w, struct worker *v)
{
    char bytes[READ];
    ssize_t n = read(v->fd, bytes, sizeof(bytes));

    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            drop_fd(v);
        return;
    }
    buf_add(&v->in, span_of(bytes, (size_t)n));
    if (v->in.err)
        buf_clear(&v->in);
    pass_on(w, v);
}

static bool any_left(const struct workers *w)
{
    for (unsigned i = 0; i < w->count; i++)
        if (w->v[i].pid || (w->v[i].again && !w->stopping))
            return true;
    return false;
}

static bool start_missing(struct workers *w)
{
    bool missing = false;

    for (unsigned i = 0; i < w->count && !w->stopping; i++) {
        if (!w->v[i].again)
            continue;
        missing = true;
        if (start(w, i) < 0)
            w->v[i].again = true;
    }
    return missing;
}

static void turn(struct workers *w, bool soon)
{
    struct pollfd fds[WORKERS_MAX + 1] = {{.fd = w->signals, .events = POLLIN}};

    for (unsigned i = 0; i < w->count; i++)
        fds[i + 1] = (struct pollfd){.fd = w->v[i].fd, .events = POLLIN};
    if (poll(fds, w->count + 1, soon ? RESTART_MS : -1) < 0)
        return;
    for (unsigned i = 0; i < w->count; i++)
        if (fds[i + 1].revents && w->v[i].fd >= 0)
            take_lines(w, &w->v[i]);
    if (fds[0].revents)
        take_signal(w);
}

int workers_run(unsigned count, worker_fn fn, void (*started)(void *cookie), void *cookie)
{
    static struct workers w;
    sigset_t watched;

    w = (struct workers){.count = count, .fn = fn, .cookie = cookie};
    w.apart = (struct buf)BUF_INIT(LINES_MAX);
    sigemptyset(&watched);
    sigaddset(&watched, SIGTERM);
    sigaddset(&watched, SIGINT);
    sigaddset(&watched, SIGHUP);
    sigaddset(&watched, SIGCHLD);
    sigprocmask(SIG_BLOCK, &watched, NULL);
    signal(SIGPIPE, SIG_IGN);
    w.signals = signalfd(-1, &watched, SFD_NONBLOCK | SFD_CLOEXEC);
    if (w.signals < 0)
        return EX_OSERR;
    for (unsigned i = 0; i < count; i++)
        w.v[i].fd = -1;
    for (unsigned i = 0; i < count; i++) {
        if (start(&w, i) < 0) {
            w.status = EX_OSERR;
            w.stopping = true;
            tell_all(&w, SIGTERM);
            break;
        }
    }
    started(cookie);
    while (any_left(&w)) {
        bool restart = false;

        for (unsigned i = 0; i < count; i++)
            restart |= w.v[i].again;
        turn(&w, restart);
        if (restart)
            start_missing(&w);
    }
    close(w.signals);
    buf_deinit(&w.apart);
    return w.status;
}
