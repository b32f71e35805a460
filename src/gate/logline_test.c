/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/e2e/test_gate_hygiene.py asks the real fail2ban and pflogsumm about the postfix lines. */
#include "gate/logline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct gate_client client;
static struct buf out = BUF_INIT(LOGLINE_MAIL_MAX);

static int set_up(void **state)
{
    gate_client_init(&client);
    ip_parse(SPAN_LIT("192.0.2.1"), &client.ip);
    client.peer = client.ip;
    client.port = 4711;
    client.esmtp = true;
    memcpy(client.id, "s1", 3);
    gate_client_set(&client.helo, SPAN_LIT("mx.example"));
    return 0;
}

static int tear_down(void **state)
{
    gate_client_deinit(&client);
    buf_deinit(&out);
    return 0;
}

static void expect(const char *text)
{
    assert_int_equal(out.err, 0);
    assert_string_equal(buf_str(&out), text);
    buf_clear(&out);
}

static void test_plain_session(void **state)
{
    struct logline_session s = {.client = &client,
                                .end = "quit",
                                .last = SPAN_LIT("QUIT"),
                                .mails = 1,
                                .rcpts = 2,
                                .rcpts_refused = 1,
                                .messages = 1,
                                .commands = 6,
                                .score = -3,
                                .lists = "wl.example",
                                .ms = 12};

    logline_session(LOGLINE_PLAIN, &s, &out);
    expect("event=session id=s1 role=mx client=192.0.2.1 port=4711 helo=mx.example end=quit "
           "last=QUIT ms=12 mails=1 rcpts=2 refused=1 sent=1 commands=6 score=-3 "
           "lists=wl.example");
}

static void test_plain_forgery(void **state)
{
    struct logline_refusal r = {.client = &client,
                                .id = "s1.1",
                                .verb = "RCPT",
                                .reason = "denied",
                                .ours = true,
                                .code = 554,
                                .reply = SPAN_LIT("5.7.1 <x\" login=root y>: no\r\nevent=x"),
                                .from = SPAN_LIT("a b=c"),
                                .rcpt = SPAN_LIT("q\n@x")};

    gate_client_set(&client.helo, SPAN_LIT("x login=root\nevent=session"));
    logline_refusal(LOGLINE_PLAIN, &r, &out);
    expect("event=refusal id=s1.1 role=mx client=192.0.2.1 port=4711 "
           "helo=\"x login=root?event=session\" at=RCPT reason=denied by=gate from=\"<a b=c>\" "
           "to=\"<q\\n@x>\" code=554 "
           "reply=\"5.7.1 <x\\\" login=root y>: no\\r\\nevent=x\"");
}

static void test_plain_mail(void **state)
{
    struct span rcpts[] = {SPAN_LIT("c@d.example"), SPAN_LIT("e@d.example")};
    struct logline_mail m = {.client = &client,
                             .id = "s1.1",
                             .rcpts = rcpts,
                             .rcpt_count = 2,
                             .rcpt_named = 2,
                             .size = 1234,
                             .backend = "192.0.2.9:25",
                             .code = 250,
                             .reply = SPAN_LIT("2.0.0 taken as 4711"),
                             .result = "sent",
                             .ms = 5};

    logline_mail(LOGLINE_PLAIN, &m, &out);
    expect("event=mail id=s1.1 role=mx client=192.0.2.1 port=4711 helo=mx.example from=<> "
           "to=<c@d.example> to=<e@d.example> rcpts=2 size=1234 backend=192.0.2.9:25 "
           "result=sent code=250 reply=\"2.0.0 taken as 4711\" ms=5 wait=0");
}

