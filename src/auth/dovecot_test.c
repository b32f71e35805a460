/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "auth/dovecot.h"

#include "auth/dovecot_wire.h"
#include "guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define HELLO                                                                                      \
    "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nMECH\tSCRAM-SHA-256\t"         \
    "mutual-auth\nMECH\tANONYMOUS\tanonymous\nMECH\tGUEST\tanonymous\nMECH\tSCRAM-SHA-256-PLUS\t"  \
    "channel-binding\nMECH\tINNER\tprivate\nSPID\t71\nCUID\t1\nCOOKIE\t0123\nDONE\n"

static const struct auth_offer offer = {.file = false};
static const struct auth_facts tls = {.ip = {IP_V4, {192, 0, 2, 1}},
                                      .port = 1025,
                                      .local_ip = {IP_V4, {192, 0, 2, 9}},
                                      .local_port = 587,
                                      .tls = true,
                                      .sni = "mail.example.org",
                                      .cert_login = ""};
static const struct auth_facts clear = {.ip = {IP_V4, {192, 0, 2, 1}}, .sni = "", .cert_login = ""};

struct log {
    struct auth_dovecot *d;
    struct buf text;
};

static void on_ready(void *cookie, struct auth_dovecot *d)
{
    struct log *log = cookie;

    buf_add_str(&log->text, "ready;");
}

static void on_answer(void *cookie, uint32_t id, void *owner, const struct auth_dovecot_answer *a)
{
    struct log *log = cookie;

    buf_addf(&log->text, "%s %s", (const char *)owner, auth_got_name(a->got));
    if (a->got == AUTH_CHALLENGE)
        buf_addf(&log->text, " <%.*s>", SPAN_ARG(a->text));
    if (a->login[0])
        buf_addf(&log->text, " %s", a->login);
    buf_add_char(&log->text, ';');
}

static const struct auth_dovecot_events events = {.ready = on_ready, .answer = on_answer};

static char first[] = "a", second[] = "b";

static void begin(struct log *log)
{
    *log = (struct log){.text = BUF_INIT(20000)};
    assert_int_equal(auth_dovecot_new(&events, log, 4711, &log->d), 0);
    auth_dovecot_start(log->d);
    assert_string_equal(buf_str(auth_dovecot_out(log->d)), "VERSION\t1\t2\nCPID\t4711\n");
    buf_clear(auth_dovecot_out(log->d));
}

static void finish(struct log *log)
{
    auth_dovecot_free(&log->d);
    buf_deinit(&log->text);
}

static uint32_t ask(struct log *log, const char *arg, char *owner)
{
    uint32_t id = 0;

    assert_int_equal(auth_dovecot_ask(log->d, &offer, &tls, span_str(arg), owner, &id), AUTH_ASK);
    return id;
}

