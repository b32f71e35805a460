/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A system's audit for the program: what is printed is its joint audit, save the patches. */
#include "cmd/audit/system.h"

#include "audit/out.h"

#include <errno.h>

int system_audit(const struct audit_files *files, const char *path, struct audit_system **ret)
{
    struct audit_system *s = audit_system_new(files);
    int r;

    if (!s)
        return -ENOMEM;
    r = audit_system_read(s, path);
    if (r == 0)
        r = audit_system_finish(s);
    *ret = s;
    return r;
}

/* Findings that count: a patch closes those of the hosts, none of the joins. */
static size_t joins(const struct audit *a)
{
    size_t count, n = 0;
    const struct audit_finding *const *v = audit_findings(a, &count);

    for (size_t i = 0; i < count; i++)
        n += !v[i]->kind && !v[i]->door && v[i]->severity > AUDIT_NOTE;
    return n;
}

void system_patch(const struct audit_system *s, struct buf *out, size_t *ret_left)
{
    *ret_left = joins(audit_system_joint(s));
    for (size_t i = 0; i < audit_system_hosts(s); i++) {
        const char *name;
        const struct audit *a = audit_system_host(s, i, &name);
        size_t left = 0;

        if (a)
            audit_out_patch(a, out, &left);
        *ret_left += left;
    }
}
