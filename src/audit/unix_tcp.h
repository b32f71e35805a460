/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Rules by client address: tcprules(1) of qmail's tcpserver, and Courier's smtpaccess. */
#ifndef POSTERN_AUDIT_UNIX_TCP_H
#define POSTERN_AUDIT_UNIX_TCP_H

#include "audit/unix.h"

enum unix_tcp_who {
    UNIX_TCP_NET,
    UNIX_TCP_EVERYONE,
    UNIX_TCP_NAMED,    /* "=name", "=.suffix": by reverse name */
    UNIX_TCP_ANY_NAME, /* "=": who has any reverse name */
    UNIX_TCP_NOBODY,   /* can't match */
};

struct unix_tcp_rule {
    enum unix_tcp_who who;
    struct ip_prefix net[14]; /* a range is several */
    size_t net_count;
    bool deny, relay;
    struct span address, value; /* value of RELAYCLIENT */
    struct audit_place place;
};

struct unix_tcp_rules {
    struct unix_tcp_rule *v;
    size_t count;
};

/* Lines "address:allow,VAR=\"x\"" or, with `courier`, "address<tab>allow,VAR=x". */
void unix_tcp_read(struct audit *a, const struct audit_source_file *f, bool courier,
                   struct unix_tcp_rules *add_to);
/* The rule for everyone; NULL: none. */
const struct unix_tcp_rule *unix_tcp_default(const struct unix_tcp_rules *r);
/* Rows of trusted networks, the longest first; the default rule is not among them. */
void unix_tcp_trust(struct audit *a, const struct unix_tcp_rules *r, struct audit_door *d);

#endif