static const struct {
    const char *name, *said; /* after two logins, 1 and 2, were asked */
    const char *log;
    bool ok;
} answers[] = {
    {"ok", "OK\t1\tuser=joe\n", "a ok joe;", true},
    {"ok with more", "OK\t2\tuser=joe@example.org\tnologin_\tx=y\n", "b ok joe@example.org;", true},
    {"ok, escaped", "OK\t1\tuser=a\001\061\n", "a temp;", true},
    {"ok with a TAB in the name", "OK\t1\tuser=a\001tb\n", "a temp;", true},
    {"ok without a name", "OK\t1\n", "a temp;", true},
    {"ok with an empty name", "OK\t1\tuser=\n", "a temp;", true},
    {"ok with a broken escape", "OK\t1\tuser=jo\001xe\n", "a temp;", true},
    {"ok, but may not log in", "OK\t1\tuser=joe\tnologin\n", "a fail joe;", true},
    {"ok, logs in elsewhere", "OK\t1\tuser=joe\tnologin\tproxy\n", "a ok joe;", true},
    {"fail", "FAIL\t1\tuser=joe\n", "a fail joe;", true},
    {"fail without a name", "FAIL\t1\n", "a fail;", true},
    {"fail for now", "FAIL\t1\tuser=joe\ttemp\n", "a temp joe;", true},
    {"fail for now, newer", "FAIL\t1\tuser=joe\tcode=temp_fail\n", "a temp joe;", true},
    {"disabled", "FAIL\t1\tuser=joe\tuser_disabled\tcode=user_disabled\n", "a fail joe;", true},
    {"challenge", "CONT\t1\tUGFzcw==\n", "a challenge <UGFzcw==>;", true},
    {"empty challenge", "CONT\t1\t\n", "a challenge <>;", true},
    {"challenge without its field", "CONT\t1\n", "a challenge <>;", true},
    {"both", "FAIL\t2\nOK\t1\tuser=joe\n", "b fail;a ok joe;", true},
    {"twice", "OK\t1\tuser=joe\nOK\t1\tuser=eve\n", "a ok joe;", true},
    {"nobody asked", "OK\t3\tuser=joe\n", "", true},
    {"another verb", "NEWS\t1\tx\n\nOK\t1\tuser=joe\n", "a ok joe;", true},
    {"a number too large", "OK\t4294967296\tuser=joe\n", "", false},
    {"number zero", "OK\t0\tuser=joe\n", "", false},
    {"no number", "OK\tuser=joe\n", "", false},
    {"no base64", "CONT\t1\tUGFzc\r\n", "", false},
    {"done again", "DONE\nOK\t1\tuser=joe\n", "", false},
    {"version again", "VERSION\t1\t2\n", "", false},
    {"a mechanism later", "MECH\tX\nOK\t1\tuser=joe\n", "a ok joe;", true},
    {"a lone LF is a line", "\n\n\n", "", true},
    {"CR belongs to the name, which can't be", "OK\t1\tuser=joe\r\n", "a temp;", true},
};

static void feed_cut(struct log *log, struct span in, size_t cut, size_t step, bool *ret_ok)
{
    *ret_ok = true;
    while (in.n > 0 && *ret_ok) {
        size_t n = cut && cut < in.n ? cut : step && step < in.n ? step : in.n;

        cut = 0;
        *ret_ok = auth_dovecot_feed(log->d, span_slice(in, 0, n));
        in = span_slice(in, n, in.n);
    }
}

static void one_answer(size_t i, size_t cut, size_t step)
{
    struct guard g = {0};
    struct log log;
    bool ok;

    begin(&log);
    assert_true(auth_dovecot_feed(log.d, SPAN_LIT(HELLO)));
    assert_string_equal(buf_str(&log.text), "ready;");
    buf_clear(&log.text);
    assert_int_equal(ask(&log, "PLAIN", first), 1);
    assert_int_equal(ask(&log, "PLAIN", second), 2);
    feed_cut(&log, guard_str(&g, answers[i].said), cut, step, &ok);
    if (ok != answers[i].ok || strcmp(buf_str(&log.text), answers[i].log))
        fail_msg("%s: %d %s %s", answers[i].name, ok, buf_str(&log.text),
                 auth_dovecot_fault(log.d));
    assert_int_equal(auth_dovecot_fault(log.d)[0] == '\0', ok);
    guard_free(&g);
    finish(&log);
}

static void test_answers(void **state)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        one_answer(i, 0, 0);
        one_answer(i, 0, 1);
        for (size_t cut = 1; cut < strlen(answers[i].said); cut++)
            one_answer(i, cut, 0);
    }
}

