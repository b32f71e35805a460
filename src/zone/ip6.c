/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Two words, not unsigned __int128: -Wpedantic and other compilers do not know that one. */
#include "zone/ip6.h"

struct zone_ip6 zone_ip6_of(const uint8_t b[16])
{
    struct zone_ip6 ip = {0, 0};

    for (unsigned i = 0; i < 8; i++) {
        ip.hi = ip.hi << 8 | b[i];
        ip.lo = ip.lo << 8 | b[8 + i];
    }
    return ip;
}

void zone_ip6_bytes(struct zone_ip6 ip, uint8_t out[16])
{
    for (unsigned i = 0; i < 8; i++) {
        out[i] = (uint8_t)(ip.hi >> (56 - 8 * i));
        out[8 + i] = (uint8_t)(ip.lo >> (56 - 8 * i));
    }
}
