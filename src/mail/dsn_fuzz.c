/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A report, its parts and the copy in it: spans lie in the message, decoding stays in its bounds.
 */
#include "mail/build.h"
#include "mail/dsn.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct span whole, struct span s)
{
    assert(!s.n || (s.p >= whole.p && s.p + s.n <= whole.p + whole.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span m = span_of(data, size);
    struct buf out = BUF_INIT(MIME_DECODED_MAX);
    struct build_copy copy;
    struct mime_iter it;
    struct mime_part part;
    struct dsn d;

    mime_open(&it, m);
    while (mime_next(&it, &part) == MIME_PART) {
        inside(m, part.whole);
        inside(part.whole, part.body);
        mime_decode(&part, &out);
    }
    if (dsn_read(m, &d) == 0) {
        assert(d.why && (d.kind != DSN_KIND_PROBE || d.has_mark) && d.count <= DSN_RECIPIENTS_MAX);
        inside(m, d.enclosed);
        inside(m, d.reporting_mta);
        for (size_t i = 0; i < d.count; i++)
            inside(m, d.recipients[i].final);
        if (build_copy_read(d.enclosed, d.enclosed, &copy) > 0)
            build_copy_deinit(&copy);
        dsn_deinit(&d);
    }
    buf_deinit(&out);
    return 0;
}
