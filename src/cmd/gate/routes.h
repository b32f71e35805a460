/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The backends of a configuration, and which of them a recipient goes to. What each offers was
 * seen by the last test (cmd/gate/probe.h).
 */
#ifndef POSTERN_CMD_GATE_ROUTES_H
#define POSTERN_CMD_GATE_ROUTES_H

#include "cmd/gate/args.h"
#include "gate/backend.h"
#include "relay/relay.h"

enum { ROUTES_ERROR_MAX = 300 };

/* Who may be at the other end of TLS. All that is set must hold; see cmd/gate/trust.h. */
struct route_trust {
    bool any;    /* anybody: what was said, or a backend on this host */
    bool verify; /* a chain to a root that we know, and the name */
    char *name;  /* owned: to ask for, and to verify; a host name or an address */
    char **pins; /* owned: SHA-256 of the public key (SPKI), 64 lower-case hex digits; one of */
    size_t pin_count;
};

struct route {
    struct gate_route gate; /* first: what the machines see */
    struct route_trust trust;
    char *text;   /* "mail.example.org:25", owned */
    char *domain; /* in lower case, of "DOMAIN=…", or NULL: for all others */
    bool outbound;
    bool probed;   /* it has answered a test at least once: */
    unsigned ext;  /* enum smtp_ext that it offered */
    uint64_t size; /* 0: none told */
};

struct routes {
    struct route *v;
    size_t count;
    const struct route *outbound;
};

/* -EINVAL, -ENOMEM with the reason in err. Names are looked up, which may take a moment. */
int routes_open(struct routes *r, const struct gate_args *args, char err[ROUTES_ERROR_MAX]);
void routes_close(struct routes *r);
/* Whether both mean the same place, spoken to in the same way. */
bool routes_same(const struct route *a, const struct route *b);
/* After a reload: what is known of a backend that was there before. */
void routes_inherit(struct routes *r, const struct routes *before);
/* Where a recipient that relay_decide() took goes; never NULL. */
const struct gate_route *routes_find(const struct routes *r, const struct relay_decision *d);
/* What all of them offer: EHLO is never more than that. *ret_size: the least, 0 none. */
unsigned routes_offer(const struct routes *r, uint64_t *ret_size);

#endif
