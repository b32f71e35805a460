/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The resolver against the lying name server of nameserver_test.h. */
#include "io/resolver.h"

#include "io/idn.h"
#include "io/nameserver_test.h"

#include <netinet/in.h>

static struct loop *loop;
static struct resolver *resolver;
static uv_udp_t udp;
static struct listener *tcp;
static struct timer watchdog;

static char server_text[40];

static void on_watchdog(void *cookie)
{
    fail_msg("the test hangs");
}

static int set_up(void **state)
{
    struct listen_place at = {.ip = {.family = IP_V4, .b = {127, 0, 0, 1}}};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char err[LISTEN_ERROR_MAX];
    struct resolver_options o = {.server = server_text, .timeout_ms = 100, .tries = 2};

    asked_udp = asked_tcp = 0;
    if (loop_new(&loop) < 0 || listener_open(loop, &at, tcp_accept, NULL, &tcp, err) < 0)
        return -1;
    in.sin_port = htons(listener_place(tcp).port);
    uv_udp_init(loop_uv(loop), &udp);
    udp.data = NULL;
    if (uv_udp_bind(&udp, (const struct sockaddr *)&in, 0) < 0 ||
        uv_udp_recv_start(&udp, udp_alloc, udp_question) < 0)
        return -1;
    snprintf(server_text, sizeof(server_text), "127.0.0.1:%u", listener_place(tcp).port);
    timer_init(&watchdog, on_watchdog, NULL);
    timer_start(&watchdog, loop, 20000);
    return resolver_new(loop, &o, &resolver, err);
}

static int tear_down(void **state)
{
    resolver_free(&resolver);
    resolver_free(&resolver);
    timer_stop(&watchdog);
    loop_free(&loop);
    return 0;
}

struct got {
    unsigned times;
    enum resolver_outcome outcome;
    bool implicit_mx, null_mx, partial;
    char text[4000];
};

/* The values as one line: "10 a.example.org,20 b.example.org". */
static void on_got(void *cookie, const struct dns_answer *a)
{
    struct got *g = cookie;
    struct buf b = BUF_INIT(sizeof(g->text) - 1);
    char ip[IP_TEXT_MAX];

    g->times++;
    g->outcome = a->outcome;
    g->implicit_mx = a->implicit_mx;
    g->null_mx = a->null_mx;
    g->partial = a->partial;
    assert_non_null(a->text);
    for (size_t i = 0; i < a->count; i++) {
        if (i)
            buf_add_char(&b, ',');
        if (a->ips)
            buf_add_str(&b, ip_text(a->ips[i], ip));
        else if (a->mx)
            buf_addf(&b, "%u %s", a->mx[i].preference, a->mx[i].name);
        else if (a->ptr)
            buf_addf(&b, "%s%s", a->ptr[i].name, a->ptr[i].confirmed ? "+" : "-");
        else
            buf_add(&b, a->txt[i]);
    }
    span_copy(buf_span(&b), g->text, sizeof(g->text));
    buf_deinit(&b);
    loop_stop(loop);
}

