/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/pair_test.h"

#include "io/conn_priv.h"
#include "io/file.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/postern-tls-XXXXXX", pem[100];
static struct tls_context *server_tls, *client_tls;
static struct conn_tls_info client_info, server_info;

static int make_server(struct tls_context **ret)
{
    char err[TLS_ERROR_MAX];

    return tls_server_self(pem, "mx.example.org", ret, err);
}

static int set_up(void **state)
{
    char err[TLS_ERROR_MAX];

    client_info = server_info = (struct conn_tls_info){0};
    return make_server(&server_tls) < 0 || tls_client_new(NULL, &client_tls, err) < 0
               ? -1
               : pair_set_up(state);
}

static int tear_down(void **state)
{
    pair_tear_down(state);
    tls_context_free(&server_tls);
    tls_context_free(&client_tls);
    tls_context_free(&client_tls);
    return 0;
}

static void note_info(struct side *s)
{
    assert_true(conn_tls_info(s->conn, s == &client ? &client_info : &server_info));
}

/* --- TLS from the start ----------------------------------------------------------------------- */

static void tls_echo(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED) {
        assert_int_equal(conn_tls_server(s->conn, server_tls, SPAN_NULL), CONN_TLS_STARTED);
        assert_int_equal(conn_tls_server(s->conn, server_tls, SPAN_NULL), CONN_TLS_UNFIT);
    } else if (e == AT_SECURED) {
        note_info(s);
    } else if (e == AT_DATA) {
        assert_int_equal(conn_write(s->conn, bytes), 0);
    } else if (e == AT_EOF) {
        conn_close(s->conn);
    }
}

static void tls_asker(struct side *s, enum side_event e, struct span bytes)
{
    struct conn_tls_info none;

    if (e == AT_CONNECTED) {
        assert_int_equal(conn_tls_client(s->conn, client_tls, "mx.example.org", SPAN_NULL),
                         CONN_TLS_STARTED);
        assert_false(conn_secured(s->conn));
        assert_false(conn_tls_info(s->conn, &none));
        side_say(s, "written "); /* before the handshake: waits for it */
    } else if (e == AT_SECURED) {
        assert_true(conn_secured(s->conn));
        note_info(s);
        side_say(s, "and after");
    } else if (e == AT_DATA && s->got.n == 17) {
        conn_close(s->conn);
    }
}

static void test_echo(void **state)
{
    client.on = tls_asker;
    server.on = tls_echo;
    pair_connect_as(&all_events);
    pair_run();
    assert_string_equal(buf_str(&client.got), "written and after");
    assert_int_equal(client.times[AT_SECURED], 1);
    assert_int_equal(server.times[AT_SECURED], 1);
    assert_int_equal(server.times[AT_EOF], 1); /* close_notify */
    assert_true(client.end.secured);
    assert_string_equal(client_info.version, "TLSv1.3");
    assert_true(strlen(client_info.cipher) > 5);
    assert_string_equal(client_info.peer_name, "mx.example.org");
    assert_true(client_info.peer_cert);
    assert_true(client_info.name_ok);
    assert_false(client_info.chain_ok);
    assert_non_null(strstr(client_info.verify_error, "self-signed"));
    assert_false(server_info.peer_cert);
}

static void test_old_protocol(void **state)
{
    SSL_CTX_set_max_proto_version(tls_context_ssl(server_tls), TLS1_VERSION);
    client.on = tls_asker;
    server.on = tls_echo;
    pair_connect_as(&all_events);
    pair_run();
    assert_string_equal(buf_str(&client.got), "written and after");
    assert_string_equal(client_info.version, "TLSv1");
}

static int take_any(int ok, X509_STORE_CTX *store)
{
    return 1;
}

