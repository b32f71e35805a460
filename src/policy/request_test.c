/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "policy/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

#define HEAD "request=smtpd_access_policy\nprotocol_state=RCPT\n"

/* What a stream of requests comes to: "whole:<recipient>" for each, then "bad:<why>" or "more". */
static void events(struct span in, size_t step, struct buf *out)
{
    struct policy_reader r;
    struct guard g = {0};

    policy_reader_init(&r);
    while (in.n) {
        struct span piece = guard_span(&g, span_slice(in, 0, step));

        in = span_slice(in, step, in.n);
        while (piece.n) {
            struct policy_request q;
            const char *why;
            enum policy_got got = policy_read(&r, &piece, &q, &why);

            if (got == POLICY_WHOLE)
                buf_addf(out, "whole:%.*s ", SPAN_ARG(q.values[POLICY_RECIPIENT]));
            else if (got == POLICY_BAD) {
                buf_addf(out, "bad:%s", why);
                policy_reader_deinit(&r);
                guard_free(&g);
                return;
            }
        }
    }
    buf_add_str(out, "more");
    policy_reader_deinit(&r);
    guard_free(&g);
}

static const struct {
    const char *name, *in, *want;
} cases[] = {
    {"one", HEAD "recipient=a@b\n\n", "whole:a@b more"},
    {"three at once", HEAD "recipient=a\n\n" HEAD "recipient=b\n\n" HEAD "\n",
     "whole:a whole:b whole: more"},
    {"unknown names", HEAD "new_thing=1\nx=\nrecipient=a\ny==\n\n", "whole:a more"},
    {"value with = and blanks", HEAD "recipient=a=b c\n\n", "whole:a=b c more"},
    {"utf-8", HEAD "recipient=\xc3\xa4@b\n\n", "whole:\xc3\xa4@b more"},
    {"twice the same", HEAD "recipient=a\nrecipient=a\n\n", "whole:a more"},
    {"twice different", HEAD "recipient=a\nrecipient=b\n\n", "bad:an attribute that stands twice"},
    {"twice, one empty", HEAD "sasl_username=\nsasl_username=tim\n\n",
     "bad:an attribute that stands twice"},
    {"a duplicate that is not ours", HEAD "x=1\nx=2\nrecipient=a\n\n", "whole:a more"},
    {"open", HEAD "recipient=a\n", "more"},
    {"empty request", "\n", "bad:a request of another kind"},
    {"second empty", HEAD "recipient=a\n\n\n", "whole:a bad:a request of another kind"},
    {"another kind", "request=junk\nprotocol_state=RCPT\n\n", "bad:a request of another kind"},
    {"no kind", "protocol_state=RCPT\n\n", "bad:a request of another kind"},
    {"no state", "request=smtpd_access_policy\n\n", "bad:a request without a state"},
    {"no equals", HEAD "recipient\n\n", "bad:a line that is no attribute"},
    {"no name", HEAD "=a\n\n", "bad:a line that is no attribute"},
    {"CR", HEAD "recipient=a\r\n\n", "bad:a control character"},
    {"tab", HEAD "recipient=a\tb\n\n", "bad:a control character"},
    {"delete", HEAD "recipient=a\x7f\n\n", "bad:a control character"},
    {"SMTP by mistake", "EHLO x\r\n", "bad:a line that is no attribute"},
    {"binary", "\x16\x03\x01\x02\n", "bad:a line that is no attribute"},
};

static void streams(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct span in = span_str(cases[i].in);

        print_message("# %s\n", cases[i].name);
        for (size_t step = 1; step <= in.n; step++) {
            struct buf out = BUF_INIT(4096);

            events(in, step, &out);
            assert_string_equal(buf_str(&out), cases[i].want);
            buf_deinit(&out);
        }
    }
}

static void nul(void **state)
{
    struct buf out = BUF_INIT(4096);

    events(SPAN_LIT(HEAD "recipient=a\0b\n\n"), 1000, &out);
    assert_string_equal(buf_str(&out), "bad:a control character");
    buf_deinit(&out);
}

/* At each limit, and one past it. */
static void limits(void **state)
{
    for (unsigned extra = 0; extra < 2; extra++) {
        struct buf in = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);

        buf_add_str(&in, HEAD "x=");
        for (unsigned i = 0; i < POLICY_LINE_MAX - 2 + extra; i++)
            buf_add_char(&in, 'a');
        buf_add_str(&in, "\n\n");
        events(buf_span(&in), 700, &out);
        assert_string_equal(buf_str(&out), extra ? "bad:too long" : "whole: more");
        buf_clear(&in);
        buf_clear(&out);
        buf_add_str(&in, HEAD);
        for (unsigned i = 2; i < POLICY_LINES_MAX + extra; i++)
            buf_add_str(&in, "x=1\n");
        buf_add_str(&in, "\n");
        events(buf_span(&in), 700, &out);
        assert_string_equal(buf_str(&out), extra ? "bad:too many attributes" : "whole: more");
        buf_deinit(&in);
        buf_deinit(&out);
    }
}

static void whole_size(void **state)
{
    for (unsigned extra = 0; extra < 2; extra++) {
        struct buf in = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);

        buf_add_str(&in, HEAD);
        while (in.n + 8001 <= POLICY_REQUEST_MAX - 100) {
            buf_add_str(&in, "x=");
            for (unsigned i = 0; i < 7998; i++)
                buf_add_char(&in, 'a');
            buf_add_char(&in, '\n');
        }
        buf_add_str(&in, "x=");
        while (in.n < POLICY_REQUEST_MAX - 2 + extra)
            buf_add_char(&in, 'a');
        buf_add_str(&in, "\n\n");
        events(buf_span(&in), 5000, &out);
        assert_string_equal(buf_str(&out), extra ? "bad:too long" : "whole: more");
        buf_deinit(&in);
        buf_deinit(&out);
    }
}

/* Behind a bad request nothing is read any more, good as it may be. */
static void stays_bad(void **state)
{
    struct span in = SPAN_LIT("junk\n"), good = SPAN_LIT(HEAD "\n");
    struct policy_request q;
    struct policy_reader r;
    const char *why;

    policy_reader_init(&r);
    assert_int_equal(policy_read(&r, &in, &q, &why), POLICY_BAD);
    assert_int_equal(policy_read(&r, &good, &q, &why), POLICY_BAD);
    assert_string_equal(why, "behind a bad request");
    policy_reader_deinit(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams),    cmocka_unit_test(nul),       cmocka_unit_test(limits),
        cmocka_unit_test(whole_size), cmocka_unit_test(stays_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