static void test_postfix_refusal(void **state)
{
    struct logline_refusal r = {.client = &client,
                                .id = "s1.1",
                                .verb = "RCPT",
                                .reason = "denied",
                                .ours = true,
                                .code = 554,
                                .reply = SPAN_LIT("5.7.1 <c@d>: Relay access denied"),
                                .from = SPAN_LIT("a@b"),
                                .rcpt = SPAN_LIT("c@d")};

    logline_refusal(LOGLINE_POSTFIX, &r, &out);
    expect("smtpd: NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 554 5.7.1 <c@d>: Relay access "
           "denied; from=<a@b> to=<c@d> proto=ESMTP helo=<mx.example>");
    gate_client_set(&client.name, SPAN_LIT("evil[198.51.100.9]: x"));
    gate_client_set(&client.helo, SPAN_LIT("x> to=<y [1.2.3.4]"));
    client.name_ok = true;
    r.ours = false;
    r.reply = SPAN_LIT("5.1.1 no; from=<forged>\r\n\x01");
    logline_refusal(LOGLINE_POSTFIX, &r, &out);
    expect("smtpd: NOQUEUE: reject: RCPT from evil_198.51.100.9___x[192.0.2.1]: 554 5.1.1 no, "
           "from=<forged>? ?; from=<a@b> to=<c@d> proto=ESMTP helo=<x__to__y__1.2.3.4_>");
}

