/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each scenario is a list of steps, played four times: the client's octets whole, one by one, in
 * odd pieces, and with a decision that comes later. All four must read the same.
 *
 *     C text   the client says text and CRLF      c text   the client says just that (\r \n)
 *     B text   the backend says text and CRLF     K text   the next line that the backend got
 *     S text   the next line to the client        L text   the next thing that the owner heard
 *     + n      n ms pass                          s        no line to the client is left
 *     gone     the client goes                    lose     the backend's connection breaks
 *     k        no line to the backend is left     tick     the backend's deadline has come
 *     shut     the gate goes down: yes or no      free     is there no backend any more?
 */
#include "gate/pass_world.h"

#include "base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { STEPS = 60 };

enum cut { CUT_WHOLE, CUT_BYTES, CUT_ODD, CUT_LATER, CUTS };

#define FULL                                                                                       \
    "B 220 b.test ESMTP", "K EHLO gate.test", "B 250-b.test", "B 250-PIPELINING",                  \
        "B 250-8BITMIME", "B 250-DSN", "B 250-SIZE 5000", "B 250 XCLIENT NAME ADDR HELO LOGIN",    \
        "K XCLIENT NAME=[UNAVAILABLE] HELO=c.test LOGIN=[UNAVAILABLE] ADDR=203.0.113.9",           \
        "B 220 b.test", "K EHLO c.test", "B 250-b.test", "B 250-PIPELINING", "B 250-8BITMIME",     \
        "B 250-DSN", "B 250-SIZE 5000", "B 250 XCLIENT NAME ADDR HELO LOGIN"
#define SLOW                                                                                       \
    "B 220 b.test ESMTP", "K EHLO gate.test", "B 250-b.test", "B 250 XCLIENT ADDR",                \
        "K XCLIENT ADDR=203.0.113.9", "B 220 b.test", "K EHLO c.test", "B 250 b.test"

