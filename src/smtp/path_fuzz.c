/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the grammar takes ends where an argument's path ends, and holds a domain. */
#include "smtp/path.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_of(data, size);
    struct smtp_path p;
    size_t at;
    enum smtp_path_got got = smtp_path_parse(text, &p, &at);

    if (at > size || p.local_n > SMTP_LOCAL_MAX || smtp_path_length(text) > size)
        abort();
    if (got == SMTP_PATH_OK &&
        (size > SMTP_PATH_MAX || smtp_path_length(text) != size || !smtp_domain_ok(p.domain)))
        abort();
    return 0;
}
