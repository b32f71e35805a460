/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Courier's access rules, domains and ports. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/etc/courier/esmtpd", "/etc/courier/smtpaccess/default",
                                        "/etc/courier/esmtpacceptmailfor"};

    return try_fuzz(names, 3, "/etc/courier", data, size);
}
