/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the self-test has of an answer that no client has. */
#ifndef POSTERN_ZONE_ANSWER_PRIV_H
#define POSTERN_ZONE_ANSWER_PRIV_H

#include "zone/answer.h"

/* No ACL and no key is asked for: what they say is about clients, not about the data. */
size_t zone_answer_trusted(const struct zone_set *set, const struct zone_client *client,
                           const struct dns_query *q, uint8_t *out, size_t max,
                           struct zone_outcome *ret);

#endif
