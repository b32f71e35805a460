/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Counts the Received fields of a message while it streams by: RFC 5321 §6.3, a loop is found by
 * counting them. Two bytes of state for the line, whatever the message; fed in any pieces. Only the
 * header section counts; a fold, or "Received" in a body or in an attached message, does not.
 */
#ifndef POSTERN_GATE_HOPS_H
#define POSTERN_GATE_HOPS_H

#include "base/span.h"

#include <stdint.h>

enum {
    HOPS_MAX = 100,       /* default of hops-max */
    HOPS_MAX_MOST = 1000, /* what may be configured; RFC 5321 §6.3 wants at least 100 allowed */
};

struct hops {
    unsigned count;
    uint8_t state; /* private */
};

/* For a new message: a zeroed struct will do. */
void hops_init(struct hops *h);
/* Dots undone. False as soon as more than `max` fields were seen; 0: no limit. */
bool hops_feed(struct hops *h, struct span text, unsigned max);

#endif
