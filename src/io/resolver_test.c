/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The resolver against a name server of our own on loopback that lies in the ways of the table. */
#include "io/resolver.h"

#include "base/buf.h"
#include "base/num.h"
#include "io/idn.h"
#include "io/listen.h"
#include "io/loop_uv.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOERROR = 0, SERVFAIL = 2, NXDOMAIN = 3, NOTIMP = 4, REFUSED = 5, SILENT = 100, GARBAGE };

/* Records as "[owner/]TYPE data", split by ";". An owner other than the question is rare. */
static const struct zone_row {
    const char *name, *type;
    int rcode;
    const char *records;
    bool truncate; /* UDP answers carry TC and nothing else */
} zone[] = {
    {"example.org", "MX", NOERROR, "MX 20 c.example.org;MX 10 a.example.org;MX 10 b.example.org"},
    {"null.example", "MX", NOERROR, "MX 0 ."},
    {"halfnull.example", "MX", NOERROR, "MX 0 .;MX 5 a.example.org"},
    {"nomx.example", "MX", NOERROR, ""},
    {"gone.example", "MX", NXDOMAIN, ""},
    {"fail.example", "MX", SERVFAIL, ""},
    {"refused.example", "MX", REFUSED, ""},
    {"notimp.example", "MX", NOTIMP, ""},
    {"silent.example", "MX", SILENT, ""},
    {"garbage.example", "MX", GARBAGE, ""},
    {"alias.example", "MX", NOERROR, "CNAME example.org;example.org/MX 10 a.example.org"},
    {"aliasnone.example", "MX", NOERROR, "CNAME example.org"},
    {"broken.example", "MX", NOERROR, "RAW 000a0161c0ff"}, /* a pointer into nothing */
    {"loopptr.example", "MX", NOERROR, "RAW 000ac02f"},    /* a pointer to itself */
    {"big.example", "MX", NOERROR, "MX 10 a.example.org;MX 20 b.example.org", true},

    {"a.example.org", "A", NOERROR, "A 192.0.2.1;A 192.0.2.2;A 192.0.2.1"},
    {"a.example.org", "AAAA", NOERROR, "AAAA 2001:db8::1"},
    {"v4.example", "A", NOERROR, "A 192.0.2.4"},
    {"v4.example", "AAAA", NOERROR, ""},
    {"half.example", "A", NOERROR, "A 192.0.2.5"},
    {"half.example", "AAAA", SERVFAIL, ""},
    {"halfslow.example", "A", SILENT, ""},
    {"halfslow.example", "AAAA", NXDOMAIN, ""},
    {"chain.example", "A", NOERROR,
     "CNAME x.example;x.example/CNAME y.example;y.example/A 192.0.2.9"},
    {"loop.example", "A", NOERROR, "CNAME loop2.example;loop2.example/CNAME loop.example"},
    {"self.example", "A", NOERROR, "CNAME self.example"},
    {"dangling.example", "A", NXDOMAIN, "CNAME gone.example"},
    {"short.example", "A", NOERROR, "RAW c00002"},
    {"many.example", "A", NOERROR, "MANY"},

    {"1.2.0.192.in-addr.arpa", "PTR", NOERROR, "PTR a.example.org;PTR liar.example"},
    {"liar.example", "A", NOERROR, "A 192.0.2.99"},
    {"9.2.0.192.in-addr.arpa", "PTR", NXDOMAIN, ""},
    {"5.2.0.192.in-addr.arpa", "PTR", NOERROR, "PTR unsure.example;PTR half.example"},
    {"6.2.0.192.in-addr.arpa", "PTR", NOERROR, "PTR liar.example;PTR unsure.example"},
    {"unsure.example", "A", SERVFAIL, ""},
    {"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa", "PTR", NOERROR,
     "PTR a.example.org"},

    {"txt.example", "TXT", NOERROR, "TXT v=spf1|-all;TXT second"},
    {"long.example", "TXT", NOERROR, "TXT one|two|three", true},
};

static struct loop *loop;
static struct resolver *resolver;
static uv_udp_t udp;
static struct listener *tcp;
static unsigned asked_udp, asked_tcp;
static struct timer watchdog;

/* --- the name server -------------------------------------------------------------------------- */

static void put_name(struct buf *b, const char *name)
{
    struct span rest = span_str(name), label;

    if (strcmp(name, ".") != 0) {
        while (span_cut(&rest, '.', &label)) {
            buf_add_char(b, (char)label.n);
            buf_add(b, label);
        }
    }
    buf_add_char(b, '\0');
}

static void put16(struct buf *b, unsigned v)
{
    uint8_t p[2];

    num_put16(p, (uint16_t)v);
    buf_add(b, span_of(p, 2));
}

static unsigned type_number(struct span type)
{
    static const struct {
        const char *name;
        unsigned number;
    } types[] = {{"A", 1},    {"AAAA", 28}, {"MX", 15}, {"PTR", 12},
                 {"TXT", 16}, {"CNAME", 5}, {"NS", 2}};

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (span_eq(type, span_str(types[i].name)))
            return types[i].number;
    return 0;
}

