/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libgsasl plays the client, so that both sides of SCRAM are not of one hand… but for the nonce. */
#include "auth/sasl.h"

#include "auth/base64.h"
#include "auth/fixture.h"
#include "base/escape.h"

#include <gsasl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define CHANNEL "0123456789abcdef0123456789abcdef"

static struct auth_library *lib;
static struct auth_users *users;

static const struct auth_offer file = {.file = true};
static const struct auth_facts tls = {
    .ip = {IP_V4, {192, 0, 2, 1}}, .tls = true, .sni = "", .cert_login = ""};
static const struct auth_facts bound = {.ip = {IP_V4, {192, 0, 2, 1}},
                                        .tls = true,
                                        .sni = "",
                                        .cert_login = "",
                                        .channel = SPAN_LIT(CHANNEL)};
static const struct auth_facts clear = {.ip = {IP_V4, {192, 0, 2, 1}}, .sni = "", .cert_login = ""};
static const struct auth_facts loop = {.ip = {IP_V4, {127, 0, 0, 1}}, .sni = "", .cert_login = ""};
static const struct auth_facts cert = {
    .ip = {IP_V4, {192, 0, 2, 1}}, .tls = true, .sni = "", .cert_login = "printer"};

static int set_up(void **state)
{
    struct buf text = BUF_INIT(10000);
    struct auth_users_error err;

    fixture_line("Joe@example.org", "open sesame", 4096, &text);
    fixture_line("ann", "\xe2\x85\xa8", 5000, &text);
    buf_add_str(&text, "printer:!\n");
    assert_int_equal(auth_users_parse(buf_span(&text), &users, &err), 0);
    assert_int_equal(auth_library_new(&lib), 0);
    buf_deinit(&text);
    return 0;
}

static int tear_down(void **state)
{
    auth_users_free(&users);
    auth_library_free(&lib);
    return 0;
}

static enum auth_got finish(struct auth_sasl *x, enum auth_got got, struct auth_answer *a)
{
    while (got == AUTH_WORK)
        got = auth_sasl_work(x, 1000, a);
    return got;
}

struct talk {
    const char *name;
    const struct auth_facts *facts;
    const char *arg;      /* of AUTH; raw text in { } is put into base64 */
    const char *lines[3]; /* the same, after each challenge */
    enum auth_got got;
    const char *login;
};

