/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first byte says how long the pieces are; every reply is read as an answer to EHLO too. */
#include "smtp/ehlo.h"
#include "smtp/reply.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smtp_reply_parser p;
    struct smtp_reply r;
    struct smtp_ehlo ehlo;
    size_t step = size ? data[0] + 1u : 1;
    int got = SMTP_REPLY_MORE;

    smtp_reply_parser_init(&p);
    for (size_t at = 1; at < size && got != SMTP_REPLY_BAD; at += step) {
        struct span in = span_slice(span_of(data, size), at, at + step);

        while (in.n && (got = smtp_reply_feed(&p, &in, &r)) == SMTP_REPLY_DONE) {
            if (r.text.n > SMTP_REPLY_KEPT || r.code < 200 || r.code > 599)
                abort();
            smtp_ehlo_parse(r.text, &ehlo);
        }
    }
    smtp_reply_parser_deinit(&p);
    return 0;
}
