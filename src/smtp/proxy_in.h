/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * PROXY headers as a server reads them, versions 1 and 2 (HAProxy's proxy-protocol.txt §2). Whoever
 * may send one may claim any address: the caller has to know the peer, and to take a header only as
 * the first octets of a connection, where it then must be (§2: a receiver must not guess).
 */
#ifndef POSTERN_SMTP_PROXY_IN_H
#define POSTERN_SMTP_PROXY_IN_H

#include "base/ip.h"

enum {
    SMTP_PROXY1_MAX = 107,    /* octets of a line with its CRLF, §2.1 */
    SMTP_PROXY2_TAKEN = 2048, /* octets of a header; more TLVs than that is nobody's */
};

enum smtp_proxy_got {
    SMTP_PROXY_MORE = 0,
    SMTP_PROXY_CLIENT, /* *ret says who speaks to whom */
    SMTP_PROXY_LOCAL, /* the balancer itself is the client: both ends are those of the connection */
    SMTP_PROXY_UNKNOWN, /* for a client that it can't name: UNKNOWN, no TCP */
    SMTP_PROXY_BAD,     /* no header, or a wrong one */
};

struct smtp_proxy_header {
    struct ip from, to; /* of one family */
    uint16_t from_port, to_port;
    struct span tlvs; /* of version 2, borrowed from `in`: whole ones, see smtp/proxy_tlv.h */
};

/*
 * Reads a header at the front of `in`, given from its beginning each time. *ret_used: its length,
 * unless MORE or BAD. A mapped address comes out as IPv4.
 */
enum smtp_proxy_got smtp_proxy_read(struct span in, struct smtp_proxy_header *ret,
                                    size_t *ret_used);

#endif
