/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "smtp/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void answer(struct smtp_client *c, const char *bytes, enum smtp_stage stage, unsigned cookie)
{
    struct span in = span_str(bytes);
    struct smtp_reply r;
    struct smtp_sent sent;

    smtp_client_flushed(c);
    assert_int_equal(smtp_client_feed(c, &in, &r, &sent), SMTP_CLIENT_REPLY);
    assert_int_equal(sent.stage, stage);
    assert_int_equal(sent.cookie, cookie);
    assert_int_equal(in.n, 0);
}

static void lock_step_without_pipelining(void **state)
{
    struct smtp_client c;

    assert_int_equal(smtp_client_init(&c, 0), 0);
    assert_false(smtp_client_may_send(&c, SMTP_STAGE_EHLO));
    answer(&c, "220 mx\r\n", SMTP_STAGE_BANNER, 0);
    assert_true(smtp_client_may_send(&c, SMTP_STAGE_MAIL));
    smtp_client_send(&c, SMTP_STAGE_MAIL, 7, SPAN_LIT("MAIL FROM:<>"), 1);
    assert_string_equal(buf_str(&c.out), "MAIL FROM:<>\r\n");
    assert_false(smtp_client_may_send(&c, SMTP_STAGE_RCPT));
    answer(&c, "250 ok\r\n", SMTP_STAGE_MAIL, 7);
    assert_int_equal(c.waits, 2);
    smtp_client_deinit(&c);
}

static void groups_end_at_data(void **state)
{
    struct smtp_client c;

    assert_int_equal(smtp_client_init(&c, 0), 0);
    smtp_client_pipelining(&c, true);
    assert_false(smtp_client_may_send(&c, SMTP_STAGE_MAIL)); /* the banner ends a group */
    answer(&c, "220 mx\r\n", SMTP_STAGE_BANNER, 0);
    smtp_client_send(&c, SMTP_STAGE_MAIL, 1, SPAN_LIT("MAIL FROM:<>"), 1);
    assert_true(smtp_client_may_send(&c, SMTP_STAGE_RCPT));
    smtp_client_send(&c, SMTP_STAGE_RCPT, 2, SPAN_LIT("RCPT TO:<a@b>"), 1);
    assert_true(smtp_client_may_send(&c, SMTP_STAGE_DATA));
    assert_false(smtp_client_may_send(&c, SMTP_STAGE_BODY));
    smtp_client_send(&c, SMTP_STAGE_DATA, 3, SPAN_LIT("DATA"), 1);
    assert_false(smtp_client_may_send(&c, SMTP_STAGE_RSET));
    assert_int_equal(smtp_client_awaiting(&c), 3);
    answer(&c, "250 ok\r\n", SMTP_STAGE_MAIL, 1);
    answer(&c, "550 no\r\n", SMTP_STAGE_RCPT, 2);
    answer(&c, "354 go\r\n", SMTP_STAGE_DATA, 3);
    assert_true(smtp_client_may_send(&c, SMTP_STAGE_BODY));
    assert_int_equal(c.waits, 2);
    smtp_client_deinit(&c);
}

static void group_is_bounded(void **state)
{
    struct smtp_client c;
    unsigned n = 0;

    assert_int_equal(smtp_client_init(&c, 0), 0);
    smtp_client_pipelining(&c, true);
    answer(&c, "220 mx\r\n", SMTP_STAGE_BANNER, 0);
    while (n < SMTP_GROUP_MAX + 5 && smtp_client_may_send(&c, SMTP_STAGE_RCPT))
        assert_int_equal(smtp_client_send(&c, SMTP_STAGE_RCPT, n++, SPAN_LIT("RCPT TO:<a@b>"), 1),
                         0);
    assert_int_equal(n, SMTP_GROUP_MAX);
    for (unsigned i = 0; i < n; i++)
        answer(&c, "250 ok\r\n", SMTP_STAGE_RCPT, i);
    assert_null(smtp_client_next(&c));
    smtp_client_deinit(&c);
}

static void reply_that_nobody_asked_for(void **state)
{
    struct smtp_client c;
    struct smtp_reply r;
    struct smtp_sent sent;
    struct span in = SPAN_LIT("220 a\r\n250 b\r\n");

    assert_int_equal(smtp_client_init(&c, 0), 0);
    assert_int_equal(smtp_client_feed(&c, &in, &r, &sent), SMTP_CLIENT_REPLY);
    assert_int_equal(smtp_client_feed(&c, &in, &r, &sent), SMTP_CLIENT_UNASKED);
    assert_int_equal(r.code, 250);
    smtp_client_deinit(&c);
}

static void reply_before_its_command_was_sent(void **state)
{
    struct smtp_client c;
    struct smtp_reply r;
    struct smtp_sent sent;
    struct span in = SPAN_LIT("220 a\r\n250 too early\r\n");

    assert_int_equal(smtp_client_init(&c, 0), 0);
    assert_int_equal(smtp_client_feed(&c, &in, &r, &sent), SMTP_CLIENT_REPLY);
    smtp_client_send(&c, SMTP_STAGE_EHLO, 1, SPAN_LIT("EHLO a"), 1);
    assert_int_equal(smtp_client_feed(&c, &in, &r, &sent), SMTP_CLIENT_UNASKED);
    answer(&c, "250 in time\r\n", SMTP_STAGE_EHLO, 1);
    smtp_client_deinit(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lock_step_without_pipelining),
        cmocka_unit_test(groups_end_at_data),
        cmocka_unit_test(group_is_bounded),
        cmocka_unit_test(reply_that_nobody_asked_for),
        cmocka_unit_test(reply_before_its_command_was_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