static void test_client_certificate(void **state)
{
    struct tls_client_options o = {.self_name = "probe.example.net"};
    char err[TLS_ERROR_MAX];

    tls_context_free(&client_tls);
    assert_int_equal(tls_client_new(&o, &client_tls, err), 0);
    SSL_CTX_set_verify(tls_context_ssl(server_tls), SSL_VERIFY_PEER, take_any);
    client.on = tls_asker;
    server.on = tls_echo;
    pair_connect_as(&all_events);
    pair_run();
    assert_string_equal(buf_str(&client.got), "written and after");
    assert_true(server_info.peer_cert);
    assert_string_equal(server_info.peer_name, "probe.example.net");
}

static void test_verify_refuses(void **state)
{
    struct tls_client_options o = {.verify = true};
    char err[TLS_ERROR_MAX];

    tls_context_free(&client_tls);
    assert_int_equal(tls_client_new(&o, &client_tls, err), 0);
    client.on = tls_asker;
    server.on = tls_echo;
    pair_connect_as(&all_events);
    pair_run();
    assert_int_equal(client.end.reason, CONN_TLS_FAILED);
    assert_non_null(strstr(client.end_text, "certificate verify failed: self-signed"));
    assert_false(client.end.secured);
    assert_string_equal(buf_str(&server.got), ""); /* nothing was sent to who is not trusted */
    assert_int_equal(server.end.reason, CONN_TLS_FAILED);
    assert_non_null(strstr(server.end_text, "unknown ca"));
}

static const char *asked_name;

static void asks_by_name(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED)
        conn_tls_client(s->conn, client_tls, asked_name, SPAN_NULL);
    else if (e == AT_SECURED) {
        note_info(s);
        conn_close(s->conn);
    }
}

/* With the server's own certificate as a root: then the name decides. */
static void test_verify_names(void **state)
{
    static const struct {
        const char *name, *error; /* NULL: it is taken */
    } cases[] = {
        {"mx.example.org", NULL},
        {"MX.example.org", NULL},
        {"other.example.org", "hostname mismatch"},
        {"127.0.0.1", "IP address mismatch"},
    };
    struct tls_client_options o = {.verify = true};
    char err[TLS_ERROR_MAX];

    setenv("SSL_CERT_FILE", pem, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (i) {
            tear_down(NULL);
            assert_int_equal(set_up(NULL), 0);
        }
        tls_context_free(&client_tls);
        assert_int_equal(tls_client_new(&o, &client_tls, err), 0);
        asked_name = cases[i].name;
        client.on = asks_by_name;
        server.on = tls_echo;
        pair_connect_as(&all_events);
        pair_run();
        if (cases[i].error) {
            assert_int_equal(client.end.reason, CONN_TLS_FAILED);
            if (!strstr(client.end_text, cases[i].error))
                fail_msg("%s: %s", cases[i].name, client.end_text);
        } else {
            assert_int_equal(client.end.reason, CONN_LOCAL);
            assert_true(client_info.chain_ok && client_info.name_ok);
            assert_string_equal(client_info.verify_error, "");
        }
    }
    unsetenv("SSL_CERT_FILE");
}

/* --- STARTTLS --------------------------------------------------------------------------------- */

static const char *go_ahead, *command;
static bool insist;

/* A server that upgrades at "STARTTLS", and refuses when more stood behind it. */
static void upgrader(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_DATA && !conn_secured(s->conn)) {
        size_t end = span_find(bytes, '\n') + 1;
        struct span left = span_slice(bytes, end, bytes.n);
        int r;

        side_say(s, go_ahead);
        r = conn_tls_server(s->conn, server_tls, left);
        if (left.n) {
            assert_int_equal(r, CONN_TLS_LEFTOVER);
            assert_int_equal(conn_tls_server(s->conn, server_tls, SPAN_NULL), CONN_TLS_STARTED);
        } else {
            assert_int_equal(r, CONN_TLS_STARTED);
        }
        buf_clear(&s->got);
    } else if (e == AT_DATA) {
        side_say(s, "250 secret\r\n");
    } else if (e == AT_EOF) {
        conn_close(s->conn);
    }
}

