/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Recipients, senders and messages that pass, or do not: pass_play.h says how to read these. */
#include "gate/pass_play.h"

static const struct scenario scenarios[] = {
    {"a message",
     GATE_IDENTITY_XCLIENT,
     {"S 220 gate.test ESMTP",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "S 250 2.1.0 Ok",
      "k",
      "C RCPT TO:<ok@c.test>",
      "s",
      FULL,
      "K MAIL FROM:<a@b.test>",
      "K RCPT TO:<ok@c.test>",
      "B 250 2.1.0 Sender ok",
      "s",
      "B 250 2.1.5 Rcpt ok",
      "S 250 2.1.5 Rcpt ok",
      "L rcpt 250 backend",
      "C DATA",
      "s",
      "K DATA",
      "B 354 go on",
      "S 354 End data with <CR><LF>.<CR><LF>",
      "C Subject: x",
      "C ",
      "C ..dot",
      "C .",
      "s",
      "K Subject: x",
      "K ",
      "K ..dot",
      "K .",
      "B 250 2.0.0 queued as 7",
      "S 250 2.0.0 queued as 7",
      "L done passed 250 1/0",
      "C QUIT",
      "S 221 2.0.0 Bye"}},
    {"without pipelining, one by one",
     GATE_IDENTITY_XCLIENT,
     {ASK,
      SLOW,
      "K MAIL FROM:<a@b.test>",
      "k",
      "B 250 ok",
      "K RCPT TO:<ok@c.test>",
      "B 250 ok",
      "S 250 ok",
      "C RSET",
      "S 250 2.0.0 Ok",
      "k",
      "C MAIL FROM:<>",
      "* ",
      "C RCPT TO:<ok2@c.test>",
      "K RSET",
      "k",
      "B 250 ok",
      "K MAIL FROM:<>",
      "B 250 ok",
      "K RCPT TO:<ok2@c.test>",
      "B 250 two",
      "S 250 two"}},
    {"refused here: no backend at all",
     GATE_IDENTITY_XCLIENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<no@b.test>", "S 553 5.1.7 Bad sender",
      "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<x@d.test>", "S 554 5.7.1 Relay access denied",
      "C DATA", "S 554 5.5.1 No valid recipients", "free", "k", "L rcpt 554"}},
    {"answers in order under pipelining",
     GATE_IDENTITY_XCLIENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "c MAIL FROM:<a@b.test>\r\nRCPT TO:<ok1@c.test>\r\nRCPT TO:<x@d.test>\r\nRCPT "
      "TO:<ok2@c.test>\r\nDATA\r\n",
      "S 250 2.1.0 Ok",
      "s",
      FULL,
      "K MAIL FROM:<a@b.test>",
      "K RCPT TO:<ok1@c.test>",
      "B 250 m",
      "s",
      "B 250 one",
      "S 250 one",
      "S 554 5.7.1 Relay access denied",
      "K RCPT TO:<ok2@c.test>",
      "s",
      "B 550-5.1.1 no",
      "B 550 5.1.1 such user",
      "S 550-5.1.1 no",
      "S 550 5.1.1 such user",
      "K DATA",
      "B 354 go",
      "S 354 End data with <CR><LF>.<CR><LF>"}},
    {"the backend refuses the sender",
     GATE_IDENTITY_XCLIENT,
     {ASK, FULL, "K MAIL FROM:<a@b.test>", "K RCPT TO:<ok@c.test>", "B 550 5.1.8 no such domain",
      "B 503 5.5.1 need MAIL", "S 550 5.1.8 no such domain", "C RCPT TO:<ok2@c.test>",
      "S 550 5.1.8 no such domain", "k", "C DATA", "S 554 5.5.1 No valid recipients"}},
    {"parameters are written anew",
     GATE_IDENTITY_XCLIENT,
     {"* ", "C EHLO c.test", "* ",
      "C MAIL  FROM:<a@b.test>  ret=hdrs envid=ab+20c size=100 BODY=8bitmime", "* ",
      "C RCPT TO:<ok@c.test> ORCPT=rfc822;x@y notify=delay,SUCCESS", FULL,
      "K MAIL FROM:<a@b.test> BODY=8BITMIME RET=HDRS ENVID=ab+20c SIZE=100",
      "K RCPT TO:<ok@c.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y"}},
    {"a message too big for the backend",
     GATE_IDENTITY_XCLIENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test> SIZE=6000", "* ",
      "C RCPT TO:<ok@c.test>", FULL, "S 552 5.3.4 Message too big for the mail server"}},
    {"what the backend no longer offers",
     GATE_IDENTITY_XCLIENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test> BODY=8BITMIME", "* ",
      "C RCPT TO:<ok@c.test>", SLOW,
      "S 451 4.3.0 Mail server does not offer now what this message needs"}},
    {"a message over size",
     GATE_IDENTITY_TRANSPARENT,
     {ASKED, "c BDAT 5\r\nhello", "B 354 go", "S 250 2.0.0 5 octets received", "c BDAT 99999\r\n",
      "L rcpt 250 backend", "L done foul 552 1/0", "free"}},
    {"lone line ends",
     GATE_IDENTITY_TRANSPARENT,
     {SENDING, "c x\n.\nMAIL FROM:<x@y>\r\n.\r\n",
      "S 550 5.6.0 Bare CR, bare LF or NUL in the message", "free", "L rcpt 250 backend",
      "L done foul 550 1/0"}},
    {"BDAT made DATA",
     GATE_IDENTITY_TRANSPARENT,
     {ASKED, "K EHLO c.test", "K MAIL FROM:<a@b.test>", "K RCPT TO:<ok@c.test>",
      "c BDAT 6\r\n.dot\r\n", "K DATA", "B 354 go", "S 250 2.0.0 6 octets received",
      "c BDAT 5 LAST\r\n.\r\nxy", "K ..dot", "K ..", "K xy", "K .", "B 250 yes", "S 250 yes"}},
    {"BDAT as chunks",
     GATE_IDENTITY_TRANSPARENT,
     {ASK,
      "B 220 b.test",
      "B 250-b.test",
      "B 250 CHUNKING",
      "B 250 ok",
      "B 250 ok",
      "* ",
      "K EHLO c.test",
      "K MAIL FROM:<a@b.test>",
      "K RCPT TO:<ok@c.test>",
      "c BDAT 6\r\n.dot\r\n",
      "S 250 2.0.0 6 octets received",
      "c BDAT 4 LAST\r\nxy\r\n",
      "K BDAT 10 LAST",
      "K .dot",
      "K xy",
      "B 250 yes",
      "S 250 yes",
      "L rcpt 250 backend",
      "L done passed 250 1/0"}},
    {"a loop, seen in the text",
     GATE_IDENTITY_TRANSPARENT,
     {SENDING, "c X-Loop: 1\r\n", "C .", "S 554 5.4.6 Loop", "free"}},
};

