/* SPDX-License-Identifier: GPL-3.0-or-later */
/* maddy.conf of anyone. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/etc/maddy/maddy.conf"};

    return try_fuzz(names, 1, "/etc/maddy/maddy.conf", data, size);
}
