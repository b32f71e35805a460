/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A system file with the configuration of one of its hosts behind a NUL octet. */
#include "audit/system.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_of(data, size), part;
    struct audit_memory_file v[2] = {{"/s/system", "", 0}, {"/s/m/mercury.ini", "", 0}};
    struct audit_memory memory = {v, 2};
    struct audit_files files = audit_files_memory(&memory);
    struct audit_system *s = audit_system_new(&files);
    int r;

    if (!s)
        return 0;
    for (size_t i = 0; i < 2 && span_cut(&rest, '\0', &part); i++)
        if (part.n > 0)
            v[i] = (struct audit_memory_file){v[i].name, part.p, part.n};
    r = audit_system_read(s, "/s/system");
    if (r == 0)
        r = audit_system_finish(s);
    if (r == AUDIT_BAD && !audit_system_error(s)[0])
        abort();
    audit_system_free(&s);
    return 0;
}
