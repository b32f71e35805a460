/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A checksum of 64 bits against what disks and copies do to files; no defence against a forger. It
 * reads several octets a cycle, and any change within one aligned word of eight is always seen.
 */
#ifndef POSTERN_ZONE_SUM_H
#define POSTERN_ZONE_SUM_H

#include <stddef.h>
#include <stdint.h>

uint64_t zone_sum(const void *p, size_t n);

#endif
