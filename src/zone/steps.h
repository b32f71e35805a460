/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The changes of a journal as records that go and records that come. For this folder. */
#ifndef POSTERN_ZONE_STEPS_H
#define POSTERN_ZONE_STEPS_H

#include "zone/batch.h"

struct zone_steps;

/* An outcome of zone_contents_steps(), or -ENOMEM. On OK it owns `changes`. */
int zone_steps_new(const struct zone *zone, struct zone_change *changes, size_t count,
                   uint32_t from, struct zone_steps **ret);
void zone_steps_free(struct zone_steps *s);
/* The SOA of now, that of `from`, what goes, the SOA of now, what comes, and that SOA again. */
bool zone_steps_next(struct zone_steps *s, uint8_t *data, struct zone_rr *rr);

#endif
