/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A mail system of several hosts, from a file that names them (postern-audit-system(5)):
 *
 *     nat fw       { inside = 10.0.0.1   to = mail }
 *     edge gateway { path = gw/haproxy.cfg   address = 10.0.0.5   to = mail }
 *     server mail  { path = mail/etc/postfix   interface = 10.0.0.7/24 }
 *
 * Each host is audited by itself, with what its neighbours make of it as facts; then come the
 * findings that no single host shows: two hosts that each look closed and together relay.
 *
 *     s = audit_system_new(&files);
 *     r = audit_system_read(s, "/etc/postern/mail.system");
 *     r = audit_system_finish(s);
 *     audit_out_text(audit_system_joint(s), …);
 *
 * Functions return 0; AUDIT_BAD, and then audit_system_error() says where and why; -ENOMEM.
 */
#ifndef POSTERN_AUDIT_SYSTEM_H
#define POSTERN_AUDIT_SYSTEM_H

#include "audit/audit.h"

enum {
    AUDIT_SYSTEM_HOSTS_MAX = 100,
    AUDIT_SYSTEM_VALUES_MAX = 64, /* of one setting of one host */
};

struct audit_system;

/* NULL: out of memory. The provider's context must live as long as the system. */
struct audit_system *audit_system_new(const struct audit_files *files);
void audit_system_free(struct audit_system **s);
int audit_system_read(struct audit_system *s, const char *path);
int audit_system_finish(struct audit_system *s);
const char *audit_system_error(const struct audit_system *s);
/* All findings, of the hosts and of their joins, worst first: for the renderers. */
const struct audit *audit_system_joint(const struct audit_system *s);
/* The hosts, for what is said of each alone (a patch). */
size_t audit_system_hosts(const struct audit_system *s);
const struct audit *audit_system_host(const struct audit_system *s, size_t at,
                                      const char **ret_name);

#endif
