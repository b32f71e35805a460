/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A notice whose evidence a hostile server has written: it is a report that we read again, and
 * nothing that looks like a token is in its words.
 */
#include "list/notice.h"

#include "base/escape.h"
#include "mail/arf.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void no_token(struct span s)
{
    size_t run = 0;

    for (size_t i = 0; i < s.n; i++) {
        run = ascii_is_alnum(s.p[i]) ? run + 1 : 0;
        assert(run < NOTICE_TOKEN_MIN);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span all = span_of(data, size);
    struct buf text = BUF_INIT(1 << 20);
    struct notice_proof proof = {.wall = 1, .probe = SPAN_LIT("p"), .mail = all, .rcpt = all};
    const struct notice_to to = {"postmaster@test.example", NOTICE_POSTMASTER};
    struct notice n = {
        .id = 1,
        .address = {IP_V4, {192, 0, 2, 1}},
        .class = SPAN_LIT("relay"),
        .class_text = SPAN_LIT("t"),
        .proofs = &proof,
        .proof_count = 1,
        .proof_header = all,
        .retest = SPAN_LIT("r"),
        .opt_out = SPAN_LIT("o"),
        .org = SPAN_LIT("org"),
        .from = SPAN_LIT("a@b.example"),
        .contact = SPAN_LIT("a@b.example"),
        .tester = SPAN_LIT("b.example"),
    };
    struct buf out = BUF_INIT(NOTICE_MESSAGE_MAX), clean = BUF_INIT(1 << 20);
    struct notice_list list = {0};
    const char *why;
    struct arf a;
    unsigned line;

    escape_text(&text, all); /* as the store has dialogues; line ends are line ends there */
    for (uint32_t i = 0; i + 1 < text.n; i++)
        if (text.p[i] == '\\' && text.p[i + 1] == 'n')
            text.p[i + 1] = '\n';
    n.path = n.transcript = n.advice = buf_span(&text);
    notice_redact(all, 4000, &clean);
    no_token(buf_span(&clean));
    if (notice_write(&n, &to, &out, &why) == NOTICE_OK) {
        assert(arf_read(buf_span(&out), &a) == ARF_OK);
        no_token(a.enclosed);
        arf_deinit(&a);
    }
    notice_add_contact(&list, all);
    notice_add_postmaster(&list, all);
    for (size_t i = 0; i < list.count; i++)
        assert(notice_mailbox_ok(span_str(list.v[i].mailbox)));
    notice_contact_of(all, n.address, &line);
    buf_deinit(&out);
    buf_deinit(&clean);
    buf_deinit(&text);
    return 0;
}
