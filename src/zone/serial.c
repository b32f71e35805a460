/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The clock is used as the serial, because a writer that lost its state then still goes on rising,
 * and because an operator can read it. A clock that runs behind must not stop changes: then it is
 * the old serial plus one. Zero is skipped: some servers take it for "no serial yet".
 */
#include "zone/serial.h"

bool zone_serial_after(uint32_t a, uint32_t b)
{
    return a != b && (uint32_t)(a - b) < UINT32_C(0x80000000);
}

uint32_t zone_serial_next(uint32_t old, int64_t now_wall)
{
    uint32_t clock = (uint32_t)now_wall;
    uint32_t next = zone_serial_after(clock, old + 1) ? clock : old + 1;

    return next ? next : 1;
}
