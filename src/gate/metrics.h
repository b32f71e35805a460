/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counters and gauges of the gate, as plain numbers: a worker owns one struct metrics, which may
 * lie in memory that processes share; a reader sums them and writes OpenMetrics text (also what
 * Prometheus reads). Names and help stand in one table, metrics.c. A label's values are a fixed
 * set: a stranger can't make a new series.
 */
#ifndef POSTERN_GATE_METRICS_H
#define POSTERN_GATE_METRICS_H

#include "base/buf.h"

#include <stdint.h>

enum metric {
    METRIC_SESSIONS,         /* role=mx|submission */
    METRIC_SESSIONS_ACTIVE,  /* gauge */
    METRIC_SESSIONS_REFUSED, /* why=slots|host|list|guard|backend */
    METRIC_SESSION_ENDS,     /* end= as smtp_server_end_name */
    METRIC_MAILS,            /* transactions: result= as gate_result_name */
    METRIC_RCPTS,            /* outcome=accepted|refused|backend */
    METRIC_REFUSALS,         /* reason= as relay_reason_name */
    METRIC_BYTES,            /* of message text passed */
    METRIC_AUTHS,            /* outcome=ok|failed|error */
    METRIC_TLS,              /* side=client|backend */
    METRIC_TLS_FAILED,       /* side=client|backend */
    METRIC_BACKENDS,         /* outcome=ok|connect|identity|protocol|timeout */
    METRIC_BACKENDS_ACTIVE,  /* gauge */
    METRIC_BACKENDS_DOWN,    /* gauge: that do not answer */
    METRIC_DNSBL,            /* outcome=listed|no|error|timeout */
    METRIC_DNSBL_BAD,        /* gauge: zones out of use */
    METRIC_TARPIT_HELD,      /* gauge */
    METRIC_TARPIT_DELAYS,
    METRIC_TARPIT_MS,
    METRIC_TARPIT_LINES, /* said while their reply was held */
    METRIC_TARPIT_SHED,
    METRIC_TRAPS,        /* clients put on the timed list */
    METRIC_TRAP_ENTRIES, /* gauge */
    METRIC_HOPS,         /* messages refused as loops */
    METRIC_GUARD,        /* gauge: 1 while suspended */
    METRIC_GRANTS,       /* login grants made */
    METRIC_EVIDENCE,     /* lines written */
    METRIC_LOG_DROPPED,  /* lines left out */
    METRIC_COUNT,
};

enum { METRICS_LABELS = 48, METRICS_TEXT_MAX = 1 << 18 };

struct metrics {
    uint64_t v[METRIC_COUNT][METRICS_LABELS];
};

/* For metrics without a label the index is 0. An index past the end goes to the last: "other". */
void metrics_add(struct metrics *m, enum metric which, unsigned label, uint64_t n);
void metrics_set(struct metrics *m, enum metric which, unsigned label, uint64_t value);
uint64_t metrics_get(const struct metrics *m, enum metric which, unsigned label);
/* By the label's word; a word that is not in the table counts as "other". */
void metrics_add_named(struct metrics *m, enum metric which, const char *word, uint64_t n);
/*
 * OpenMetrics 1.0 text of the sum of `count` structs, with "# EOF". Reads each number once; a
 * number that another process is writing comes old or new.
 */
void metrics_text(const struct metrics *const *all, size_t count, struct buf *out);
#define METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

#endif
