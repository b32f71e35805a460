/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Canonical addresses. What a client wrote is read strictly and written again by us, so that the
 * backend reads what we decided about: lower-case A-labels, quotes only where they must be, no
 * route. An address that some other mail system could read another way is told apart, not mended.
 */
#ifndef POSTERN_RELAY_CANON_H
#define POSTERN_RELAY_CANON_H

#include "relay/policy.h"

enum relay_canon_got {
    RELAY_CANON_OK = 0,
    RELAY_CANON_NULL,       /* "<>" */
    RELAY_CANON_POSTMASTER, /* "<postmaster>" */
    RELAY_CANON_SYNTAX,     /* no Mailbox of RFC 5321 §4.1.2, or too long */
    RELAY_CANON_ROUTE,      /* a source route, or one hidden in the local part */
    RELAY_CANON_UTF8,       /* not UTF-8, not announced by SMTPUTF8, or no name by IDNA */
    RELAY_CANON_LITERAL,    /* a literal of no IP address, or an address without its brackets */
};

struct relay_address {
    char path[RELAY_PATH_SIZE];     /* with its brackets */
    char local[SMTP_LOCAL_MAX + 1]; /* unquoted; holds no NUL */
    char domain[RELAY_NAME_SIZE];   /* A-labels; "" for POSTMASTER and for a literal */
    struct ip literal;              /* of an address literal, else IP_NONE */
    bool utf8;                      /* the local part has octets over 127 */
    /*
     * The local part means another address to some mail systems: '%' or '!' in it, '/' or '|' at
     * its front, or IMCEA encapsulation. Only for mailboxes that really have such names.
     */
    bool marked;
};

/* `text` with its angle brackets. *ret is set for OK, NULL and POSTMASTER, else zeroed. */
enum relay_canon_got relay_canon(struct span text, bool smtputf8, relay_ascii_fn ascii,
                                 struct relay_address *ret);
const char *relay_canon_got_name(enum relay_canon_got got);

#endif
