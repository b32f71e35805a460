/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Streams inside one machine: Unix sockets by path, and the two ends of a socketpair. For talks
 * with our own kind (workers, the admin socket) and with Dovecot; for the peer's rights see
 * local_peer_uid().
 *
 * Callbacks come from the loop. `closed` is the last one, called once; not after local_free().
 */
#ifndef POSTERN_IO_LOCAL_H
#define POSTERN_IO_LOCAL_H

#include "base/span.h"
#include "io/loop.h"

#include <sys/types.h>

enum {
    LOCAL_ERROR_MAX = 300,
    LOCAL_QUEUE_MAX = 1 << 20, /* bytes that may wait to be sent */
};

struct local;
struct local_listener;

struct local_events {
    void (*connected)(void *cookie, struct local *s); /* optional; after local_connect() alone */
    void (*data)(void *cookie, struct local *s, struct span bytes); /* never empty */
    /* The stream is gone when this returns. err: 0 the peer closed in order, or -errno. */
    void (*closed)(void *cookie, struct local *s, int err);
};

/* Failure to connect comes as `closed`. -ENOMEM, -ENAMETOOLONG. */
int local_connect(struct loop *l, const char *path, const struct local_events *ev, void *cookie,
                  struct local **ret);
/* Takes over a connected descriptor; it is closed with the stream. -errno. */
int local_open(struct loop *l, int fd, const struct local_events *ev, void *cookie,
               struct local **ret);
/*
 * 0, -ENOBUFS when too much waits (nothing was taken), -EPIPE, -ENOMEM. Before `connected` it
 * waits.
 */
int local_write(struct local *s, struct span bytes);
/* Sends what waits, then closes; `closed` comes. */
void local_close(struct local *s);
/* At once and in silence. Sets *s to NULL; safe on NULL. */
void local_free(struct local **s);
/* The user of the other end, or -errno. */
int local_peer_uid(const struct local *s, uid_t *ret);

/* Each new stream has no owner yet: local_own() or local_free() it before this returns. */
typedef void (*local_fn)(void *cookie, struct local *s);
void local_own(struct local *s, const struct local_events *ev, void *cookie);

/*
 * Listens on a path. A socket that nobody listens on any more is replaced; anything else that is
 * there is left alone (-EADDRINUSE). -errno with the reason in err.
 */
int local_listen(struct loop *l, const char *path, mode_t mode, local_fn fn, void *cookie,
                 struct local_listener **ret, char err[LOCAL_ERROR_MAX]);
/* Removes the path, too. Safe on NULL and twice. */
void local_listener_free(struct local_listener **li);

#endif