static const struct scenario {
    const char *name;
    enum gate_identity identity;
    const char *steps[STEPS];
} scenarios[] = {
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
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
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
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>", FULL,
      "K MAIL FROM:<a@b.test>", "K RCPT TO:<ok@c.test>", "B 550 5.1.8 no such domain",
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
    {"no identity, no transaction",
     GATE_IDENTITY_XCLIENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "K EHLO gate.test", "B 250-b.test", "B 250 PIPELINING",
      "S 451 4.3.0 Mail server not available, try again later", "L trouble identity", "L rcpt 451",
      "k", "C RCPT TO:<ok@c.test>", "S 451 4.3.0 Mail server not available, try again later",
      "free"}},
    {"XCLIENT refused",
     GATE_IDENTITY_XCLIENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "K EHLO gate.test", "B 250-b.test", "B 250 XCLIENT ADDR",
      "K XCLIENT ADDR=203.0.113.9", "B 550 5.7.0 insufficient authorization",
      "S 451 4.3.0 Mail server not available, try again later", "L trouble identity", "k"}},
    {"the client refused behind XCLIENT",
     GATE_IDENTITY_XCLIENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "* ", "B 250-b.test", "B 250 XCLIENT ADDR", "K EHLO gate.test",
      "K XCLIENT ADDR=203.0.113.9", "B 554 5.7.1 you are listed", "S 554 5.7.1 you are listed"}},
    {"a PROXY header that is taken for a command",
     GATE_IDENTITY_PROXY1,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "K PROXY TCP4 203.0.113.9 192.0.2.1 40000 25", "B 220 b.test", "K EHLO c.test",
      "B 502 5.5.2 command not recognized", "L trouble identity",
      "S 451 4.3.0 Mail server not available, try again later", "k"}},
    {"PROXY",
     GATE_IDENTITY_PROXY1,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "K PROXY TCP4 203.0.113.9 192.0.2.1 40000 25", "B 220 b.test", "K EHLO c.test",
      "B 250 b.test", "K MAIL FROM:<a@b.test>", "B 250 ok", "K RCPT TO:<ok@c.test>",
      "B 451 4.7.1 greylisted", "S 451 4.7.1 greylisted", "L rcpt 451 backend"}},
    {"a backend without EHLO",
     GATE_IDENTITY_TRANSPARENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "K EHLO c.test", "B 500 Command unrecognized", "K HELO c.test",
      "B 250 b.test", "K MAIL FROM:<a@b.test>", "B 250 ok", "K RCPT TO:<ok@c.test>", "B 250 yes",
      "S 250 yes"}},
    {"one without HELO, either",
     GATE_IDENTITY_TRANSPARENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "B 500 what", "K EHLO c.test", "K HELO c.test", "B 500 what",
      "L trouble hello", "S 451 4.3.0 Mail server not available, try again later"}},
    {"XCLIENT needs EHLO",
     GATE_IDENTITY_XCLIENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "K EHLO gate.test", "B 502 what", "L trouble identity", "k",
      "S 451 4.3.0 Mail server not available, try again later"}},
    {"lost behind the final dot",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "B 220 b.test",
      "B 250 b.test",
      "B 250 ok",
      "B 250 ok",
      "* ",
      "C DATA",
      "B 354 go",
      "* ",
      "C x",
      "C .",
      "lose",
      "S 451 4.4.2 Connection to the mail server was lost, try again later",
      "L rcpt 250 backend",
      "L trouble gone",
      "L done unknown 451 1/0"}},
    {"lost before the final dot",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "B 220 b.test",
      "B 250 b.test",
      "B 250 ok",
      "B 250 ok",
      "* ",
      "C DATA",
      "B 354 go",
      "* ",
      "C x",
      "lose",
      "s",
      "C y",
      "C .",
      "S 451 4.4.2 Connection to the mail server was lost, try again later",
      "L rcpt 250 backend",
      "L trouble gone",
      "L done lost 451 1/0",
      "C MAIL FROM:<a@b.test>",
      "S 250 2.1.0 Ok"}},
    {"the backend gives up in mid-message",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "B 220 b.test",
      "B 250 b.test",
      "B 250 ok",
      "B 250 ok",
      "* ",
      "C DATA",
      "B 354 go",
      "* ",
      "C x",
      "B 552 5.2.2 over quota",
      "s",
      "C y",
      "C .",
      "S 552 5.2.2 over quota"}},
    {"the client goes before the final dot",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "B 220 b.test",
      "B 250 b.test",
      "B 250 ok",
      "B 250 ok",
      "* ",
      "C DATA",
      "B 354 go",
      "K EHLO c.test",
      "K MAIL FROM:<a@b.test>",
      "K RCPT TO:<ok@c.test>",
      "K DATA",
      "C x",
      "gone",
      "K x",
      "k",
      "free",
      "L rcpt 250 backend",
      "L done cut 0 1/0 untold"}},
    {"the client goes behind the final dot",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "B 220 b.test",
      "B 250 b.test",
      "B 250 ok",
      "B 250 ok",
      "* ",
      "C DATA",
      "B 354 go",
      "C x",
      "C .",
      "gone",
      "+ 599000",
      "B 250 late",
      "L rcpt 250 backend",
      "L done passed 250 1/0 untold"}},
    {"a verdict that does not come",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "B 220 b.test",
      "B 250 b.test",
      "B 250 ok",
      "B 250 ok",
      "* ",
      "C DATA",
      "B 354 go",
      "* ",
      "C x",
      "C .",
      "+ 600000",
      "tick",
      "s",
      "+ 60001",
      "tick",
      "S 451 4.4.2 Connection to the mail server was lost, try again later",
      "L rcpt 250 backend",
      "L trouble timeout",
      "L done unknown 451 1/0"}},
    {"another backend in one transaction",
     GATE_IDENTITY_TRANSPARENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "B 250 b.test", "B 250 ok", "B 250 ok", "* ", "C RCPT TO:<two@c.test>",
      "S 451 4.5.3 Send to this recipient in a message of its own"}},
    {"another backend when the first took nobody",
     GATE_IDENTITY_TRANSPARENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "B 250 b.test", "B 250 ok", "B 550 no", "* ", "C RCPT TO:<two@c.test>",
      "B 220 two.test", "B 250 two.test", "B 250 ok", "B 250 ok two", "S 250 ok two"}},
    {"another backend when the first is down",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test> SIZE=9",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "lose",
      "S 451 4.4.2 Connection to the mail server was lost, try again later",
      "C RCPT TO:<two@c.test>",
      "B 220 two.test",
      "K EHLO c.test",
      "B 250-two.test",
      "B 250 SIZE 99",
      "K MAIL FROM:<a@b.test> SIZE=9",
      "B 250 ok",
      "K RCPT TO:<two@c.test>",
      "B 250 ok two",
      "S 250 ok two",
      "C RCPT TO:<ok@c.test>",
      "S 451 4.5.3 Send to this recipient in a message of its own"}},
    {"another backend when the first refuses the sender",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test> SIZE=9",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "B 220 b.test",
      "B 250-b.test",
      "B 250 SIZE 99",
      "B 550 no you",
      "S 550 no you",
      "C RCPT TO:<ok2@c.test>",
      "S 550 no you",
      "C RCPT TO:<two@c.test>",
      "B 220 two.test",
      "B 250 two.test",
      "B 250 ok",
      "B 250 ok two",
      "S 250 ok two",
      "K EHLO c.test",
      "K MAIL FROM:<a@b.test> SIZE=9",
      "K QUIT",
      "K EHLO c.test",
      "K MAIL FROM:<a@b.test>",
      "K RCPT TO:<two@c.test>"}},
    {"a message over size",
     GATE_IDENTITY_TRANSPARENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "B 250 b.test", "B 250 ok", "B 250 ok", "* ", "c BDAT 5\r\nhello", "B 354 go",
      "S 250 2.0.0 5 octets received", "c BDAT 99999\r\n", "L rcpt 250 backend",
      "L done foul 552 1/0", "free"}},
    {"a kept backend has gone: once more",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "B 220 b.test",
      "B 250 b.test",
      "B 250 ok",
      "B 250 ok",
      "* ",
      "C DATA",
      "B 354 go",
      "* ",
      "C x",
      "C .",
      "B 250 one",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "B 421 4.4.2 idle",
      "s",
      "B 220 b.test",
      "B 250 b.test",
      "B 250 ok",
      "B 250 again",
      "S 250 again"}},
    {"421 is the backend's affair",
     GATE_IDENTITY_TRANSPARENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "B 250 b.test", "B 250 ok", "B 421 4.3.2 closing", "S 451 4.3.2 closing",
      "free", "C RSET", "S 250 2.0.0 Ok"}},
    {"nonsense for an answer",
     GATE_IDENTITY_TRANSPARENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "B 250 b.test", "B 250 ok", "B 354 what", "L trouble protocol",
      "S 451 4.3.0 Mail server not available, try again later"}},
    {"a 250 to DATA takes nothing",
     GATE_IDENTITY_TRANSPARENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "B 250 b.test", "B 250 ok", "B 250 ok", "* ", "C DATA", "B 250 thanks",
      "S 451 4.3.0 Mail server not available, try again later"}},
    {"lone line ends",
     GATE_IDENTITY_TRANSPARENT,
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "B 250 b.test", "B 250 ok", "B 250 ok", "* ", "C DATA", "B 354 go", "* ",
      "c x\n.\nMAIL FROM:<x@y>\r\n.\r\n", "S 550 5.6.0 Bare CR, bare LF or NUL in the message",
      "free", "L rcpt 250 backend", "L done foul 550 1/0"}},
    {"BDAT made DATA",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "B 220 b.test",
      "B 250 b.test",
      "B 250 ok",
      "B 250 ok",
      "* ",
      "K EHLO c.test",
      "K MAIL FROM:<a@b.test>",
      "K RCPT TO:<ok@c.test>",
      "c BDAT 6\r\n.dot\r\n",
      "K DATA",
      "B 354 go",
      "S 250 2.0.0 6 octets received",
      "c BDAT 5 LAST\r\n.\r\nxy",
      "K ..dot",
      "K ..",
      "K xy",
      "K .",
      "B 250 yes",
      "S 250 yes"}},
    {"BDAT as chunks",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
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
     {"* ", "C EHLO c.test", "* ", "C MAIL FROM:<a@b.test>", "* ", "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "B 250 b.test", "B 250 ok", "B 250 ok", "* ", "C DATA", "B 354 go", "* ",
      "c X-Loop: 1\r\n", "C .", "S 554 5.4.6 Loop", "free"}},
    {"no end in mid-message when the gate goes down",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",           "C EHLO c.test",
      "* ",           "C MAIL FROM:<a@b.test>",
      "* ",           "C RCPT TO:<ok@c.test>",
      "B 220 b.test", "B 250 b.test",
      "B 250 ok",     "B 250 ok",
      "* ",           "C DATA",
      "B 354 go",     "* ",
      "shut no",      "C x",
      "C .",          "shut no",
      "B 250 yes",    "S 250 yes",
      "shut yes",     "S 421 4.3.2 down"}},
    {"another name, another connection",
     GATE_IDENTITY_TRANSPARENT,
     {"* ",
      "C EHLO c.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "B 220 b.test",
      "B 250 b.test",
      "B 250 ok",
      "B 250 ok",
      "* ",
      "K EHLO c.test",
      "* ",
      "C EHLO d.test",
      "* ",
      "C MAIL FROM:<a@b.test>",
      "* ",
      "C RCPT TO:<ok@c.test>",
      "B 220 b.test",
      "B 250 b.test",
      "B 250 ok",
      "B 250 ok",
      "K MAIL FROM:<a@b.test>",
      "K RCPT TO:<ok@c.test>",
      "K QUIT",
      "K EHLO d.test"}},
};

