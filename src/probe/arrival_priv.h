/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What arrival.c and arrival_find.c share. */
#ifndef POSTERN_PROBE_ARRIVAL_PRIV_H
#define POSTERN_PROBE_ARRIVAL_PRIV_H

#include "probe/arrival.h"

/* A header field in which mail systems note the envelope recipient. */
bool arrival_is_trace_field(struct span name);

/*
 * Adds the tokens that stand in the message's text and in copies of ours, without scope of a
 * recipient. 0, -ENOMEM.
 */
int arrival_find_text(const uint8_t key[MAC_KEY], struct arrival *a);
/* Adds those that the near side and the report tell as recipients; a->near is set. 0, -ENOMEM. */
int arrival_find_recipients(const uint8_t key[MAC_KEY], struct arrival *a);

#endif
