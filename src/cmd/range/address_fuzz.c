/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any recipient: it is read to an end, and what would be sent on needs no quoting. */
#include "cmd/range/address.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct address_home home = {
        "mail.x.range.example", "x.range.example", {IP_V4, {127, 25, 0, 9}}};
    struct buf out = BUF_INIT(ADDRESS_MAX);
    uint32_t classes;
    int kind = address_rcpt(&home, span_of(data, size), &out, &classes);

    if (kind == ADDRESS_FOREIGN && !(classes & MODEL_RCPT_CLASSES))
        abort();
    for (size_t i = 0; kind > ADDRESS_BAD && i < out.n; i++)
        if (out.p[i] <= ' ' || out.p[i] == '>' || out.p[i] == '"' || out.p[i] == '\\')
            abort();
    address_sender(&home, span_of(data, size));
    buf_deinit(&out);
    return 0;
}