static void test_mx(void **state)
{
    static const struct {
        const char *name;
        enum resolver_outcome outcome;
        const char *want;
        bool implicit, null;
    } cases[] = {
        {"null.example", RESOLVER_FOUND, "", .null = true},
        {"halfnull.example", RESOLVER_FOUND, "5 a.example.org"},
        {"nomx.example", RESOLVER_FOUND, "0 nomx.example", .implicit = true},
        {"nomx.example.", RESOLVER_FOUND, "0 nomx.example", .implicit = true},
        {"gone.example", RESOLVER_NO_NAME, ""},
        {"fail.example", RESOLVER_SERVFAIL, ""},
        {"refused.example", RESOLVER_SERVFAIL, ""},
        {"notimp.example", RESOLVER_SERVFAIL, ""},
        {"silent.example", RESOLVER_TIMEOUT, ""},
        {"garbage.example", RESOLVER_BAD, ""},
        {"broken.example", RESOLVER_BAD, ""},
        {"loopptr.example", RESOLVER_BAD, ""},
        {"alias.example", RESOLVER_FOUND, "10 a.example.org"},
        {"aliasnone.example", RESOLVER_FOUND, "0 aliasnone.example", .implicit = true},
        {"big.example", RESOLVER_FOUND, "10 a.example.org,20 b.example.org"},
        {"", RESOLVER_BAD, ""},
        {".", RESOLVER_BAD, ""},
        {"a..b", RESOLVER_BAD, ""},
        {"a b.example", RESOLVER_BAD, ""},
        {"a\\046b.example", RESOLVER_BAD, ""},
        {"m\xc3\xbcller.example", RESOLVER_BAD, ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct got g = {0};

        assert_int_equal(resolver_mx(resolver, span_str(cases[i].name), on_got, &g, NULL), 0);
        assert_int_equal(g.times, 0);
        loop_run(loop);
        if (g.times != 1 || g.outcome != cases[i].outcome || strcmp(g.text, cases[i].want) != 0 ||
            g.implicit_mx != cases[i].implicit || g.null_mx != cases[i].null)
            fail_msg("%s: %u times, %s, '%s', implicit %d, null %d", cases[i].name, g.times,
                     resolver_outcome_name(g.outcome), g.text, g.implicit_mx, g.null_mx);
    }
    assert_true(asked_tcp >= 1);
}

static void test_mx_order(void **state)
{
    unsigned a_first = 0;

    for (int i = 0; i < 40; i++) {
        struct got g = {0};

        resolver_mx(resolver, SPAN_LIT("example.org"), on_got, &g, NULL);
        loop_run(loop);
        if (strcmp(g.text, "10 a.example.org,10 b.example.org,20 c.example.org") == 0)
            a_first++;
        else
            assert_string_equal(g.text, "10 b.example.org,10 a.example.org,20 c.example.org");
    }
    assert_in_range(a_first, 1, 39); /* equals change places */
}

static void test_addresses(void **state)
{
    static const struct {
        const char *name;
        enum ip_family family;
        enum resolver_outcome outcome;
        const char *want;
        bool partial;
    } cases[] = {
        {"a.example.org", IP_NONE, RESOLVER_FOUND, "192.0.2.1,192.0.2.2,2001:db8::1"},
        {"A.Example.ORG", IP_V4, RESOLVER_FOUND, "192.0.2.1,192.0.2.2"},
        {"a.example.org", IP_V6, RESOLVER_FOUND, "2001:db8::1"},
        {"v4.example", IP_NONE, RESOLVER_FOUND, "192.0.2.4"},
        {"v4.example", IP_V6, RESOLVER_NO_DATA, ""},
        {"half.example", IP_NONE, RESOLVER_FOUND, "192.0.2.5", .partial = true},
        {"halfslow.example", IP_NONE, RESOLVER_TIMEOUT, ""},
        {"chain.example", IP_V4, RESOLVER_FOUND, "192.0.2.9"},
        {"loop.example", IP_V4, RESOLVER_NO_DATA, ""},
        {"self.example", IP_V4, RESOLVER_NO_DATA, ""},
        {"dangling.example", IP_V4, RESOLVER_NO_NAME, ""},
        {"short.example", IP_V4, RESOLVER_NO_DATA, ""}, /* c-ares passes over an odd address */
        {"unknown.example", IP_NONE, RESOLVER_NO_NAME, ""},
        {"bad name", IP_NONE, RESOLVER_BAD, ""},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct got g = {0};

        assert_int_equal(
            resolver_addr(resolver, span_str(cases[i].name), cases[i].family, on_got, &g, NULL), 0);
        loop_run(loop);
        if (g.times != 1 || g.outcome != cases[i].outcome || strcmp(g.text, cases[i].want) != 0 ||
            g.partial != cases[i].partial)
            fail_msg("%s: %u times, %s, '%s', partial %d", cases[i].name, g.times,
                     resolver_outcome_name(g.outcome), g.text, g.partial);
    }
}

static unsigned counted;

static void on_count(void *cookie, const struct dns_answer *a)
{
    counted = (unsigned)a->count;
    loop_stop(loop);
}

static void test_too_many(void **state)
{
    resolver_addr(resolver, SPAN_LIT("many.example"), IP_V4, on_count, NULL, NULL);
    loop_run(loop);
    assert_int_equal(counted, RESOLVER_VALUES_MAX);
}

static void test_ptr_and_txt(void **state)
{
    static const struct {
        const char *ip;
        enum resolver_outcome outcome;
        const char *want;
        bool partial;
    } cases[] = {
        {"192.0.2.1", RESOLVER_FOUND, "a.example.org+,liar.example-", false},
        {"192.0.2.5", RESOLVER_FOUND, "unsure.example-,half.example+", true},
        {"192.0.2.6", RESOLVER_FOUND, "liar.example-,unsure.example-", true},
        {"192.0.2.9", RESOLVER_NO_NAME, "", false},
        {"2001:db8::1", RESOLVER_FOUND, "a.example.org+", false},
    };
    struct got g = {0};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct ip ip;

        g = (struct got){0};
        assert_true(ip_parse(span_str(cases[i].ip), &ip));
        resolver_ptr(resolver, ip, on_got, &g, NULL);
        loop_run(loop);
        assert_int_equal(g.times, 1);
        assert_int_equal(g.outcome, cases[i].outcome);
        assert_string_equal(g.text, cases[i].want);
        assert_int_equal(g.partial, cases[i].partial);
    }
    g = (struct got){0};
    resolver_txt(resolver, SPAN_LIT("txt.example"), on_got, &g, NULL);
    loop_run(loop);
    assert_string_equal(g.text, "v=spf1-all,second");
    g = (struct got){0};
    resolver_txt(resolver, SPAN_LIT("long.example"), on_got, &g, NULL);
    loop_run(loop);
    assert_string_equal(g.text, "onetwothree");
    assert_int_equal(asked_tcp, 1);
}

