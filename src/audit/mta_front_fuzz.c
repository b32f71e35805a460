/* SPDX-License-Identifier: GPL-3.0-or-later */
/* haproxy.cfg, nginx.conf, a file that it includes, a quadlet, docker run, and a Dockerfile. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/p/haproxy.cfg", "/p/nginx.conf", "/p/stream.conf",
                                        "/p/m.container", "/p/start.sh",   "/p/Dockerfile"};

    return try_fuzz(names, 6, NULL, data, size);
}
