/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any bytes either read as rows, whose every value keeps its limits, or fail with a place. */
#include "base/rows.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rows_reader r;
    struct rows_error err = {0};
    struct row row = {0};
    int got;

    rows_open(&r, span_of(data, size));
    while ((got = rows_next(&r, &row, &err)) == 1) {
        assert(row.count > 0 && row.count <= ROWS_FIELDS_MAX);
        for (size_t i = 0; i < row.count; i++) {
            assert(row.fields[i].name.n > 0 && strlen(row.fields[i].value) <= ROWS_VALUE_MAX);
            assert(row.fields[i].line >= row.line && row.fields[i].line <= r.line);
        }
    }
    assert(got != -EINVAL || (err.line > 0 && err.why[0]));
    row_deinit(&row);
    return 0;
}
