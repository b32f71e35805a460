/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is written must be read as it was written, and hold nothing that could be read otherwise. */
#include "relay/canon.h"
#include "smtp/path.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct relay_address a, b;
    struct smtp_path path;

    if (size == 0 || relay_canon(span_of(data + 1, size - 1), data[0] & 1, NULL, &a))
        return 0;
    if (relay_canon(span_str(a.path), a.utf8, NULL, &b) || strcmp(a.path, b.path) != 0 ||
        a.marked != b.marked || strcmp(a.local, b.local) != 0)
        abort();
    if (smtp_path_parse(span_str(a.path), &path, NULL) || path.route.n ||
        strpbrk(a.local, "@:\\\"<>()[],;") ||
        span_find(span_str(a.path), '@') != span_rfind(span_str(a.path), '@'))
        abort();
    return 0;
}
