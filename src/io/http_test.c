/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "io/http.h"

#include "base/num.h"
#include "io/conn.h"
#include "io/udp.h"
#include "io/watch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct buf got;

static const struct listen_place here = {.ip = {IP_V4, {127, 0, 0, 1}}};

static void on_ask(void *cookie, const struct http_ask *ask, struct http_say *ret)
{
    const char *word = http_query(ask, "word"), *field = http_field(ask, "X-Word");
    char ip[IP_TEXT_MAX];

    ret->status = 200;
    ret->type = "text/plain";
    buf_addf(ret->body, "%s %s %s %s %s [%.*s]", ask->method, ask->path, word ? word : "-",
             field ? field : "-", ip_text(ask->peer, ip), SPAN_ARG(ask->body));
}

static void on_data(void *cookie, struct conn *c, struct span bytes)
{
    buf_add(&got, bytes);
}

static void on_connected(void *cookie, struct conn *c)
{
    conn_write(c, span_str(cookie));
}

static void on_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
    loop_stop(loop);
}

/* Sends it all at once and reads until the server closes. */
static const char *talk(const struct http *h, const char *request)
{
    static const struct conn_events events = {
        .connected = on_connected, .data = on_data, .closed = on_closed};
    struct conn_target to = {.ip = here.ip, .port = http_place(h).port};
    struct conn *c;

    buf_clear(&got);
    assert_int_equal(conn_connect(loop, &to, &events, (void *)(uintptr_t)request, &c), 0);
    loop_run(loop);
    return buf_str(&got);
}

static const struct {
    const char *name, *request;
    const char *begin, *end; /* of all that comes back */
} cases[] = {
    {"get", "GET /metrics?word=a%20b HTTP/1.1\r\nHost: x\r\nX-Word: y\r\nConnection: close\r\n\r\n",
     "HTTP/1.1 200 OK\r\n", "\r\n\r\nGET /metrics a b y 127.0.0.1 []"},
    {"post",
     "POST /?word=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
     "HTTP/1.1 200 OK\r\n", "\r\n\r\nPOST / 1 - 127.0.0.1 [hello]"},
    {"in chunks",
     "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
     "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
     "HTTP/1.1 200 OK\r\n", "[hello]"},
    {"two in one",
     "GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
     "HTTP/1.1 200 OK\r\n", "GET /b - - 127.0.0.1 []"},
    {"at the limit",
     "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\nConnection: close\r\n\r\n0123456789",
     "HTTP/1.1 200 OK\r\n", "[0123456789]"},
    {"one more",
     "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\nConnection: close\r\n\r\n0123456789a",
     "HTTP/1.1 413 ", ""},
    {"nonsense", "EHLO there\r\n\r\n", "HTTP/1", ""},
};

static void test_http(void **state)
{
    char err[LISTEN_ERROR_MAX];
    struct http *h, *other;
    struct listen_place taken;

    assert_int_equal(http_open(loop, &here, 10, on_ask, NULL, &h, err), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = talk(h, cases[i].request);

        if (!span_starts(span_str(text), span_str(cases[i].begin)) ||
            !span_ends_nocase(span_str(text), span_str(cases[i].end)))
            fail_msg("%s: %s", cases[i].name, text);
    }
    taken = (struct listen_place){.ip = {IP_V4, {203, 0, 113, 1}}};
    assert_true(http_open(loop, &taken, 10, on_ask, NULL, &other, err) < 0);
    assert_non_null(strstr(err, "203.0.113.1"));
    http_close(&h);
    http_close(&h);
}

static void on_datagram(void *cookie, struct udp *u, struct ip from, uint16_t port,
                        struct span bytes)
{
    buf_addf(&got, "%zu:%.*s;", bytes.n, bytes.n < 10 ? (int)bytes.n : 10, bytes.p);
    if (span_eq(bytes, SPAN_LIT("ping")))
        assert_int_equal(udp_send(u, from, port, SPAN_LIT("pong")), 0);
    if (span_eq(bytes, SPAN_LIT("pong")))
        loop_stop(loop);
}

static void test_udp(void **state)
{
    static char big[UDP_SIZE_MAX + 1];
    char err[LISTEN_ERROR_MAX];
    struct listen_place far = {.ip = {IP_V4, {203, 0, 113, 1}}};
    struct udp *a, *b;

    memset(big, 'x', sizeof(big));
    buf_clear(&got);
    assert_int_equal(udp_open(loop, &here, on_datagram, NULL, &a, err), 0);
    assert_int_equal(udp_open(loop, &here, on_datagram, NULL, &b, err), 0);
    assert_true(udp_place(a).port != 0);
    udp_send(b, here.ip, udp_place(a).port, span_of(big, UDP_SIZE_MAX));
    udp_send(b, here.ip, udp_place(a).port, span_of(big, UDP_SIZE_MAX + 1));
    udp_send(b, here.ip, udp_place(a).port, SPAN_LIT(""));
    udp_send(b, here.ip, udp_place(a).port, SPAN_LIT("ping"));
    loop_run(loop);
    assert_string_equal(buf_str(&got), "2048:xxxxxxxxxx;0:;4:ping;4:pong;");
    assert_true(udp_open(loop, &far, on_datagram, NULL, &b, err) < 0);
    assert_non_null(strstr(err, "203.0.113.1"));
    udp_close(&a);
    udp_close(&b);
    udp_close(&b);
}

static struct watch *watch;
static int ends[2];

static void on_readable(void *cookie)
{
    char c;

    assert_int_equal(read(ends[0], &c, 1), 1);
    buf_add_char(&got, c);
    if (c == 'z')
        watch_close(&watch);
}

static void test_watch(void **state)
{
    buf_clear(&got);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(watch_open(loop, ends[0], on_readable, NULL, &watch), 0);
    assert_int_equal(write(ends[1], "abz!", 4), 4);
    loop_run(loop);
    assert_string_equal(buf_str(&got), "abz");
    assert_null(watch);
    close(ends[0]);
    close(ends[1]);
    assert_true(watch_open(loop, ends[0], on_readable, NULL, &watch) < 0);
}

static int set_up(void **state)
{
    buf_init(&got, 100000);
    return loop_new(&loop);
}

static int tear_down(void **state)
{
    buf_deinit(&got);
    loop_free(&loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http),
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_watch),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
