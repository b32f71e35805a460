/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The folder is held open, so that files can be made in it after rights were given up. A line goes
 * out by one write(2) to a file opened for appending: several workers, and a decoy beside the gate,
 * may write to the same one. There is no fsync(): what a crash of the machine loses is evidence of
 * minutes, of a client that will try again.
 */
#include "cmd/gate/evidence_file.h"

#include "io/file.h"
#include "io/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct evidence_file {
    int dir, fd; /* -1: none */
    char name[EVIDENCE_NAME_MAX];
    uint64_t size; /* of today's file, as far as we know */
    bool told;     /* that it is full or can't be written */
};

int evidence_file_open(const char *dir, struct evidence_file **ret)
{
    struct evidence_file *f;
    int r;

    *ret = NULL;
    if (!dir)
        return 0;
    r = file_mkdirs(dir, 0750);
    if (r < 0)
        return r;
    f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->fd = -1;
    f->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->dir < 0) {
        r = -errno;
        free(f);
        return r;
    }
    *ret = f;
    return 0;
}

void evidence_file_close(struct evidence_file **pf)
{
    struct evidence_file *f = *pf;

    *pf = NULL;
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    close(f->dir);
    free(f);
}

static void remove_stale(const struct evidence_file *f, int64_t wall)
{
    int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(d)))
        if (evidence_stale(span_str(entry->d_name), wall))
            unlinkat(f->dir, entry->d_name, 0);
    closedir(d);
}

/* Another day, another file. */
static void turn(struct evidence_file *f, int64_t wall)
{
    char name[EVIDENCE_NAME_MAX];
    struct stat st;

    evidence_file(wall, name);
    if (f->fd >= 0 && strcmp(name, f->name) == 0)
        return;
    if (f->fd >= 0)
        close(f->fd);
    if (strcmp(name, f->name) != 0) {
        f->told = false;
        remove_stale(f, wall);
    }
    memcpy(f->name, name, sizeof(name));
    f->fd = openat(f->dir, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    f->size = f->fd >= 0 && fstat(f->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static bool fails(struct evidence_file *f, const char *why)
{
    if (!f->told)
        log_error("evidence", "file", f->name, "error", why, "meaning",
                  "relay attempts are not written down", NULL);
    f->told = true;
    return false;
}

bool evidence_file_add(struct evidence_file *f, const struct evidence *e)
{
    struct buf line = BUF_INIT(EVIDENCE_LINE_MAX);
    ssize_t n = -1;

    if (!f)
        return false;
    turn(f, e->wall);
    if (f->fd < 0)
        return fails(f, LOG_ERRNO(errno));
    evidence_line(e, &line);
    if (f->size + line.n > EVIDENCE_DAY_MAX) {
        buf_deinit(&line);
        return fails(f, "the day's file is full");
    }
    if (!line.err)
        n = write(f->fd, line.p, line.n);
    f->size += n > 0 ? (uint64_t)n : 0;
    buf_deinit(&line);
    return n >= 0 || fails(f, LOG_ERRNO(errno));
}
