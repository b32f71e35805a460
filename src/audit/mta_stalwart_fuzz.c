/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stalwart's TOML or JSON of anyone. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/opt/stalwart/etc/config.toml"};

    return try_fuzz(names, 1, "/opt/stalwart/etc/config.toml", data, size);
}