static const struct {
    const char *name, *said;
    const char *mechs; /* for a client with TLS; NULL: refused */
    const char *mechs_clear;
} greetings[] = {
    {"full", HELLO, "PLAIN LOGIN SCRAM-SHA-256", "SCRAM-SHA-256"},
    {"later minor", "VERSION\t1\t9\nMECH\tPLAIN\tplaintext\nDONE\n", "PLAIN", ""},
    {"no minor", "VERSION\t1\nDONE\n", "", ""},
    {"anonymous by name", "VERSION\t1\t2\nMECH\tANONYMOUS\nDONE\n", "", ""},
    {"a name with a blank", "VERSION\t1\t2\nMECH\tPL AIN\nDONE\n", "", ""},
    {"a name with a TAB in it", "VERSION\t1\t2\nMECH\tA\001tB\nDONE\n", "", ""},
    {"a name too long", "VERSION\t1\t2\nMECH\tAAAAAAAAAAAAAAAAAAAAA\nMECH\tX\nDONE\n", "X", "X"},
    {"major version", "VERSION\t2\t0\nDONE\n", NULL, NULL},
    {"no version", "MECH\tPLAIN\nDONE\n", NULL, NULL},
    {"answers first", "VERSION\t1\t2\nOK\t1\tuser=joe\n", NULL, NULL},
    {"http", "HTTP/1.1 400 Bad Request\r\nDONE\n", NULL, NULL},
};

static void test_greetings(void **state)
{
    for (size_t i = 0; i < sizeof(greetings) / sizeof(greetings[0]); i++) {
        struct buf mechs = BUF_INIT(300);
        struct log log;
        bool ok;

        begin(&log);
        ok = auth_dovecot_feed(log.d, span_str(greetings[i].said));
        if (ok != (greetings[i].mechs != NULL) || ok != auth_dovecot_ready(log.d))
            fail_msg("%s: %s", greetings[i].name, auth_dovecot_fault(log.d));
        auth_dovecot_offer(log.d, &offer, &tls, &mechs);
        if (strcmp(buf_str(&mechs), ok ? greetings[i].mechs : ""))
            fail_msg("%s: %s", greetings[i].name, buf_str(&mechs));
        buf_clear(&mechs);
        auth_dovecot_offer(log.d, &offer, &clear, &mechs);
        if (strcmp(buf_str(&mechs), ok ? greetings[i].mechs_clear : ""))
            fail_msg("%s: %s", greetings[i].name, buf_str(&mechs));
        buf_deinit(&mechs);
        finish(&log);
    }
}

#define FACTS                                                                                      \
    "\tservice=smtp\tsecured\tnologin\tlip=192.0.2.9\tlport=587\trip=192.0.2.1\trport=1025"
#define SNI "\tlocal_name=mail.example.org"

static const struct {
    const char *name, *arg;
    enum auth_got got;
    const char *line; /* after AUTH and number */
} questions[] = {
    {"response at once", "PLAIN AGpvZQB4", AUTH_ASK, "PLAIN" FACTS SNI "\tresp=AGpvZQB4\n"},
    {"none yet", "plain", AUTH_ASK, "PLAIN" FACTS SNI "\n"},
    {"an empty one", "SCRAM-SHA-256 =", AUTH_ASK, "SCRAM-SHA-256" FACTS SNI "\tresp=\n"},
    {"not its mechanism", "CRAM-MD5", AUTH_UNKNOWN, ""},
    {"anonymous", "ANONYMOUS", AUTH_UNKNOWN, ""},
    {"anonymous by another name", "GUEST", AUTH_UNKNOWN, ""},
    {"private", "INNER", AUTH_UNKNOWN, ""},
    {"a TAB behind the response", "PLAIN AGpvZQB4\tuser=root", AUTH_BAD, ""},
    {"a TAB behind the mechanism", "PLAIN\tuser=root", AUTH_BAD, ""},
    {"LF in the response", "PLAIN AGpv\nZQB4", AUTH_BAD, ""},
    {"NUL in the response", "PLAIN AGp\001", AUTH_BAD, ""},
    {"no base64", "PLAIN AGpvZQB", AUTH_BAD, ""},
    {"nothing", "", AUTH_BAD, ""},
};

