/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a TCP proxy in front of a mail server makes of its clients' addresses, as facts. */
#ifndef POSTERN_AUDIT_FRONT_H
#define POSTERN_AUDIT_FRONT_H

#include "audit/interp.h"

struct audit_front {
    const char *who;          /* "HAProxy's backend mail", for people */
    struct span target;       /* HOST:PORT, [HOST]:PORT, a name, or a socket */
    struct span source;       /* the proxy's own address towards the server; empty: not told */
    bool keeps;               /* PROXY, XCLIENT or a transparent source: the server learns it */
    unsigned front_port;      /* what strangers connect to; the port where the target has none */
    struct audit_place place; /* of the line that hides them, or that names the server */
};

/* True when it hides them. */
bool audit_front_facts(struct audit *a, const struct audit_front *f);

#endif
