/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * DNS over TCP (RFC 7766), in a thread with a loop of its own: questions one behind the other on a
 * connection, answers in their order, zone transfers in between. What strangers can take is
 * bounded: connections in all and of one address, octets that wait in either direction, silence.
 */
#ifndef POSTERN_CMD_DNS_TCP_H
#define POSTERN_CMD_DNS_TCP_H

#include "cmd/dns/sample.h"
#include "cmd/dns/served.h"
#include "io/listen.h"

enum {
    TCP_MESSAGE_MAX = 16384,   /* octets of a question; TSIG and all that is known fits in one */
    TCP_QUEUE_MAX = 1 << 18,   /* octets of answers on one connection that wait to be sent */
    TCP_CLIENT_SLOTS = 1 << 14 /* addresses are counted by hash: two may share a number */
};

/* Read by the main thread as they stand. */
struct tcp_counts {
    uint64_t taken, turned_away, pushed_out; /* connections: in all, over a limit, for another */
    uint64_t queries, transfers_full, transfers_steps, transfers_same, transfers_failed;
    uint64_t transfer_octets;
    unsigned clients, transfers; /* now */
};

struct tcp;

/* Takes the listening descriptors over, also when it fails. Opens its door. -errno with err. */
int tcp_new(struct served_slot *slot, const int *fds, size_t count, struct tcp **ret,
            char err[LISTEN_ERROR_MAX]);
/* Something must have been published. -errno. */
int tcp_start(struct tcp *t);
/* No new clients; waits for transfers under way, at most so long, and for the thread. */
void tcp_stop(struct tcp *t, int64_t drain_ms);
void tcp_free(struct tcp **t); /* after tcp_stop(), or never started; safe on NULL */

const struct tcp_counts *tcp_counts(const struct tcp *t);
struct sample_ring *tcp_samples(struct tcp *t);

#endif
