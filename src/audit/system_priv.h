/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A system's hosts while they are read, audited and joined. */
#ifndef POSTERN_AUDIT_SYSTEM_PRIV_H
#define POSTERN_AUDIT_SYSTEM_PRIV_H

#include "audit/audit_priv.h"
#include "audit/system.h"

enum system_role { SYSTEM_SERVER, SYSTEM_EDGE, SYSTEM_NAT };

struct system_list {
    const char *v[AUDIT_SYSTEM_VALUES_MAX];
    struct audit_place at[AUDIT_SYSTEM_VALUES_MAX];
    size_t count;
};

struct system_host {
    enum system_role role;
    const char *name;
    struct audit_place place;
    struct system_list paths, kinds, to, interfaces, addresses, nats, published, own, trusts,
        passes, unpacks, domains;
    const char *host_name, *version, *smarthost;
    struct audit_place smarthost_place;
    bool no_nat, any_recipient, hides, keeps, reject;
    struct audit_place recipient_place;
    struct audit *a; /* NULL of a NAT */
};

struct audit_system {
    struct audit_files files;
    struct audit *joint; /* its arena holds all texts of the file */
    struct system_host hosts[AUDIT_SYSTEM_HOSTS_MAX];
    size_t count;
    const struct audit *failed; /* whose error it is */
};

/* audit/system_read.c */
int system_parse(struct audit_system *s, const struct audit_source_file *f);
/* audit/system_join.c */
void system_join(struct audit_system *s);
/* By name; NULL: none. */
struct system_host *system_named(struct audit_system *s, const char *name);

#endif