static void upgrades(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED) {
        side_say(s, command);
    } else if (e == AT_DATA && !conn_secured(s->conn)) {
        size_t end = span_find(bytes, '\n') + 1;
        struct span left = span_slice(bytes, end, bytes.n);
        int r = conn_tls_client(s->conn, client_tls, NULL, left);

        assert_int_equal(r, left.n ? CONN_TLS_LEFTOVER : CONN_TLS_STARTED);
        if (left.n && insist)
            assert_int_equal(conn_tls_client(s->conn, client_tls, NULL, SPAN_NULL),
                             CONN_TLS_STARTED);
        else if (left.n)
            conn_close(s->conn);
    } else if (e == AT_SECURED) {
        note_info(s);
        buf_clear(&s->got);
        side_say(s, "EHLO x\r\n");
    } else if (e == AT_DATA) {
        conn_close(s->conn);
    }
}

static void test_starttls(void **state)
{
    static const struct {
        const char *name, *command, *go_ahead;
        bool insist, secured;
        enum conn_reason client_end;
    } cases[] = {
        {"clean", "STARTTLS\r\n", "220 go\r\n", false, true, CONN_LOCAL},
        {"reply with injected text", "STARTTLS\r\n", "220 go\r\n250 evil\r\n", false, false,
         CONN_LOCAL},
        {"injected, and on", "STARTTLS\r\n", "220 go\r\n250 evil\r\n", true, true, CONN_LOCAL},
        {"command with injected text", "STARTTLS\r\nMAIL FROM:<evil>\r\n", "220 go\r\n", false,
         true, CONN_LOCAL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (i) {
            tear_down(NULL);
            assert_int_equal(set_up(NULL), 0);
        }
        command = cases[i].command;
        go_ahead = cases[i].go_ahead;
        insist = cases[i].insist;
        client.on = upgrades;
        server.on = upgrader;
        pair_connect_as(&all_events);
        pair_run();
        if (client.end.secured != cases[i].secured || client.end.reason != cases[i].client_end)
            fail_msg("%s: secured %d, %s", cases[i].name, client.end.secured, client.end_text);
        if (cases[i].secured) {
            assert_string_equal(buf_str(&client.got), "250 secret\r\n");
            /* What was injected never counts as having come through TLS. */
            assert_string_equal(buf_str(&server.got), "EHLO x\r\n");
            assert_false(client_info.name_ok); /* none was asked for */
        }
    }
}

/* --- handshakes that fail --------------------------------------------------------------------- */

static enum { SPEAKS_SMTP, CLOSES, RESETS, SILENT, ALERTS, HALF_HELLO } fault;

static void bad_server(struct side *s, enum side_event e, struct span bytes)
{
    if (e != AT_DATA || s->times[AT_DATA] > 1)
        return;
    switch (fault) {
    case SPEAKS_SMTP:
        side_say(s, "500 5.5.1 what is that?\r\n");
        break;
    case CLOSES:
        conn_close(s->conn);
        break;
    case RESETS: {
        struct linger l = {.l_onoff = 1};
        uv_os_fd_t fd;

        uv_fileno((uv_handle_t *)&s->conn->tcp, &fd);
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
        conn_abort(s->conn);
        break;
    }
    case SILENT:
        break;
    case ALERTS:
        assert_int_equal(conn_write(s->conn, SPAN_LIT("\x15\x03\x01\x00\x02\x02\x28")), 0);
        break;
    case HALF_HELLO:
        assert_int_equal(conn_write(s->conn, SPAN_LIT("\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")), 0);
        conn_close(s->conn);
        break;
    }
}

static void hopeful(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED) {
        conn_tls_client(s->conn, client_tls, "mx.example.org", SPAN_NULL);
        conn_deadline(s->conn, loop_now(loop) + 150);
    }
}

