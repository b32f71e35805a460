/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a backend is met: identity, EHLO, HELO. See pass_play.h. */
#include "gate/pass_play.h"

static const struct scenario scenarios[] = {
    {"no identity, no transaction",
     GATE_IDENTITY_XCLIENT,
     {ASK, "B 220 b.test", "K EHLO gate.test", "B 250-b.test", "B 250 PIPELINING",
      "S 451 4.3.0 Mail server not available, try again later", "L trouble identity", "L rcpt 451",
      "k", "C RCPT TO:<ok@c.test>", "S 451 4.3.0 Mail server not available, try again later",
      "free"}},
    {"XCLIENT refused",
     GATE_IDENTITY_XCLIENT,
     {ASK, "B 220 b.test", "K EHLO gate.test", "B 250-b.test", "B 250 XCLIENT ADDR",
      "K XCLIENT ADDR=203.0.113.9", "B 550 5.7.0 insufficient authorization",
      "S 451 4.3.0 Mail server not available, try again later", "L trouble identity", "k"}},
    {"the client refused behind XCLIENT",
     GATE_IDENTITY_XCLIENT,
     {ASK, "B 220 b.test", "* ", "B 250-b.test", "B 250 XCLIENT ADDR", "K EHLO gate.test",
      "K XCLIENT ADDR=203.0.113.9", "B 554 5.7.1 you are listed", "S 554 5.7.1 you are listed"}},
    {"a PROXY header that is taken for a command",
     GATE_IDENTITY_PROXY1,
     {ASK, "K PROXY TCP4 203.0.113.9 192.0.2.1 40000 25", "B 220 b.test", "K EHLO c.test",
      "B 502 5.5.2 command not recognized", "L trouble identity",
      "S 451 4.3.0 Mail server not available, try again later", "k"}},
    {"PROXY",
     GATE_IDENTITY_PROXY1,
     {ASK, "K PROXY TCP4 203.0.113.9 192.0.2.1 40000 25", "B 220 b.test", "K EHLO c.test",
      "B 250 b.test", "K MAIL FROM:<a@b.test>", "B 250 ok", "K RCPT TO:<ok@c.test>",
      "B 451 4.7.1 greylisted", "S 451 4.7.1 greylisted", "L rcpt 451 backend"}},
    {"a backend without EHLO",
     GATE_IDENTITY_TRANSPARENT,
     {ASK, "B 220 b.test", "K EHLO c.test", "B 500 Command unrecognized", "K HELO c.test",
      "B 250 b.test", "K MAIL FROM:<a@b.test>", "B 250 ok", "K RCPT TO:<ok@c.test>", "B 250 yes",
      "S 250 yes"}},
    {"one without HELO, either",
     GATE_IDENTITY_TRANSPARENT,
     {ASK, "B 220 b.test", "B 500 what", "K EHLO c.test", "K HELO c.test", "B 500 what",
      "L trouble hello", "S 451 4.3.0 Mail server not available, try again later"}},
    {"XCLIENT needs EHLO",
     GATE_IDENTITY_XCLIENT,
     {ASK, "B 220 b.test", "K EHLO gate.test", "B 502 what", "L trouble identity", "k",
      "S 451 4.3.0 Mail server not available, try again later"}},
};

static void test_scenarios(void **state)
{
    play_all(scenarios, sizeof(scenarios) / sizeof(scenarios[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenarios),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
