/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a client hears that is over the rate limit: ask again in a way that shows your address. By
 * TCP (TC); or, who sends a cookie that is not ours yet, with the one it gets (BADCOOKIE, RFC 7873
 * §5.2.3), which then exempts it from the limit.
 */
#ifndef POSTERN_ZONE_SLIP_H
#define POSTERN_ZONE_SLIP_H

#include "zone/answer.h"

/* In the place of an answer, into out[DNS_REPLY_MIN]; after any parse but DNS_PARSE_DROP. */
size_t zone_slip(const struct zone_set *set, const struct zone_client *client,
                 const struct dns_query *q, uint8_t *out);

#endif
