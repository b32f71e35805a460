/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a server offers in its answer to EHLO, RFC 5321 §4.1.1.1. */
#ifndef POSTERN_SMTP_EHLO_H
#define POSTERN_SMTP_EHLO_H

#include "base/ip.h"

enum smtp_ext {
    SMTP_EXT_PIPELINING = 1 << 0, /* RFC 2920 */
    SMTP_EXT_SIZE = 1 << 1,       /* RFC 1870 */
    SMTP_EXT_8BITMIME = 1 << 2,   /* RFC 6152 */
    SMTP_EXT_SMTPUTF8 = 1 << 3,   /* RFC 6531 */
    SMTP_EXT_STARTTLS = 1 << 4,   /* RFC 3207 */
    SMTP_EXT_AUTH = 1 << 5,       /* RFC 4954 */
    SMTP_EXT_CHUNKING = 1 << 6,   /* RFC 3030 */
    SMTP_EXT_BINARYMIME = 1 << 7, /* RFC 3030 */
    SMTP_EXT_DSN = 1 << 8,        /* RFC 3461 */
    SMTP_EXT_ENHANCED = 1 << 9,   /* RFC 2034 */
    SMTP_EXT_XCLIENT = 1 << 10,   /* Postfix XCLIENT_README */
    SMTP_EXT_XFORWARD = 1 << 11,  /* Postfix XFORWARD_README */
    SMTP_EXT_ETRN = 1 << 12,      /* RFC 1985 */
    SMTP_EXT_VRFY = 1 << 13,
    SMTP_EXT_HELP = 1 << 14,
    SMTP_EXT_PIPECONNECT = 1 << 15, /* Exim */
    SMTP_EXT_LIMITS = 1 << 16,      /* RFC 9422 */
};

enum smtp_mech {
    SMTP_MECH_PLAIN = 1 << 0,
    SMTP_MECH_LOGIN = 1 << 1,
    SMTP_MECH_CRAM_MD5 = 1 << 2,
    SMTP_MECH_OTHER = 1 << 3,
};

/* The attributes that XCLIENT or XFORWARD takes, as their EHLO lines list them. */
enum smtp_attr {
    SMTP_ATTR_NAME = 1 << 0,
    SMTP_ATTR_ADDR = 1 << 1,
    SMTP_ATTR_PORT = 1 << 2,
    SMTP_ATTR_PROTO = 1 << 3,
    SMTP_ATTR_HELO = 1 << 4,
    SMTP_ATTR_LOGIN = 1 << 5,
    SMTP_ATTR_DESTADDR = 1 << 6,
    SMTP_ATTR_DESTPORT = 1 << 7,
    SMTP_ATTR_IDENT = 1 << 8,
    SMTP_ATTR_SOURCE = 1 << 9,
    SMTP_ATTR_SESSION = 1 << 10, /* Dovecot's */
    SMTP_ATTR_REVERSE_NAME = 1 << 11,
};

struct smtp_ehlo {
    unsigned ext;      /* enum smtp_ext */
    unsigned mechs;    /* enum smtp_mech */
    unsigned xclient;  /* enum smtp_attr of XCLIENT, */
    unsigned xforward; /* and of XFORWARD */
    uint64_t size;     /* of SIZE; 0: no limit told */
    unsigned rcpt_max; /* LIMITS RCPTMAX; 0: none told */
    char name[256];    /* the server's name in the first line; "" when it is no host name */
    /* our address as the greeting line shows it, as in "Hello you [192.0.2.1]" */
    struct ip seen_client;
};

/* Reads the text of a 250 reply to EHLO (lines joined by LF). Unknown keywords are passed over. */
void smtp_ehlo_parse(struct span text, struct smtp_ehlo *ret);
/* The keyword as it stands in the EHLO reply. */
const char *smtp_ext_name(enum smtp_ext ext);

#endif
