/* SPDX-License-Identifier: GPL-3.0-or-later */
/* qmail's control files, its rules by address and its run script. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"/var/qmail/control/rcpthosts",
                                        "/var/qmail/control/percenthack", "/etc/tcp.smtp",
                                        "/var/qmail/supervise/qmail-smtpd/run"};

    return try_fuzz(names, 4, "/var/qmail", data, size);
}
