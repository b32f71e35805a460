/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A header read whole must say the same as one that comes in pieces, and never take too much. What
 * is handed on of it reads the same once more.
 */
#include "smtp/proxy_in.h"
#include "smtp/proxy_tlv.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span in = span_of(data, size);
    struct smtp_proxy_header whole, part;
    size_t used, n = 0, at = 0;
    enum smtp_proxy_got got = smtp_proxy_read(in, &whole, &used), step = SMTP_PROXY_MORE;

    if (used > size || used > SMTP_PROXY2_TAKEN)
        abort();
    while (step == SMTP_PROXY_MORE && at < size)
        step = smtp_proxy_read(span_slice(in, 0, ++at), &part, &n);
    if (step != got && got != SMTP_PROXY_BAD)
        abort();
    if (got == SMTP_PROXY_CLIENT &&
        (n != used || !ip_eq(whole.from, part.from) || whole.from.family != whole.to.family))
        abort();
    if (got == SMTP_PROXY_CLIENT) {
        struct buf once = BUF_INIT(SMTP_PROXY_TLVS_MAX), twice = BUF_INIT(SMTP_PROXY_TLVS_MAX);

        smtp_proxy_tlvs_pick(whole.tlvs, &once);
        smtp_proxy_tlvs_pick(buf_span(&once), &twice);
        if (once.err || twice.err || !span_eq(buf_span(&once), buf_span(&twice)))
            abort();
        buf_deinit(&once);
        buf_deinit(&twice);
    }
    return 0;
}
