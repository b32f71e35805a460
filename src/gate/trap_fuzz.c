/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A list file: what is read and written is read again as the same, and is sorted and fit. */
#include "gate/trap.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct trap_list t = {0}, back = {0};
    struct buf text = BUF_INIT(TRAP_FILE_MAX);
    size_t bad;

    assert(trap_read(&t, span_of(data, n), 2000, 1000, &bad) == 0);
    for (size_t i = 0; i < t.count; i++) {
        assert(trap_fit(t.entries[i].ip) && t.entries[i].until_wall > 1000);
        assert(i == 0 || ip_cmp(t.entries[i - 1].ip, t.entries[i].ip) < 0);
    }
    trap_write(&t, IP_V4, 1000, &text);
    trap_write(&t, IP_V6, 1000, &text);
    assert(trap_read(&back, buf_span(&text), 0, 1000, &bad) == 0);
    assert(bad == 0 && back.count == t.count);
    trap_deinit(&t);
    trap_deinit(&back);
    buf_deinit(&text);
    return 0;
}
