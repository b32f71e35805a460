/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Serial numbers of zones: 32 bits on a circle, RFC 1982. */
#ifndef POSTERN_ZONE_SERIAL_H
#define POSTERN_ZONE_SERIAL_H

#include <stdbool.h>
#include <stdint.h>

/* RFC 1982 §3.2: a is after b. Of two that are half the circle apart neither is. */
bool zone_serial_after(uint32_t a, uint32_t b);
/* The serial of the next change: the later of old + 1 and the clock; never 0. */
uint32_t zone_serial_next(uint32_t old, int64_t now_wall);

#endif
