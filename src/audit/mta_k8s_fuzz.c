/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two manifests of one cluster. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/k/a.yaml", "/k/b.yaml"};

    return try_fuzz(names, 2, "/k", data, size);
}
