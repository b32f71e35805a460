/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A stranger's report: what is read lies in it; and what we write of its parts we read again. */
#include "mail/arf.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void inside(struct span whole, struct span s)
{
    assert(!s.n || (s.p >= whole.p && s.p + s.n <= whole.p + whole.n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span m = span_of(data, size);
    struct buf out = BUF_INIT(ARF_MESSAGE_MAX);
    struct arf a, b;
    struct arf_message again = {
        .from = SPAN_LIT("a@b.example"),
        .to = SPAN_LIT("c@d.example"),
        .subject = SPAN_LIT("s"),
        .message_id = SPAN_LIT("1@b.example"),
        .boundary = SPAN_LIT("0123456789abcdef"),
        .text = SPAN_LIT("words\n"),
        .user_agent = SPAN_LIT("fuzz/1"),
        .type = ARF_TYPE_ABUSE,
    };
    int got = arf_read(m, &a);

    if (got == ARF_OK || got == ARF_BAD) {
        assert((got == ARF_BAD) == (a.why != NULL) && a.rcpt_to.count <= ARF_VALUES_MAX);
        inside(m, a.text);
        inside(m, a.enclosed);
        inside(m, a.user_agent);
        for (size_t i = 0; i < a.rcpt_to.count; i++)
            inside(m, a.rcpt_to.v[i]);
        again.enclosed = a.enclosed;
        again.mail_from = a.mail_from;
        again.source = a.source;
        again.headers_only = a.headers_only;
        if (arf_write(&again, &out, NULL) == ARF_WRITTEN) {
            assert(arf_read(buf_span(&out), &b) == ARF_OK && ip_eq(a.source, b.source));
            assert(span_eq(b.mail_from, a.mail_from) && b.headers_only == a.headers_only);
            arf_deinit(&b);
        }
    }
    arf_deinit(&a);
    buf_deinit(&out);
    return 0;
}
