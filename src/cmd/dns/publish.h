/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From the data at hand to what is served: specs of zones, a set, the test questions, the swap. */
#ifndef POSTERN_CMD_DNS_PUBLISH_H
#define POSTERN_CMD_DNS_PUBLISH_H

#include "cmd/dns/data.h"
#include "cmd/dns/shapes.h"

/* A zone of the site and its data. `loaded` NULL: it is broken, and says so to whom asks. */
struct publish_zone {
    const struct site_zone *zone;
    const struct loaded *loaded;
};

enum { PUBLISH_WHY_MAX = 400 };

/*
 * 0 or -errno with the reason. The set borrows from all that is given. `everyone`: the rules of a
 * file for all zones, or NULL. `shapes` are brought up to date, to be saved before the set is
 * published; NULL: nobody will.
 */
int publish_set(const struct site *s, const struct publish_zone *zones, size_t count,
                const struct zone_acl *everyone, const struct dns_cookie_keys *cookies,
                struct shapes *shapes, struct zone_set **ret, char why[PUBLISH_WHY_MAX]);
/*
 * The test questions of RFC 5782 §5 and what else each zone must answer right. `why` is a warning
 * where it is true: "" or what the operator should know.
 */
bool publish_test(const struct zone_set *set, size_t zone, char why[PUBLISH_WHY_MAX]);

#endif
