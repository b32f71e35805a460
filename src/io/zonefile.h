/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The files of a zone, <state>/zones/<zone>/{image,journal,lock}, in the order of zone/journal.h:
 * one writer at a time, any number of readers without a lock, and a kill at any point leaves what
 * was acknowledged. Errors are negative errno.
 */
#ifndef POSTERN_IO_ZONEFILE_H
#define POSTERN_IO_ZONEFILE_H

#include "base/span.h"

#include <stdint.h>

/* The exclusive right to write in one zone's folder. */
struct zonefile {
    int dir;  /* the folder; -1 after closing */
    int lock; /* its `lock`, held */
};

/* A file as it is now, read-only. Whoever replaces it later does not change these bytes. */
struct zonefile_map {
    struct span bytes;
    /* Tells one file from the next under the same name: has it been replaced? */
    uint64_t device, inode;
    int64_t mtime_ns;
};

/*
 * Makes the folder and those above it (mode 0755), and takes its lock, for which it waits up to
 * wait_ms. -ETIMEDOUT: another held it all the while. What a killed writer left is removed.
 */
int zonefile_open(const char *folder, unsigned wait_ms, struct zonefile *ret);
/* Gives the lock back. Safe twice. */
void zonefile_close(struct zonefile *z);

/*
 * Puts the bytes under the name: name.tmp, fsync, rename, fsync of the folder. After 0 they are
 * there for good; after an error, or a kill, the old ones or the new ones, whole.
 */
int zonefile_replace(struct zonefile *z, const char *name, struct span bytes);
/* The same of several pieces, one behind the other. */
int zonefile_replace_parts(struct zonefile *z, const char *name, const struct span *parts,
                           size_t count);
/*
 * Appends the bytes with one write, and fdatasync. Where the file is longer than `good` octets (a
 * torn tail), it is replaced by its good part and the bytes instead. After 0 they are acknowledged;
 * after an error they may be there in part, which is a torn tail, or whole. -ESTALE: the file is
 * shorter than `good`. The file must be there.
 */
int zonefile_append(struct zonefile *z, const char *name, uint64_t good, struct span bytes);

/* Maps a file, whole. -EFBIG over `max`. An empty file is an empty span. Unmap each. */
int zonefile_map(const char *folder, const char *name, uint64_t max, struct zonefile_map *ret);
/*
 * The same of what nobody but us (or root) can have written there: -EPERM when the folder or the
 * file is another user's, or others may write it; -ELOOP or -ENOTDIR for symbolic links.
 */
int zonefile_map_ours(const char *folder, const char *name, uint64_t max, struct zonefile_map *ret);
void zonefile_unmap(struct zonefile_map *m);
/* 1: the name now stands for another file than m's; 0: for the same; else the errno. */
int zonefile_changed(const char *folder, const char *name, const struct zonefile_map *m);

#endif
