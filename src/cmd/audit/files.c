/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading for the auditor. Only regular files and folders are opened for real: a device or a FIFO
 * that a configuration names must neither block nor be touched.
 *
 * Below a root every name is resolved inside of it by the kernel (openat2(2), RESOLVE_IN_ROOT):
 * images are full of absolute links, and some are hostile.
 */
#include "cmd/audit/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_in(const struct files *f, const char *path, int flags)
{
    struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK),
                           .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
    int fd;

    if (f->root)
        fd = (int)syscall(SYS_openat2, f->root_fd, path, &how, sizeof(how));
    else
        fd = open(path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int outcome(int error)
{
    switch (error) {
    case -ENOMEM:
    case -ENFILE:
    case -EMFILE:
        return error;
    case -ENOENT:
    case -ENOTDIR:
    case -ENAMETOOLONG:
    case -ELOOP:
        return AUDIT_FILE_MISSING;
    case -EACCES:
    case -EPERM:
        return AUDIT_FILE_DENIED;
    case -ENXIO:
    case -ENODEV:
        return AUDIT_FILE_ODD;
    default:
        return AUDIT_FILE_FAILED;
    }
}

static int read_fd(int fd, off_t size, struct buf *out)
{
    char chunk[16384];

    buf_reserve(out, (size_t)size + 1);
    for (;;) {
        ssize_t n = read(fd, chunk, sizeof(chunk));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return outcome(-errno);
        if (n == 0)
            return AUDIT_FILE_OK;
        buf_add(out, span_of(chunk, (size_t)n));
        if (out->err)
            return out->err == -EMSGSIZE ? AUDIT_FILE_LARGE : out->err;
    }
}

static int read_kind(int fd, struct buf *out)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return outcome(-errno);
    if (S_ISDIR(st.st_mode))
        return AUDIT_FILE_FOLDER;
    if (!S_ISREG(st.st_mode))
        return AUDIT_FILE_ODD;
    if (st.st_size > AUDIT_FILE_MAX)
        return AUDIT_FILE_LARGE;
    return read_fd(fd, st.st_size, out);
}

static int files_read(void *ctx, const char *path, struct span *ret)
{
    struct buf text = BUF_INIT(AUDIT_FILE_MAX);
    struct files *f = ctx;
    int fd = open_in(f, path, O_RDONLY), got;

    if (fd < 0)
        return outcome(fd);
    got = read_kind(fd, &text);
    close(fd);
    if (got == AUDIT_FILE_OK) {
        if (array_grow(&f->kept, &f->cap, sizeof(f->kept[0]), f->count + 1) < 0)
            got = -ENOMEM;
        else
            *ret = buf_span(&text);
    }
    if (got == AUDIT_FILE_OK)
        f->kept[f->count++] = text;
    else
        buf_deinit(&text);
    return got;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int gather(DIR *dir, char ***ret, size_t *ret_count)
{
    char **v = NULL;
    size_t count = 0, cap = 0;
    struct dirent *e;
    int r = 0;

    while (r == 0 && count < AUDIT_FILES_MAX && (e = readdir(dir))) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        r = array_grow(&v, &cap, sizeof(v[0]), count + 1);
        if (r == 0 && !(v[count] = strdup(e->d_name)))
            r = -ENOMEM;
        count += r == 0;
    }
    if (count > 1)
        qsort(v, count, sizeof(v[0]), by_name);
    *ret = v;
    *ret_count = count;
    return r;
}

static int files_list(void *ctx, const char *path, audit_name_fn each, void *cookie)
{
    int fd = open_in(ctx, path, O_RDONLY | O_DIRECTORY), r;
    DIR *dir;
    char **v;
    size_t count;

    if (fd < 0)
        return outcome(fd);
    dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return -ENOMEM;
    }
    r = gather(dir, &v, &count);
    closedir(dir);
    for (size_t i = 0; i < count; i++) {
        if (r == 0)
            r = each(cookie, v[i]);
        free(v[i]);
    }
    free(v);
    return r < 0 ? r : AUDIT_FILE_OK;
}

int files_open(struct files *f, const char *root)
{
    *f = (struct files){.root = root, .root_fd = -1};
    if (!root)
        return 0;
    f->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return f->root_fd < 0 ? -errno : 0;
}

void files_close(struct files *f)
{
    for (size_t i = 0; i < f->count; i++)
        buf_deinit(&f->kept[i]);
    free(f->kept);
    if (f->root_fd >= 0)
        close(f->root_fd);
    *f = (struct files){.root_fd = -1};
}

struct audit_files files_provider(struct files *f)
{
    return (struct audit_files){f, files_read, files_list};
}
