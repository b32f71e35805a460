/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DRAC, by which POP and IMAP servers of the 1990s and 2000s told a mail server who had logged in:
 * ONC RPC (RFC 5531) over UDP, program 900101, procedure 1 with one address. Version 1 has an IPv4
 * address as an unsigned integer; version 2, of a patched variant, sixteen octets. Procedure 0 is
 * the call that does nothing. No user is named: whoever may call us grants.
 *
 * Also the two calls to the portmapper (RFC 1833 §3) by which an old client finds our port.
 */
#ifndef POSTERN_AUTH_DRAC_H
#define POSTERN_AUTH_DRAC_H

#include "auth/limits.h"
#include "base/buf.h"
#include "base/ip.h"

enum {
    AUTH_DRAC_PROGRAM = 900101,
    AUTH_DRAC_VERSION = 1,
    AUTH_DRAC_VERSION6 = 2,
};

/* The result of procedure 1. */
enum auth_drac_status {
    AUTH_DRAC_SUCCESS = 0,
    AUTH_DRAC_PERM = 1, /* this peer may not, or not for this address */
    AUTH_DRAC_SYSERR = 2,
    AUTH_DRAC_UNKNOWN = 3,
};

enum auth_drac_got {
    AUTH_DRAC_ADD,    /* ip is to be granted: answer with auth_drac_reply() */
    AUTH_DRAC_ANSWER, /* *out is the whole answer: the null procedure, or a fault of RFC 5531 §9 */
    AUTH_DRAC_IGNORE, /* no call that could be answered: drop it */
};

struct auth_drac_call {
    uint32_t xid;
    struct ip ip;
};

/* Reads one datagram. */
enum auth_drac_got auth_drac_read(struct span bytes, struct auth_drac_call *ret, struct buf *out);
void auth_drac_reply(uint32_t xid, enum auth_drac_status status, struct buf *out);

/* PMAPPROC_SET or PMAPPROC_UNSET of version 2, for UDP. */
void auth_drac_portmap(uint32_t xid, bool set, uint32_t version, uint16_t port, struct buf *out);
/* True when the answer to that says it was done. */
bool auth_drac_portmapped(struct span bytes, uint32_t xid);

#endif