static void test_postfix_session(void **state)
{
    static const struct {
        const char *end, *last, *text;
    } cases[] = {
        {"quit", "QUIT", "smtpd: disconnect from unknown[192.0.2.1] mail=1 rcpt=0/1 commands=3/4"},
        {"timeout", "RCPT",
         "smtpd: timeout after RCPT from unknown[192.0.2.1]\n"
         "smtpd: disconnect from unknown[192.0.2.1] mail=1 rcpt=0/1 commands=3/4"},
        {"errors", "RCPT",
         "smtpd: too many errors after RCPT from unknown[192.0.2.1]\n"
         "smtpd: disconnect from unknown[192.0.2.1] mail=1 rcpt=0/1 commands=3/4"},
        {"none", "",
         "smtpd: lost connection after CONNECT from unknown[192.0.2.1]\n"
         "smtpd: disconnect from unknown[192.0.2.1] mail=1 rcpt=0/1 commands=3/4"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct logline_session s = {.client = &client,
                                    .end = cases[i].end,
                                    .last = span_str(cases[i].last),
                                    .mails = 1,
                                    .rcpts_refused = 1,
                                    .errors = 1,
                                    .commands = 4};

        logline_session(LOGLINE_POSTFIX, &s, &out);
        expect(cases[i].text);
    }
    logline_connect(LOGLINE_POSTFIX, &client, &out);
    expect("smtpd: connect from unknown[192.0.2.1]");
    logline_connect(LOGLINE_PLAIN, &client, &out);
    expect("");
}

static void test_postfix_mail(void **state)
{
    struct span rcpts[] = {SPAN_LIT("c@d.example")};
    struct logline_mail m = {.client = &client,
                             .id = "s1.2",
                             .from = SPAN_LIT("a@b"),
                             .rcpts = rcpts,
                             .rcpt_count = 1,
                             .rcpt_named = 1,
                             .size = 1234,
                             .backend = "192.0.2.9:25",
                             .code = 250,
                             .reply = SPAN_LIT("2.0.0 taken"),
                             .result = "sent",
                             .ms = 1500};

    gate_client_set(&client.login, SPAN_LIT("anna, x=y"));
    logline_mail(LOGLINE_POSTFIX, &m, &out);
    expect("smtpd: s1x2: client=unknown[192.0.2.1], sasl_method=PLAIN, sasl_username=anna__x_y\n"
           "qmgr: s1x2: from=<a@b>, size=1234, nrcpt=1 (queue active)\n"
           "smtp: s1x2: to=<c@d.example>, relay=192.0.2.9:25, delay=1.50, delays=0/0/0/1.50, "
           "dsn=2.0.0, status=sent (250 2.0.0 taken)\n"
           "qmgr: s1x2: removed");
    m.code = 0;
    m.result = "dropped";
    logline_mail(LOGLINE_POSTFIX, &m, &out);
    expect("smtpd: s1x2: client=unknown[192.0.2.1], sasl_method=PLAIN, sasl_username=anna__x_y");
}

static void test_login(void **state)
{
    struct logline_login l = {
        .client = &client, .mech = "PLAIN", .user = SPAN_LIT("ro ot\n"), .why = "wrong password"};

    logline_login_failed(LOGLINE_POSTFIX, &l, &out);
    expect("smtpd: warning: unknown[192.0.2.1]: SASL PLAIN authentication failed: wrong password, "
           "sasl_username=ro_ot?");
    logline_login_failed(LOGLINE_PLAIN, &l, &out);
    expect("event=login-failed id=s1 role=mx client=192.0.2.1 port=4711 helo=mx.example "
           "mech=PLAIN user=\"ro ot\\n\" why=\"wrong password\"");
}

/* Nothing of a stranger's is long enough to lose the end of the line. */
static void test_long(void **state)
{
    static char bytes[10000];
    struct span worst = span_of(bytes, sizeof(bytes)), rcpts[LOGLINE_RCPTS + 10];
    struct logline_refusal r = {.client = &client,
                                .id = "s1.1",
                                .verb = "RCPT",
                                .reason = "denied",
                                .code = 554,
                                .reply = worst,
                                .from = worst,
                                .rcpt = worst};
    struct logline_mail m = {.client = &client,
                             .id = "s1.2",
                             .from = worst,
                             .rcpts = rcpts,
                             .rcpt_count = LOGLINE_RCPTS + 10,
                             .rcpt_named = LOGLINE_RCPTS + 10,
                             .code = 250,
                             .reply = worst,
                             .result = "sent"};

    for (size_t i = 0; i < LOGLINE_RCPTS + 10; i++)
        rcpts[i] = worst;
    for (int c = 1; c < 256; c += 17) {
        memset(bytes, c, sizeof(bytes));
        for (int style = 0; style < 2; style++) {
            struct buf line = BUF_INIT(LOGLINE_MAX * 3);

            logline_refusal((enum logline_style)style, &r, &line);
            assert_int_equal(line.err, 0);
            assert_null(memchr(buf_str(&line), '\n', line.n));
            buf_deinit(&line);
            logline_mail((enum logline_style)style, &m, &out);
            assert_int_equal(out.err, 0);
            buf_clear(&out);
        }
    }
}

static void test_rate(void **state)
{
    static struct logline_rate r;
    uint64_t dropped[LOGLINE_KINDS];
    struct ip ip = client.ip;
    unsigned written = 0;

    logline_rate_init(&r, 5);
    assert_false(logline_rate_turn(&r, LOGLINE_WINDOW, dropped));
    for (int i = 0; i < 2 * LOGLINE_BURST_ONE; i++)
        written += logline_rate_ask(&r, LOGLINE_REFUSAL, ip);
    assert_int_equal(written, LOGLINE_BURST_ONE);
    /* Mail always, others still. */
    assert_true(logline_rate_ask(&r, LOGLINE_MAIL, ip));
    written = 0;
    for (int i = 0; i < 2 * LOGLINE_BURST; i++) {
        ip.b[1] = (uint8_t)i;
        ip.b[2] = (uint8_t)(i >> 8);
        written += logline_rate_ask(&r, LOGLINE_REFUSAL, ip);
    }
    assert_int_equal(written, LOGLINE_BURST - LOGLINE_BURST_ONE);
    assert_true(logline_rate_ask(&r, LOGLINE_SESSION, ip)); /* another kind */
    assert_false(logline_rate_turn(&r, 2 * LOGLINE_WINDOW - 1, dropped));
    assert_true(logline_rate_turn(&r, 2 * LOGLINE_WINDOW, dropped));
    assert_int_equal(dropped[LOGLINE_REFUSAL],
                     LOGLINE_BURST_ONE + LOGLINE_BURST + LOGLINE_BURST_ONE);
    assert_int_equal(dropped[LOGLINE_MAIL], 0);
    assert_true(logline_rate_ask(&r, LOGLINE_REFUSAL, client.ip));
    for (unsigned k = 0; k < LOGLINE_KINDS; k++)
        assert_true(strlen(logline_kind_name((enum logline_kind)k)) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_plain_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_plain_forgery, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_plain_mail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_postfix_refusal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_postfix_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_postfix_mail, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_login, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rate, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
