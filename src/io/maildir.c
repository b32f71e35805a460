/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Polling instead of inotify: a Maildir may lie on NFS, where no event comes, and a second's delay
 * hurts nobody. A message keeps its unique name when a reader moves it from new to cur and when
 * flags are added behind the colon, so the name up to the colon is what is remembered, as a hash
 * in an open table. Old messages are remembered too: they cost one look at their time, once.
 *
 * File names and folders belong to somebody else: links are not followed, pipes and devices not
 * opened for long (O_NONBLOCK), and only regular files are read.
 */
#include "io/maildir.h"

#include "base/buf.h"
#include "base/mac.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct maildir {
    char *path;
    int64_t since;
    uint64_t *seen; /* open addressing, 0 is free; cap is a power of two */
    size_t count, cap;
    struct buf message;
};

struct poll {
    struct maildir *m;
    maildir_fn *fn;
    void *ctx;
    int late; /* the first file that could not be read: told when the others have been */
};

static uint64_t name_hash(const char *name)
{
    struct span s = span_str(name);
    uint8_t hash[MAC_SIZE];
    uint64_t v;

    mac_sha256(span_slice(s, 0, span_find(s, ':')), hash);
    memcpy(&v, hash, sizeof(v));
    return v ? v : 1;
}

/* The slot that holds the value, or the free one where it belongs. */
static size_t slot_of(const uint64_t *table, size_t cap, uint64_t v)
{
    size_t i = v & (cap - 1);

    while (table[i] && table[i] != v)
        i = (i + 1) & (cap - 1);
    return i;
}

static bool is_seen(const struct maildir *m, uint64_t v)
{
    return m->cap && m->seen[slot_of(m->seen, m->cap, v)] == v;
}

static int remember(struct maildir *m, uint64_t v)
{
    if (m->count == MAILDIR_SEEN_MAX)
        return -EOVERFLOW;
    if (2 * (m->count + 1) > m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 256;
        uint64_t *table = calloc(cap, sizeof(*table));

        if (!table)
            return -ENOMEM;
        for (size_t i = 0; i < m->cap; i++)
            if (m->seen[i])
                table[slot_of(table, cap, m->seen[i])] = m->seen[i];
        free(m->seen);
        m->seen = table;
        m->cap = cap;
    }
    m->seen[slot_of(m->seen, m->cap, v)] = v;
    m->count++;
    return 0;
}

static int read_all(int fd, struct buf *out, bool *ret_cut)
{
    char chunk[16384];
    ssize_t n;

    *ret_cut = false;
    while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
        size_t room = MAILDIR_MESSAGE_MAX - out->n;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        *ret_cut = (size_t)n > room;
        buf_add(out, span_of(chunk, *ret_cut ? room : (size_t)n));
        if (*ret_cut)
            break;
    }
    return out->err;
}

static int open_file(int folder, const char *name)
{
    int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = openat(folder, name, flags | O_NOATIME);

    /* Only the owner may leave the time of access alone. */
    return fd < 0 && errno == EPERM ? openat(folder, name, flags) : fd;
}

static bool is_gone(int error)
{
    return error == ENOENT || error == ELOOP || error == ESTALE;
}

/* Reads one file and hands it out; `where` is its folder below the Maildir, with a slash. */
static int take_file(struct poll *p, int folder, const char *where, const char *name, uint64_t hash)
{
    struct maildir *m = p->m;
    struct stat st;
    bool cut = false;
    int fd = open_file(folder, name), err = 0;

    if (fd < 0) {
        if (!is_gone(errno) && !p->late)
            p->late = -errno;
        return 0;
    }
    if (fstat(fd, &st) < 0)
        err = -errno;
    else if (!S_ISREG(st.st_mode) || (st.st_mtime < m->since && st.st_ctime < m->since))
        err = 1; /* not for us, now or ever */
    buf_clear(&m->message);
    if (!err)
        err = read_all(fd, &m->message, &cut);
    close(fd);
    if (err == 1)
        return remember(m, hash);
    if (!err) {
        struct buf file = BUF_INIT(4096);

        buf_addf(&file, "%s%s", where, name);
        err = file.err ? file.err
                       : p->fn(p->ctx, buf_str(&file), buf_span(&m->message), cut, st.st_mtime);
        buf_deinit(&file);
    }
    return err ? err : remember(m, hash);
}

