/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Edges of the server machine: limits, injections, clients that do not read, owners that go. */
#include "smtp/server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct owner {
    struct buf log;
    bool later;
};

static enum smtp_now on_command(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                                struct smtp_say *ret)
{
    struct owner *o = owner;

    buf_addf(&o->log, "%s %.*s\n", smtp_verb_name(cmd->verb), SPAN_ARG(cmd->path_text));
    return o->later ? SMTP_LATER : SMTP_NOW;
}

static bool on_chunk(void *owner, struct smtp_server *s, struct span text)
{
    return true;
}

static enum smtp_now on_end(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    *ret = (struct smtp_say){250, "2.0.0", "kept"};
    return SMTP_NOW;
}

static void on_reset(void *owner, struct smtp_server *s)
{
    buf_add_str(&((struct owner *)owner)->log, "reset\n");
}

static const struct smtp_server_ops ops = {
    .mail = on_command,
    .rcpt = on_command,
    .chunk = on_chunk,
    .end = on_end,
    .reset = on_reset,
};

static const struct smtp_server_config plain = {
    .name = "mx.test",
    .ext = SMTP_EXT_PIPELINING | SMTP_EXT_STARTTLS,
    .wait_command = 1000,
};
static const struct smtp_server_config strict = {
    .name = "mx.test",
    .ext = SMTP_EXT_PIPELINING,
    .turns = SMTP_TURNS_STRICT,
    .greet_wait = 100,
};

static void open_session(struct smtp_server *s, struct owner *o,
                         const struct smtp_server_config *config)
{
    *o = (struct owner){.log = BUF_INIT(9999)};
    smtp_server_init(s, config, &ops, o, (struct ip){0});
    smtp_server_start(s, 1);
    smtp_server_tick(s, 1000);
    smtp_server_feed(s, SPAN_LIT("EHLO x\r\n"), 1000);
    buf_consume(&s->out, s->out.n);
}

static void close_session(struct smtp_server *s, struct owner *o)
{
    smtp_server_deinit(s);
    buf_deinit(&o->log);
}

/* CVE-2011-0411: one octet behind STARTTLS in the same write, and there is no TLS. */
static void injection_behind_starttls(void **state)
{
    struct smtp_server s;
    struct owner o;

    open_session(&s, &o, &plain);
    smtp_server_feed(&s, SPAN_LIT("STARTTLS\r\nRSET\r\n"), 1000);
    assert_int_equal(s.end, SMTP_END_TURN);
    assert_false(smtp_server_todo(&s).start_tls);
    assert_true(span_starts(buf_span(&s.out), SPAN_LIT("554 5.5.0 ")));
    close_session(&s, &o);
    open_session(&s, &o, &plain);
    smtp_server_feed(&s, SPAN_LIT("STARTTLS\r\n"), 1000);
    assert_int_equal(smtp_server_feed(&s, SPAN_LIT("RSET\r\n"), 1000), 0);
    assert_true(smtp_server_todo(&s).start_tls);
    close_session(&s, &o);
}

static void strict_turns(void **state)
{
    struct smtp_server s;
    struct owner o;

    open_session(&s, &o, &strict);
    smtp_server_feed(&s, SPAN_LIT("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nx"), 1000);
    assert_int_equal(s.end, SMTP_END_TURN);
    close_session(&s, &o);
    open_session(&s, &o, &plain);
    smtp_server_feed(&s, SPAN_LIT("NOOP\r\nNOOP\r\n"), 1000);
    assert_int_equal(s.end, SMTP_END_NONE);
    assert_int_equal(s.out_of_turn, 1);
    close_session(&s, &o);
}

static void line_at_the_limit(void **state)
{
    static char line[SMTP_LINE_PASSED + 10];
    struct smtp_server s;
    struct owner o;

    memset(line, 'x', sizeof(line));
    memcpy(line, "NOOP ", 5);
    memcpy(line + SMTP_COMMAND_TAKEN - 2, "\r\n", 2);
    open_session(&s, &o, &plain);
    smtp_server_feed(&s, span_of(line, SMTP_COMMAND_TAKEN), 1000);
    assert_string_equal(buf_str(&s.out), "250 2.0.0 Ok\r\n");
    buf_consume(&s.out, s.out.n);
    memcpy(line + SMTP_COMMAND_TAKEN - 2, "x\r\nNOOP\r\n", 9);
    smtp_server_feed(&s, span_of(line, SMTP_COMMAND_TAKEN), 1000);
    assert_string_equal(buf_str(&s.out), "");
    smtp_server_feed(&s, span_of(line + SMTP_COMMAND_TAKEN, 7), 1000);
    assert_string_equal(buf_str(&s.out), "500 5.5.2 Line too long\r\n250 2.0.0 Ok\r\n");
    /* A lone LF ends no long line either. */
    memset(line, 'x', sizeof(line));
    line[3000] = '\n';
    smtp_server_feed(&s, span_of(line, SMTP_LINE_PASSED), 1000);
    assert_int_equal(s.end, SMTP_END_NONE);
    smtp_server_feed(&s, span_of(line, 1), 1000);
    assert_int_equal(s.end, SMTP_END_LINE);
    close_session(&s, &o);
}

