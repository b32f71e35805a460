/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A window slides over the file. What stands whole in it goes out as it is, without a copy; a
 * message that is larger than the window goes out cut, and the rest is passed over up to the next
 * separator. No file is mapped: one that shrinks meanwhile must not kill us.
 *
 * A separator is an empty line, then "From ", with a time on the line, because not every writer
 * quotes a line of text that begins so.
 */
#include "cmd/trace/source.h"

#include "base/buf.h"
#include "io/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct reading {
    const char *path;
    source_fn *fn;
    void *ctx;
    char *window;
    size_t n;     /* octets in the window */
    bool mbox;    /* what the file begins with */
    bool started; /* that was looked at */
    bool passing; /* over the rest of a message that was too large */
    bool over;    /* the file's end is in the window */
    size_t count; /* messages handed out of this file */
    struct buf where;
};

static int hand_out(struct reading *r, struct span message)
{
    if (!span_trim(message).n)
        return 0;
    buf_clear(&r->where);
    buf_add_str(&r->where, strcmp(r->path, "-") == 0 ? "standard input" : r->path);
    r->count++;
    if (r->mbox)
        buf_addf(&r->where, "#%zu", r->count);
    if (r->where.err)
        return r->where.err;
    return r->fn(r->ctx, buf_span(&r->where), span_slice(message, 0, SOURCE_MESSAGE_MAX));
}

static bool has_time(struct span line)
{
    for (size_t i = 5; i + 5 <= line.n && i < 200; i++)
        if (ascii_is_digit(line.p[i]) && ascii_is_digit(line.p[i + 1]) && line.p[i + 2] == ':' &&
            ascii_is_digit(line.p[i + 3]) && ascii_is_digit(line.p[i + 4]))
            return true;
    return false;
}

/* Offset of the separator line at or behind `at`, or s.n. */
static size_t next_separator(struct span s, size_t at)
{
    const char *hit;

    while (at < s.n && (hit = memmem(s.p + at, s.n - at, "\nFrom ", 6))) {
        size_t line = (size_t)(hit - s.p) + 1;
        bool empty = line >= 2 && (s.p[line - 2] == '\n' ||
                                   (s.p[line - 2] == '\r' && line >= 3 && s.p[line - 3] == '\n'));
        struct span rest = span_slice(s, line, s.n);

        if (empty && has_time(span_slice(rest, 0, span_find(rest, '\n'))))
            return line;
        at = line;
    }
    return s.n;
}

static void drop(struct reading *r, size_t n)
{
    memmove(r->window, r->window + n, r->n - n);
    r->n -= n;
}

/* All whole messages of the window; what is left begins one. */
static int take_window(struct reading *r)
{
    struct span s = span_of(r->window, r->n);
    size_t from = 0;
    int rc = 0;

    if (!r->started) {
        r->mbox = span_starts(s, SPAN_LIT("From "));
        r->started = true;
    }
    if (!r->mbox) {
        if (!r->passing)
            rc = hand_out(r, s);
        r->passing = true;
        r->n = 0;
        return rc;
    }
    while (!rc) {
        size_t to = next_separator(s, from);

        if (to == s.n)
            break;
        if (!r->passing)
            rc = hand_out(r, span_slice(s, from, to));
        r->passing = false;
        from = to;
    }
    if (!rc && (r->over || (from == 0 && r->n == SOURCE_WINDOW))) {
        if (!r->passing)
            rc = hand_out(r, span_slice(s, from, s.n));
        r->passing = true;
        /* The start of a separator may stand at the very end. */
        from = r->over || r->n < 300 ? r->n : r->n - 300;
    }
    drop(r, from);
    return rc;
}

static int read_fd(struct reading *r, int fd)
{
    int rc = 0;

    r->window = malloc(SOURCE_WINDOW);
    if (!r->window)
        return -ENOMEM;
    while (!rc && !r->over) {
        ssize_t n = read(fd, r->window + r->n, SOURCE_WINDOW - r->n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = -errno;
            break;
        }
        r->n += (size_t)n;
        r->over = n == 0;
        if (r->over || r->n == SOURCE_WINDOW)
            rc = take_window(r);
    }
    free(r->window);
    return rc;
}

static int read_file(const char *path, source_fn *fn, void *ctx)
{
    struct reading r = {.path = path, .fn = fn, .ctx = ctx, .where = BUF_INIT(8192)};
    bool input = strcmp(path, "-") == 0;
    int fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return -errno;
    rc = read_fd(&r, fd);
    if (!input)
        close(fd);
    buf_deinit(&r.where);
    return rc;
}

struct maildir_reading {
    const char *path;
    source_fn *fn;
    void *ctx;
    struct buf where;
};

static int on_maildir(void *ctx, const char *file, struct span text, bool cut, int64_t wall)
{
    struct maildir_reading *r = ctx;

    buf_clear(&r->where);
    buf_addf(&r->where, "%s/%s", r->path, file);
    return r->where.err ? r->where.err : r->fn(r->ctx, buf_span(&r->where), text);
}

static int read_maildir(const char *path, source_fn *fn, void *ctx, char err[SOURCE_ERROR_MAX])
{
    struct maildir_reading r = {path, fn, ctx, BUF_INIT(8192)};
    char why[MAILDIR_ERROR_MAX] = "";
    struct maildir *m;
    int rc = maildir_open(path, MAILDIR_SLACK, &m, why);

    if (rc < 0) {
        snprintf(err, SOURCE_ERROR_MAX, "%s", why);
        return rc;
    }
    rc = maildir_poll(m, on_maildir, &r);
    maildir_close(&m);
    buf_deinit(&r.where);
    return rc;
}

static int not_hidden(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* A folder of message files, in the order of their names; folders in it are passed over. */
static int read_folder(const char *path, source_fn *fn, void *ctx)
{
    struct dirent **list;
    int count = scandir(path, &list, not_hidden, alphasort), rc = count < 0 ? -errno : 0;

    for (int i = 0; i < count; i++) {
        struct buf name = BUF_INIT(8192);
        struct stat st;

        buf_addf(&name, "%s/%s", path, list[i]->d_name);
        if (!rc && count > SOURCE_FILES_MAX)
            rc = -EOVERFLOW;
        if (!rc && !name.err && stat(buf_str(&name), &st) == 0 && S_ISREG(st.st_mode))
            rc = read_file(buf_str(&name), fn, ctx);
        buf_deinit(&name);
        free(list[i]);
    }
    if (count >= 0)
        free(list);
    return rc;
}

int source_read(const char *path, source_fn *fn, void *ctx, char err[SOURCE_ERROR_MAX])
{
    struct stat st;
    int rc;

    err[0] = '\0';
    if (strcmp(path, "-") == 0)
        rc = read_file(path, fn, ctx);
    else if (stat(path, &st) < 0)
        rc = -errno;
    else if (!S_ISDIR(st.st_mode))
        rc = read_file(path, fn, ctx);
    else if (maildir_is(path))
        rc = read_maildir(path, fn, ctx, err);
    else
        rc = read_folder(path, fn, ctx);
    if (rc < 0 && !err[0])
        snprintf(err, SOURCE_ERROR_MAX, "%.200s: %s", path, strerror(-rc));
    return rc;
}
