/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The receiver as a tester embeds it: on the tester's own loop, without a store, told of each
 * arrival by a callback. A client on the same loop plays a script line by line.
 */
#include "sink/receiver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "io/timer.h"

enum { PATIENCE = 20000 };

struct world {
    struct loop *loop;
    struct receiver *receiver;
    struct receiver_config config;
    struct conn *client;
    struct timer patience;
    const char *const *script; /* each sent when a reply has come; NULL-ended */
    struct buf replies;
    struct token token;
    char rcpt[200];

    unsigned arrivals, refused, roles, sessions, troubles;
    bool stopped, closed;
    struct receiver_arrival last; /* its spans are gone */
    char raw[200], mail[100], helo[100], chain[1000];
};

static void on_arrival(void *cookie, const struct receiver_arrival *a)
{
    struct world *w = cookie;

    w->arrivals++;
    w->last = *a;
    assert_true(span_copy(a->raw, w->raw, sizeof(w->raw)));
    assert_true(span_copy(a->mail, w->mail, sizeof(w->mail)));
    assert_true(span_copy(a->helo, w->helo, sizeof(w->helo)));
    assert_true(span_copy(a->chain, w->chain, sizeof(w->chain)));
}

static void on_refused(void *cookie, struct ip peer, struct span mail, struct span rcpt)
{
    ((struct world *)cookie)->refused++;
}

static void on_role(void *cookie, struct ip peer, struct span mail, struct span rcpt)
{
    ((struct world *)cookie)->roles++;
}

static void on_session(void *cookie, const struct receiver_session_news *news)
{
    ((struct world *)cookie)->sessions++;
}

static void on_trouble(void *cookie, enum receiver_trouble trouble, struct ip peer, int err)
{
    ((struct world *)cookie)->troubles++;
}

static void on_stopped(void *cookie)
{
    struct world *w = cookie;

    w->stopped = true;
    loop_stop(w->loop);
}

static const struct receiver_events events = {
    .arrival = on_arrival,
    .refused = on_refused,
    .role = on_role,
    .session = on_session,
    .trouble = on_trouble,
    .stopped = on_stopped,
};

static void say(struct world *w)
{
    if (*w->script) {
        assert_int_equal(conn_write(w->client, span_str(*w->script)), 0);
        w->script++;
    }
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    struct world *w = cookie;

    buf_add(&w->replies, bytes);
    assert_int_equal(w->replies.err, 0);
    if (bytes.n > 2 && bytes.p[bytes.n - 1] == '\n')
        say(w);
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    struct world *w = cookie;

    w->closed = true;
    w->client = NULL;
    loop_stop(w->loop);
}

static const struct conn_events client_events = {.data = on_data, .closed = on_closed};

static void out_of_patience(void *cookie)
{
    fail_msg("nothing happens any more");
}

static int setup(void **state)
{
    static struct world w;
    struct listen_place at = {.port = 0};
    char err[LISTEN_ERROR_MAX] = "";

    w = (struct world){.replies = BUF_INIT(1 << 16)};
    assert_int_equal(loop_new(&w.loop), 0);
    assert_int_equal(receiver_new(w.loop, &events, &w, &w.receiver), 0);
    assert_true(ip_parse(SPAN_LIT("127.0.0.1"), &at.ip));
    if (receiver_listen(w.receiver, &at, err) < 0)
        fail_msg("%s", err);
    w.config = (struct receiver_config){.name = "mx.test", .domain = "probe.test"};
    memset(w.config.key, 7, MAC_KEY);
    timer_init(&w.patience, out_of_patience, &w);
    timer_start(&w.patience, w.loop, PATIENCE);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    conn_drop(&w->client);
    receiver_free(&w->receiver);
    receiver_free(&w->receiver);
    loop_free(&w->loop);
    buf_deinit(&w->replies);
    return 0;
}

static void make_token(struct world *w, enum token_kind kind)
{
    char text[TOKEN_TEXT + 1];
    struct ip tested;

    assert_true(ip_parse(SPAN_LIT("127.0.0.1"), &tested));
    w->token =
        (struct token){.kind = kind, .run = 5, .serial = 6, .day = (uint16_t)(loop_wall() / 86400)};
    token_target(tested, w->token.target);
    token_mint(w->config.key, &w->token, text);
    snprintf(w->rcpt, sizeof(w->rcpt), "RCPT TO:<%s@probe.test>\r\n", text);
}

static void open_client(struct world *w, const char *const *script)
{
    struct listen_place place;
    struct conn_target to = {.timeout_ms = 5000};

    assert_int_equal(receiver_places(w->receiver, &place, 1), 1);
    to.ip = place.ip;
    to.port = place.port;
    w->script = script;
    w->closed = false;
    assert_int_equal(conn_connect(w->loop, &to, &client_events, w, &w->client), 0);
}

static void play(struct world *w, const char *const *script)
{
    open_client(w, script);
    while (!w->closed)
        loop_run(w->loop);
}

