/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A name server on loopback, for the resolver's test: it lies in the ways of the table. */
#ifndef POSTERN_IO_NAMESERVER_TEST_H
#define POSTERN_IO_NAMESERVER_TEST_H

#include "base/buf.h"
#include "base/num.h"
#include "io/listen.h"
#include "io/loop_uv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* TRUNCATED: answers by UDP carry TC and nothing else. */
enum {
    NOERROR = 0,
    SERVFAIL = 2,
    NXDOMAIN = 3,
    NOTIMP = 4,
    REFUSED = 5,
    SILENT = 100,
    GARBAGE,
    TRUNCATED
};

/* Records as "[owner/]TYPE data", split by ";". An owner other than the question is rare. */
static const struct zone_row {
    const char *name, *type;
    int rcode;
    const char *records;
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
    {"big.example", "MX", TRUNCATED, "MX 10 a.example.org;MX 20 b.example.org"},

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
    {"long.example", "TXT", TRUNCATED, "TXT one|two|three"},
};

static unsigned asked_udp, asked_tcp;

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
    if (row && row->rcode == TRUNCATED && !over_tcp) {
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

#endif
