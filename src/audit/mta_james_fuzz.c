/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two files of James. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/opt/james/conf/smtpserver.xml",
                                        "/opt/james/conf/mailetcontainer.xml"};

    return try_fuzz(names, 2, "/opt/james/conf", data, size);
}