static void test_failed_handshakes(void **state)
{
    static const struct {
        const char *name;
        int fault;
        enum conn_reason reason;
        const char *text;
    } cases[] = {
        {"speaks SMTP", SPEAKS_SMTP, CONN_TLS_FAILED, "wrong version number"},
        {"closes", CLOSES, CONN_TLS_FAILED, "the peer closed the connection"},
        {"resets", RESETS, CONN_TLS_FAILED, "the peer broke the connection"},
        {"is silent", SILENT, CONN_TIMEOUT, "silent for too long"},
        {"alerts", ALERTS, CONN_TLS_FAILED, "handshake failure"},
        {"half a hello", HALF_HELLO, CONN_TLS_FAILED, "the peer closed the connection"},
    };
    static const struct conn_events events = {
        .connected = side_connected, .data = side_data, .eof = side_eof, .closed = side_closed};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (i) {
            tear_down(NULL);
            assert_int_equal(set_up(NULL), 0);
        }
        fault = cases[i].fault;
        client.on = hopeful;
        server.on = bad_server;
        server_events = &few_events;
        pair_connect_as(&events);
        pair_run();
        if (client.end.reason != cases[i].reason || !strstr(client.end_text, cases[i].text))
            fail_msg("%s: %s, %s", cases[i].name, conn_reason_name(client.end.reason),
                     client.end_text);
        assert_int_equal(client.times[AT_DATA] + client.times[AT_EOF], 0);
        assert_false(client.end.secured);
    }
}

static void talks_plain(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED)
        side_say(s, "EHLO plain\r\nMAIL FROM:<a@b.example>\r\n");
}

static void test_plain_client_of_tls_server(void **state)
{
    client.on = talks_plain;
    server.on = tls_echo;
    pair_connect_as(&no_eof_events);
    pair_run();
    assert_int_equal(server.end.reason, CONN_TLS_FAILED);
    assert_int_equal(server.times[AT_DATA], 0);
}

static void cuts_records(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED)
        conn_tls_client(s->conn, client_tls, NULL, SPAN_NULL);
    else if (e == AT_SECURED) /* past OpenSSL, into the stream */
        conn_send(s->conn, SPAN_LIT("\x17\x03\x03\x00\x13this is no record!!"));
}

static void test_forged_record(void **state)
{
    client.on = cuts_records;
    server.on = tls_echo;
    pair_connect_as(&no_eof_events);
    pair_run();
    assert_int_equal(server.end.reason, CONN_TLS_FAILED);
    assert_true(server.end.secured);
    assert_int_equal(server.times[AT_DATA], 0);
}

/* --- ending inside ---------------------------------------------------------------------------- */

static int ending;

static void ends_in_secured(struct side *s, enum side_event e, struct span bytes)
{
    if (e == AT_CONNECTED) {
        conn_tls_client(s->conn, client_tls, NULL, SPAN_NULL);
        conn_write(s->conn, SPAN_LIT("early"));
    } else if (e == AT_SECURED && ending == 0) {
        conn_close(s->conn);
    } else if (e == AT_SECURED && ending == 1) {
        conn_abort(s->conn);
    } else if (e == AT_SECURED && ending == 2) {
        conn_drop(&s->conn);
        side_gone(s);
    }
}

static void test_ending_when_secured(void **state)
{
    for (ending = 0; ending < 3; ending++) {
        if (ending) {
            tear_down(NULL);
            assert_int_equal(set_up(NULL), 0);
        }
        client.on = ends_in_secured;
        server.on = tls_echo;
        pair_connect_as(&all_events);
        pair_run();
        assert_int_equal(client.times[AT_CLOSED], ending == 2 ? 0 : 1);
        if (ending == 0)
            assert_string_equal(buf_str(&server.got), "early");
    }
}

/* --- much data -------------------------------------------------------------------------------- */

enum { MUCH = 6 << 20, CHUNK = 30000 };

static size_t sent;

static void pour(struct side *s, enum side_event e, struct span bytes)
{
    static char chunk[CHUNK];
    int r = 0;

    if (e == AT_CONNECTED)
        conn_tls_client(s->conn, client_tls, NULL, SPAN_NULL);
    if (e != AT_SECURED && e != AT_DRAINED)
        return;
    while (sent < MUCH && r == 0) {
        for (size_t i = 0; i < CHUNK; i++)
            chunk[i] = (char)((sent + i) * 2654435761U >> 13);
        r = conn_write(s->conn, span_of(chunk, CHUNK));
        if (r == 0)
            sent += CHUNK;
    }
    if (sent >= MUCH)
        conn_close(s->conn);
}

