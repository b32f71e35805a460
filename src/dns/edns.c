/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Options are walked once. What we do not answer to (client subnet, padding, what comes later) is
 * passed over, as RFC 6891 §6.1.2 wants; a length that leads out of the record, or a cookie of a
 * length that RFC 7873 §5.2.2 calls malformed, makes the whole query one.
 */
#include "dns/edns.h"

static bool cookie_read(size_t at, unsigned n, struct dns_edns *e)
{
    if (n != DNS_COOKIE_CLIENT && (n < 2 * DNS_COOKIE_CLIENT || n > DNS_COOKIE_MAX))
        return false;
    if (e->cookie_n == 0) {
        e->cookie_at = (uint16_t)at;
        e->cookie_n = (uint8_t)n;
    }
    return true;
}

/*
 *     type 2 octets, class 2: UDP size, TTL 4: upper rcode, version, flags 2; data length 2; data:
 *     option code 2, length 2, value
 */
enum dns_edns_got dns_edns_read(const uint8_t *packet, size_t at, struct dns_edns *ret)
{
    size_t p = at + 10, end = p + dns_wire_get16(packet + at + 8);

    *ret = (struct dns_edns){
        .present = true,
        .udp_size = dns_wire_get16(packet + at + 2),
        .version = packet[at + 5],
        .do_bit = packet[at + 6] & 0x80,
    };
    if (ret->version != 0)
        return DNS_EDNS_VERSION;
    while (p < end) {
        unsigned code, n;

        if (end - p < 4)
            return DNS_EDNS_BROKEN;
        code = dns_wire_get16(packet + p);
        n = dns_wire_get16(packet + p + 2);
        p += 4;
        if (n > end - p)
            return DNS_EDNS_BROKEN;
        if (code == DNS_OPTION_COOKIE && !cookie_read(p, n, ret))
            return DNS_EDNS_BROKEN;
        ret->nsid |= code == DNS_OPTION_NSID;
        ret->keepalive |= code == DNS_OPTION_KEEPALIVE;
        p += n;
    }
    return DNS_EDNS_OK;
}
