/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rows that anyone might write, and a name of a stranger behind the first NUL; what is read can be
 * judged by, checked, and written as a pattern of a zone.
 */
#include "list/dynamic.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_of(data, size), rows = span_slice(all, 0, span_find(all, '\0'));
    struct span name = span_slice(all, rows.n + 1, all.n);
    struct dynamic_rules r = {0};
    struct rows_error err = {0};
    int got = dynamic_read(&r, rows, &err);

    assert(got != -EINVAL || err.why[0]);
    if (got == 0) {
        struct dynamic_judgement j = dynamic_judge(&r, name);

        assert((j.got >= DYNAMIC_YES && j.got <= DYNAMIC_CHOSEN) || j.got == DYNAMIC_RUNAWAY
                   ? j.row != NULL
                   : j.row == NULL);
        assert(j.host <= name.n);
        dynamic_check(&r, &err);
    }
    for (size_t i = 0; i < r.count; i++) {
        struct buf whole = BUF_INIT(2 * DYNAMIC_PATTERN_MAX);

        assert(i == 0 || r.rows[i - 1].kind <= r.rows[i].kind);
        dynamic_whole_pattern(&r.rows[i], &whole);
        buf_deinit(&whole);
    }
    dynamic_deinit(&r);
    return 0;
}
