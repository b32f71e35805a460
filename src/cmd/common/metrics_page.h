/* SPDX-License-Identifier: GPL-3.0-or-later */
/* GET /metrics by HTTP, for Prometheus: the page is the program's, the rest is the same for all. */
#ifndef POSTERN_CMD_COMMON_METRICS_PAGE_H
#define POSTERN_CMD_COMMON_METRICS_PAGE_H

#include "io/http.h"

struct metrics_page;

/* Adds the page to out. False: out of memory. */
typedef bool metrics_page_fn(void *cookie, struct buf *out);

/*
 * `place` as of metrics-listen; each that listens is logged. `type` is the page's media type, a
 * constant. -errno with the reason in err.
 */
int metrics_page_open(struct loop *l, const char *place, const char *type, metrics_page_fn *fn,
                      void *cookie, struct metrics_page **ret, char err[LISTEN_ERROR_MAX]);
/* Safe on NULL. */
void metrics_page_close(struct metrics_page **m);

#endif
