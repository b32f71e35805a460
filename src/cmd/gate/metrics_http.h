/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The metrics of all workers by HTTP: GET /metrics. No secret is in them, and no client's name. */
#ifndef POSTERN_CMD_GATE_METRICS_HTTP_H
#define POSTERN_CMD_GATE_METRICS_HTTP_H

#include "gate/metrics.h"
#include "io/http.h"

struct metrics_http;

/*
 * One struct metrics a worker, all zero, in memory that processes forked from here share. NULL when
 * there is none to have. Lives to the end of the process.
 */
struct metrics *metrics_shared(size_t workers);

/* `place` as of metrics-listen. The metrics outlive it. -errno with the reason in err. */
int metrics_http_open(struct loop *l, const char *place, const struct metrics *all, size_t workers,
                      struct metrics_http **ret, char err[LISTEN_ERROR_MAX]);
/* Safe on NULL. */
void metrics_http_close(struct metrics_http **m);

#endif
