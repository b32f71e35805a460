/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A thread that answers datagrams: a batch in, the answers of one state of the zones, a batch out.
 * It takes no lock and no memory, and opens nothing.
 */
#ifndef POSTERN_CMD_DNS_WORKER_H
#define POSTERN_CMD_DNS_WORKER_H

#include "cmd/dns/sample.h"
#include "cmd/dns/served.h"
#include "dns/rrl.h"
#include "io/batch.h"

/* Read by the main thread as they stand. */
struct worker_counts {
    uint64_t queries, batches, answers; /* answers: that the kernel has taken */
    uint64_t slipped, limited;          /* by the rate limit: TC, nothing */
    uint64_t odd;                       /* cut or of an unknown family */
};

struct worker;

/*
 * Opens its door; the descriptors stay the caller's. `table` is the rate limiter's, shared by all
 * workers, dns_rrl_size(bits) octets. -errno.
 */
int worker_new(struct served_slot *slot, const int *fds, size_t count, void *table, unsigned bits,
               const uint8_t key[DNS_COOKIE_KEY], struct worker **ret);
/* Something must have been published. -errno. */
int worker_start(struct worker *w);
/* Answers what has come in and ends; waits for that. */
void worker_stop(struct worker *w);
void worker_free(struct worker **w); /* after worker_stop(), or never started; safe on NULL */

const struct worker_counts *worker_counts(const struct worker *w);
struct sample_ring *worker_samples(struct worker *w);
uint64_t worker_patterns_exhausted(const struct worker *w);

#endif
