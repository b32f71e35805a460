/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Octets as a transfer: two that say how it was asked for, then messages, each with its length. */
#include "dns/xfr.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum dns_xfr_got got = DNS_XFR_MORE;
    struct dns_xfr_reader x;
    struct dns_name zone;
    struct dns_rr rr;
    unsigned labels;

    if (size < 2)
        return 0;
    assert(dns_name_parse(SPAN_LIT("bl.example"), &zone));
    dns_xfr_reader_init(&x, &zone, 0x1234, data[0] % 2 ? DNS_TYPE_AXFR : DNS_TYPE_IXFR, data[1]);
    for (size_t at = 2; size - at >= 2 && got == DNS_XFR_MORE;) {
        size_t n = dns_wire_get16(data + at);

        at += 2;
        if (n > size - at)
            n = size - at;
        dns_xfr_reader_feed(&x, data + at, n);
        while ((got = dns_xfr_reader_next(&x, &rr)) <= DNS_XFR_DEL)
            assert(dns_name_below(&rr.owner, &zone, &labels) && x.records <= size);
        assert(got != DNS_XFR_BROKEN || x.why);
        at += n;
    }
    return 0;
}
