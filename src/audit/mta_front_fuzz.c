/* SPDX-License-Identifier: GPL-3.0-or-later */
/* haproxy.cfg, nginx.conf and a file that it includes. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/p/haproxy.cfg", "/p/nginx.conf", "/p/stream.conf"};

    return try_fuzz(names, 3, "/p", data, size);
}
