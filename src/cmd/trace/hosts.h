/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a run over many messages says about each host: how often it was to blame, and as what.
 * Names are copied, for messages come and go.
 */
#ifndef POSTERN_CMD_TRACE_HOSTS_H
#define POSTERN_CMD_TRACE_HOSTS_H

#include "trace/trace.h"

enum { HOSTS_MAX = 1 << 20 }; /* hosts of one run */

struct host {
    struct ip ip;
    char *name; /* the first of its names; owned, may be NULL */
    const char *product;
    uint64_t by_class[TRACE_CLASSES];
    uint64_t count;
    unsigned confidence; /* the highest */
};

struct hosts {
    struct host *v;
    size_t count, cap;
    size_t *index; /* open addressing, by address or name; SIZE_MAX is free */
    size_t index_cap;
};

/* Notes the culprit of a blamed message. 0 or -ENOMEM; a host beyond HOSTS_MAX is not kept. */
int hosts_add(struct hosts *h, const struct trace *t);
/* By count, then by address; the index is void afterwards. */
void hosts_sort(struct hosts *h);
void hosts_deinit(struct hosts *h);

#endif
