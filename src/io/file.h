/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole files, bounded on the way in and never half there on the way out. */
#ifndef POSTERN_IO_FILE_H
#define POSTERN_IO_FILE_H

#include "base/buf.h"

#include <sys/types.h>

enum { FILE_ERROR_MAX = 400 }; /* a line about a file, with its NUL */

/*
 * Adds the file's bytes to *out. "-" is standard input. Bounded by out->max: a longer file is
 * -EFBIG. Not a regular file or a pipe: -EINVAL. Else 0 or the -errno of the system.
 */
int file_read(const char *path, struct buf *out);
/*
 * Writes beside the file, syncs, renames over it, syncs the folder: after a crash the old or the
 * new file is there, whole. 0 or -errno, and then the old one is untouched.
 */
int file_write(const char *path, struct span bytes, mode_t mode);
/* As file_write(), but -EEXIST when the file is there already: two starters make one key. */
int file_create(const char *path, struct span bytes, mode_t mode);
/*
 * Replaces a file's bytes by what fn makes of them, whole as file_write() does; owner, group and
 * mode stay. A file that is not there is made from nothing, with `mode`. Of two that change one
 * file at a time the second sees what the first has made. fn returns 0, or a negative errno that
 * leaves the file as it is. -EFBIG over `max` bytes.
 */
typedef int (*file_change_fn)(void *cookie, struct span old, struct buf *ret);
int file_change(const char *path, size_t max, mode_t mode, file_change_fn fn, void *cookie);
/*
 * Adds a password to *out: the first line of a file that none but its owner can read, else what the
 * environment variable `name` holds, else nothing. -errno with the reason in err.
 */
int file_secret(const char *path, const char *name, struct buf *out, char err[FILE_ERROR_MAX]);
/* Makes the folder and those above it; 0 when it is there already. */
int file_mkdirs(const char *path, mode_t mode);

#endif