static const struct talk talks[] = {
    {"plain at once",
     &tls,
     "PLAIN {$Joe@example.org$open sesame}",
     {0},
     AUTH_OK,
     "Joe@example.org"},
    {"plain after a challenge",
     &tls,
     "plain",
     {"{$Joe@example.org$open sesame}"},
     AUTH_OK,
     "Joe@example.org"},
    {"the file's way of writing a name",
     &tls,
     "PLAIN {$joe@EXAMPLE.org$open sesame}",
     {0},
     AUTH_OK,
     "Joe@example.org"},
    {"prepared password", &tls, "PLAIN {$ann$IX}", {0}, AUTH_OK, "ann"},
    {"as oneself", &tls, "PLAIN {ann$ann$IX}", {0}, AUTH_OK, "ann"},
    {"as another", &tls, "PLAIN {Joe@example.org$ann$IX}", {0}, AUTH_FAIL, "ann"},
    {"wrong password", &tls, "PLAIN {$ann$x}", {0}, AUTH_FAIL, "ann"},
    {"no password", &tls, "PLAIN {$ann$}", {0}, AUTH_FAIL, "ann"},
    {"unknown user", &tls, "PLAIN {$bob$IX}", {0}, AUTH_FAIL, "bob"},
    {"locked user", &tls, "PLAIN {$printer$!}", {0}, AUTH_FAIL, "printer"},
    {"no user", &tls, "PLAIN {$$IX}", {0}, AUTH_FAIL, ""},
    {"name with a line end", &tls, "PLAIN {$ann\n$IX}", {0}, AUTH_FAIL, ""},
    {"one NUL", &tls, "PLAIN {ann$IX}", {0}, AUTH_BAD, ""},
    {"empty response", &tls, "PLAIN =", {0}, AUTH_BAD, ""},
    {"no base64", &tls, "PLAIN {$ann$IX}!", {0}, AUTH_BAD, ""},
    {"two responses", &tls, "PLAIN AAAA AAAA", {0}, AUTH_BAD, ""},
    {"nothing", &tls, "", {0}, AUTH_BAD, ""},
    {"a TAB in the name", &tls, "PL\tAIN AAAA", {0}, AUTH_BAD, ""},
    {"another byte in the name", &tls, "PL\x01AIN AAAA", {0}, AUTH_BAD, ""},
    {"login", &tls, "LOGIN", {"{ann}", "{IX}"}, AUTH_OK, "ann"},
    {"login with a name at once", &tls, "LOGIN {ann}", {"{IX}"}, AUTH_OK, "ann"},
    {"login, wrong", &tls, "LOGIN", {"{ann}", "{XI}"}, AUTH_FAIL, "ann"},
    {"login, unknown", &tls, "LOGIN", {"{bob}", "{XI}"}, AUTH_FAIL, "bob"},
    {"login, empty name", &tls, "LOGIN", {""}, AUTH_FAIL, ""},
    {"login, empty password", &tls, "LOGIN", {"{ann}", ""}, AUTH_FAIL, "ann"},
    {"plain in the clear", &clear, "PLAIN {$ann$IX}", {0}, AUTH_WEAK, ""},
    {"login in the clear", &clear, "LOGIN", {0}, AUTH_WEAK, ""},
    {"loopback is no TLS by itself", &loop, "PLAIN {$ann$IX}", {0}, AUTH_WEAK, ""},
    {"no such mechanism", &tls, "CRAM-MD5", {0}, AUTH_UNKNOWN, ""},
    {"one that libgsasl has and we do not offer",
     &tls,
     "SCRAM-SHA-1 {n,,n=ann,r=x}",
     {0},
     AUTH_UNKNOWN,
     ""},
    {"anonymous", &tls, "ANONYMOUS {joe}", {0}, AUTH_UNKNOWN, ""},
    {"a name too long", &tls, "AAAAAAAAAAAAAAAAAAAAA", {0}, AUTH_BAD, ""},
    {"external", &cert, "EXTERNAL =", {0}, AUTH_OK, "printer"},
    {"external after a challenge", &cert, "EXTERNAL", {""}, AUTH_OK, "printer"},
    {"external as oneself", &cert, "EXTERNAL {printer}", {0}, AUTH_OK, "printer"},
    {"external as another", &cert, "EXTERNAL {ann}", {0}, AUTH_FAIL, "printer"},
    {"external without a certificate", &tls, "EXTERNAL =", {0}, AUTH_UNKNOWN, ""},
    {"scram nonsense", &tls, "SCRAM-SHA-256 {hello}", {0}, AUTH_BAD, ""},
    {"scram without a channel, bound",
     &tls,
     "SCRAM-SHA-256-PLUS {p=tls-exporter,,n=ann,r=x}",
     {0},
     AUTH_UNKNOWN,
     ""},
    {"scram that could have bound", &bound, "SCRAM-SHA-256 {y,,n=ann,r=x}", {0}, AUTH_FAIL, ""},
};

/* "{a$b}" becomes the base64 of a NUL b. */
static void encode(const char *text, struct buf *out)
{
    const char *open = strchr(text, '{'), *close = strrchr(text, '}');
    struct buf raw = BUF_INIT(1000);

    buf_clear(out);
    if (!open) {
        buf_add_str(out, text);
        return;
    }
    buf_add(out, span_of(text, (size_t)(open - text)));
    for (const char *p = open + 1; p < close; p++)
        buf_add_char(&raw, *p == '$' ? '\0' : *p);
    escape_base64(out, buf_span(&raw));
    buf_add_str(out, close + 1);
    buf_deinit(&raw);
}

static void test_talks(void **state)
{
    struct buf line = BUF_INIT(2000);

    for (size_t i = 0; i < sizeof(talks) / sizeof(talks[0]); i++) {
        const struct talk *t = &talks[i];
        struct auth_answer a;
        struct auth_sasl *x;
        enum auth_got got;

        encode(t->arg, &line);
        got = auth_sasl_start(lib, users, &file, t->facts, buf_span(&line), &x, &a);
        for (size_t k = 0; k < 3 && got == AUTH_CHALLENGE && t->lines[k]; k++) {
            encode(t->lines[k], &line);
            got = auth_sasl_step(x, buf_span(&line), &a);
        }
        got = x ? finish(x, got, &a) : got;
        if (got != t->got || strcmp(a.login, t->login))
            fail_msg("%s: %s %s", t->name, auth_got_name(got), a.login);
        if (x && got != AUTH_CHALLENGE) /* nothing after the end */
            assert_int_equal(auth_sasl_step(x, SPAN_LIT(""), &a), AUTH_BAD);
        auth_sasl_free(&x);
    }
    buf_deinit(&line);
}