static void on_idle_end(void *cookie)
{
    loop_stop(loop);
}

static void test_cancel(void **state)
{
    struct resolver_query *q[4];
    struct got g = {0}, other = {0};
    struct timer end;
    struct ip ip = {.family = IP_V4, .b = {192, 0, 2, 1}};

    timer_init(&end, on_idle_end, NULL);
    resolver_mx(resolver, SPAN_LIT("example.org"), on_got, &g, &q[0]);
    resolver_mx(resolver, SPAN_LIT("bad name"), on_got, &g, &q[1]);
    resolver_ptr(resolver, ip, on_got, &g, &q[2]);
    resolver_mx(resolver, SPAN_LIT("silent.example"), on_got, &g, &q[3]);
    resolver_txt(resolver, SPAN_LIT("txt.example"), on_got, &other, NULL);
    for (int i = 0; i < 4; i++) {
        resolver_cancel(&q[i]);
        assert_null(q[i]);
        resolver_cancel(&q[i]);
    }
    timer_start(&end, loop, 1000);
    loop_run(loop); /* stopped by the one answer */
    loop_run(loop);
    assert_int_equal(g.times, 0);
    assert_int_equal(other.times, 1);
}

static void free_inside(void *cookie, const struct dns_answer *a)
{
    struct got *g = cookie;

    g->times++;
    resolver_free(&resolver);
    loop_stop(loop);
}

static void test_free_inside_callback(void **state)
{
    struct ip ip = {.family = IP_V4, .b = {192, 0, 2, 1}};
    struct got first = {0}, others = {0};

    resolver_mx(resolver, SPAN_LIT("silent.example"), on_got, &others, NULL);
    resolver_ptr(resolver, ip, on_got, &others, NULL);
    resolver_mx(resolver, SPAN_LIT("not askable"), free_inside, &first, NULL);
    resolver_mx(resolver, SPAN_LIT("not askable"), on_got, &others, NULL);
    loop_run(loop);
    assert_int_equal(first.times, 1);
    assert_int_equal(others.times, 0);
    assert_null(resolver);
}

static void test_options(void **state)
{
    static const char *const bad[] = {"", "ns.example.org", "127.0.0.1:99999", "[::1", "1.2.3"};
    char err[RESOLVER_ERROR_MAX];
    struct resolver *r;
    struct got g = {0};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct resolver_options o = {.server = bad[i]};

        err[0] = '\0';
        assert_int_equal(resolver_new(loop, &o, &r, err), -22);
        assert_non_null(strstr(err, "is no resolver"));
    }
    /* Without a server of its own it knows /etc/hosts, and needs no packet for it. */
    assert_int_equal(resolver_new(loop, NULL, &r, err), 0);
    resolver_addr(r, SPAN_LIT("localhost"), IP_V4, on_got, &g, NULL);
    loop_run(loop);
    assert_string_equal(g.text, "127.0.0.1");
    resolver_free(&r);
}

static void test_nobody_there(void **state)
{
    struct resolver_options o = {.server = "127.0.0.1:1", .timeout_ms = 100, .tries = 1};
    char err[RESOLVER_ERROR_MAX];
    struct resolver *r;
    struct got g = {0};

    assert_int_equal(resolver_new(loop, &o, &r, err), 0);
    resolver_mx(r, SPAN_LIT("example.org"), on_got, &g, NULL);
    loop_run(loop);
    assert_true(resolver_outcome_passing(g.outcome));
    resolver_free(&r);
}

static void test_idn(void **state)
{
    static const struct {
        const char *in, *want; /* NULL: refused */
    } cases[] = {
        {"Example.ORG.", "example.org"},
        {"m\xc3\xbcller.example", "xn--mller-kva.example"},
        {"stra\xc3\x9f"
         "e.example",
         "xn--strae-oqa.example"},
        {"_dmarc.example.org", "_dmarc.example.org"},
        {"xn--mller-kva.example", "xn--mller-kva.example"},
        {"", NULL},
        {".", NULL},
        {"a..b", NULL},
        {"a b", NULL},
        {"\xff\xfe", NULL},
        {"<script>", NULL},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[IDN_NAME_MAX];
        bool ok = idn_to_ascii(span_str(cases[i].in), out);

        if (ok != (cases[i].want != NULL))
            fail_msg("'%s': %s", cases[i].in, ok ? out : "refused");
        if (ok)
            assert_string_equal(out, cases[i].want);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_mx),
        CASE(test_mx_order),
        CASE(test_addresses),
        CASE(test_too_many),
        CASE(test_ptr_and_txt),
        CASE(test_cancel),
        CASE(test_free_inside_callback),
        CASE(test_options),
        CASE(test_nobody_there),
        cmocka_unit_test(test_idn),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