static void arrival_without_a_store(void **state)
{
    struct world *w = *state;
    const char *const script[] = {"EHLO relay.test\r\n",
                                  "MAIL FROM:<a@b.test>\r\n",
                                  w->rcpt,
                                  "DATA\r\n",
                                  "Received: from t ([192.0.2.7]) by in.test with SMTP id 1;"
                                  " Sat, 21 Nov 2026 11:00:00 +0000\r\n\r\nx\n\r\n.\r\n",
                                  "QUIT\r\n",
                                  NULL};
    struct receiver_counts counts;

    make_token(w, TOKEN_RECIPIENT);
    receiver_start(w->receiver, &w->config);
    play(w, script);
    assert_int_equal(w->arrivals, 1);
    assert_int_equal(w->last.what, STORE_WHAT_ARRIVAL);
    assert_int_equal(w->last.scope, STORE_SCOPE_RECIPIENT);
    assert_int_equal(w->last.token.kind, w->token.kind);
    assert_int_equal(w->last.token.run, w->token.run);
    assert_int_equal(w->last.token.serial, w->token.serial);
    assert_int_equal(w->last.token.day, w->token.day);
    assert_memory_equal(w->last.token.target, w->token.target, sizeof(w->token.target));
    assert_int_equal(w->last.way.input, EVIDENCE_DIRECT);
    assert_int_equal(w->last.proof, 0);
    assert_true(w->last.foul);
    assert_string_equal(w->mail, "<a@b.test>");
    assert_string_equal(w->helo, "relay.test");
    assert_non_null(strstr(w->raw, "\r\n\r\nx\n\r\n"));
    assert_non_null(strstr(w->chain, "\"ip\":\"192.0.2.7\""));
    counts = receiver_counts(w->receiver);
    assert_int_equal(counts.arrivals, 1);
    assert_int_equal(counts.messages, 1);
    assert_int_equal(counts.sessions, 1);
}

static void what_is_not_ours(void **state)
{
    struct world *w = *state;
    const char *const script[] = {"EHLO x\r\n",
                                  "MAIL FROM:<>\r\n",
                                  "RCPT TO:<a@b.test>\r\n",
                                  "RCPT TO:<abuse@probe.test>\r\n",
                                  "DATA\r\n",
                                  "hello\r\n.\r\n",
                                  "QUIT\r\n",
                                  NULL};

    receiver_start(w->receiver, &w->config);
    play(w, script);
    assert_int_equal(w->arrivals, 0);
    assert_int_equal(w->refused, 1);
    assert_int_equal(w->roles, 1);
    assert_non_null(strstr(buf_str(&w->replies), "550 5.7.1 relaying denied\r\n"));
}

/* What another key has made is a stranger's. */
static void token_of_another_key(void **state)
{
    struct world *w = *state;
    const char *const script[] = {"EHLO x\r\n", "MAIL FROM:<>\r\n", w->rcpt, "QUIT\r\n", NULL};

    make_token(w, TOKEN_RECIPIENT);
    w->config.key[0] ^= 1;
    receiver_start(w->receiver, &w->config);
    play(w, script);
    assert_int_equal(w->refused, 1);
}

static void nobody_before_the_start(void **state)
{
    struct world *w = *state;
    const char *const script[] = {"QUIT\r\n", NULL};

    open_client(w, script);
    for (unsigned i = 0; i < 50; i++)
        loop_poll(w->loop);
    assert_int_equal(w->replies.n, 0);
    receiver_start(w->receiver, &w->config);
    while (!w->closed)
        loop_run(w->loop);
    assert_non_null(strstr(buf_str(&w->replies), "220 mx.test ESMTP"));
}

static void stop_tells_the_idle(void **state)
{
    struct world *w = *state;
    const char *const script[] = {"EHLO x\r\n", NULL};

    receiver_start(w->receiver, &w->config);
    open_client(w, script);
    while (!strstr(buf_str(&w->replies), "250 ENHANCEDSTATUSCODES"))
        loop_poll(w->loop);
    receiver_stop(w->receiver);
    receiver_stop(w->receiver);
    while (!w->stopped)
        loop_run(w->loop);
    assert_non_null(strstr(buf_str(&w->replies), "421 4.3.2 Going down"));
    assert_int_equal(w->sessions, 1);
}

/* A tester that ends at once: sessions are dropped, nobody is called any more. */
static void free_amid_a_session(void **state)
{
    struct world *w = *state;
    const char *const script[] = {"EHLO x\r\n", "MAIL FROM:<>\r\n", w->rcpt, "DATA\r\nhello\r\n",
                                  NULL};

    make_token(w, TOKEN_RECIPIENT);
    receiver_start(w->receiver, &w->config);
    open_client(w, script);
    while (!strstr(buf_str(&w->replies), "354 "))
        loop_poll(w->loop);
    receiver_free(&w->receiver);
    while (!w->closed)
        loop_run(w->loop);
    assert_int_equal(w->arrivals + w->sessions, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(arrival_without_a_store, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_not_ours, setup, teardown),
        cmocka_unit_test_setup_teardown(token_of_another_key, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_before_the_start, setup, teardown),
        cmocka_unit_test_setup_teardown(stop_tells_the_idle, setup, teardown),
        cmocka_unit_test_setup_teardown(free_amid_a_session, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
