/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A server of our own with a client that misbehaves. The client's side is that of pair_test.h. */
#include "io/pair_test.h"

#include "io/loop_uv.h"
#include "io/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct talk talk;
static struct smtp_server_config config;
static struct tls_context *server_tls, *client_tls;
static char folder[] = "/tmp/postern-talk-XXXXXX", pem[100];
static unsigned rcpts, secured;
static bool later;     /* the next RCPT is left open */
static bool asked;     /* one is */
static bool rewording; /* what we say is said in capitals */
static struct buf message;
static enum smtp_server_end end;
static bool closed;

static enum smtp_now on_mail(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    *ret = (struct smtp_say){250, "2.1.0", "Taken"};
    return SMTP_NOW;
}

static enum smtp_now on_rcpt(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                             struct smtp_say *ret)
{
    rcpts++;
    *ret = (struct smtp_say){250, "2.1.5", "Taken"};
    asked = later;
    later = false;
    return asked ? SMTP_LATER : SMTP_NOW;
}

static bool on_chunk(void *owner, struct smtp_server *s, struct span text)
{
    buf_add(&message, text);
    return true;
}

static enum smtp_now on_end(void *owner, struct smtp_server *s, struct smtp_say *ret)
{
    *ret = (struct smtp_say){250, "2.0.0", "Kept"};
    return SMTP_NOW;
}

static const struct smtp_server_ops smtp_ops = {
    .mail = on_mail, .rcpt = on_rcpt, .chunk = on_chunk, .end = on_end};

static void reword(void *owner, struct span said, struct buf *out)
{
    for (size_t i = 0; i < said.n; i++)
        buf_add_char(out,
                     said.p[i] >= 'a' && said.p[i] <= 'z' ? (char)(said.p[i] - 32) : said.p[i]);
}

static void on_tls(void *owner)
{
    assert_ptr_equal(owner, &talk);
    assert_true(conn_secured(talk.conn));
    secured++;
}

static void on_end_of_talk(void *owner, const struct conn_end *e)
{
    assert_null(talk.conn);
    end = talk.smtp.end;
    closed = true;
    server.gone = true;
    talk_close(&talk);
    talk_close(&talk);
    if (client.gone)
        loop_stop(loop);
}

static const struct talk_ops plain_ops = {.secured = on_tls, .closed = on_end_of_talk};
static const struct talk_ops loud_ops = {.reword = reword, .closed = on_end_of_talk};

static void on_visitor(void *cookie, struct listener *li, struct conn *c)
{
    talk_open(&talk, c, &config, &smtp_ops, server_tls, rewording ? &loud_ops : &plain_ops, &talk);
}

static void say(struct side *s, const char *text)
{
    assert_int_equal(conn_write(s->conn, span_str(text)), 0);
}

static int set_up(void **state)
{
    struct listen_place at = {.ip = {.family = IP_V4, .b = {127, 0, 0, 1}}};
    char err[LISTEN_ERROR_MAX];

    config = (struct smtp_server_config){.name = "mx.test",
                                         .ext = SMTP_EXT_PIPELINING | SMTP_EXT_STARTTLS,
                                         .rcpt_max = 100,
                                         .wait_command = 10000,
                                         .wait_chunk = 10000};
    rcpts = secured = 0;
    later = asked = rewording = closed = false;
    message = (struct buf)BUF_INIT(1 << 20);
    if (pair_set_up(state) < 0)
        return -1;
    listener_free(&listener);
    return listener_open(loop, &at, on_visitor, NULL, &listener, err);
}

static int tear_down(void **state)
{
    buf_deinit(&message);
    return pair_tear_down(state);
}

static void on_client(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED)
        say(s, s->extra);
}

/* The client says all of it at once; runs to the end. */
static void run(const char *script)
{
    char *text = span_dup(span_str(script));

    client.on = client.on ? client.on : on_client;
    client.extra = text;
    pair_connect_as(&no_eof_events);
    pair_run();
    assert_true(closed);
    free(text);
}

/* The codes in the order in which they came: "220 250 354 ". */
static const char *codes(void)
{
    static char out[2000];
    struct span rest = buf_span(&client.got), line;
    size_t n = 0;

    out[0] = '\0';
    while (span_cut(&rest, '\n', &line))
        if (line.n > 4 && line.p[3] == ' ' && n + 5 < sizeof(out))
            n += (size_t)snprintf(out + n, sizeof(out) - n, "%.3s ", line.p);
    return out;
}

#define HELLO    "EHLO c.test\r\n"
#define ENVELOPE "MAIL FROM:<a@b.test>\r\nRCPT TO:<x@mx.test>\r\n"

static void test_whole_dialogue(void **state)
{
    run(HELLO ENVELOPE "DATA\r\nSubject: x\r\n\r\n..y\r\n.\r\nQUIT\r\n");
    assert_string_equal(codes(), "220 250 250 250 354 250 221 ");
    assert_string_equal(buf_str(&message), "Subject: x\r\n\r\n.y\r\n");
    assert_int_equal(end, SMTP_END_QUIT);
    assert_int_equal(rcpts, 1);
}

static void test_other_words(void **state)
{
    rewording = true;
    run(HELLO "QUIT\r\n");
    assert_non_null(strstr(buf_str(&client.got), "221 2.0.0 BYE\r\n"));
    assert_null(strstr(buf_str(&client.got), "mx.test"));
}

static void answer_now(void *cookie)
{
    assert_true(asked);
    assert_int_equal(rcpts, 1); /* nothing behind it was taken */
    talk_answer(&talk, &(struct smtp_say){451, "4.3.0", "Not now"});
}

