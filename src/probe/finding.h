/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a target's doors show beside the verdict, each with a name that scripts may rely on. */
#ifndef POSTERN_PROBE_FINDING_H
#define POSTERN_PROBE_FINDING_H

#include "probe/verdict.h"

enum severity { SEVERITY_CRITICAL, SEVERITY_HIGH, SEVERITY_MEDIUM, SEVERITY_LOW, SEVERITY_INFO };
const char *severity_name(enum severity s);

struct finding {
    const char *id; /* static */
    enum severity severity;
    char *text; /* owned */
};

struct finding_list {
    struct finding *findings;
    size_t count, cap;
};

void finding_list_deinit(struct finding_list *l);
/* An equal id and text is entered once. 0 or -ENOMEM. */
int finding_add(struct finding_list *l, enum severity severity, const char *id, const char *fmt,
                ...) __attribute__((format(printf, 4, 5)));

/* How a proved probe travelled, as far as findings care. */
struct finding_arrival {
    struct ip input, output; /* whom we spoke to; who brought it to the sink */
    struct ip seen; /* our address as the first Received line of the target has it; or none */
};

/*
 * All findings of a target. `mine` is the address that our own machine says we have towards it;
 * doors carry their own in host->mine.
 */
int finding_all(struct finding_list *l, const struct verdict_door *doors, size_t count,
                const struct finding_arrival *arrivals, size_t arrival_count);

/*
 * Names what most likely rewrote our address to this one ("Docker's bridge gateway"), or NULL when
 * nothing typical is seen in it.
 */
const char *finding_nat_cause(struct ip seen);

#endif
