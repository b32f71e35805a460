/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a PROXY header of version 2 carries behind its addresses (HAProxy's proxy-protocol.txt
 * §2.2.1 to §2.2.8): entries of a type, a length of two octets, and a value.
 */
#ifndef POSTERN_SMTP_PROXY_TLV_H
#define POSTERN_SMTP_PROXY_TLV_H

#include "base/buf.h"

enum smtp_proxy_tlv {
    SMTP_PROXY_ALPN = 0x01,
    SMTP_PROXY_AUTHORITY = 0x02, /* the server name that the client asked for, as in SNI */
    SMTP_PROXY_CRC32C = 0x03,
    SMTP_PROXY_NOOP = 0x04,
    SMTP_PROXY_UNIQUE_ID = 0x05,
    SMTP_PROXY_SSL = 0x20, /* a client byte, four of verify, and entries of the types below */
    SMTP_PROXY_SSL_VERSION = 0x21,
    SMTP_PROXY_SSL_CN = 0x22,
    SMTP_PROXY_SSL_CIPHER = 0x23,
    SMTP_PROXY_SSL_SIG_ALG = 0x24,
    SMTP_PROXY_SSL_KEY_ALG = 0x25,
    SMTP_PROXY_NETNS = 0x30,
};

enum {
    /*
     * Octets of entries that are handed on: with addresses of IPv6 a header then has 232 octets,
     * the most that Exim takes.
     */
    SMTP_PROXY_TLVS_MAX = 180,
    SMTP_PROXY_UNIQUE_ID_MAX = 128, /* §2.2.5 */
};

/*
 * Whether the entries from offset `at` of a whole header on fill it exactly, and its checksum is
 * right, where there is one (§2.2.3: a wrong one must be refused).
 */
bool smtp_proxy_tlvs_ok(struct span header, size_t at);
/*
 * Those of such entries that mean the client's connection and are worth handing on, written anew
 * and each once: SSL, AUTHORITY, ALPN, UNIQUE_ID. In this order, as long as they fit into
 * SMTP_PROXY_TLVS_MAX; what is in no printable form, or too long by itself, is left out.
 */
void smtp_proxy_tlvs_pick(struct span entries, struct buf *out);

#endif
