/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The running host as the input of an audit: its mail servers, their versions, its addresses. */
#ifndef POSTERN_CMD_AUDIT_LIVE_H
#define POSTERN_CMD_AUDIT_LIVE_H

#include "audit/audit.h"
#include "cmd/audit/facts.h"

enum { LIVE_ERROR_MAX = 400 };

/*
 * Adds what the host is to the audit, save what the options have said already, and the paths of all
 * mail servers that are found. 0; AUDIT_BAD with the audit's own error; -ENOENT when there is no
 * mail server; other -errno, with the reason in err.
 */
int live_give(struct audit *a, const struct facts *said, char err[LIVE_ERROR_MAX]);

#endif
