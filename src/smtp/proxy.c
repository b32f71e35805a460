/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Twelve fixed bytes, version and command, family, length, then the addresses in network order. */
#include "smtp/proxy.h"

#include "base/num.h"
#include "smtp/proxy_tlv.h"

#include <assert.h>
#include <string.h>

enum { LOCAL = 0x20, PROXY = 0x21, TCP4 = 0x11, TCP6 = 0x21 };

static void header(unsigned command, unsigned family, uint16_t length, struct buf *out)
{
    uint8_t bytes[16] = "\r\n\r\n\0\r\nQUIT\n";

    bytes[12] = (uint8_t)command;
    bytes[13] = (uint8_t)family;
    num_put16(bytes + 14, length);
    buf_add(out, span_of(bytes, sizeof(bytes)));
}

void smtp_proxy2_local(struct buf *out)
{
    header(LOCAL, 0, 0, out);
}

void smtp_proxy2(struct ip from, uint16_t from_port, struct ip to, uint16_t to_port,
                 struct span tlvs, struct buf *out)
{
    size_t n = from.family == IP_V4 ? 4 : 16;
    uint8_t bytes[36];

    assert(from.family == to.family && tlvs.n <= SMTP_PROXY_TLVS_MAX);
    memcpy(bytes, from.b, n);
    memcpy(bytes + n, to.b, n);
    num_put16(bytes + 2 * n, from_port);
    num_put16(bytes + 2 * n + 2, to_port);
    header(PROXY, n == 4 ? TCP4 : TCP6, (uint16_t)(2 * n + 4 + tlvs.n), out);
    buf_add(out, span_of(bytes, 2 * n + 4));
    buf_add(out, tlvs);
}
