/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a TLS client tells about itself in its first message (ClientHello, RFC 5246 §7.4.1.2, RFC
 * 8446 §4.1.2): versions, ciphers, extensions and their order. Programs differ in it, and stay the
 * same from one address to the next, which is what a decoy wants to know.
 */
#ifndef POSTERN_DECOY_CLIENTHELLO_H
#define POSTERN_DECOY_CLIENTHELLO_H

#include "base/buf.h"

#include <stdint.h>

enum {
    CLIENTHELLO_CIPHERS_MAX = 256, /* kept; more only set `cut` */
    CLIENTHELLO_EXTENSIONS_MAX = 64,
    CLIENTHELLO_GROUPS_MAX = 32,
    CLIENTHELLO_FORMATS_MAX = 8,
    CLIENTHELLO_VERSIONS_MAX = 8,
    CLIENTHELLO_ALPN_MAX = 128, /* octets of the names, joined by commas, with the NUL */
    CLIENTHELLO_JA3_MAX = 4096, /* octets of the text of clienthello_ja3() */
};

struct clienthello {
    uint16_t version; /* as told in the old field; TLS 1.3 hides behind 1.2 there */
    uint16_t ciphers[CLIENTHELLO_CIPHERS_MAX];
    uint16_t extensions[CLIENTHELLO_EXTENSIONS_MAX];
    uint16_t groups[CLIENTHELLO_GROUPS_MAX];     /* RFC 8422 §5.1.1 */
    uint16_t versions[CLIENTHELLO_VERSIONS_MAX]; /* RFC 8446 §4.2.1 */
    uint8_t formats[CLIENTHELLO_FORMATS_MAX];    /* of points, RFC 8422 §5.1.2 */
    size_t cipher_count, extension_count, group_count, version_count, format_count;
    struct span name;                /* SNI, RFC 6066 §3; borrowed from the message */
    char alpn[CLIENTHELLO_ALPN_MAX]; /* RFC 7301; unprintable octets as "?" */
    bool cut;                        /* there was more of something than is kept */
};

/*
 * Reads one handshake message with its header of four octets. False when it is no ClientHello, or
 * its lengths do not agree; *ret then holds what was read up to there.
 */
bool clienthello_read(struct span message, struct clienthello *ret);

/*
 * The text of the fingerprint that is known as JA3: version, ciphers, extensions, groups and point
 * formats in decimal, without the values of RFC 8701 (GREASE). Its MD5 is what others publish.
 */
void clienthello_ja3(const struct clienthello *h, struct buf *out);

#endif
