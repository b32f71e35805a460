/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A descriptor of somebody else's that tells when it can be read: for libraries with their own. */
#ifndef POSTERN_IO_WATCH_H
#define POSTERN_IO_WATCH_H

#include "io/loop.h"

struct watch;

/* fn comes again and again while the descriptor is readable. It stays the caller's. -errno. */
int watch_open(struct loop *l, int fd, void (*fn)(void *cookie), void *cookie, struct watch **ret);
/* Before the descriptor is closed. Safe on NULL and twice, and from fn. */
void watch_close(struct watch **w);

#endif
