/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Follows a file as `tail -F` does: from its end at the start, on over rotation. Once a second it
 * reads what is new, and when nothing is, looks whether the name now leads to another file (moved
 * away and made anew: that one is read from its front) or the file has become shorter (copied and
 * cut: read from its front again). A watch on the folder would be quicker, but breaks on network
 * file systems, and a login's mail comes later than a second anyway.
 *
 * The file must be readable by the user that we become.
 */
#include "auth/logline.h"
#include "cmd/gate/grant_sources.h"
#include "io/log.h"
#include "io/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOOK = 1000,          /* ms between two looks */
    LOOK_BYTES = 1 << 20, /* read in one of them, so that a burst does not hold up the mail */
};

static struct {
    struct loop *loop;
    struct timer timer;
    char *path;
    int fd; /* -1: the file is not there */
    off_t at;
    struct buf line;
    bool skipping; /* in a line that is too long */
    bool missing;  /* and said so */
    bool leaving;  /* the name leads elsewhere; what is still written here is read once more */
} the = {.fd = -1};

static void do_line(struct span line)
{
    struct auth_logline got;

    if (auth_logline_read(line, &got))
        grant_allow(got.ip, span_str(got.login), "log");
}

static void take(struct span bytes)
{
    size_t end;

    while ((end = span_find(bytes, '\n')) < bytes.n) {
        buf_add(&the.line, span_slice(bytes, 0, end));
        if (!the.skipping && the.line.err == 0)
            do_line(buf_span(&the.line));
        the.skipping = false;
        buf_clear(&the.line);
        bytes = span_slice(bytes, end + 1, bytes.n);
    }
    buf_add(&the.line, bytes);
    if (the.line.err) {
        the.skipping = true;
        buf_clear(&the.line);
    }
}

static void drop_file(void)
{
    if (the.fd >= 0)
        close(the.fd);
    the.fd = -1;
    the.at = 0;
    the.skipping = the.leaving = false;
    buf_clear(&the.line);
}

/* A FIFO or a device would never end. */
static int open_file(void)
{
    struct stat st;
    int fd = open(the.path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EINVAL;
    }
    the.fd = fd;
    the.at = 0;
    return 0;
}

/* Whether the name leads to another file now, or the file was cut. */
static bool replaced(void)
{
    struct stat mine, named;

    if (fstat(the.fd, &mine) < 0 || mine.st_size < the.at)
        return true;
    return stat(the.path, &named) == 0 &&
           (named.st_ino != mine.st_ino || named.st_dev != mine.st_dev);
}

/* True when there may be more. */
static bool read_some(void)
{
    static char bytes[16384];
    ssize_t n;

    for (size_t sum = 0; sum < LOOK_BYTES; sum += (size_t)n) {
        n = pread(the.fd, bytes, sizeof(bytes), the.at);
        if (n <= 0)
            return false;
        the.at += n;
        take(span_of(bytes, (size_t)n));
    }
    return true;
}

static void look(void *cookie)
{
    bool more = the.fd >= 0 && read_some();
    int err = 0;

    if (!more && the.fd >= 0 && replaced() && !the.leaving) {
        the.leaving = true; /* its writer may not know yet */
    } else if (!more && the.leaving) {
        drop_file();
        log_info("grants-log", "file", the.path, "text", "it is a new file", NULL);
    }
    if (the.fd < 0) {
        err = open_file();
        more = err == 0;
        if (err < 0 && !the.missing)
            log_warn("grants-log", "file", the.path, "text", LOG_ERRNO(err), NULL);
        the.missing = err < 0;
    }
    timer_start(&the.timer, the.loop, more ? 0 : LOOK);
}

int grant_log_open(struct loop *l, const struct gate_args *args, char err[GRANT_ERROR_MAX])
{
    int got;

    the.loop = l;
    buf_init(&the.line, AUTH_LOGLINE_MAX);
    the.path = strdup(args->grants_log);
    if (!the.path) {
        snprintf(err, GRANT_ERROR_MAX, "grants-log: out of memory");
        return -ENOMEM;
    }
    got = open_file();
    if (got < 0 && got != -ENOENT) {
        snprintf(err, GRANT_ERROR_MAX, "grants-log: %s: %s", the.path,
                 got == -EINVAL ? "it is no plain file" : strerror(-got));
        return got;
    }
    the.missing = got < 0;
    if (got < 0)
        log_warn("grants-log", "file", the.path, "text", "it is not there yet", NULL);
    else
        the.at = lseek(the.fd, 0, SEEK_END);
    timer_init(&the.timer, look, NULL);
    timer_start(&the.timer, l, LOOK);
    return 0;
}

void grant_log_close(void)
{
    drop_file();
    timer_stop(&the.timer);
    buf_deinit(&the.line);
    free(the.path);
    the.path = NULL;
}
