/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A zone's files. Readers have them mapped, so no octet that was written once is changed, and no
 * file gets shorter: a page that goes away below a reader kills it. The image is replaced; the
 * journal is appended to, and where its tail is torn it is replaced too, by one that ends with the
 * last whole step.
 *
 * Under the lock the temporary file may have a fixed name, so that a killed writer leaves one at
 * most, which the next one removes. The lock file itself is never removed: a lock on a file that
 * has lost its name holds nobody back.
 */
#include "io/zonefile.h"

#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_PAUSE_MS = 5 };

static const char *const temporary[] = {"image.tmp", "journal.tmp"};

static int take_lock(int fd, unsigned wait_ms)
{
    struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000L};

    for (unsigned waited = 0;; waited += LOCK_PAUSE_MS) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0)
            return 0;
        if (errno != EWOULDBLOCK && errno != EINTR)
            return -errno;
        if (waited >= wait_ms)
            return -ETIMEDOUT;
        nanosleep(&pause, NULL);
    }
}

int zonefile_open(const char *folder, unsigned wait_ms, struct zonefile *ret)
{
    struct zonefile z = {.dir = -1, .lock = -1};
    int r = file_mkdirs(folder, 0755);

    if (r < 0)
        return r;
    z.dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (z.dir < 0)
        return -errno;
    z.lock = openat(z.dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    r = z.lock < 0 ? -errno : take_lock(z.lock, wait_ms);
    if (r < 0) {
        zonefile_close(&z);
        return r;
    }
    for (size_t i = 0; i < sizeof(temporary) / sizeof(temporary[0]); i++)
        unlinkat(z.dir, temporary[i], 0);
    *ret = z;
    return 0;
}

void zonefile_close(struct zonefile *z)
{
    if (z->lock >= 0)
        close(z->lock);
    if (z->dir >= 0)
        close(z->dir);
    z->lock = z->dir = -1;
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

int zonefile_replace(struct zonefile *z, const char *name, struct span bytes)
{
    return zonefile_replace_parts(z, name, &bytes, 1);
}

int zonefile_replace_parts(struct zonefile *z, const char *name, const struct span *parts,
                           size_t count)
{
    char tmp[NAME_MAX + 1];
    int fd, r = 0;

    if ((size_t)snprintf(tmp, sizeof(tmp), "%s.tmp", name) >= sizeof(tmp))
        return -ENAMETOOLONG;
    fd = openat(z->dir, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -errno;
    for (size_t i = 0; i < count && r == 0; i++)
        r = write_all(fd, parts[i]);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && renameat(z->dir, tmp, z->dir, name) < 0)
        r = -errno;
    if (r < 0) {
        unlinkat(z->dir, tmp, 0);
        return r;
    }
    return fsync(z->dir) < 0 ? -errno : 0;
}

/* The file's first `good` octets and the bytes, as a new file under the old name. */
static int replace_tail(struct zonefile *z, const char *name, int fd, uint64_t good,
                        struct span bytes)
{
    struct buf whole = BUF_INIT(BUF_MAX);
    char chunk[16384];
    uint64_t at = 0;
    int r = 0;

    while (at < good && r == 0) {
        size_t want = good - at < sizeof(chunk) ? (size_t)(good - at) : sizeof(chunk);
        ssize_t n = pread(fd, chunk, want, (off_t)at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            r = n < 0 ? -errno : -ESTALE;
            break;
        }
        buf_add(&whole, span_of(chunk, (size_t)n));
        at += (uint64_t)n;
    }
    buf_add(&whole, bytes);
    if (r == 0)
        r = whole.err == -EMSGSIZE ? -EFBIG : whole.err;
    if (r == 0)
        r = zonefile_replace(z, name, buf_span(&whole));
    buf_deinit(&whole);
    return r;
}

static int append_to(struct zonefile *z, const char *name, int fd, uint64_t good, struct span bytes)
{
    struct stat st;
    int r;

    if (fstat(fd, &st) < 0)
        return -errno;
    if ((uint64_t)st.st_size < good)
        return -ESTALE;
    if ((uint64_t)st.st_size > good)
        return replace_tail(z, name, fd, good, bytes);
    r = write_all(fd, bytes);
    return r == 0 && fdatasync(fd) < 0 ? -errno : r;
}

int zonefile_append(struct zonefile *z, const char *name, uint64_t good, struct span bytes)
{
    int fd = openat(z->dir, name, O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW);
    int r;

    if (fd < 0)
        return -errno;
    r = append_to(z, name, fd, good, bytes);
    close(fd);
    return r;
}

static int open_in(const char *folder, const char *name, struct stat *st)
{
    char path[PATH_MAX];
    int fd;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
        return -ENAMETOOLONG;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -errno;
    if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
        return fd;
    close(fd);
    return -EINVAL;
}

static int64_t mtime_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

/* Takes the descriptor over. */
static int map_file(int fd, const struct stat *st, uint64_t max, struct zonefile_map *ret)
{
    void *p = NULL;

    if ((uint64_t)st->st_size > max || (uint64_t)st->st_size > SIZE_MAX) {
        close(fd);
        return -EFBIG;
    }
    if (st->st_size > 0)
        p = mmap(NULL, (size_t)st->st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (p == MAP_FAILED)
        return -errno;
    if (p)
        madvise(p, (size_t)st->st_size, MADV_WILLNEED);
    *ret = (struct zonefile_map){span_of(p, (size_t)st->st_size), st->st_dev, st->st_ino,
                                 mtime_ns(st)};
    return 0;
}

int zonefile_map(const char *folder, const char *name, uint64_t max, struct zonefile_map *ret)
{
    struct stat st;
    int fd = open_in(folder, name, &st);

    return fd < 0 ? fd : map_file(fd, &st, max, ret);
}

static bool is_ours(int fd, struct stat *st)
{
    return fstat(fd, st) == 0 && (st->st_uid == geteuid() || st->st_uid == 0) &&
           (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

int zonefile_map_ours(const char *folder, const char *name, uint64_t max, struct zonefile_map *ret)
{
    int dir = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), fd, r = 0;
    struct stat st;

    if (dir < 0)
        return -errno;
    if (!is_ours(dir, &st)) {
        close(dir);
        return -EPERM;
    }
    fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
    if (fd < 0)
        r = -errno;
    close(dir);
    if (fd < 0)
        return r;
    if (is_ours(fd, &st) && S_ISREG(st.st_mode))
        return map_file(fd, &st, max, ret);
    r = S_ISREG(st.st_mode) ? -EPERM : -EINVAL;
    close(fd);
    return r;
}

void zonefile_unmap(struct zonefile_map *m)
{
    if (m->bytes.n)
        munmap((void *)(uintptr_t)m->bytes.p, m->bytes.n);
    m->bytes = SPAN_NULL;
}

int zonefile_changed(const char *folder, const char *name, const struct zonefile_map *m)
{
    char path[PATH_MAX];
    struct stat st;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path))
        return -ENAMETOOLONG;
    if (stat(path, &st) < 0)
        return -errno;
    return st.st_dev != m->device || st.st_ino != m->inode || mtime_ns(&st) != m->mtime_ns ||
           (size_t)st.st_size != m->bytes.n;
}
