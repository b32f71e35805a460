/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reads a Maildir that some mail system delivers into: `new` and `cur`, and those of its
 * subfolders (".name" of Maildir++), because plus-addressing may file mail there. Nothing is ever
 * changed, moved or marked; where the system allows it not even the time of access.
 */
#ifndef POSTERN_IO_MAILDIR_H
#define POSTERN_IO_MAILDIR_H

#include "base/span.h"

#include <stdint.h>

enum {
    MAILDIR_MESSAGE_MAX = 1 << 20, /* octets read of one message; what is longer is cut */
    MAILDIR_FOLDERS_MAX = 1000,    /* subfolders looked into */
    MAILDIR_SEEN_MAX = 1 << 20,    /* messages remembered, old ones included */
    MAILDIR_SLACK = 60,            /* seconds by which a delivering system's clock may be behind */
    MAILDIR_ERROR_MAX = 300,
};

struct maildir;

/*
 * `path` is the folder that holds new and cur. Messages that came more than MAILDIR_SLACK seconds
 * before `since_wall` are passed over. -errno with the reason and remedy in err: -ENOTDIR when it
 * is no Maildir.
 */
int maildir_open(const char *path, int64_t since_wall, struct maildir **ret,
                 char err[MAILDIR_ERROR_MAX]);
/* Safe on NULL and twice. */
void maildir_close(struct maildir **m);

/*
 * One message: its bytes (at most MAILDIR_MESSAGE_MAX, `cut` when there are more), its file below
 * `path`, and when it came. Borrowed for the call. Not 0: stop, and maildir_poll() returns it.
 */
typedef int maildir_fn(void *ctx, const char *file, struct span message, bool cut, int64_t wall);

/*
 * Calls fn for each message that it has not yet taken (returned 0 for), in no order. 0, what fn
 * returned, or -errno; the rest then comes with the next poll. A message that vanishes meanwhile
 * is no error; one that can't be read is told after all others were handed out, at each poll anew.
 * -EOVERFLOW: more than MAILDIR_SEEN_MAX messages.
 */
int maildir_poll(struct maildir *m, maildir_fn *fn, void *ctx);

/* Whether a folder looks like a Maildir. */
bool maildir_is(const char *path);

#endif
