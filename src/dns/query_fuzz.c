/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whatever comes, what goes out is a message that can be read, and no longer than it may be. */
#include "dns/blname.h"
#include "dns/reply.h"
#include "dns/rr.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the records of an answer; its question is the query's. */
static void answer_read(const struct dns_query *q, const uint8_t *p, size_t n)
{
    size_t at = q->question_end ? q->question_end : DNS_HEADER;
    unsigned records = dns_wire_get16(p + 6) + dns_wire_get16(p + 8) + dns_wire_get16(p + 10);
    struct dns_rr rr;

    for (; records; records--)
        assert(dns_rr_read(p, n, &at, &rr));
    assert(at == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[DNS_MESSAGE_MAX];
    struct dns_query q;
    struct dns_reply r;
    uint64_t address6[2];
    uint32_t number;
    unsigned len;
    size_t max, n;

    if (dns_query_parse(&q, data, size) == DNS_PARSE_DROP)
        return 0;
    dns_query_ixfr_serial(&q, &number);
    max = dns_query_udp_max(&q, DNS_UDP_USUAL);
    dns_reply_begin(&r, &q, out, max);
    dns_reply_cookie(&r, (const uint8_t *)"clientxxserverxx", q.edns.cookie_n ? 16 : 0);
    dns_reply_nsid(&r, SPAN_LIT("nsid"));
    dns_reply_ede(&r, DNS_EDE_OTHER, span_of(data, size));
    if (q.question_end) {
        dns_blname_read4(q.name, q.label_at, q.labels, &number, &len);
        dns_blname_read6(q.name, q.label_at, q.labels, address6, &len);
        for (unsigned i = 0; i <= q.labels; i++)
            dns_reply_a(&r, dns_reply_owner_suffix(&q, i), 1, number);
        dns_reply_txt(&r, DNS_OWNER_QUESTION, 1, span_of(data, size));
    }
    n = dns_reply_finish(&r);
    assert(n <= max);
    answer_read(&q, out, n);
    return 0;
}