static void test_questions(void **state)
{
    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        enum auth_got got;
        struct log log;
        uint32_t id = 0;
        const char *line;

        begin(&log);
        assert_int_equal(
            auth_dovecot_ask(log.d, &offer, &tls, span_str(questions[i].arg), NULL, &id),
            questions[i].got == AUTH_BAD ? AUTH_BAD : AUTH_TEMP); /* it is not ready */
        auth_dovecot_feed(log.d, SPAN_LIT(HELLO));
        got = auth_dovecot_ask(log.d, &offer, &tls, span_str(questions[i].arg), NULL, &id);
        line = buf_str(auth_dovecot_out(log.d));
        if (got != questions[i].got ||
            (got == AUTH_ASK && !span_starts(span_str(line), SPAN_LIT("AUTH\t1\t"))))
            fail_msg("%s: %s %s", questions[i].name, auth_got_name(got), line);
        if (strcmp(got == AUTH_ASK ? line + 7 : line, questions[i].line))
            fail_msg("%s: %s", questions[i].name, line);
        finish(&log);
    }
}

static void test_facts(void **state)
{
    struct auth_facts f = tls;
    struct log log;
    uint32_t id;

    begin(&log);
    auth_dovecot_feed(log.d, SPAN_LIT(HELLO));
    f.sni = "a\tuser=root";
    f.cert_login = "j=oe";
    assert_int_equal(auth_dovecot_ask(log.d, &offer, &f, SPAN_LIT("PLAIN"), NULL, &id), AUTH_ASK);
    assert_string_equal(buf_str(auth_dovecot_out(log.d)),
                        "AUTH\t1\tPLAIN" FACTS "\tvalid-client-cert\tcert_username=j=oe\n");
    buf_clear(auth_dovecot_out(log.d));
    f.cert_login = "a\tb";
    assert_int_equal(auth_dovecot_ask(log.d, &offer, &f, SPAN_LIT("PLAIN"), NULL, &id), AUTH_ASK);
    assert_string_equal(buf_str(auth_dovecot_out(log.d)), "AUTH\t2\tPLAIN" FACTS "\n");
    assert_int_equal(auth_dovecot_ask(log.d, &offer, &clear, SPAN_LIT("PLAIN"), NULL, &id),
                     AUTH_WEAK);
    finish(&log);
}

static void test_field(void **state)
{
    static const char raw[] = "a\tb\nc\rd\001e";
    struct buf out = BUF_INIT(100);
    char back[20];

    auth_dovecot_field(&out, "n", span_of(raw, sizeof(raw))); /* with the NUL */
    assert_string_equal(buf_str(&out), "\tn=a\001tb\001nc\001rd\001\061e\001\060");
    assert_false(auth_dovecot_unescape(SPAN_LIT("a\001\060"), back, sizeof(back)));
    assert_true(auth_dovecot_unescape(SPAN_LIT("a\001tb\001nc\001rd\001\061e"), back, 11));
    assert_string_equal(back, "a\tb\nc\rd\001e");
    assert_false(auth_dovecot_unescape(SPAN_LIT("0123456789"), back, 10));
    assert_string_equal(back, "");
    assert_false(auth_dovecot_unescape(SPAN_LIT("a\001"), back, sizeof(back)));
    buf_deinit(&out);
}

static void test_talk(void **state)
{
    struct log log;
    uint32_t id;

    begin(&log);
    auth_dovecot_feed(log.d, SPAN_LIT(HELLO));
    id = ask(&log, "LOGIN", first);
    buf_clear(auth_dovecot_out(log.d));
    auth_dovecot_feed(log.d, SPAN_LIT("CONT\t1\tVXNlcm5hbWU6\n"));
    assert_int_equal(auth_dovecot_continue(log.d, id, SPAN_LIT("am9l")), AUTH_ASK);
    assert_string_equal(buf_str(auth_dovecot_out(log.d)), "CONT\t1\tam9l\n");
    auth_dovecot_feed(log.d, SPAN_LIT("CONT\t1\tUGFzc3dvcmQ6\n"));
    buf_clear(auth_dovecot_out(log.d));
    assert_int_equal(auth_dovecot_continue(log.d, id, SPAN_LIT("am\n9")), AUTH_BAD);
    assert_string_equal(buf_str(auth_dovecot_out(log.d)), "CANCEL\t1\n");
    assert_int_equal(auth_dovecot_continue(log.d, id, SPAN_LIT("am9l")), AUTH_TEMP);
    assert_int_equal(auth_dovecot_asked(log.d), 0);
    buf_clear(&log.text);
    auth_dovecot_feed(log.d, SPAN_LIT("OK\t1\tuser=joe\n"));
    assert_string_equal(buf_str(&log.text), "");
    finish(&log);
}

