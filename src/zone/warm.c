/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A look-up in a large image waits twice for memory: for the place of the address's /16, and for
 * the middle of the tails that stand there. A million listings are too many for a processor's cache
 * that it shares with a kernel which moves packets, so these waits are the larger part of an
 * answer's time.
 */
#include "zone/warm.h"

#include "zone/image_priv.h"

enum { LABELS = 4 };

bool zone_warm_address(const uint8_t *packet, size_t n, uint32_t *ret)
{
    uint32_t ip = 0;
    size_t at = DNS_HEADER;

    for (unsigned i = 0; i < LABELS; i++) {
        unsigned size, value = 0;

        /* A root's octet ends the loop too: one octet more than three digits is always there. */
        if (at + 4 >= n || (size = packet[at]) == 0 || size > 3)
            return false;
        for (unsigned k = 1; k <= size; k++)
            value = value * 10 + (packet[at + k] - (unsigned)'0');
        if (value > 255)
            return false;
        ip = ip >> 8 | value << 24; /* the last octet comes first */
        at += size + 1;
    }
    *ret = ip;
    return true;
}

void zone_warm_first(const struct zone_image *im, uint32_t ip)
{
    const uint32_t *top = image_at(im, ZONE_SEC_V4_TOP);

    if (im->sec[ZONE_SEC_V4_TOP].n)
        __builtin_prefetch(&top[ip >> 16]);
}

void zone_warm_second(const struct zone_image *im, uint32_t ip)
{
    const uint32_t *top = image_at(im, ZONE_SEC_V4_TOP);
    const uint16_t *tail = image_at(im, ZONE_SEC_V4_TAIL);
    size_t from, end, count = image_count(im, ZONE_SEC_V4_TAIL, sizeof(*tail));

    if (!im->sec[ZONE_SEC_V4_TOP].n)
        return;
    from = le32toh(top[ip >> 16]);
    end = le32toh(top[(ip >> 16) + 1]);
    if (from >= end || end > count)
        return;
    /* Both ends of a short run: they are one or two lines. A hit asks for its class too. */
    __builtin_prefetch(&tail[from]);
    __builtin_prefetch(&tail[from + (end - from) / 2]);
    __builtin_prefetch(&im->sec[ZONE_SEC_V4_CLASS].p[from + (end - from) / 2]);
}
