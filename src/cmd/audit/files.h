/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The auditor's files from the disk, perhaps below a root: an unpacked image or backup. */
#ifndef POSTERN_CMD_AUDIT_FILES_H
#define POSTERN_CMD_AUDIT_FILES_H

#include "audit/audit.h"
#include "base/buf.h"

struct files {
    const char *root; /* NULL: this machine. Names, links and ".." stay below it */
    int root_fd;
    struct buf *kept; /* what was read, for as long as the audit lives */
    size_t count, cap;
};

/* 0 or -errno of the root. */
int files_open(struct files *f, const char *root);
void files_close(struct files *f);
/* `f` is borrowed. */
struct audit_files files_provider(struct files *f);

#endif
