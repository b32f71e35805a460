/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A sample of the queries, for the log. A thread that answers puts one query in N into a ring of
 * its own and never waits; the main thread writes the lines. What does not fit is lost and counted.
 *
 * Who asks about whom tells who mails whom. So a line has either the client or the name that was
 * asked for, in turn, unless the operator wants both. A customer's key is in neither.
 */
#ifndef POSTERN_CMD_DNS_SAMPLE_H
#define POSTERN_CMD_DNS_SAMPLE_H

#include "zone/answer.h"

#include <stdatomic.h>

enum { SAMPLE_RING = 256 }; /* a power of two */

struct sample {
    struct ip client;
    enum zone_result result;
    uint16_t type, rcode;
    bool tcp;
    uint8_t name[DNS_NAME_MAX]; /* of the question, or the root */
};

struct sample_ring {
    _Atomic uint32_t in, out;
    _Atomic uint64_t lost;
    uint32_t countdown; /* of the thread: queries to the next one */
    struct sample v[SAMPLE_RING];
};

void sample_put(struct sample_ring *r, const struct zone_client *client, struct span packet,
                const struct zone_outcome *got);

/* A query of a thread: true when it is to be put. `every` 0: none is. */
static inline bool sample_due(struct sample_ring *r, uint32_t every)
{
    if (every == 0 || (r->countdown && --r->countdown))
        return false;
    r->countdown = every;
    return true;
}

static inline uint64_t sample_lost(const struct sample_ring *r)
{
    return atomic_load_explicit(&r->lost, memory_order_relaxed);
}

/* Main thread: writes what is there into the log. */
void sample_log(struct sample_ring *r, bool pairs);

#endif
