/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A verdict as words, from a file or from another worker: what was taken is written the same. */
#include "gate/guard.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct guard g, again;
    struct buf first = BUF_INIT(GUARD_TEXT_MAX), second = BUF_INIT(GUARD_TEXT_MAX);
    int64_t now = INT64_C(1) << 40, wall = 1700000000;

    guard_init(&g, 0, 7, false);
    guard_init(&again, 0, 7, false);
    guard_take(&g, span_of(data, size), now, wall);
    guard_write(&g, now, wall, &first);
    if (first.err || g.suspended != (first.n > 0))
        abort();
    guard_take(&again, buf_span(&first), now, wall);
    guard_write(&again, now, wall, &second);
    if (!span_eq(buf_span(&first), buf_span(&second)))
        abort();
    buf_deinit(&first);
    buf_deinit(&second);
    return 0;
}
