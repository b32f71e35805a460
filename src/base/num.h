/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers from text: digits only, the whole span, within the bounds given. No sign, no space, no
 * other base, no locale.
 */
#ifndef POSTERN_BASE_NUM_H
#define POSTERN_BASE_NUM_H

#include "base/span.h"

#include <stdint.h>

#define NUM_DURATION_MAX (INT64_C(36525) * 86400 * 1000) /* milliseconds: a century */
#define NUM_SIZE_MAX     (UINT64_C(1) << 50)             /* bytes: a pebibyte */

bool num_u64(struct span s, uint64_t min, uint64_t max, uint64_t *ret);
bool num_uint(struct span s, unsigned min, unsigned max, unsigned *ret);
/* Seconds, or a number with one of s, m, h, d, w behind it; a century at most. In milliseconds. */
bool num_duration(struct span s, int64_t *ret_ms);
/* Bytes, or a number with k, m or g (powers of 1024) behind it; NUM_SIZE_MAX at most. */
bool num_size(struct span s, uint64_t *ret_bytes);

/* Big-endian integers of the wire. */
void num_put16(uint8_t *p, uint16_t v);
void num_put32(uint8_t *p, uint32_t v);
uint16_t num_get16(const uint8_t *p);
uint32_t num_get32(const uint8_t *p);

#endif
