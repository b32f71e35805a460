/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whole files. Writing goes through a file of a name nobody else has, beside the real one so that
 * the rename stays within one file system; without the two syncs a power cut could leave an empty
 * file under the right name, which for a key means that no proof ever verifies again.
 */
#include "io/file.h"

#include "io/random.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, struct buf *out)
{
    char chunk[16384];

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return out->err;
        buf_add(out, span_of(chunk, (size_t)n));
        if (out->err)
            return out->err == -EMSGSIZE ? -EFBIG : out->err;
    }
}

int file_read(const char *path, struct buf *out)
{
    struct stat st;
    int fd, r;

    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, out);
    /* Non-blocking: a FIFO that nobody writes to must not hold the open. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0)
        r = -errno;
    else if (S_ISDIR(st.st_mode))
        r = -EISDIR;
    else if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
        r = -EINVAL;
    else
        r = fcntl(fd, F_SETFL, 0) < 0 ? -errno : read_all(fd, out);
    close(fd);
    return r;
}

static int write_all(int fd, struct span s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        s = span_slice(s, (size_t)n, s.n);
    }
    return 0;
}

static int sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    size_t slash = span_rfind(span_str(path), '/');
    int fd, r;

    if (slash == strlen(path))
        snprintf(folder, sizeof(folder), ".");
    else
        span_copy(span_of(path, slash ? slash : 1), folder, sizeof(folder));
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    r = fsync(fd) < 0 ? -errno : 0;
    close(fd);
    /* Some file systems (FUSE, network) can't sync a folder; the file itself is safe there. */
    return r == -EINVAL || r == -ENOTSUP ? 0 : r;
}

/* owner: whose the file is to be, and its mode; NULL: ours, and `mode`. */
static int write_temporary(const char *temp, struct span bytes, mode_t mode,
                           const struct stat *owner)
{
    int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode), r;

    if (fd < 0)
        return -errno;
    r = write_all(fd, bytes);
    if (r == 0 && owner && fchown(fd, owner->st_uid, owner->st_gid) < 0)
        r = -errno;
    if (r == 0 && (fchmod(fd, owner ? owner->st_mode & 07777 : mode) < 0 || fsync(fd) < 0))
        r = -errno;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r < 0)
        unlink(temp);
    return r;
}

static int put(const char *path, struct span bytes, mode_t mode, bool only_new,
               const struct stat *owner)
{
    char temp[PATH_MAX];
    uint32_t tag;
    int n, r = random_bytes(&tag, sizeof(tag));

    if (r < 0)
        return r;
    n = snprintf(temp, sizeof(temp), "%s.%08x.new", path, (unsigned)tag);
    if (n < 0 || (size_t)n >= sizeof(temp))
        return -ENAMETOOLONG;
    r = write_temporary(temp, bytes, mode, owner);
    if (r < 0)
        return r;
    if (only_new) {
        /* link(2) never replaces: of two that try, one gets -EEXIST. */
        r = link(temp, path) < 0 ? -errno : 0;
        unlink(temp);
    } else if (rename(temp, path) < 0) {
        r = -errno;
        unlink(temp);
    }
    return r < 0 ? r : sync_folder_of(path);
}

int file_write(const char *path, struct span bytes, mode_t mode)
{
    return put(path, bytes, mode, false, NULL);
}

int file_create(const char *path, struct span bytes, mode_t mode)
{
    return put(path, bytes, mode, true, NULL);
}

/* The file, locked, and the one that has the name now. -EAGAIN: it was replaced meanwhile. */
static int open_locked(const char *path, struct stat *ret)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat now;
    int r = 0;

    if (fd < 0)
        return -errno;
    while (flock(fd, LOCK_EX) < 0 && r == 0)
        r = errno == EINTR ? 0 : -errno;
    if (r == 0 && (fstat(fd, ret) < 0 || stat(path, &now) < 0))
        r = errno == ENOENT ? -EAGAIN : -errno;
    if (r == 0 && (now.st_ino != ret->st_ino || now.st_dev != ret->st_dev))
        r = -EAGAIN;
    if (r == 0 && !S_ISREG(ret->st_mode))
        r = -EINVAL;
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

static int change(const char *path, int fd, const struct stat *owner, struct buf *old,
                  struct buf *new, mode_t mode, file_change_fn fn, void *cookie)
{
    int r = fd < 0 ? 0 : read_all(fd, old);

    if (r == 0)
        r = fn(cookie, buf_span(old), new);
    if (r == 0 && new->err)
        r = new->err == -EMSGSIZE ? -EFBIG : new->err;
    return r < 0 ? r : put(path, buf_span(new), mode, fd < 0, fd < 0 ? NULL : owner);
}

static void forget(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap);
    buf_deinit(b);
}

int file_change(const char *path, size_t max, mode_t mode, file_change_fn fn, void *cookie)
{
    struct stat st;
    int r;

    do {
        struct buf old = BUF_INIT(max), new = BUF_INIT(max);
        int fd = open_locked(path, &st);

        r = fd < 0 && fd != -ENOENT ? fd : change(path, fd, &st, &old, &new, mode, fn, cookie);
        if (fd >= 0)
            close(fd);
        if (fd < 0 && r == -EEXIST)
            r = -EAGAIN; /* somebody made it just now */
        forget(&old);
        forget(&new);
    } while (r == -EAGAIN);
    return r;
}

static int make_folder(const char *path, mode_t mode)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    if (stat(path, &st) < 0)
        return -errno;
    return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int file_mkdirs(const char *path, mode_t mode)
{
    char part[PATH_MAX];
    size_t n = strlen(path);

    if (!n)
        return -ENOENT;
    if (n >= sizeof(part))
        return -ENAMETOOLONG;
    memcpy(part, path, n + 1);
    for (size_t i = 1; i < n; i++) {
        if (part[i] != '/')
            continue;
        part[i] = '\0';
        /*
         * The folders above are others' business: they get the usual mode, and may be unwritable.
         */
        int r = make_folder(part, 0777);

        if (r < 0 && access(part, X_OK) < 0)
            return r;
        part[i] = '/';
    }
    return make_folder(part, mode);
}

static int read_secret(const char *file, struct buf *ret, char err[FILE_ERROR_MAX])
{
    struct buf text = BUF_INIT(4096);
    struct span line;
    struct stat st;
    int rc = 0;

    if (stat(file, &st) < 0)
        rc = -errno;
    else if (S_ISREG(st.st_mode) && (st.st_mode & 077))
        rc = -EPERM;
    else
        rc = file_read(file, &text);
    if (rc == -EPERM)
        snprintf(err, FILE_ERROR_MAX, "%.200s: others may read it; chmod 600", file);
    else if (rc < 0)
        snprintf(err, FILE_ERROR_MAX, "%.200s: %s", file, strerror(-rc));
    line = buf_span(&text);
    line = span_slice(line, 0, span_find(line, '\n'));
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    if (!rc && !line.n) {
        snprintf(err, FILE_ERROR_MAX, "%.200s: its first line is empty", file);
        rc = -EINVAL;
    }
    if (!rc)
        buf_add(ret, line);
    if (text.p)
        explicit_bzero(text.p, text.n);
    buf_deinit(&text);
    return rc ? rc : ret->err;
}

int file_secret(const char *path, const char *name, struct buf *out, char err[FILE_ERROR_MAX])
{
    const char *env = getenv(name);

    if (path)
        return read_secret(path, out, err);
    if (env)
        buf_add_str(out, env);
    if (out->err)
        snprintf(err, FILE_ERROR_MAX, "%s is too long", name);
    return out->err;
}
