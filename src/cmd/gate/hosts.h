/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How many sessions each host has now: an IPv4 address, or a /64 of IPv6. */
#ifndef POSTERN_CMD_GATE_HOSTS_H
#define POSTERN_CMD_GATE_HOSTS_H

#include "base/ip.h"

struct hosts;

/* NULL when out of memory. */
struct hosts *hosts_new(void);
void hosts_free(struct hosts *h);
/* Counts one more; how many it has now, 0 when out of memory. */
unsigned hosts_enter(struct hosts *h, struct ip ip);
void hosts_leave(struct hosts *h, struct ip ip);

#endif
