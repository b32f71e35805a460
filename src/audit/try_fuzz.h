/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the fuzz targets of the interpreters share: the input is cut at NUL octets into files, all
 * of them are audited as one host, and what is found must have a reason.
 */
#ifndef POSTERN_AUDIT_TRY_FUZZ_H
#define POSTERN_AUDIT_TRY_FUZZ_H

#include "audit/audit.h"

#include <stdint.h>
#include <stdlib.h>

enum { TRY_FUZZ_FILES = 8 };

/* `path` is given to the audit, and a daemon.json too; NULL: each file is. */
static inline int try_fuzz(const char *const *names, size_t count, const char *path,
                           const uint8_t *data, size_t size)
{
    struct audit_memory_file v[TRY_FUZZ_FILES];
    struct audit_memory memory = {v, 0};
    struct audit_files files = audit_files_memory(&memory);
    struct span rest = span_of(data, size), part;
    const struct audit_finding *const *found;
    struct audit_verdict verdict;
    struct audit *a;
    size_t n;
    int r;

    for (size_t i = 0; i < count && i < TRY_FUZZ_FILES && span_cut(&rest, '\0', &part); i++)
        if (part.n > 0)
            v[memory.count++] = (struct audit_memory_file){names[i], part.p, part.n};
    a = audit_new(&files);
    if (!a)
        return 0;
    r = path ? audit_path(a, NULL, path) : 0;
    for (size_t i = 0; i < memory.count && r == 0; i++)
        if (!path || strstr(v[i].name, "daemon.json"))
            r = audit_path(a, NULL, v[i].name);
    if (r == 0)
        r = audit_finish(a);
    if (r == AUDIT_BAD && !audit_error(a)[0])
        abort();
    found = audit_findings(a, &n);
    for (size_t i = 0; r == 0 && i < n; i++)
        if (!found[i]->id || !found[i]->why || !found[i]->why[0])
            abort();
    if (r == 0)
        audit_verdict(a, &verdict);
    audit_free(&a);
    return 0;
}

#endif