static void put_rdata(struct buf *b, struct span type, const char *data)
{
    struct span rest = span_str(data), word;
    unsigned preference = 0;
    struct ip ip;

    if (span_eq(type, SPAN_LIT("A")) || span_eq(type, SPAN_LIT("AAAA"))) {
        assert_true(ip_parse(rest, &ip));
        buf_add(b, span_of(ip.b, ip.family == IP_V4 ? 4 : 16));
    } else if (span_eq(type, SPAN_LIT("MX"))) {
        assert_true(span_word(&rest, &word) && num_uint(word, 0, 65535, &preference));
        put16(b, preference);
        assert_true(span_word(&rest, &word));
        char *name = span_dup(word);
        put_name(b, name);
        free(name);
    } else if (span_eq(type, SPAN_LIT("TXT"))) {
        while (span_cut(&rest, '|', &word)) {
            buf_add_char(b, (char)word.n);
            buf_add(b, word);
        }
    } else if (span_eq(type, SPAN_LIT("RAW"))) {
        for (size_t i = 0; i + 1 < rest.n; i += 2) {
            static const char digits[] = "0123456789abcdef";

            buf_add_char(b, (char)((strchr(digits, rest.p[i]) - digits) << 4 |
                                   (strchr(digits, rest.p[i + 1]) - digits)));
        }
    } else {
        put_name(b, data);
    }
}

static void put_record(struct buf *b, struct span record, const char *qname, unsigned qtype)
{
    struct buf rdata = BUF_INIT(2000);
    size_t slash = span_find(record, '/');
    struct span owner = slash < record.n ? span_slice(record, 0, slash) : span_str(qname), type;
    char *name = span_dup(owner), *data;

    if (slash < record.n)
        record = span_slice(record, slash + 1, record.n);
    span_word(&record, &type);
    data = span_dup(span_trim(record));
    put_rdata(&rdata, type, data);
    put_name(b, name);
    put16(b, type_number(type) ? type_number(type) : qtype);
    put16(b, 1);
    put16(b, 0);
    put16(b, 60);
    put16(b, (unsigned)rdata.n);
    buf_add(b, buf_span(&rdata));
    buf_deinit(&rdata);
    free(name);
    free(data);
}

static const struct zone_row *row_of(const char *name, unsigned type)
{
    for (size_t i = 0; i < sizeof(zone) / sizeof(zone[0]); i++)
        if (span_eq_nocase(span_str(zone[i].name), span_str(name)) &&
            type_number(span_str(zone[i].type)) == type)
            return &zone[i];
    return NULL;
}

/* Writes the answer to a question; nothing for one that is to stay unanswered. */
static void answer(struct span question, bool over_tcp, struct buf *out)
{
    const uint8_t *q = (const uint8_t *)question.p;
    struct buf name = BUF_INIT(300), body = BUF_INIT(60000);
    size_t at = 12;
    unsigned type, records = 0, flags;
    const struct zone_row *row;

    assert_true(question.n > 16);
    while (q[at]) {
        if (name.n)
            buf_add_char(&name, '.');
        buf_add(&name, span_of(q + at + 1, q[at]));
        at += 1U + q[at];
        assert_true(at < question.n - 4);
    }
    type = num_get16(q + at + 1);
    row = row_of(buf_str(&name), type);
    flags = 0x8180U | (row ? row->rcode < 16 ? (unsigned)row->rcode : 0 : NXDOMAIN);
    if (row && row->truncate && !over_tcp) {
        flags |= 0x0200;
    } else if (row && strcmp(row->records, "MANY") == 0) {
        for (records = 0; records < 200; records++) {
            char record[40];

            snprintf(record, sizeof(record), "A 192.0.2.%u", records);
            put_record(&body, span_str(record), buf_str(&name), type);
        }
    } else if (row && *row->records) {
        struct span rest = span_str(row->records), record;

        for (; span_cut(&rest, ';', &record); records++)
            put_record(&body, record, buf_str(&name), type);
    }
    if (!row || row->rcode != SILENT) {
        put16(out, num_get16(q));
        put16(out, flags);
        put16(out, 1);
        put16(out, row && row->rcode == GARBAGE ? 50 : records);
        put16(out, 0);
        put16(out, 0);
        buf_add(out, span_of(q + 12, at + 5 - 12));
        buf_add(out, buf_span(&body));
    }
    buf_deinit(&name);
    buf_deinit(&body);
}

static void udp_alloc(uv_handle_t *h, size_t n, uv_buf_t *ret)
{
    static char space[4096];

    *ret = uv_buf_init(space, sizeof(space));
}

static void udp_question(uv_udp_t *h, ssize_t n, const uv_buf_t *b, const struct sockaddr *from,
                         unsigned flags)
{
    struct buf out = BUF_INIT(65000);
    uv_buf_t reply;

    if (n <= 0)
        return;
    asked_udp++;
    answer(span_of(b->base, (size_t)n), false, &out);
    if (out.n) {
        reply = uv_buf_init(out.p, (unsigned)out.n);
        assert_int_equal(uv_udp_try_send(h, &reply, 1, from), (int)out.n);
    }
    buf_deinit(&out);
}

static void tcp_question(void *cookie, struct conn *c, struct span bytes)
{
    struct buf out = BUF_INIT(65000), framed = BUF_INIT(65002);

    asked_tcp++;
    assert_true(bytes.n > 2);
    answer(span_slice(bytes, 2, bytes.n), true, &out);
    put16(&framed, (unsigned)out.n);
    buf_add(&framed, buf_span(&out));
    assert_int_equal(conn_write(c, buf_span(&framed)), 0);
    buf_deinit(&out);
    buf_deinit(&framed);
}

static void tcp_closed(void *cookie, struct conn *c, const struct conn_end *end)
{
}

static const struct conn_events tcp_events = {.data = tcp_question, .closed = tcp_closed};

static void tcp_accept(void *cookie, struct listener *li, struct conn *c)
{
    conn_own(c, &tcp_events, NULL);
}

/* --- the tests' own --------------------------------------------------------------------------- */

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
