/* SPDX-License-Identifier: GPL-3.0-or-later */
/* No answer is longer than what it answers. */
#include "auth/drac.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = BUF_INIT(100);
    struct auth_drac_call call;
    enum auth_drac_got got = auth_drac_read(span_of(data, size), &call, &out);

    if (got == AUTH_DRAC_ADD)
        auth_drac_reply(call.xid, AUTH_DRAC_SUCCESS, &out);
    if (out.err || out.n > size || (got == AUTH_DRAC_IGNORE) != (out.n == 0))
        abort();
    auth_drac_portmapped(span_of(data, size), call.xid);
    buf_deinit(&out);
    return 0;
}