struct play {
    const struct scenario *sc;
    enum cut cut;
    size_t step;
    struct world w;
    size_t out_at, sent_at, log_at;
};

static void die(struct play *p, const char *why, struct span got)
{
    fail_msg("%s, cut %d, step %zu \"%s\": %s: \"%.*s\"", p->sc->name, (int)p->cut, p->step,
             p->sc->steps[p->step], why, (int)(got.n < 200 ? got.n : 200), got.p ? got.p : "");
}

static void say_client(struct play *p, struct span in)
{
    size_t step = p->cut == CUT_BYTES ? 1 : p->cut == CUT_ODD ? 7 : in.n;
    struct buf kept = BUF_INIT(1 << 16);

    for (size_t i = 0; i < in.n; i += step) {
        size_t n;

        buf_add(&kept, span_slice(in, i, i + step));
        n = gate_pass_feed(&p->w.pass, buf_span(&kept), p->w.now);
        buf_consume(&kept, n);
        world_settle(&p->w);
    }
    /* What the machine could not take comes again when it has an answer: kept by the world. */
    buf_add(&p->w.kept, buf_span(&kept));
    buf_deinit(&kept);
}

/* Decisions that were put off, then input that was. */
static void settle(struct play *p)
{
    struct world *w = &p->w;
    size_t n = 1;

    while (n) {
        if (w->asked_later) {
            w->asked_later = false;
            gate_pass_decided(&w->pass, &w->due, w->due_route, w->now);
            world_settle(w);
        }
        n = w->kept.n && !w->pass.gone ? gate_pass_feed(&w->pass, buf_span(&w->kept), w->now) : 0;
        buf_consume(&w->kept, n);
        world_settle(w);
        n += w->asked_later;
    }
}

