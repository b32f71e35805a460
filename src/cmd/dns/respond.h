/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The answer to one packet, whichever way it came, with TSIG where the question has one. */
#ifndef POSTERN_CMD_DNS_RESPOND_H
#define POSTERN_CMD_DNS_RESPOND_H

#include "cmd/dns/served.h"
#include "dns/tsig.h"

/* What is left of a question behind its answer; q->packet is the caller's packet. */
struct asked {
    struct dns_query q;
    struct dns_tsig tsig; /* filled when q.tsig_at is not 0 */
};

/* Octets of the answer in out[max], 0 when there is none to send. */
size_t respond(const struct served *s, const struct zone_client *client, struct span packet,
               uint8_t *out, size_t max, struct asked *asked, struct zone_outcome *got);

#endif
