/* SPDX-License-Identifier: GPL-3.0-or-later */
/* An Exim configuration with a file that it may name as /etc/exim4/t; and Debian's settings. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/etc/exim4/exim4.conf", "/etc/exim4/t"};
    static const char *const debian[] = {"/etc/exim4/update-exim4.conf.conf",
                                         "/etc/exim4/exim4.conf.template"};

    try_fuzz(names, 2, "/etc/exim4", data, size);
    return try_fuzz(debian, 2, "/etc/exim4", data, size);
}