static struct span next_line(struct buf *b, size_t *at, const char *end)
{
    struct span rest = span_slice(buf_span(b), *at, b->n);
    size_t n = span_find(rest, '\n');
    struct span line = span_slice(rest, 0, n);

    if (n == rest.n)
        return SPAN_NULL;
    *at += n + 1;
    if (*end == '\r' && line.n && line.p[line.n - 1] == '\r')
        line.n--;
    return line.n ? line : SPAN_LIT("");
}

static void expect(struct play *p, struct buf *b, size_t *at, const char *end, const char *want)
{
    struct span got = next_line(b, at, end);

    if (!got.p)
        die(p, "nothing came", SPAN_NULL);
    if (!span_eq(got, span_str(want)))
        die(p, "got", got);
}

static void text_of(const char *text, struct buf *out)
{
    buf_add_str(out, text);
}

static void do_client(struct play *p, const char *text, bool line)
{
    struct buf b = BUF_INIT(4000);

    text_of(text, &b);
    if (line)
        buf_add_str(&b, "\r\n");
    say_client(p, buf_span(&b));
    settle(p);
    buf_deinit(&b);
}

static void do_backend(struct play *p, const char *text)
{
    struct buf b = BUF_INIT(4000);

    if (!p->w.open)
        die(p, "no backend is open", SPAN_NULL);
    buf_addf(&b, "%s\r\n", text);
    world_backend(&p->w, buf_span(&b));
    settle(p);
    buf_deinit(&b);
}

