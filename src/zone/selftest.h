/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Asks a zone what a careful client asks (RFC 5782 §7): are the test entries there, is 127.0.0.1
 * not, do SOA and NS answer, are the empty names above the test entries there. Through
 * zone_answer() itself, by packets. A zone that fails is not to be served.
 */
#ifndef POSTERN_ZONE_SELFTEST_H
#define POSTERN_ZONE_SELFTEST_H

#include "zone/set.h"

struct zone_selftest {
    unsigned asked;
    char why[300]; /* the first failure: the question, what was wanted, what came; "" none */
    /* What is served all the same, but will fail at some resolvers; "" nothing. */
    char warning[350];
};

/* True when every answer is right. A BROKEN zone fails; a RETIRED one must list nothing. */
bool zone_selftest(const struct zone_set *set, const struct zone *zone,
                   struct zone_selftest *result);

#endif
