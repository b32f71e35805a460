/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Prometheus reads: sums over all threads, and the state of each zone. */
#ifndef POSTERN_CMD_DNS_METRICS_H
#define POSTERN_CMD_DNS_METRICS_H

#include "cmd/dns/hub.h"
#include "cmd/dns/tcp.h"
#include "cmd/dns/worker.h"

struct metrics_of {
    const struct hub *hub;
    struct worker *const *workers;
    size_t worker_count;
    struct tcp *tcp; /* or NULL */
    const struct notifier *notifier;
};

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* A metrics_page_fn; the cookie is a struct metrics_of. */
bool metrics_page(void *of, struct buf *out);

#endif
