/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whole and byte by byte give the same responses; a section lies in its response. */
#include "io/imap_wire.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run(struct span in, size_t step, struct buf *out)
{
    struct imap_wire w;
    int got = IMAP_WIRE_MORE;

    imap_wire_init(&w);
    for (size_t at = 0; at < in.n && got != IMAP_WIRE_BAD; at += step) {
        struct span piece = span_slice(in, at, at + step), line;

        while ((got = imap_wire_feed(&w, &piece, &line)) == IMAP_WIRE_LINE) {
            struct imap_uids uids = {0};
            struct imap_response r;

            assert(imap_wire_read(line, SPAN_LIT("A1"), &uids, &r) == 0);
            assert(!r.body.n || (r.body.p >= line.p && r.body.p + r.body.n <= line.p + line.n));
            buf_addf(out, "%d %zu %zu\n", (int)r.kind, line.n, uids.count);
            free(uids.v);
        }
    }
    imap_wire_deinit(&w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = BUF_INIT(1 << 24), bytes = BUF_INIT(1 << 24);

    run(span_of(data, size), size ? size : 1, &whole);
    run(span_of(data, size), 1, &bytes);
    assert(span_eq(buf_span(&whole), buf_span(&bytes)));
    buf_deinit(&whole);
    buf_deinit(&bytes);
    return 0;
}
