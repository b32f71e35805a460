/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How a backend is told whom we speak for. Every value is a stranger's: it goes out in xtext, or
 * not at all. What the backend believed about the connection before (our own name and address)
 * must not survive: each attribute that it takes is said, "[UNAVAILABLE]" where there is none, and
 * "[TEMPUNAVAIL]" for a name that could not be looked up just now.
 */
#ifndef POSTERN_GATE_IDENTITY_H
#define POSTERN_GATE_IDENTITY_H

#include "base/buf.h"
#include "gate/client.h"

enum gate_identity {
    GATE_IDENTITY_XCLIENT,     /* Postfix XCLIENT_README */
    GATE_IDENTITY_PROXY1,      /* HAProxy's proxy-protocol.txt §2.1 */
    GATE_IDENTITY_PROXY2,      /* §2.2 */
    GATE_IDENTITY_TRANSPARENT, /* the connection comes from the client's own address */
};

const char *gate_identity_name(enum gate_identity identity); /* "xclient" */
bool gate_identity_parse(struct span word, enum gate_identity *ret);

/*
 * XCLIENT commands with CRLF, each of at most SMTP_COMMAND_MAX octets; ADDR is the last word of the
 * last, because with it the right to say more may go. `takes`: enum smtp_attr that the backend
 * listed. Returns how many there are; 0 when they can't say who the client is.
 */
unsigned gate_identity_xclient(const struct gate_client *c, unsigned takes, struct buf *out);
/*
 * A header of either version. False when the client's two addresses are not of one family, or it is
 * not known who the client is.
 */
bool gate_identity_proxy1(const struct gate_client *c, struct buf *out);
bool gate_identity_proxy2(const struct gate_client *c, struct buf *out);

/* xtext of RFC 3461 §4. */
void gate_xtext(struct span s, struct buf *out);
/*
 * The name for EHLO to a backend: the client's where it is a domain or an address literal, else
 * ours.
 */
struct span gate_identity_hello(const struct gate_client *c, const char *us);

#endif
