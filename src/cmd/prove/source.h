/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Messages out of what an operator may have at hand: one message in a file or on standard input, an
 * mbox (RFC 4155: each begins with a line "From … time", behind an empty line), or a Maildir.
 */
#ifndef POSTERN_CMD_PROVE_SOURCE_H
#define POSTERN_CMD_PROVE_SOURCE_H

#include "base/span.h"
#include "store/store.h"

enum {
    SOURCE_MESSAGE_MAX = 1 << 20, /* octets of one message that are read; the rest is passed over */
    SOURCE_ERROR_MAX = 400,
};

struct source_message {
    const char *where; /* the file, with a number behind it when it is one of many */
    struct span text;
    bool cut;     /* there was more */
    int64_t wall; /* when the file was written; 0 not known */
    enum store_source source;
};

/* Not 0: stop. */
typedef int source_fn(void *ctx, const struct source_message *m);

/* "-" is standard input. 0, what fn returned, or -errno with the reason in err. */
int source_read(const char *path, source_fn *fn, void *ctx, char err[SOURCE_ERROR_MAX]);

#endif
