/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An mbox may be larger than memory, so it is read in pieces and only the message under way is
 * held. Whether a file is an mbox shows in its first five octets: no header field starts with
 * "From ".
 */
#include "cmd/prove/source.h"

#include "base/buf.h"
#include "io/maildir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct reading {
    const char *path;
    source_fn *fn;
    void *ctx;
    enum store_source source;
    int64_t wall;
    struct buf text; /* the message under way */
    struct buf line; /* the line under way */
    bool cut, mbox, decided, empty_before;
    size_t count;
};

static int hand_out(struct reading *r)
{
    struct buf where = BUF_INIT(8192);
    int rc;

    if (!r->text.n)
        return 0;
    r->count++;
    buf_add_str(&where, strcmp(r->path, "-") == 0 ? "standard input" : r->path);
    if (r->mbox)
        buf_addf(&where, " #%zu", r->count);
    rc = where.err ? where.err
                   : r->fn(r->ctx, &(struct source_message){.where = buf_str(&where),
                                                            .text = buf_span(&r->text),
                                                            .cut = r->cut,
                                                            .wall = r->wall,
                                                            .source = r->source});
    buf_deinit(&where);
    buf_clear(&r->text);
    r->cut = false;
    return rc;
}

static void keep(struct reading *r, struct span s)
{
    size_t room = SOURCE_MESSAGE_MAX - r->text.n;

    r->cut |= s.n > room;
    buf_add(&r->text, span_slice(s, 0, room));
}

/*
 * "From a@b.example Mon Oct  8 12:00:00 2001". The time is asked for, because not every writer
 * quotes a line of text that begins with "From ".
 */
static bool is_separator(struct span line)
{
    if (!span_starts(line, SPAN_LIT("From ")))
        return false;
    for (size_t i = 5; i + 5 <= line.n; i++)
        if (ascii_is_digit(line.p[i]) && ascii_is_digit(line.p[i + 1]) && line.p[i + 2] == ':' &&
            ascii_is_digit(line.p[i + 3]) && ascii_is_digit(line.p[i + 4]))
            return true;
    return false;
}

/* One line with its end, or the start of one that is too long to be held whole. */
static int take_line(struct reading *r, struct span line)
{
    int rc = 0;

    if (!r->decided) {
        r->mbox = span_starts(line, SPAN_LIT("From "));
        r->decided = true;
    } else if (r->mbox && r->empty_before && is_separator(line)) {
        rc = hand_out(r);
    }
    r->empty_before = span_trim(line).n == 0;
    keep(r, line);
    return rc;
}

static int take_bytes(struct reading *r, struct span s)
{
    int rc = 0;

    while (s.n && !rc) {
        size_t lf = span_find(s, '\n');
        struct span piece = span_slice(s, 0, lf < s.n ? lf + 1 : s.n);

        buf_add(&r->line, piece);
        if (r->line.err)
            return r->line.err;
        if (lf < s.n || r->line.n >= r->line.max / 2) {
            rc = take_line(r, buf_span(&r->line));
            buf_clear(&r->line);
        }
        s = span_slice(s, piece.n, s.n);
    }
    return rc;
}

static int read_fd(struct reading *r, int fd)
{
    char chunk[32768];
    ssize_t n;
    int rc = 0;

    /* Half of the line's room is a chunk, so that no piece can overflow it. */
    r->line = (struct buf)BUF_INIT(4 * sizeof(chunk));
    r->text = (struct buf)BUF_INIT(SOURCE_MESSAGE_MAX);
    while (!rc && (n = read(fd, chunk, sizeof(chunk))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        rc = n < 0 ? -errno : take_bytes(r, span_of(chunk, (size_t)n));
    }
    if (!rc && r->line.n)
        rc = take_line(r, buf_span(&r->line));
    if (!rc)
        rc = r->text.err ? r->text.err : hand_out(r);
    buf_deinit(&r->line);
    buf_deinit(&r->text);
    return rc;
}

static int on_maildir(void *ctx, const char *file, struct span text, bool cut, int64_t wall)
{
    struct reading *r = ctx;
    struct buf where = BUF_INIT(8192);
    int rc;

    buf_addf(&where, "%s/%s", r->path, file);
    rc = where.err ? where.err
                   : r->fn(r->ctx, &(struct source_message){.where = buf_str(&where),
                                                            .text = text,
                                                            .cut = cut,
                                                            .wall = wall,
                                                            .source = STORE_SOURCE_MAILDIR});
    buf_deinit(&where);
    return rc;
}

static int read_maildir(struct reading *r, char err[SOURCE_ERROR_MAX])
{
    char why[MAILDIR_ERROR_MAX] = "";
    struct maildir *m;
    int rc = maildir_open(r->path, MAILDIR_SLACK, &m, why);

    if (rc < 0) {
        snprintf(err, SOURCE_ERROR_MAX, "%s", why);
        return rc;
    }
    rc = maildir_poll(m, on_maildir, r);
    maildir_close(&m);
    return rc;
}

int source_read(const char *path, source_fn *fn, void *ctx, char err[SOURCE_ERROR_MAX])
{
    struct reading r = {.path = path, .fn = fn, .ctx = ctx, .source = STORE_SOURCE_MESSAGE};
    bool input = strcmp(path, "-") == 0;
    int fd = input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    int rc = 0;

    err[0] = '\0';
    if (fd < 0 || fstat(fd, &st) < 0)
        rc = -errno;
    else if (S_ISDIR(st.st_mode))
        rc = read_maildir(&r, err);
    else if (S_ISREG(st.st_mode))
        r.wall = st.st_mtime;
    if (!rc && !S_ISDIR(st.st_mode))
        rc = read_fd(&r, fd);
    if (fd >= 0 && !input)
        close(fd);
    if (rc < 0 && !err[0])
        snprintf(err, SOURCE_ERROR_MAX, "%.200s: %s", path, strerror(-rc));
    return rc;
}
