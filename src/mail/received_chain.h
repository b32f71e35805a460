/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * All Received fields of a message, newest first, as they stand from top to bottom. Each hop is
 * what its writer claims; everything below the first line of a stranger may be invented.
 */
#ifndef POSTERN_MAIL_RECEIVED_CHAIN_H
#define POSTERN_MAIL_RECEIVED_CHAIN_H

#include "mail/received.h"

struct received_chain {
    struct received *hops; /* owned; the spans inside borrow from the message */
    size_t count, cap;
    size_t left_out;  /* fields beyond RECEIVED_CHAIN_MAX */
    unsigned strange; /* hops without a known clause */
};

/* Fills *ret (overwritten, not freed). 0, or -ENOMEM with *ret empty. */
int received_chain_read(struct span message, struct received_chain *ret);
void received_chain_deinit(struct received_chain *chain);

/*
 * Whether this address is a peer or a writer of any hop; *ret_hop is the topmost such hop.
 * `as_peer` tells a hop that was reached FROM the address (its receiver saw it) from one written
 * BY it (it names itself): the former is the better witness.
 */
bool received_chain_has_ip(const struct received_chain *chain, struct ip ip, size_t *ret_hop,
                           bool *ret_as_peer);

#endif