/* One of new and cur. A folder that is not there (any more) holds nothing. */
static int poll_folder(struct poll *p, const char *where)
{
    struct buf path = BUF_INIT(4096);
    struct dirent *e;
    DIR *dir = NULL;
    int err;

    buf_addf(&path, "%s/%s", p->m->path, where);
    err = path.err;
    if (!err && !(dir = opendir(buf_str(&path))))
        err = is_gone(errno) || errno == ENOTDIR ? 0 : -errno;
    while (dir && !err && (errno = 0, e = readdir(dir))) {
        uint64_t hash;

        if (e->d_name[0] == '.')
            continue;
        hash = name_hash(e->d_name);
        if (!is_seen(p->m, hash))
            err = take_file(p, dirfd(dir), where, e->d_name, hash);
    }
    if (dir)
        closedir(dir);
    buf_deinit(&path);
    return err;
}

static int poll_box(struct poll *p, const char *sub)
{
    static const char *const names[] = {"new", "cur"};
    struct buf where = BUF_INIT(1024);
    int err = 0;

    /* new first: a message that moves meanwhile is met in cur. */
    for (size_t i = 0; i < 2 && !err; i++) {
        buf_clear(&where);
        buf_addf(&where, "%s%s%s/", sub, *sub ? "/" : "", names[i]);
        err = where.err ? where.err : poll_folder(p, buf_str(&where));
    }
    buf_deinit(&where);
    return err;
}

int maildir_poll(struct maildir *m, maildir_fn *fn, void *ctx)
{
    struct poll p = {.m = m, .fn = fn, .ctx = ctx};
    int err = poll_box(&p, ""), folders = 0;
    struct dirent *e;
    DIR *dir = opendir(m->path);

    if (!dir)
        return err ? err : -errno;
    while (!err && folders < MAILDIR_FOLDERS_MAX && (e = readdir(dir))) {
        if (e->d_name[0] != '.' || strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        folders++;
        err = poll_box(&p, e->d_name);
    }
    closedir(dir);
    return err ? err : p.late;
}

static bool has_folder(const char *path, const char *name)
{
    struct buf whole = BUF_INIT(4096);
    struct stat st;
    bool is;

    buf_addf(&whole, "%s/%s", path, name);
    is = !whole.err && stat(buf_str(&whole), &st) == 0 && S_ISDIR(st.st_mode);
    buf_deinit(&whole);
    return is;
}

bool maildir_is(const char *path)
{
    return has_folder(path, "new") && has_folder(path, "cur");
}

int maildir_open(const char *path, int64_t since_wall, struct maildir **ret,
                 char err[MAILDIR_ERROR_MAX])
{
    DIR *dir = opendir(path);
    struct maildir *m;

    *ret = NULL;
    if (!dir) {
        int fault = errno;

        snprintf(err, MAILDIR_ERROR_MAX, "%.150s: %s", path, strerror(fault));
        return -fault;
    }
    closedir(dir);
    if (!maildir_is(path)) {
        snprintf(err, MAILDIR_ERROR_MAX,
                 "%.150s: no Maildir: it needs the folders new and cur, readable for this user",
                 path);
        return -ENOTDIR;
    }
    m = calloc(1, sizeof(*m));
    if (m)
        m->path = strdup(path);
    if (!m || !m->path) {
        free(m);
        snprintf(err, MAILDIR_ERROR_MAX, "out of memory");
        return -ENOMEM;
    }
    m->since = since_wall - MAILDIR_SLACK;
    m->message = (struct buf)BUF_INIT(MAILDIR_MESSAGE_MAX);
    *ret = m;
    return 0;
}

void maildir_close(struct maildir **m)
{
    if (!*m)
        return;
    buf_deinit(&(*m)->message);
    free((*m)->seen);
    free((*m)->path);
    free(*m);
    *m = NULL;
}
