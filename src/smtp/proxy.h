/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Headers of the PROXY protocol, version 2 (HAProxy's proxy-protocol.txt, section 2.2): how a
 * balancer tells a server whom it speaks for. Version 1 is one line of text and needs no code.
 */
#ifndef POSTERN_SMTP_PROXY_H
#define POSTERN_SMTP_PROXY_H

#include "base/buf.h"
#include "base/ip.h"

enum { SMTP_PROXY_PORT = 49152 }; /* a client's port where none is known: the first dynamic one */

/* "This is the balancer itself": command LOCAL, no addresses. */
void smtp_proxy2_local(struct buf *out);
/* A TCP connection from a to b; both of one family. tlvs: see smtp/proxy_tlv.h. */
void smtp_proxy2(struct ip from, uint16_t from_port, struct ip to, uint16_t to_port,
                 struct span tlvs, struct buf *out);

#endif
