/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A message is checked as a request and as an answer; what is refused is still answered well. */
#include "dns/tsig.h"

#include "dns/reply.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[DNS_MESSAGE_MAX];
    struct dns_tsig_key key;
    struct dns_tsig t;
    struct dns_query q;
    size_t n = size < sizeof(out) ? size : sizeof(out);

    assert(dns_tsig_key_parse(SPAN_LIT("key.example:dGhpcnR5LXR3byBvY3RldHMgb2YgYSBzZWNyZXQuLi4="),
                              &key));
    if (dns_query_parse(&q, data, size) == DNS_PARSE_OK) {
        enum dns_tsig_got got = dns_tsig_check(&t, &key, 1, &q, 1700000000);

        if (got != DNS_TSIG_ABSENT && got != DNS_TSIG_FORMERR) {
            memcpy(out, data, q.question_end);
            memset(out + 6, 0, 6);
            assert(dns_tsig_sign(&t, out, q.question_end, q.question_end + dns_tsig_room(&t),
                                 1700000000) > q.question_end);
        }
    }
    n = dns_query_write(out, sizeof(out), 0x1234, &key.name, DNS_TYPE_AXFR, false);
    dns_tsig_ask(&t, &key, out, n, sizeof(out), 1700000000);
    for (unsigned i = 0; i < 2; i++) {
        n = size < sizeof(out) ? size : sizeof(out);
        memcpy(out, data, n);
        t.later = i > 0;
        assert(dns_tsig_verify(&t, out, &n, 1700000000) != DNS_TSIG_OK || n < size);
    }
    return 0;
}
