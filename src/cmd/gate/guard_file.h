/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A few words that outlive the process, in a file of two slots:
 *
 *     <16 hex digits of a sum> <number> <words>\n          padded with spaces to GUARD_FILE_SLOT
 *
 * The newest slot whose sum is right counts, and what is written goes over the other one. So a
 * crash at any octet leaves the words of before, and the file is never renamed: it may lie in a
 * folder that its owner could write to only before he gave his rights up.
 */
#ifndef POSTERN_CMD_GATE_GUARD_FILE_H
#define POSTERN_CMD_GATE_GUARD_FILE_H

#include "base/buf.h"

#include <sys/types.h>

enum { GUARD_FILE_SLOT = 1024, GUARD_FILE_WORDS = 960 };

struct guard_file;

/* Made with mode 0600 where it is missing, and given to `owner`, when that is not (uid_t)-1. */
int guard_file_open(const char *path, uid_t owner, struct guard_file **ret);
/* Adds the words; nothing when none were ever written. -EBADMSG when no slot is whole. */
int guard_file_read(struct guard_file *f, struct buf *out);
/* On disk when it returns 0. -EMSGSIZE, or what the system says. */
int guard_file_write(struct guard_file *f, struct span words);
/* Safe on NULL. */
void guard_file_close(struct guard_file **f);

#endif
