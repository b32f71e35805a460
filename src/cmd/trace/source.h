/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages in bulk: a message in a file, an mbox of any size (RFC 4155), a Maildir, a folder of
 * messages, or standard input. Only the header section matters, so of each message no more than
 * SOURCE_MESSAGE_MAX octets are handed out; the rest is passed over without being kept.
 */
#ifndef POSTERN_CMD_TRACE_SOURCE_H
#define POSTERN_CMD_TRACE_SOURCE_H

#include "base/span.h"

enum {
    SOURCE_WINDOW = 4 << 20,      /* octets of a file in memory at a time */
    SOURCE_MESSAGE_MAX = 1 << 20, /* octets of one message that are handed out */
    SOURCE_FILES_MAX = 1 << 20,   /* files of one folder */
    SOURCE_ERROR_MAX = 400,
};

/* `where`: the file, with "#number" behind it in an mbox. Not 0: stop, and it is returned. */
typedef int source_fn(void *ctx, struct span where, struct span message);

/* "-" is standard input. 0, what fn returned, or -errno with the reason in err. */
int source_read(const char *path, source_fn *fn, void *ctx, char err[SOURCE_ERROR_MAX]);

#endif