static void do_word(struct play *p, const char *step)
{
    struct world *w = &p->w;
    uint64_t ms = 0;

    if (strcmp(step, "gone") == 0) {
        world_gone(w);
    } else if (strcmp(step, "lose") == 0) {
        world_lose(w, GATE_FAULT_GONE);
    } else if (strcmp(step, "tick") == 0) {
        gate_pass_backend_tick(&w->pass, w->now);
        world_settle(w);
    } else if (strcmp(step, "free") == 0) {
        if (w->pass.backend || w->open)
            die(p, "a backend is there", SPAN_NULL);
    } else if (span_starts(span_str(step), SPAN_LIT("shut "))) {
        if (gate_pass_shut(&w->pass, "down", w->now) != (step[5] == 'y'))
            die(p, "shut", SPAN_NULL);
        world_settle(w);
    } else if (step[0] == '+') {
        num_u64(span_str(step + 2), 0, UINT32_MAX, &ms);
        w->now += (int64_t)ms;
    } else {
        die(p, "no such step", SPAN_NULL);
    }
}

static void play_step(struct play *p, const char *step)
{
    struct world *w = &p->w;
    const char *text = step[0] && step[1] == ' ' ? step + 2 : "";

    if (strcmp(step, "s") == 0) {
        if (next_line(&w->out, &p->out_at, "\r").p)
            die(p, "the client was told something", SPAN_NULL);
    } else if (strcmp(step, "k") == 0) {
        if (next_line(&w->sent, &p->sent_at, "\r").p)
            die(p, "the backend was told something", SPAN_NULL);
    } else if (strcmp(step, "* ") == 0) {
        p->out_at = w->out.n; /* whatever the client was told up to here */
    } else if (step[1] == ' ' && step[0] == 'S') {
        expect(p, &w->out, &p->out_at, "\r", text);
    } else if (step[1] == ' ' && step[0] == 'K') {
        expect(p, &w->sent, &p->sent_at, "\r", text);
    } else if (step[1] == ' ' && step[0] == 'L') {
        expect(p, &w->log, &p->log_at, "", text);
    } else if (step[1] == ' ' && step[0] == 'B') {
        do_backend(p, text);
    } else if (step[1] == ' ' && (step[0] == 'C' || step[0] == 'c')) {
        do_client(p, text, step[0] == 'C');
    } else {
        do_word(p, step);
    }
}

static void play(const struct scenario *sc, enum cut cut)
{
    static struct play p;

    p = (struct play){.sc = sc, .cut = cut};
    world_open(&p.w, sc->identity, GATE_WRAP_CLEAR);
    p.w.later = cut == CUT_LATER;
    /* A pipelined DATA is judged by whether something came behind it. */
    for (; p.step < STEPS && sc->steps[p.step]; p.step++)
        play_step(&p, sc->steps[p.step]);
    world_close(&p.w);
}

static void test_scenarios(void **state)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        for (enum cut cut = CUT_WHOLE; cut < CUTS; cut++)
            play(&scenarios[i], cut);
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
