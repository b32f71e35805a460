/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A .mc, and a .cf, of anyone, each with an access map and relay domains. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const mc[] = {"/etc/mail/sendmail.mc", "/etc/mail/access",
                                     "/etc/mail/relay-domains"};
    static const char *const cf[] = {"/etc/mail/sendmail.cf", "/etc/mail/access",
                                     "/etc/mail/relay-domains"};

    try_fuzz(mc, 3, "/etc/mail", data, size);
    return try_fuzz(cf, 3, "/etc/mail", data, size);
}
