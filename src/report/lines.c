/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * JSON Lines: one object, one line. Everything beyond ASCII and every control character leaves as
 * \uXXXX, so that the lines are as safe on a terminal as in a file.
 */
#include "report/report.h"

static int add_piece(const char *piece, size_t n, void *data)
{
    struct buf *out = data;

    buf_add(out, span_of(piece, n));
    return out->err ? -1 : 0;
}

void report_lines(struct buf *out, const json_t *doc)
{
    size_t before = out->n;

    /* Half an object would read as a broken one: take back what was written of it. */
    if (json_dump_callback(doc, add_piece, out,
                           JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY) < 0) {
        buf_truncate(out, before);
        return;
    }
    buf_add_char(out, '\n');
}
