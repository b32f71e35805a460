/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Only the types of RFC 1035 may have compressed names in their data (RFC 3597 §4), so only those
 * need the message to be understood; all others are octets.
 */
#include "dns/rr.h"

#include <string.h>

/* Names in the data of a type, `before` plain octets in front of them and `behind` after. */
static bool has_names(uint16_t type, unsigned *before, unsigned *names, unsigned *behind)
{
    *before = type == DNS_TYPE_MX ? 2 : 0;
    *behind = type == DNS_TYPE_SOA ? 20 : 0;
    *names = type == DNS_TYPE_SOA ? 2 : 1;
    return type == DNS_TYPE_NS || type == DNS_TYPE_CNAME || type == DNS_TYPE_PTR ||
           type == DNS_TYPE_DNAME || type == DNS_TYPE_MX || type == DNS_TYPE_SOA;
}

static bool data_plain(const uint8_t *message, size_t at, size_t end, struct dns_rr *rr)
{
    unsigned before, names, behind;
    struct dns_name name;
    size_t n = 0;

    if (!has_names(rr->type, &before, &names, &behind))
        return true;
    if (end - at < before)
        return false;
    memcpy(rr->plain, message + at, before);
    n += before;
    at += before;
    for (; names; names--) {
        if (!dns_name_read(message, end, &at, &name))
            return false;
        memcpy(rr->plain + n, name.wire, name.n);
        n += name.n;
    }
    if (end - at != behind)
        return false;
    memcpy(rr->plain + n, message + at, behind);
    rr->data = span_of(rr->plain, n + behind);
    return true;
}

bool dns_rr_read(const uint8_t *message, size_t n, size_t *at, struct dns_rr *ret)
{
    size_t data, end;

    if (!dns_name_read(message, n, at, &ret->owner) || n - *at < 10)
        return false;
    ret->type = dns_wire_get16(message + *at);
    ret->klass = dns_wire_get16(message + *at + 2);
    ret->ttl = dns_wire_get32(message + *at + 4);
    data = *at + 10;
    end = data + dns_wire_get16(message + *at + 8);
    if (end > n)
        return false;
    ret->data = span_of(message + data, end - data);
    *at = end;
    return data_plain(message, data, end, ret);
}

bool dns_rr_soa_serial(const struct dns_rr *rr, uint32_t *ret)
{
    /* Two names and five numbers, as dns_rr_read() has seen. */
    if (rr->type != DNS_TYPE_SOA || rr->data.n < 22)
        return false;
    *ret = dns_wire_get32((const uint8_t *)rr->data.p + rr->data.n - 20);
    return true;
}
