/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells when something in a folder changes (inotify): the folder is watched and not its files,
 * because a file that is replaced by rename is another file. A tale and no proof: a file system of
 * the network tells nothing of what other hosts do, so who needs to be sure looks by itself too.
 */
#ifndef POSTERN_IO_NOTICE_H
#define POSTERN_IO_NOTICE_H

#include "io/loop.h"

#include <stdbool.h>
#include <stddef.h>

enum notice_what {
    NOTICE_WRITTEN, /* bytes were added or changed */
    NOTICE_CLOSED,  /* who wrote it is done; or it was moved or linked here whole */
    NOTICE_GONE,    /* removed, or moved away */
    NOTICE_LOST,    /* the kernel's queue ran over, or the folder went: look at everything */
};

struct notice;

/*
 * name: within the folder; "" for NOTICE_LOST. Several changes of a file may be told as one. From
 * fn folders may be added and removed.
 */
typedef void (*notice_fn)(void *cookie, int folder, const char *name, enum notice_what what);

/* -errno when the system has no more watchers. */
int notice_open(struct loop *l, notice_fn fn, void *cookie, struct notice **ret);
/* A number for the folder, the same one when it is watched already; or -errno. */
int notice_add(struct notice *n, const char *folder);
/*
 * Adds every folder on the way to a file in which a change may make the path another file's, or
 * bring it: that of the file, and those of symbolic links on the way; where the way ends early, the
 * one in which it ends. Returns how many were added, their numbers in ret; *ret_winding: there are
 * links, or it ends early, so that after any change there the way is to be looked at again.
 */
enum { NOTICE_WAY_MAX = 48 };
size_t notice_add_way(struct notice *n, const char *file, int ret[NOTICE_WAY_MAX],
                      bool *ret_winding);
/* Removes it. What was already on its way may still be told. */
void notice_remove(struct notice *n, int folder);
/* Safe on NULL and twice; not from fn. */
void notice_close(struct notice **n);

#endif
