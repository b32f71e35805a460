/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Is a policy an open relay? Looks at each entry that grants something and is not marked
 * "deliberate", with the facts of the host that the gate runs on. A gate does not start with a
 * finding.
 *
 * Why a gateway or bridge address is refused: where a firewall or a container's proxy hides the
 * clients, they all come from that one address (design D8). "!address" among the networks takes it
 * out of a wider prefix.
 */
#ifndef POSTERN_RELAY_CHECK_H
#define POSTERN_RELAY_CHECK_H

#include "relay/policy.h"

enum {
    /* Prefixes shorter than these are too wide, unless they lie in private or loopback space. */
    RELAY_WIDE_V4 = 16, /* 65,536 addresses: the largest site net that is still handed out */
    RELAY_WIDE_V6 = 32, /* what a provider gets, RFC 6177 */
    /* All that is granted together, outside of private space: as much as so many widest prefixes */
    RELAY_WIDE_TOTAL = 256,
    RELAY_HOST_NAME = 16, /* of an interface, with NUL: IFNAMSIZ */
};

enum relay_fact_kind {
    RELAY_FACT_GATEWAY, /* of a route of this host */
    RELAY_FACT_BRIDGE,  /* of an interface that is a bridge: containers and virtual machines */
    RELAY_FACT_ADDRESS, /* of another interface: no fault, but others ask for it */
};

struct relay_fact {
    enum relay_fact_kind kind;
    struct ip ip;
    char interface[RELAY_HOST_NAME];
};

enum relay_finding_kind {
    RELAY_OPEN_WORLD,        /* 0/0 or ::/0 */
    RELAY_OPEN_WIDE,         /* one prefix over the limit */
    RELAY_OPEN_TOTAL,        /* all prefixes together */
    RELAY_OPEN_GATEWAY,      /* holds a gateway's address */
    RELAY_OPEN_BRIDGE,       /* holds a bridge's address */
    RELAY_OPEN_EVERY_DOMAIN, /* "*" or "." */
    RELAY_OPEN_TOP_DOMAIN,   /* all below a name of one label */
};

const char *relay_finding_name(enum relay_finding_kind kind); /* "gateway" */

struct relay_finding {
    enum relay_finding_kind kind;
    struct relay_place place;
    char text[200]; /* one printable sentence without place: what is wrong, and the remedy */
};

struct relay_findings {
    struct relay_finding *v; /* by place; one kind stands once per line */
    size_t count, cap;
};

/* 0, with or without findings, or -ENOMEM. The policy is sealed. */
int relay_check(const struct relay_policy *p, const struct relay_fact *facts, size_t fact_count,
                struct relay_findings *ret);
void relay_findings_deinit(struct relay_findings *f);

#endif
