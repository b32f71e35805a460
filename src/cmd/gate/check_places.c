/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sockets, the pid file and the folder of evidence are opened with the rights of the start. The
 * trap file and what goes into that folder are written later, and others' trap files read, when
 * rights are given up: as the user that is set, and by the rules for everybody, for root too. So
 * that half is looked at by a child that gives its rights up as the service does, and tells what it
 * sees through a pipe.
 */
#include "cmd/gate/check_places.h"

#include "base/buf.h"
#include "io/listen.h"
#include "io/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

enum { TEXT_MAX = 600, TOLD_MAX = 16384 };

struct finder {
    void (*say)(void *cookie, const char *text);
    void *cookie;
    const char *user; /* whose rights these are; NULL: of the start */
    bool found;
};

static void fault(struct finder *f, const char *setting, const char *path, const char *why)
{
    char text[TEXT_MAX];

    snprintf(text, sizeof(text), "%s: %.200s: %.200s%s%.40s", setting, path, why,
             f->user ? " for " : "", f->user ? f->user : "");
    f->found = true;
    f->say(f->cookie, text);
}

/* The folder that a file is in, as far as it fits. */
static void folder_of(const char *path, char *out, size_t size)
{
    size_t slash = span_rfind(span_str(path), '/');

    if (slash == strlen(path))
        snprintf(out, size, ".");
    else
        span_copy(span_slice(span_str(path), 0, slash ? slash : 1), out, size);
}

static void try_folder(struct finder *f, const char *setting, const char *folder)
{
    struct stat st;

    if (stat(folder, &st) < 0)
        fault(f, setting, folder, strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        fault(f, setting, folder, "this is no folder");
    else if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) < 0)
        fault(f, setting, folder, strerror(errno));
}

static void try_file(struct finder *f, const char *setting, const char *path)
{
    char folder[4096] = "";
    struct stat st;

    if (!path)
        return;
    folder_of(path, folder, sizeof(folder));
    try_folder(f, setting, folder);
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
        fault(f, setting, path, "there is something that is no file");
}

static void try_socket(struct finder *f, const char *setting, const char *path)
{
    char folder[4096] = "";
    struct stat st;

    if (!path)
        return;
    if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        fault(f, setting, path, strerror(ENAMETOOLONG));
        return;
    }
    folder_of(path, folder, sizeof(folder));
    try_folder(f, setting, folder);
    if (lstat(path, &st) == 0 && !S_ISSOCK(st.st_mode))
        fault(f, setting, path, "there is something that is no socket");
}

/* A folder that the start makes, with those above it, if it is not there. */
static void try_made(struct finder *f, const char *setting, const char *path)
{
    char at[4096] = "", up[4096];
    struct stat st;

    span_copy(span_str(path), at, sizeof(at));
    while (stat(at, &st) < 0 && errno == ENOENT && strchr(at, '/') && at[1]) {
        folder_of(at, up, sizeof(up));
        memcpy(at, up, sizeof(at));
    }
    try_folder(f, setting, at);
}

/* It would be the starter's, whose rights are gone when the first line is written. */
static void try_evidence(struct finder *f, const char *path, const char *user)
{
    struct stat st;

    if (!path || stat(path, &st) == 0)
        return; /* one that is there is looked at with the rights of later */
    if (errno == ENOENT && user && geteuid() == 0)
        fault(f, "evidence", path, "is not there; make it, and give it to the user that is set");
    else if (errno == ENOENT)
        try_made(f, "evidence", path);
    else
        fault(f, "evidence", path, strerror(errno));
}

/* It may come later, but then its folder is there. */
static void try_read(struct finder *f, const char *setting, const char *path)
{
    char folder[4096] = "";
    struct stat st;

    if (faccessat(AT_FDCWD, path, R_OK, AT_EACCESS) == 0)
        return;
    folder_of(path, folder, sizeof(folder));
    if (errno != ENOENT || stat(folder, &st) < 0)
        fault(f, setting, path, strerror(errno));
}

static void try_port(struct finder *f, const char *setting, const char *text, bool udp)
{
    struct listen_place at[LISTEN_PLACES_MAX];
    size_t n = text ? listen_parse(span_str(text), at) : 0;

    if (text && n == 0)
        fault(f, setting, text, "is no ADDR:PORT");
    for (size_t i = 0; i < n; i++) {
        int r = listen_try(&at[i], udp);

        if (r < 0 && r != -EADDRINUSE)
            fault(f, setting, text, strerror(-r));
    }
}

/* --- the rights of later --------------------------------------------------------------------- */

static void put_line(void *cookie, const char *text)
{
    struct buf *out = cookie;

    buf_add_str(out, text);
    buf_add_char(out, '\n');
}

/* All of it fits into a pipe. */
static void look_later(const struct gate_args *a, int fd)
{
    struct rights want = {.profile = RIGHTS_NONE, .user = a->user};
    struct buf out = BUF_INIT(TOLD_MAX);
    struct finder f = {put_line, &out, geteuid() == 0 && a->user ? a->user : NULL, false};
    struct rights_done done;
    struct stat st;

    if (rights_drop(&want, &done) < 0)
        _exit(EX_OSERR);
    try_file(&f, "trap-file", a->trap_file);
    if (a->evidence && (stat(a->evidence, &st) == 0 || errno != ENOENT))
        try_folder(&f, "evidence", a->evidence);
    for (size_t i = 0; i < a->traps_from.count; i++)
        try_read(&f, "traps-from", a->traps_from.v[i]);
    if (out.n && write(fd, out.p, out.n) != (ssize_t)out.n)
        _exit(EX_OSERR);
    _exit(0);
}

static int tell_later(struct finder *f, int fd)
{
    struct buf text = BUF_INIT(TOLD_MAX);
    char piece[1024];
    struct span rest, line;
    ssize_t n;

    while ((n = read(fd, piece, sizeof(piece))) > 0)
        buf_add(&text, span_of(piece, (size_t)n));
    for (rest = buf_span(&text); span_cut(&rest, '\n', &line);) {
        char one[TEXT_MAX];

        if (!line.n || !span_copy(line, one, sizeof(one)))
            continue;
        f->found = true;
        f->say(f->cookie, one);
    }
    buf_deinit(&text);
    return n < 0 ? -errno : 0;
}

static int ask_child(struct finder *f, const struct gate_args *a)
{
    int ends[2], status = 0, r;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    child = fork();
    if (child == 0)
        look_later(a, ends[1]);
    close(ends[1]);
    r = child < 0 ? -errno : tell_later(f, ends[0]);
    close(ends[0]);
    if (child > 0 && (waitpid(child, &status, 0) < 0 || status != 0))
        r = -EIO;
    return r;
}

int check_places(const struct gate_args *a, void (*say)(void *cookie, const char *text),
                 void *cookie)
{
    struct finder f = {.say = say, .cookie = cookie};

    try_socket(&f, "admin", a->admin);
    try_socket(&f, "grants-socket", a->grants_socket);
    try_file(&f, "pid-file", a->pid_file);
    try_evidence(&f, a->evidence, a->user);
    if (a->state)
        try_made(&f, "state", a->state);
    try_port(&f, "metrics-listen", a->metrics_listen, false);
    try_port(&f, "grants-listen", a->grants_listen, false);
    try_port(&f, "drac-listen", a->drac_listen, true);
    if ((a->trap_file || a->evidence || a->traps_from.count) && ask_child(&f, a) < 0)
        return EX_OSERR;
    return f.found ? EX_CANTCREAT : 0;
}
