/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What Prometheus reads: sums over all threads, and the state of each zone. */
#ifndef POSTERN_CMD_DNS_METRICS_H
#define POSTERN_CMD_DNS_METRICS_H

#include "cmd/dns/hub.h"
#include "cmd/dns/tcp.h"
#include "cmd/dns/worker.h"
#include "io/http.h"

struct metrics_of {
    const struct hub *hub;
    struct worker *const *workers;
    size_t worker_count;
    const struct tcp *tcp; /* or NULL */
    const struct notifier *notifier;
};

struct metrics_http;

/* -errno with the reason in err. */
int metrics_open(struct loop *l, const char *place, const struct metrics_of *of,
                 struct metrics_http **ret, char err[LISTEN_ERROR_MAX]);
void metrics_close(struct metrics_http **m); /* safe on NULL */
void metrics_text(const struct metrics_of *of, struct buf *out);

#endif
