/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sets of addresses as lists of prefixes, for formats that know ranges, exceptions and conditions:
 * what they mean is worked out when a file is read, and the tables hold plain prefixes.
 */
#ifndef POSTERN_RELAY_NETS_H
#define POSTERN_RELAY_NETS_H

#include "base/ip.h"

/* Zeroed: the empty set. Overlaps are harmless. */
struct relay_nets {
    struct ip_prefix *v;
    size_t count, cap;
};

/* 0 or -ENOMEM, and then the set is as it was. */
int relay_nets_add(struct relay_nets *s, struct ip_prefix net);
/* 0.0.0.0/0 and ::/0. */
int relay_nets_add_all(struct relay_nets *s);
/* IPv4 addresses from `low` to `high`, both included; the high one is not the lower. */
int relay_nets_add_range(struct relay_nets *s, struct ip low, struct ip high);
/* Takes out what is in `net`. On -ENOMEM the set is undefined, but can be freed. */
int relay_nets_remove(struct relay_nets *s, struct ip_prefix net);
int relay_nets_remove_all(struct relay_nets *s, const struct relay_nets *others);
/* Leaves what is in both. As above. */
int relay_nets_intersect(struct relay_nets *s, const struct relay_nets *with);
void relay_nets_deinit(struct relay_nets *s);

#endif