/* ---- SCRAM against libgsasl's client ---- */

struct client {
    const char *name, *mech, *user, *password, *authzid;
    const char *channel; /* what the client believes to be the channel, or NULL */
    const struct auth_facts *facts;
    enum auth_got got;
    const char *login;
};

static const struct client clients[] = {
    {"right", "SCRAM-SHA-256", "ann", "IX", NULL, NULL, &clear, AUTH_OK, "ann"},
    {"right, prepared by the client", "SCRAM-SHA-256", "ann", "\xe2\x85\xa8", NULL, NULL, &clear,
     AUTH_OK, "ann"},
    {"other case", "SCRAM-SHA-256", "JOE@example.org", "open sesame", NULL, NULL, &tls, AUTH_OK,
     "Joe@example.org"},
    {"as oneself", "SCRAM-SHA-256", "ann", "IX", "ann", NULL, &tls, AUTH_OK, "ann"},
    {"as another", "SCRAM-SHA-256", "ann", "IX", "Joe@example.org", NULL, &tls, AUTH_FAIL, "ann"},
    {"wrong", "SCRAM-SHA-256", "ann", "IXX", NULL, NULL, &tls, AUTH_FAIL, "ann"},
    {"unknown", "SCRAM-SHA-256", "bob", "IX", NULL, NULL, &tls, AUTH_FAIL, "bob"},
    {"locked", "SCRAM-SHA-256", "printer", "IX", NULL, NULL, &tls, AUTH_FAIL, "printer"},
    {"comma and equals sign", "SCRAM-SHA-256", "a,b=c", "IX", NULL, NULL, &tls, AUTH_FAIL, "a,b=c"},
    {"bound", "SCRAM-SHA-256-PLUS", "ann", "IX", NULL, CHANNEL, &bound, AUTH_OK, "ann"},
    {"bound to another channel", "SCRAM-SHA-256-PLUS", "ann", "IX", NULL,
     "a123456789abcdef0123456789abcdef", &bound, AUTH_FAIL, "ann"},
};

static enum auth_got one_login(const struct client *c, struct auth_answer *a, struct auth_sasl **x)
{
    struct buf arg = BUF_INIT(2000);
    struct buf channel = BUF_INIT(100);
    Gsasl_session *session;
    char *text = NULL;
    Gsasl *gsasl;
    enum auth_got got;

    assert_int_equal(gsasl_init(&gsasl), GSASL_OK);
    assert_int_equal(gsasl_client_start(gsasl, c->mech, &session), GSASL_OK);
    gsasl_property_set(session, GSASL_AUTHID, c->user);
    gsasl_property_set(session, GSASL_PASSWORD, c->password);
    if (c->authzid)
        gsasl_property_set(session, GSASL_AUTHZID, c->authzid);
    if (c->channel) {
        escape_base64(&channel, span_str(c->channel));
        gsasl_property_set(session, GSASL_CB_TLS_EXPORTER, buf_str(&channel));
    }
    assert_int_equal(gsasl_step64(session, "", &text), GSASL_NEEDS_MORE);
    buf_addf(&arg, "%s %s", c->mech, text);
    got = auth_sasl_start(lib, users, &file, c->facts, buf_span(&arg), x, a);
    while (got == AUTH_CHALLENGE) {
        char challenge[1000];

        assert_true(span_copy(a->text, challenge, sizeof(challenge)));
        gsasl_free(text);
        text = NULL;
        assert_true(gsasl_step64(session, challenge, &text) <= GSASL_NEEDS_MORE);
        got = auth_sasl_step(*x, span_str(text), a);
    }
    gsasl_free(text);
    gsasl_finish(session);
    gsasl_done(gsasl);
    buf_deinit(&arg);
    buf_deinit(&channel);
    return got;
}

static void test_scram(void **state)
{
    for (size_t i = 0; i < sizeof(clients) / sizeof(clients[0]); i++) {
        struct auth_answer a;
        struct auth_sasl *x;
        enum auth_got got = one_login(&clients[i], &a, &x);

        if (got != clients[i].got || strcmp(a.login, clients[i].login))
            fail_msg("%s: %s %s", clients[i].name, auth_got_name(got), a.login);
        auth_sasl_free(&x);
    }
}

