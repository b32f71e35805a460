/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An export of Exchange in any of its shapes. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/x/export.txt"};

    return try_fuzz(names, 1, "/x/export.txt", data, size);
}
