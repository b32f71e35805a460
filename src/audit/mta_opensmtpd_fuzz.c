/* SPDX-License-Identifier: GPL-3.0-or-later */
/* smtpd.conf, and a table that it may name as /etc/t. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/etc/smtpd.conf", "/etc/t"};

    return try_fuzz(names, 2, "/etc/smtpd.conf", data, size);
}