static void test_scenarios(void **state)
{
    play_all(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}

/* A long message stays bounded: what the backend's connection has not taken is all that is kept. */
static void test_bounded(void **state)
{
    static struct world w;
    struct buf line = BUF_INIT(1100);

    for (int i = 0; i < 998; i++)
        buf_add_char(&line, i ? 'x' : '.');
    buf_add_str(&line, "\r\n");
    world_open(&w, GATE_IDENTITY_TRANSPARENT, GATE_WRAP_CLEAR);
    w.config.size_max = 0;
    world_client(&w, SPAN_LIT("EHLO c.test\r\n"));
    world_client(&w, SPAN_LIT("MAIL FROM:<a@b.test>\r\n"));
    world_client(&w, SPAN_LIT("RCPT TO:<ok@c.test>\r\n"));
    world_backend(&w, SPAN_LIT("220 b\r\n250 b\r\n250 ok\r\n250 ok\r\n"));
    world_client(&w, SPAN_LIT("DATA\r\n"));
    world_backend(&w, SPAN_LIT("354 go\r\n"));
    for (int i = 0; i < 4000; i++) {
        gate_pass_feed(&w.pass, buf_span(&line), 0);
        assert_true(w.pass.backend->wire.out.n <= 2 * line.n);
        world_settle(&w);
    }
    world_client(&w, SPAN_LIT(".\r\n"));
    world_backend(&w, SPAN_LIT("250 yes\r\n"));
    assert_string_equal(buf_str(&w.log), "rcpt 250 backend\ndone passed 250 1/0\n");
    world_close(&w);
    buf_deinit(&line);
}

/* The aims of the design for user-space memory. */
static void test_sizes(void **state)
{
    assert_true(sizeof(struct gate_pass) + sizeof(struct gate_client) <= 1300);
    assert_true(sizeof(struct gate_backend) <= 700);
    assert_true(sizeof(struct gate_mail) <= 260);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenarios),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
