/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Strangers' texts in every field: lines stay lines, and printable. */
#include "gate/logline.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void look(struct buf *line, size_t lines)
{
    struct span rest = buf_span(line), one;

    assert(line->err == 0);
    while (span_cut(&rest, '\n', &one)) {
        assert(lines-- > 0);
        for (size_t i = 0; i < one.n; i++)
            assert(one.p[i] >= ' ' && one.p[i] <= '~');
    }
    buf_clear(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct span all = span_of(data, n), half = span_slice(all, n / 2, n);
    struct buf line = BUF_INIT(LOGLINE_MAIL_MAX);
    struct gate_client c;
    struct logline_refusal r = {&c, "id", "RCPT", "denied", n & 1, 554, all, half, all};
    struct logline_login l = {&c, "PLAIN", all, "no"};
    struct logline_mail m = {&c, "id", all, &half, 1, 1, .code = 250, .reply = all, .result = ""};
    struct logline_session s = {.client = &c, .end = "timeout", .last = half};

    gate_client_init(&c);
    gate_client_set(&c.helo, all);
    gate_client_set(&c.name, half);
    gate_client_set(&c.login, half);
    c.name_ok = true;
    for (unsigned style = LOGLINE_PLAIN; style <= LOGLINE_POSTFIX; style++) {
        logline_refusal((enum logline_style)style, &r, &line);
        look(&line, 1);
        logline_login_failed((enum logline_style)style, &l, &line);
        look(&line, 1);
        logline_session((enum logline_style)style, &s, &line);
        look(&line, 2);
        logline_mail((enum logline_style)style, &m, &line);
        look(&line, 4);
    }
    gate_client_deinit(&c);
    buf_deinit(&line);
    return 0;
}
