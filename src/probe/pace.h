/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Manners towards a host that is not ours: so few refusals in a window of time that no ban rule of
 * the usual kind (fail2ban: 5 in 10 minutes) takes us for an attack. One pace serves all ports of
 * one address.
 */
#ifndef POSTERN_PROBE_PACE_H
#define POSTERN_PROBE_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PACE_REFUSALS = 4,               /* in a window: one below the usual jail */
    PACE_WINDOW_MS = 10 * 60 * 1000, /* and a bit more is waited for, see PACE_MARGIN_MS */
    PACE_MARGIN_MS = 15 * 1000,      /* their clock is not ours */
};

struct pace {
    bool limited;   /* false: no limit, for hosts of the operator's own */
    bool any;       /* a refusal was met */
    int64_t newest; /* when the last one was; ms */
};

void pace_init(struct pace *p, bool limited);
void pace_refused(struct pace *p, int64_t now);
/* How many refusals may be risked now; 0: none before *ret_until. */
unsigned pace_left(const struct pace *p, int64_t now, int64_t *ret_until);

#endif
