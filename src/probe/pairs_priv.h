/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Inside of the pairing: what pairs.c makes, pairs_filter.c chooses from. */
#ifndef POSTERN_PROBE_PAIRS_PRIV_H
#define POSTERN_PROBE_PAIRS_PRIV_H

#include "probe/pairs.h"

/* Whether the options name what there is. On false, why says which one does not. */
bool pairs_options_ok(const struct catalogue *c, const struct pairs_options *o, char *why,
                      size_t why_size);
/*
 * Whether the options want this probe, which is in their set or not. `hits` has a count for each
 * glob of only, then of skip: those that matched it are raised, wanted or not.
 */
bool pairs_wanted(const struct pairs_options *o, const struct probe *p, bool in_set,
                  unsigned *hits);

/* Fills what follows from the rows of a probe: id, cause, needs, before, risk. */
void pairs_finish(struct probe *p, unsigned prior);

#endif
