/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A name in a failed login is anything at all: the line must not become a login by it. */
#include "auth/logline.h"
#include "auth/sasl.h"
#include "base/buf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf line = BUF_INIT(AUTH_LOGLINE_MAX);
    struct auth_logline got;

    if (auth_logline_read(span_of(data, size), &got) && !auth_login_ok(span_str(got.login)))
        abort();
    buf_add_str(&line,
                "Nov 21 10:00:00 mail dovecot: imap-login: Disconnected (auth failed): user=<");
    buf_add(&line, span_of(data, size));
    if (auth_logline_read(buf_span(&line), &got))
        abort();
    buf_deinit(&line);
    return 0;
}