/* The salt of nobody stays the same, and differs between two nobodies. */
static void test_unknown_salt(void **state)
{
    static const char *const first[] = {"n,,n=bob,r=x", "n,,n=bob,r=x", "n,,n=eve,r=x"};
    char salts[3][200];

    for (size_t i = 0; i < 3; i++) {
        struct buf arg = BUF_INIT(200), said = BUF_INIT(400);
        struct auth_answer a;
        struct auth_sasl *x;

        buf_add_str(&arg, "SCRAM-SHA-256 ");
        escape_base64(&arg, span_str(first[i]));
        assert_int_equal(auth_sasl_start(lib, users, &file, &tls, buf_span(&arg), &x, &a),
                         AUTH_CHALLENGE);
        assert_true(auth_base64(a.text, &said));
        assert_non_null(strstr(buf_str(&said), ",s="));
        snprintf(salts[i], sizeof(salts[i]), "%s", strstr(buf_str(&said), ",s="));
        auth_sasl_free(&x);
        buf_deinit(&arg);
        buf_deinit(&said);
    }
    assert_string_equal(salts[0], salts[1]);
    assert_string_not_equal(salts[0], salts[2]);
}

static const struct {
    const char *name;
    struct auth_offer offer;
    const struct auth_facts *facts;
    const char *mechs;
} offers[] = {
    {"tls", {.file = true}, &tls, "SCRAM-SHA-256 PLAIN LOGIN"},
    {"bound", {.file = true}, &bound, "SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"},
    {"clear", {.file = true}, &clear, "SCRAM-SHA-256"},
    {"loopback", {.file = true}, &loop, "SCRAM-SHA-256"},
    {"loopback, allowed",
     {.file = true, .plain_loopback = true},
     &loop,
     "SCRAM-SHA-256 PLAIN LOGIN"},
    {"clear, allowed on loopback", {.file = true, .plain_loopback = true}, &clear, "SCRAM-SHA-256"},
    {"certificate", {.file = true}, &cert, "SCRAM-SHA-256 EXTERNAL PLAIN LOGIN"},
    {"certificate alone", {0}, &cert, "EXTERNAL"},
    {"nothing", {0}, &tls, ""},
};

static void test_offer(void **state)
{
    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        struct buf out = BUF_INIT(200);

        auth_sasl_offer(&offers[i].offer, offers[i].facts, &out);
        if (strcmp(buf_str(&out), offers[i].mechs))
            fail_msg("%s: %s", offers[i].name, buf_str(&out));
        buf_deinit(&out);
    }
}

static void test_long_line(void **state)
{
    static char line[AUTH_RESPONSE_MAX + 5];
    struct auth_answer a;
    struct auth_sasl *x;

    memset(line, 'A', sizeof(line));
    assert_int_equal(auth_sasl_start(lib, users, &file, &tls, SPAN_LIT("LOGIN"), &x, &a),
                     AUTH_CHALLENGE);
    assert_int_equal(auth_sasl_step(x, span_of(line, AUTH_RESPONSE_MAX), &a), AUTH_FAIL);
    auth_sasl_free(&x);
    assert_int_equal(auth_sasl_start(lib, users, &file, &tls, SPAN_LIT("LOGIN"), &x, &a),
                     AUTH_CHALLENGE);
    assert_int_equal(auth_sasl_step(x, span_of(line, AUTH_RESPONSE_MAX + 4), &a), AUTH_TOO_LONG);
    auth_sasl_free(&x);
}

/* A reload drops the users while one is logging in. */
static void test_reload(void **state)
{
    struct buf text = BUF_INIT(1000);
    struct auth_users_error err;
    struct auth_users *old;
    struct auth_answer a;
    struct auth_sasl *x;

    fixture_line("joe", "secret", 4096, &text);
    assert_int_equal(auth_users_parse(buf_span(&text), &old, &err), 0);
    assert_int_equal(auth_sasl_start(lib, old, &file, &tls, SPAN_LIT("LOGIN am9l"), &x, &a),
                     AUTH_CHALLENGE);
    auth_users_free(&old);
    assert_null(old);
    assert_int_equal(finish(x, auth_sasl_step(x, SPAN_LIT("c2VjcmV0"), &a), &a), AUTH_OK);
    assert_string_equal(a.login, "joe");
    auth_sasl_free(&x);
    buf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_talks),        cmocka_unit_test(test_scram),
        cmocka_unit_test(test_unknown_salt), cmocka_unit_test(test_offer),
        cmocka_unit_test(test_long_line),    cmocka_unit_test(test_reload),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
