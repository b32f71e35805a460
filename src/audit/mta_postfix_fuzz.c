/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A main.cf, a master.cf, and a table that both may name as /etc/postfix/t, parted by lines "%%".
 * Whatever is in them, the audit ends with findings in known places, or with an error.
 */
#include "audit/audit.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span rest = span_of(data, size), part[3];
    struct audit_memory_file v[3] = {
        {"/etc/postfix/main.cf"}, {"/etc/postfix/master.cf"}, {"/etc/postfix/t"}};
    struct audit_memory memory = {v, 3};
    struct audit_files files = audit_files_memory(&memory);
    struct audit *a = audit_new(&files);
    struct audit_verdict verdict;

    for (size_t i = 0; i < 3; i++) {
        size_t n = i < 2 ? span_find_nocase(rest, SPAN_LIT("\n%%\n")) : rest.n;

        part[i] = span_slice(rest, 0, n);
        rest = span_slice(rest, n + 4, rest.n);
        v[i].text = part[i].n ? part[i].p : " ";
        v[i].n = part[i].n ? part[i].n : 1;
    }
    if (a && audit_path(a, "postfix", "/etc/postfix") == 0 && audit_finish(a) == 0) {
        audit_verdict(a, &verdict);
        if (verdict.exit < 0 || verdict.exit > 3)
            abort();
    } else if (a && !*audit_error(a)) {
        abort();
    }
    audit_free(&a);
    return 0;
}
