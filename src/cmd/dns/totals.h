/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counters of sets that are no more, by the names of their zones. */
#ifndef POSTERN_CMD_DNS_TOTALS_H
#define POSTERN_CMD_DNS_TOTALS_H

#include "cmd/dns/served.h"

struct total {
    char *name; /* "" for what belongs to no zone */
    struct zone_counters sum;
};

struct totals {
    struct total *v;
    size_t n, cap;
};

/* Adds all of a set, before it is freed. Out of memory loses counts. */
void totals_add(struct totals *t, const struct served *s);
/* Of a name, or NULL. */
const struct zone_counters *totals_of(const struct totals *t, const char *name);
void totals_deinit(struct totals *t);

#endif
