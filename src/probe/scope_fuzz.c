/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "probe/scope.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read can be matched by itself; what is refused leaves nothing behind. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scope_error err = {0};
    struct scope_list list;

    scope_list_init(&list, size && data[0] & 1);
    int rc = scope_list_parse(&list, span_of(data, size), "fuzz", &err);
    if (rc == SCOPE_BAD && (list.count || !err.line || !err.why[0]))
        abort();
    for (size_t i = 0; i < list.count; i++) {
        struct span name = span_str(list.rules[i].name);

        if (!scope_list_match(&list, list.rules[i].net.ip, &name, name.p != NULL))
            abort();
    }
    scope_list_deinit(&list);
    return 0;
}
