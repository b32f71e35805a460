/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The envelope behind a proof: at which door it was sent, and when the run went there. */
#ifndef POSTERN_CMD_LIST_SENT_H
#define POSTERN_CMD_LIST_SENT_H

#include "cmd/list/ledger.h"

struct sent {
    bool found; /* the store still knows the probe */
    uint16_t port;
    bool tls;
    int64_t target; /* in its run; 0 where it is not known */
    int64_t arrived_wall_ms;
};

/* Of the proof with this id, sent to this address. May be called in a callback of the store. */
int sent_of_proof(struct ledger *g, int64_t proof, struct ip address, struct sent *ret);

struct sent_role {
    int64_t target;
    struct ip address;
    struct span rcpt; /* a role of our domain, "postmaster@…", to which the message came */
    char *probe;      /* gets the id */
    size_t room;
};

/*
 * A message to a role of ours has its tokens in its text. It proves the one envelope that went to
 * that very address, if the host took it; nothing is proved where somebody sends on to us what a
 * mailbox of the host has got, which is what a postmaster does who has questions. *ret whether
 * there is such an envelope.
 */
int sent_to_role(struct ledger *g, const struct sent_role *role, bool *ret);

/* When the run went to that target: its first session; 0 where nothing is known. */
int sent_began(struct ledger *g, int64_t target, int64_t *ret_wall_ms);

#endif
