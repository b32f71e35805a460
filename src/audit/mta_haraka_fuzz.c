/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Haraka's plugins and their files. */
#include "audit/try_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {
        "/etc/haraka/config/plugins",         "/etc/haraka/config/relay.ini",
        "/etc/haraka/config/relay_acl_allow", "/etc/haraka/config/relay_dest_domains.ini",
        "/etc/haraka/config/host_list_regex", "/etc/haraka/config/connection.ini",
        "/etc/haraka/config/smtp.ini"};

    return try_fuzz(names, 7, "/etc/haraka", data, size);
}
