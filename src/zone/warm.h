/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Has the processor fetch what the look-up of an address will read, while there is something else
 * to do: for a batch of questions, all are warmed before the first is answered, so that their waits
 * for memory overlap. Only advice: nothing is promised, and nothing but time depends on it.
 */
#ifndef POSTERN_ZONE_WARM_H
#define POSTERN_ZONE_WARM_H

#include "zone/image.h"

/*
 * The address that a packet seems to ask for: its first four labels as numbers. False for any
 * other; no other check is made of it.
 */
bool zone_warm_address(const uint8_t *packet, size_t n, uint32_t *ret);
/* First for all addresses, then the second for all: it reads what the first has fetched. */
void zone_warm_first(const struct zone_image *im, uint32_t ip);
void zone_warm_second(const struct zone_image *im, uint32_t ip);

#endif
