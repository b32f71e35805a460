/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One zone transfer out: AXFR (RFC 5936), or IXFR (RFC 1995) by the steps of the journal where they
 * go back far enough. It gives one message at a time and keeps no more than that, so a zone of any
 * size goes to a slow secondary in bounded memory; the set that it began with stays until its end.
 */
#ifndef POSTERN_CMD_DNS_TRANSFER_H
#define POSTERN_CMD_DNS_TRANSFER_H

#include "cmd/dns/respond.h"

enum transfer_kind {
    TRANSFER_FULL,
    TRANSFER_STEPS,
    TRANSFER_SAME, /* the client has this serial already: one SOA */
};

struct transfer;

/*
 * While entered: pins `s`. `asked` and the packet in it are copied. 0, -ENOMEM, or -ENODATA where
 * the zone can't be told in records (patterns, no SOA).
 */
int transfer_new(const struct served *s, const struct zone *zone, const struct asked *asked,
                 struct transfer **ret);
void transfer_free(struct transfer **t); /* safe on NULL */
enum transfer_kind transfer_kind(const struct transfer *t);
const struct zone *transfer_zone(const struct transfer *t);
/* The next message with its length before it, good until the next call; empty at the end. */
struct span transfer_next(struct transfer *t, int64_t now_wall);

#endif
