/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Read from the zone's side, the right: what is good there counts, and the first label that is no
 * octet ends it. So a caller knows below which prefix a broken name lies, and can deny the highest
 * one. A name with labels before a whole address is told apart from a broken one: below an address
 * there is nothing, whatever the labels are.
 */
#include "dns/blname.h"

#include <assert.h>

/* 0 to 255 without a leading zero; -1 when it is not that. */
static int octet_of(const uint8_t *label)
{
    unsigned v = 0;

    if (label[0] < 1 || label[0] > 3 || (label[1] == '0' && label[0] > 1))
        return -1;
    for (unsigned i = 1; i <= label[0]; i++) {
        unsigned digit = (unsigned)label[i] - '0';

        if (digit > 9)
            return -1;
        v = v * 10 + digit;
    }
    return v <= 255 ? (int)v : -1;
}

static int nibble_of(const uint8_t *label)
{
    if (label[0] != 1)
        return -1;
    if (label[1] >= '0' && label[1] <= '9')
        return label[1] - '0';
    return label[1] >= 'a' && label[1] <= 'f' ? label[1] - 'a' + 10 : -1;
}

enum dns_blname dns_blname_read4(const uint8_t *name, const uint8_t *label_at, unsigned labels,
                                 uint32_t *ret_address, unsigned *ret_len)
{
    uint32_t address = 0;
    unsigned len = 0;
    int v = 0;

    for (unsigned i = labels; i-- > 0 && len < 32;) {
        v = octet_of(name + label_at[i]);
        if (v < 0)
            break;
        len += 8;
        address |= (uint32_t)v << (32 - len);
    }
    *ret_address = address;
    *ret_len = len;
    if (v < 0)
        return DNS_BLNAME_BAD;
    if (len < 32)
        return DNS_BLNAME_PREFIX;
    return labels > 4 ? DNS_BLNAME_LONG : DNS_BLNAME_ADDRESS;
}

enum dns_blname dns_blname_read6(const uint8_t *name, const uint8_t *label_at, unsigned labels,
                                 uint64_t ret_address[2], unsigned *ret_len)
{
    unsigned len = 0;
    int v = 0;

    ret_address[0] = ret_address[1] = 0;
    for (unsigned i = labels; i-- > 0 && len < 128;) {
        v = nibble_of(name + label_at[i]);
        if (v < 0)
            break;
        ret_address[len / 64] |= (uint64_t)v << (60 - len % 64);
        len += 4;
    }
    *ret_len = len;
    if (v < 0)
        return DNS_BLNAME_BAD;
    if (len < 128)
        return DNS_BLNAME_PREFIX;
    return labels > 32 ? DNS_BLNAME_LONG : DNS_BLNAME_ADDRESS;
}

static size_t octet_put(uint8_t *out, unsigned v)
{
    size_t n = v > 99 ? 3 : v > 9 ? 2 : 1;

    out[0] = (uint8_t)n;
    for (size_t i = n; i > 0; i--, v /= 10)
        out[i] = (uint8_t)('0' + v % 10);
    return n + 1;
}

size_t dns_blname_write(const struct ip_prefix *prefix, uint8_t out[DNS_BLNAME_LABELS_MAX])
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *b = prefix->ip.b;
    size_t n = 0;

    assert(prefix->ip.family != IP_NONE);
    if (prefix->ip.family == IP_V4) {
        for (unsigned i = prefix->len / 8; i-- > 0;)
            n += octet_put(out + n, b[i]);
        return n;
    }
    for (unsigned i = prefix->len / 4; i-- > 0;) {
        out[n++] = 1;
        out[n++] = (uint8_t)hex[i % 2 ? b[i / 2] & 15 : b[i / 2] >> 4];
    }
    return n;
}

bool dns_blname_of(const struct ip_prefix *prefix, const struct dns_name *zone,
                   struct dns_name *ret)
{
    uint8_t labels[DNS_BLNAME_LABELS_MAX];

    *ret = *zone;
    return dns_name_prepend(ret, labels, dns_blname_write(prefix, labels));
}