static void test_lost(void **state)
{
    struct buf mechs = BUF_INIT(100);
    struct log log;
    uint32_t id;

    begin(&log);
    auth_dovecot_feed(log.d, SPAN_LIT(HELLO));
    ask(&log, "PLAIN", first);
    ask(&log, "PLAIN", second);
    auth_dovecot_feed(log.d, SPAN_LIT("OK\t2\tuser=jo"));
    buf_clear(&log.text);
    auth_dovecot_lost(log.d);
    assert_string_equal(buf_str(&log.text), "a temp;b temp;");
    assert_int_equal(auth_dovecot_asked(log.d), 0);
    /* What was half there is forgotten; numbers go on, and so does the offer. */
    auth_dovecot_start(log.d);
    assert_false(auth_dovecot_ready(log.d));
    auth_dovecot_offer(log.d, &offer, &tls, &mechs);
    assert_string_equal(buf_str(&mechs), "PLAIN LOGIN SCRAM-SHA-256");
    assert_int_equal(auth_dovecot_ask(log.d, &offer, &tls, SPAN_LIT("PLAIN"), NULL, &id),
                     AUTH_TEMP);
    buf_deinit(&mechs);
    assert_true(auth_dovecot_feed(log.d, SPAN_LIT(HELLO)));
    assert_int_equal(ask(&log, "PLAIN", first), 3);
    finish(&log);
}

static void test_limits(void **state)
{
    static char big[AUTH_DOVECOT_LINE_MAX + 1], arg[AUTH_RESPONSE_MAX + 20];
    struct log log;
    uint32_t id;

    memset(big, 'x', sizeof(big));
    for (size_t n = AUTH_DOVECOT_LINE_MAX - 1; n <= AUTH_DOVECOT_LINE_MAX; n++) {
        begin(&log);
        auth_dovecot_feed(log.d, span_of(big, n));
        assert_int_equal(auth_dovecot_feed(log.d, SPAN_LIT("\n")), n < AUTH_DOVECOT_LINE_MAX);
        finish(&log);
    }
    begin(&log);
    assert_false(auth_dovecot_feed(log.d, span_of(big, sizeof(big))));
    finish(&log);

    begin(&log);
    auth_dovecot_feed(log.d, SPAN_LIT(HELLO));
    memset(arg, 'A', sizeof(arg));
    memcpy(arg, "PLAIN ", 6);
    assert_int_equal(
        auth_dovecot_ask(log.d, &offer, &tls, span_of(arg, 6 + AUTH_RESPONSE_MAX), first, &id),
        AUTH_ASK);
    assert_int_equal(
        auth_dovecot_ask(log.d, &offer, &tls, span_of(arg, 10 + AUTH_RESPONSE_MAX), first, &id),
        AUTH_TOO_LONG);
    buf_clear(auth_dovecot_out(log.d));
    for (unsigned i = 1; i < AUTH_DOVECOT_ASKED_MAX; i++)
        ask(&log, "PLAIN", first);
    assert_int_equal(auth_dovecot_ask(log.d, &offer, &tls, SPAN_LIT("PLAIN"), first, &id),
                     AUTH_TEMP);
    auth_dovecot_cancel(log.d, 5);
    auth_dovecot_cancel(log.d, 5);
    ask(&log, "PLAIN", first);
    finish(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),   cmocka_unit_test(test_greetings),
        cmocka_unit_test(test_questions), cmocka_unit_test(test_facts),
        cmocka_unit_test(test_field),     cmocka_unit_test(test_talk),
        cmocka_unit_test(test_lost),      cmocka_unit_test(test_limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
