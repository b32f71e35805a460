/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The run of postern-trace(1): what main.c and output.c share. */
#ifndef POSTERN_CMD_TRACE_RUN_H
#define POSTERN_CMD_TRACE_RUN_H

#include "cmd/common/view.h"
#include "cmd/trace/hosts.h"
#include "trace/render.h"

enum {
    TRACE_EXIT_NOBODY = 0,
    TRACE_EXIT_RELAY = 2,
    TRACE_EXIT_UNDECIDED = 3,
    RUN_FLUSH = 1 << 16,  /* octets gathered before they are written */
    RUN_CARDS_MAX = 2000, /* messages that the page shows in full */
    RUN_PAGE_MAX = 1 << 28,
};

struct args {
    struct option_list trust, mx, org;
    const char *html, *nominate;
    bool json, hops, summary, verbose;
    unsigned colour;
};

struct run {
    struct args args;
    const char *program;
    struct trace_options options;
    struct trace trace;
    struct render_style style;
    struct buf out, page, nominations;
    /* The first message's output waits until it is known whether there is a second. */
    struct buf first, first_verdict;
    struct hosts hosts;
    uint64_t messages, by_class[TRACE_CLASSES], cards, nominated;
    enum trace_class only; /* of the one message of the run */
    int64_t now_wall;
    int status;
};

/* Adds one judged message to what is printed and kept. 0 or -errno. */
int output_message(struct run *r, struct span where, struct span message);
/* The summary or the verdict, the page, the nominations. 0 or an exit status. */
int output_end(struct run *r);
/* Writes what has gathered to standard output. 0 or an exit status. */
int output_flush(struct run *r);

#endif