/* What comes behind an open question waits for its answer. */
static void test_an_answer_that_comes_later(void **state)
{
    struct timer t;

    later = true;
    timer_init(&t, answer_now, NULL);
    timer_start(&t, loop, 100);
    run(HELLO ENVELOPE "RCPT TO:<y@mx.test>\r\nQUIT\r\n");
    assert_string_equal(codes(), "220 250 250 451 250 221 ");
    assert_int_equal(rcpts, 2);
}

enum { NOOPS = 60000 };
static size_t most_queued, most_kept;

static void on_deaf(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED) {
        conn_queue_limit(s->conn, 4 << 20);
        conn_pause(s->conn);
        say(s, s->extra);
    }
}

static void watch(void *cookie)
{
    struct timer *t = cookie;

    if (talk.conn && conn_queued(talk.conn) > most_queued)
        most_queued = conn_queued(talk.conn);
    if (talk.kept.n > most_kept)
        most_kept = talk.kept.n;
    timer_start(t, loop, 5);
}

static void listen_at_last(void *cookie)
{
    if (client.conn)
        conn_resume(client.conn);
}

/* A client that does not read is not read either; nothing is lost of what it said. */
static void test_a_deaf_client(void **state)
{
    struct buf script = BUF_INIT(4 << 20);
    struct timer t, w;
    size_t answers = 0;

    buf_add_str(&script, HELLO);
    for (int i = 0; i < NOOPS; i++)
        buf_add_str(&script, "NOOP\r\n");
    buf_add_str(&script, "QUIT\r\n");
    most_queued = most_kept = 0;
    timer_init(&t, listen_at_last, NULL);
    timer_start(&t, loop, 300);
    timer_init(&w, watch, &w);
    timer_start(&w, loop, 1);
    client.on = on_deaf;
    client.extra = script.p;
    buf_str(&script);
    pair_connect_as(&no_eof_events);
    loop_run(loop);
    timer_stop(&w);
    pair_run();
    for (size_t i = 0; i + 3 < client.got.n; i++)
        answers += memcmp(client.got.p + i, "250 2.0.0", 9) == 0;
    assert_int_equal(answers, NOOPS);
    assert_int_equal(end, SMTP_END_QUIT);
    assert_true(most_queued < TALK_QUEUE_HIGH + 4096);
    assert_true(most_kept <= LOOP_READ_SIZE * 2);
    buf_deinit(&script);
}

static void on_tls_client(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED)
        say(s, s->extra);
    else if (e == AT_DATA && !conn_secured(s->conn) && strstr(buf_str(&s->got), "220 2.0.0 Ready"))
        assert_int_equal(conn_tls_client(s->conn, client_tls, NULL, SPAN_NULL), CONN_TLS_STARTED);
    else if (e == AT_SECURED)
        say(s, "MAIL FROM:<a@b.test>\r\nQUIT\r\n");
}

/* HELO has to come again, RFC 3207 §4.2. */
static void test_tls(void **state)
{
    client.on = on_tls_client;
    run(HELLO "STARTTLS\r\n");
    assert_int_equal(secured, 1);
    assert_string_equal(codes(), "220 250 220 503 221 ");
}

/* What is said in clear behind STARTTLS is nobody's. */
static void test_injection(void **state)
{
    client.on = on_tls_client;
    run(HELLO "STARTTLS\r\n" ENVELOPE);
    assert_int_equal(secured, 0);
    assert_int_equal(rcpts, 0);
    assert_int_equal(end, SMTP_END_TURN);
    assert_string_equal(codes(), "220 250 554 ");
}

static void stop_soon(void *cookie)
{
    talk_stop(&talk, false);
}

static void stop_now(void *cookie)
{
    talk_stop(&talk, true);
}

static void finish(void *cookie)
{
    say(&client, "more\r\n.\r\n");
}

/* A message that is under way comes to its end. */
static void test_stop(void **state)
{
    struct timer a, b;

    timer_init(&a, stop_soon, NULL);
    timer_start(&a, loop, 50);
    timer_init(&b, finish, NULL);
    timer_start(&b, loop, 100);
    run(HELLO ENVELOPE "DATA\r\nsome\r\n");
    assert_string_equal(codes(), "220 250 250 250 354 250 421 ");
    assert_string_equal(buf_str(&message), "some\r\nmore\r\n");
}

static void test_stop_at_once(void **state)
{
    struct timer a;

    timer_init(&a, stop_now, NULL);
    timer_start(&a, loop, 50);
    run(HELLO ENVELOPE "DATA\r\nsome\r\n");
    assert_string_equal(codes(), "220 250 250 250 354 421 ");
}

static void test_time(void **state)
{
    config.wait_command = 50;
    run(HELLO "NOO");
    assert_string_equal(codes(), "220 250 421 ");
    assert_int_equal(end, SMTP_END_TIMEOUT);
}

static int set_up_all(void **state)
{
    char err[TLS_ERROR_MAX];

    if (!mkdtemp(folder))
        return -1;
    snprintf(pem, sizeof(pem), "%s/pem", folder);
    return tls_server_self(pem, "mx.test", &server_tls, err) < 0 ||
                   tls_client_new(NULL, &client_tls, err) < 0
               ? -1
               : 0;
}

static int tear_down_all(void **state)
{
    tls_context_free(&server_tls);
    tls_context_free(&client_tls);
    unlink(pem);
    rmdir(folder);
    return 0;
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_whole_dialogue), CASE(test_other_words),  CASE(test_an_answer_that_comes_later),
        CASE(test_a_deaf_client),  CASE(test_tls),          CASE(test_injection),
        CASE(test_stop),           CASE(test_stop_at_once), CASE(test_time),
    };

    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