/* A client that sends and never reads makes us hold a bounded number of octets. */
static void replies_are_bounded(void **state)
{
    static char noops[60000];
    static const struct smtp_server_config free_for_all = {.name = "mx.test",
                                                           .ext = SMTP_EXT_PIPELINING};
    struct smtp_server s;
    struct owner o;
    size_t n;

    for (size_t i = 0; i + 6 <= sizeof(noops); i += 6)
        memcpy(noops + i, "NOOP\r\n", 6);
    open_session(&s, &o, &free_for_all);
    n = smtp_server_feed(&s, span_of(noops, sizeof(noops)), 1000);
    assert_true(n < sizeof(noops));
    assert_true(s.out.n >= SMTP_OUT_HIGH && s.out.n < SMTP_OUT_HIGH + SMTP_REPLY_MAX);
    assert_false(smtp_server_todo(&s).read);
    buf_consume(&s.out, s.out.n);
    assert_true(smtp_server_todo(&s).read);
    assert_true(smtp_server_feed(&s, span_of(noops + n, sizeof(noops) - n), 1000) > 0);
    close_session(&s, &o);
}

static void clean_words_in_replies(void **state)
{
    static char greeting[2000];
    struct smtp_server s;
    struct owner o;
    struct smtp_say say = {250, NULL, "a\rb\x01"};

    open_session(&s, &o, &plain);
    smtp_server_feed(&s, SPAN_LIT("HELO a\x7f\xc3\xb6\r\n"), 1000);
    assert_string_equal(buf_str(&s.out), "500 5.5.2 Character not allowed in a command\r\n");
    buf_consume(&s.out, s.out.n);
    o.later = true;
    smtp_server_feed(&s, SPAN_LIT("MAIL FROM:<a@b>\r\n"), 1000);
    smtp_server_resume(&s, &say, 1000);
    assert_string_equal(buf_str(&s.out), "250 a?b?\r\n");
    buf_consume(&s.out, s.out.n);
    memset(greeting, 'g', sizeof(greeting) - 1);
    say = (struct smtp_say){550, "5.7.1", greeting};
    smtp_server_feed(&s, SPAN_LIT("RCPT TO:<a@b>\r\n"), 1000);
    smtp_server_resume(&s, &say, 1000);
    assert_int_equal(s.out.n, SMTP_REPLY_MAX);
    close_session(&s, &o);
}

/* A message over size is passed over, but not for ever. */
static void far_over_size(void **state)
{
    static const struct smtp_server_config small = {.name = "mx.test", .size_max = 1000};
    static const char text[1 << 16];
    struct smtp_server s;
    struct owner o;
    size_t sent = 0;

    open_session(&s, &o, &small);
    smtp_server_feed(&s, SPAN_LIT("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"), 1000);
    buf_consume(&s.out, s.out.n);
    while (s.state == SMTP_SERVER_DATA && sent < 2 * SMTP_TEXT_PASSED)
        sent += smtp_server_feed(&s, span_of(text, sizeof(text)), 1000);
    assert_true(sent > SMTP_TEXT_PASSED && sent < SMTP_TEXT_PASSED + 4 * sizeof(text));
    assert_int_equal(s.end, SMTP_END_TOO_BIG);
    assert_string_equal(buf_str(&s.out), "552 5.3.4 Message too big\r\n");
    assert_non_null(strstr(buf_str(&o.log), "reset"));
    close_session(&s, &o);
}

/* An owner that goes away: the open question is dropped, the transaction is told to end once. */
static void shut_while_asked(void **state)
{
    const struct smtp_say answer = {250, NULL, NULL};
    struct smtp_server s;
    struct owner o;

    open_session(&s, &o, &plain);
    smtp_server_feed(&s, SPAN_LIT("MAIL FROM:<a@b>\r\n"), 1000);
    o.later = true;
    smtp_server_feed(&s, SPAN_LIT("RCPT TO:<a@b>\r\n"), 1000);
    assert_int_equal(smtp_server_todo(&s).deadline, INT64_MAX);
    smtp_server_tick(&s, 1 << 30);
    assert_int_equal(s.state, SMTP_SERVER_ASKED);
    smtp_server_shut(&s, "Going down");
    smtp_server_resume(&s, &answer, 1000);
    assert_string_equal(buf_str(&s.out), "250 2.1.0 Ok\r\n421 4.3.2 Going down\r\n");
    assert_string_equal(buf_str(&o.log), "MAIL <a@b>\nRCPT <a@b>\nreset\n");
    close_session(&s, &o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(injection_behind_starttls),
        cmocka_unit_test(strict_turns),
        cmocka_unit_test(line_at_the_limit),
        cmocka_unit_test(replies_are_bounded),
        cmocka_unit_test(clean_words_in_replies),
        cmocka_unit_test(shut_while_asked),
        cmocka_unit_test(far_over_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
