/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stranger's banner, EHLO, replies and Received against the shapes that patterns have; the advice
 * for whatever it is must be a few whole lines. The first byte says which place the rest is for.
 */
#include "advise/advice.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST "Vendor: v\nFix: f | g | h | i\nRestart: r\nSource: s\nClasses: C1\n\n"

static const char rows[] =
    "Kind: class\nId: C1\nName: any\nRecipients: plain\nFix: a\nSource: s\n\n"
    "Kind: product\nId: a\nName: A\nCause: bug\nAffected: < 8.9.3, 3.03E to 4\n"
    "Banner: ^{host} ESMTP Sendmail {v}/{cf} | (Office v{v} release {r} | "
    "ESMTP ({x32}) | ~ ESMTP{$}\n"
    "Received: ^by {host} ({v}/{cf}) with | ^from {*} (HELO {*}) ({n}.{n}) by {host} | (A{w}v{v}\n"
    "Hello: pleased{*}meet{*}you\n" MUST
    "Kind: product\nId: b\nName: B\nCause: setting\nNumbers: decimal\nSafe: all\n"
    "Ehlo: only SIZE HELP | X-A XVERP=Courier\nReply: 513 Relaying | relay not{$}\n"
    "Help: This is {v}\n" MUST;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out = BUF_INIT(1 << 20);
    struct advise_known_list known;
    struct advise_signs signs = {0};
    struct advise_advice advice;
    char more[ADVISE_ID_MAX + 1];
    struct advise_error err;
    struct advise_book b;
    size_t lines = 0;

    if (size == 0)
        return 0;
    advise_book_init(&b);
    if (advise_book_load(&b, SPAN_LIT(rows), "r", &err) != 0)
        assert(!"the rows are good");
    signs.text[data[0] % ADVISE_PLACES] = span_of(data + 1, size - 1);
    if (data[0] >= 128)
        advise_signs_ehlo(&signs, span_of(data + 1, size - 1));
    assert(advise_know(&b, &signs, &known) == 0);
    const struct advise_known *k = known.count ? &known.v[0] : NULL;
    advise_choose(&b, k && k->sure ? k->lead->product : NULL, span_str(k ? k->version : ""),
                  k ? k->pair : ADVISE_PAIR_NONE, NULL, 0, &advice);
    advise_lines(&b, k, &advice, 1, &out, more);
    for (size_t i = 0; i < out.n; i++)
        lines += out.p[i] == '\n';
    assert(!out.err && lines >= 2 && lines <= ADVISE_LINES_MAX && out.p[out.n - 1] == '\n');
    buf_deinit(&out);
    advise_book_deinit(&b);
    return 0;
}
