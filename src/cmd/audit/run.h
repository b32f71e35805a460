/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Runs a program of the host and takes what it prints: no shell, with limits. */
#ifndef POSTERN_CMD_AUDIT_RUN_H
#define POSTERN_CMD_AUDIT_RUN_H

#include "base/buf.h"

enum {
    RUN_OUTPUT_MAX = 1 << 20, /* bytes that are taken; what is longer is refused */
    RUN_TIME_MAX = 10000,     /* milliseconds, then it is killed */
};

/*
 * Runs argv[0], a name that is looked for in the system's folders (/usr/sbin, /usr/bin, /sbin,
 * /bin, /usr/local/sbin, /usr/local/bin), with nothing on its input, no environment but PATH and
 * LC_ALL=C, and its errors thrown away. 0 with its output when it ended with status 0; -ENOENT: no
 * such program; -EIO: another status; -ETIMEDOUT; -EMSGSIZE; other -errno.
 */
int run_program(const char *const *argv, struct buf *out);

#endif
