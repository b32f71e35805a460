/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the iterator hands out lies in the message, one field behind the other, and it ends. */
#include "mail/header.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span m = span_of(data, size);
    const char *at = m.p, *end = m.p + m.n;
    struct buf out = BUF_INIT(HEADER_BLOCK_MAX);
    struct header_iter it;
    struct header_field f;

    header_open(&it, m);
    while (header_next(&it, &f) == HEADER_FIELD) {
        assert(f.raw.p >= at && f.raw.p + f.raw.n <= end && f.name.n > 0);
        at = f.raw.p + f.raw.n;
        header_unfold(&out, f.body);
        header_address(f.body);
    }
    assert(header_body_offset(m) <= m.n && (it.rest.p || m.p + header_body_offset(m) >= at));
    buf_deinit(&out);
    return 0;
}
