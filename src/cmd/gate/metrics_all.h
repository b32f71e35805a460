/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The metrics of all workers as one page. No secret is in them, and no client's name. */
#ifndef POSTERN_CMD_GATE_METRICS_ALL_H
#define POSTERN_CMD_GATE_METRICS_ALL_H

#include "gate/metrics.h"

/*
 * One struct metrics a worker, all zero, in memory that processes forked from here share. NULL when
 * there is none to have. Lives to the end of the process.
 */
struct metrics *metrics_shared(size_t workers);

struct metrics_all {
    const struct metrics *v; /* of metrics_shared() */
    size_t workers;
};

/* A metrics_page_fn; the cookie is a struct metrics_all. */
bool metrics_all_text(void *all, struct buf *out);

#endif