static void wake(void *cookie)
{
    struct side *s = cookie;

    if (s->conn)
        conn_resume(s->conn);
}

static void pauses(struct side *s, enum side_event e, struct span bytes)
{
    static struct timer nap;

    if (e == AT_CONNECTED) {
        conn_tls_server(s->conn, server_tls, SPAN_NULL);
    } else if (e == AT_DATA) {
        conn_pause(s->conn);
        timer_init(&nap, wake, s);
        if (s->times[AT_DATA] % 50 == 0)
            timer_start(&nap, loop, 2);
        else
            conn_resume(s->conn); /* at once, from inside */
    } else if (e == AT_CLOSED) {
        timer_stop(&nap);
    }
}

static void test_back_pressure(void **state)
{
    sent = 0;
    client.on = pour;
    server.on = pauses;
    server_events = &few_events;
    pair_connect_as(&all_events);
    pair_run();
    assert_int_equal(server.end.reason, CONN_EOF);
    assert_int_equal(server.got.n, sent);
    for (size_t i = 0; i < sent; i++)
        if (server.got.p[i] != (char)(i * 2654435761U >> 13))
            fail_msg("byte %zu is wrong", i);
}

/* --- memory ----------------------------------------------------------------------------------- */

enum { MANY = 200 };

static unsigned secured_count;
static struct conn *held[2 * MANY];
static unsigned held_count;

static void many_connected(void *cookie, struct conn *c)
{
    conn_tls_client(c, client_tls, "mx.example.org", SPAN_NULL);
}

static void many_secured(void *cookie, struct conn *c)
{
    if (++secured_count == 2 * MANY)
        loop_stop(loop);
}

static void many_data(void *cookie, struct conn *c, struct span bytes)
{
}

static void many_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    fail_msg("%s", end->text);
}

static const struct conn_events many_events = {
    .connected = many_connected, .secured = many_secured, .data = many_data, .closed = many_closed};

static void many_accept(void *cookie, struct listener *li, struct conn *c)
{
    held[held_count++] = c;
    conn_own(c, &many_events, NULL);
    conn_tls_server(c, server_tls, SPAN_NULL);
}

static void test_memory(void **state)
{
    struct listen_place at = {.ip = {.family = IP_V4, .b = {127, 0, 0, 1}}};
    struct listener *li;
    char err[LISTEN_ERROR_MAX];
    size_t before = mallinfo2().uordblks, each;

    assert_int_equal(listener_open(loop, &at, many_accept, NULL, &li, err), 0);
    for (unsigned i = 0; i < MANY; i++) {
        struct conn_target to = {.ip = at.ip, .port = listener_place(li).port};

        assert_int_equal(conn_connect(loop, &to, &many_events, NULL, &held[held_count++]), 0);
    }
    loop_run(loop);
    assert_int_equal(secured_count, 2 * MANY);
    each = (mallinfo2().uordblks - before) / (2 * MANY);
    print_message("# %d connections with TLS, %zu bytes for each end\n", MANY, each);
    assert_true(each < 40000);
    for (unsigned i = 0; i < 2 * MANY; i++)
        conn_drop(&held[i]);
    listener_free(&li);
}

static int make_folder(void **state)
{
    if (!mkdtemp(folder))
        return -1;
    snprintf(pem, sizeof(pem), "%s/server.pem", folder);
    return 0;
}

static int remove_folder(void **state)
{
    unlink(pem);
    return rmdir(folder);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_echo),
        CASE(test_old_protocol),
        CASE(test_client_certificate),
        CASE(test_verify_refuses),
        CASE(test_verify_names),
        CASE(test_starttls),
        CASE(test_failed_handshakes),
        CASE(test_plain_client_of_tls_server),
        CASE(test_forged_record),
        CASE(test_ending_when_secured),
        CASE(test_back_pressure),
        CASE(test_memory),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
