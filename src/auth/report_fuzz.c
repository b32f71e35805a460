/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/report.h"
#include "auth/sasl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct auth_report r;

    if (auth_report_read(span_of(data, size), &r) == AUTH_REPORT_GRANT &&
        (!auth_login_ok(span_str(r.login)) || r.ip.family == IP_NONE))
        abort();
    if (auth_event_read(span_of(data, size), &r) == AUTH_REPORT_GRANT &&
        (!auth_login_ok(span_str(r.login)) || r.ip.family == IP_NONE))
        abort();
    return 0;
}
