/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "decoy/record.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(const struct buf *line)
{
    json_t *o = json_loadb(line->p, line->n, 0, NULL);

    assert_non_null(o);
    assert_int_equal(line->p[line->n - 1], '\n');
    assert_null(memchr(line->p, '\n', line->n - 1));
    for (size_t i = 0; i + 1 < line->n; i++)
        assert_in_range(line->p[i], ' ', '~');
    return o;
}

static const char *text(const json_t *o, const char *key)
{
    return json_string_value(json_object_get(o, key));
}

static void message(void **state)
{
    struct buf line = BUF_INIT(RECORD_LINE_MAX);
    struct span rcpts[] = {SPAN_LIT("<a@b>"), SPAN_LIT("<\"x\n\x01\"@c>")};
    struct judge judge = {
        .test = true, .sum = 4, .signs = {{"one-recipient", 1}, {"own", 3}}, .count = 2};
    struct record_message m = {
        .peer = {.id = "s1",
                 .client = {IP_V4, {192, 0, 2, 1}},
                 .persona = "postfix",
                 .wall = 1772366400},
        .id = "4ABC",
        .helo = SPAN_LIT("h\xff"),
        .mail = SPAN_LIT("<>"),
        .rcpts = rcpts,
        .rcpt_shown = 2,
        .rcpt_count = 70,
        .size = 9,
        .header = SPAN_LIT("Subject: \xc3\xa4\r\n\r\n"),
        .body = "",
        .judge = &judge,
    };
    json_t *o;

    assert_int_equal(record_message(&m, &line), 0);
    o = parse(&line);
    assert_string_equal(text(o, "time"), "2026-03-01T12:00:00Z");
    assert_string_equal(text(o, "client"), "192.0.2.1");
    assert_string_equal(text(o, "helo"), "h\\xff");
    assert_string_equal(text(o, "verdict"), "test");
    assert_string_equal(json_string_value(json_array_get(json_object_get(o, "rcpts"), 1)),
                        "<\"x\\n\\x01\"@c>");
    assert_string_equal(json_string_value(json_array_get(json_object_get(o, "why"), 0)),
                        "one-recipient +1");
    assert_int_equal(json_integer_value(json_object_get(o, "rcpt_count")), 70);
    assert_null(json_object_get(o, "tls"));
    assert_null(json_object_get(o, "local"));
    json_decref(o);
    buf_deinit(&line);
}

/* The worst that can come fits a line. */
static void longest(void **state)
{
    static char junk[RECORD_HEADER_MAX + 1];
    struct buf line = BUF_INIT(RECORD_LINE_MAX), small = BUF_INIT(100);
    struct span rcpts[RECORD_RCPTS];
    struct judge judge = {0};
    struct record_message m = {
        .id = "x", .rcpts = rcpts, .rcpt_shown = RECORD_RCPTS, .judge = &judge, .body = ""};

    memset(junk, 1, sizeof(junk));
    for (unsigned i = 0; i < RECORD_RCPTS; i++)
        rcpts[i] = span_of(junk, 2048);
    m.mail = m.helo = m.login = m.tls = span_of(junk, sizeof(junk));
    m.header = span_of(junk, sizeof(junk));
    m.peer.id = "s";
    m.peer.persona = "p";
    assert_int_equal(record_message(&m, &line), 0);
    assert_int_equal(record_message(&m, &small), -EMSGSIZE);
    buf_deinit(&line);
    buf_deinit(&small);
}

static void session(void **state)
{
    struct buf line = BUF_INIT(RECORD_LINE_MAX);
    struct span helos[] = {SPAN_LIT("a"), SPAN_LIT("b")};
    struct record_login logins[] = {{"PLAIN", "tim", "hash"}};
    struct clienthello hello = {
        .version = 0x303, .ciphers = {0x1301}, .cipher_count = 1, .alpn = "smtp"};
    struct record_session s = {
        .peer = {.id = "s1", .client = {IP_V4, {192, 0, 2, 1}}, .persona = "p"},
        .helos = helos,
        .helo_count = 2,
        .helo_traits = SPAN_LIT("no-dot"),
        .end = "quit",
        .hello = &hello,
        .tls_version = "TLSv1.3",
        .tls_cipher = "X",
        .ja3_md5 = "00",
        .logins = logins,
        .login_shown = 1,
        .login_count = 12,
    };
    json_t *o, *tls, *login;

    assert_int_equal(record_session(&s, &line), 0);
    o = parse(&line);
    tls = json_object_get(o, "tls");
    assert_string_equal(text(tls, "ja3"), "771,4865,,,");
    assert_string_equal(json_string_value(json_array_get(json_object_get(tls, "ciphers"), 0)),
                        "1301");
    login = json_array_get(json_object_get(o, "logins"), 0);
    assert_string_equal(text(login, "user"), "tim");
    assert_string_equal(text(login, "password"), "hash");
    assert_int_equal(json_integer_value(json_object_get(o, "login_count")), 12);
    json_decref(o);
    buf_deinit(&line);
}

static void nomination(void **state)
{
    struct buf line = BUF_INIT(RECORD_LINE_MAX);
    struct record_nomination n = {.ip = {IP_V6, {0x20, 1, 0xd, 0xb8}},
                                  .wall = 1772366400,
                                  .reason = "spam",
                                  .mail = SPAN_LIT("<a@b>"),
                                  .count = 4};
    json_t *o;

    assert_int_equal(record_nomination(&n, &line), 0);
    o = parse(&line);
    assert_string_equal(text(o, "type"), "nomination");
    assert_string_equal(text(o, "source"), "decoy");
    assert_string_equal(text(o, "ip"), "2001:db8::");
    assert_int_equal(json_integer_value(json_object_get(o, "count")), 4);
    json_decref(o);
    buf_deinit(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(message),
        cmocka_unit_test(longest),
        cmocka_unit_test(session),
        cmocka_unit_test(nomination),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
