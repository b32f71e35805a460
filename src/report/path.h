/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The way of a proved probe as a row of hosts, from us to the sink, for those who draw it. What we
 * saw ourselves (the address that we connected to, the address that connected to the sink) is told
 * apart from what only the message's Received fields claim. Texts borrow from the document.
 */
#ifndef POSTERN_REPORT_PATH_H
#define POSTERN_REPORT_PATH_H

#include "report/report.h"

enum { REPORT_PATH_MAX = 8 }; /* hosts drawn; the middle of a longer way is left out */

enum report_node_kind {
    REPORT_NODE_TESTER,
    REPORT_NODE_TARGET, /* the host that we gave the message to */
    REPORT_NODE_HOP,    /* known from a Received field only */
    REPORT_NODE_GAP,    /* `left_out` hosts stand here */
    REPORT_NODE_OUTPUT, /* its address connected to the sink */
    REPORT_NODE_SINK,
};

/* What stands over the host in a drawing. */
const char *report_node_name(enum report_node_kind kind);

struct report_node {
    enum report_node_kind kind;
    struct span name, address;
    struct span with; /* protocol by which it got the message, as a Received field says */
    uint64_t port;    /* of the target, else 0 */
};

struct report_path {
    struct report_node nodes[REPORT_PATH_MAX];
    size_t count;
    size_t left_out;
    struct span tls;  /* of the first step: the documents' word */
    int64_t delay_ms; /* from our last byte to the arrival; -1 unknown */
};

void report_path_of(struct report_path *path, const json_t *proved, struct span target);
/* Same hosts and addresses all along: such probes are drawn once. */
bool report_path_same(const struct report_path *a, const struct report_path *b);
/* "tester, seen as 198.51.100.7 --> mx.example 192.0.2.1:25 --> sink (0.4 s)", on one line. */
void report_path_text(struct buf *out, const struct report_path *path,
                      const struct report_style *style);

#endif
