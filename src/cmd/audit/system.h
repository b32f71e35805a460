/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern audit --system: several hosts in one call. */
#ifndef POSTERN_CMD_AUDIT_SYSTEM_H
#define POSTERN_CMD_AUDIT_SYSTEM_H

#include "audit/system.h"
#include "base/buf.h"

/*
 * Reads and audits a system. 0 with *ret, which the caller frees; AUDIT_BAD with *ret for its error
 * text; -ENOMEM.
 */
int system_audit(const struct audit_files *files, const char *path, struct audit_system **ret);
/*
 * The patches of all hosts, one after the other. *ret_left: findings that count and have none, with
 * those of the joins.
 */
void system_patch(const struct audit_system *s, struct buf *out, size_t *ret_left);

#endif
