/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a returned probe travelled, as the report tells it. */
#ifndef POSTERN_CMD_TEST_WAY_H
#define POSTERN_CMD_TEST_WAY_H

#include "store/store.h"

#include <jansson.h>

/*
 * The "arrival" object of a probe: when, delay, input, output, source, scope, TLS, HELO, hops. The
 * hops come from the proof's chain. *ret_seen is our own address as the first host of the chain
 * that took the message wrote it, or IP_NONE. NULL when out of memory.
 */
json_t *way_json(const struct store_proof *proof, struct ip input, int64_t delay_ms,
                 struct ip *ret_seen);

#endif
