/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Four lanes, each fed every fourth word: the multiplications of one lane wait for each other,
 * those of four do not. A step (xor, multiply by an odd number, rotate) can be undone, so two
 * inputs that differ in one word end in different lanes. The length is put in last, so that zeros
 * count.
 */
#include "zone/sum.h"

#include <endian.h>
#include <string.h>

#define MULTIPLIER UINT64_C(0x9e3779b97f4a7c15)

static uint64_t word_at(const uint8_t *p, size_t n)
{
    uint64_t w = 0;

    memcpy(&w, p, n < 8 ? n : 8);
    return le64toh(w);
}

static uint64_t step(uint64_t lane, uint64_t w)
{
    lane = (lane ^ w) * MULTIPLIER;
    return lane << 31 | lane >> 33;
}

uint64_t zone_sum(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    uint64_t lane[4] = {1, 2, 3, 4};
    size_t left = n, next = 0;

    for (; left >= 32; p += 32, left -= 32) {
        lane[0] = step(lane[0], word_at(p, 8));
        lane[1] = step(lane[1], word_at(p + 8, 8));
        lane[2] = step(lane[2], word_at(p + 16, 8));
        lane[3] = step(lane[3], word_at(p + 24, 8));
    }
    for (; left; next++) {
        size_t some = left < 8 ? left : 8;

        lane[next] = step(lane[next], word_at(p, some));
        p += some;
        left -= some;
    }
    return step(step(step(step(step(n, lane[0]), lane[1]), lane[2]), lane[3]), n);
}
