/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A compose file with a .env: parts are split by a NUL octet. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/p/docker-compose.yml", "/p/.env", "/p/m.env",
                                        "/p/daemon.json"};

    return try_fuzz(names, 4, "/p", data, size);
}
