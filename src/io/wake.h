/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How one thread gets another one's event loop to look: the only call of a loop that may come from
 * outside of its thread. Nothing travels with it; what is to be looked at lies under a lock.
 */
#ifndef POSTERN_IO_WAKE_H
#define POSTERN_IO_WAKE_H

#include "io/loop.h"

struct wake;

/*
 * `fn` will be called in the loop, once for one or more wake_call(). The loop runs on while this is
 * there. In the loop's thread, or while nobody runs the loop. 0 or a negative errno.
 */
int wake_new(struct loop *l, void (*fn)(void *cookie), void *cookie, struct wake **ret);
/* From any thread; what was written before it is seen by `fn`. */
void wake_call(struct wake *w);
/* Where wake_new() may be called; sets *w to NULL. Safe on NULL and twice. */
void wake_free(struct wake **w);

#endif
