/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the answer share, and what the self-test has of it that no client has. */
#ifndef POSTERN_ZONE_ANSWER_PRIV_H
#define POSTERN_ZONE_ANSWER_PRIV_H

#include "zone/answer.h"
#include "zone/set_priv.h"

/* One question on its way. */
struct zone_way {
    const struct zone_set *set;
    const struct zone_client *client;
    const struct dns_query *q;
    const struct zone *zone;
    unsigned zone_label; /* of the question's, where the zone's name begins */
    unsigned labels;     /* before it, and before the key's where there is one */
    const struct zone_acl_rule *rule;
    bool trusted;  /* our own self-test: no ACL, no key */
    bool stranger; /* has not shown its address where that is wanted */
    struct dns_reply r;
    struct zone_outcome *out;
};

/* REFUSED with a reason, in place of what was written so far. */
void zone_way_refuse(struct zone_way *w, enum dns_ede why, const char *text);
/* The zone's own name. */
void zone_answer_apex(struct zone_way *w);
/* A name below it. zone_below: one that has nothing, but a zone below. */
void zone_answer_below(struct zone_way *w, bool zone_below);

/* No ACL and no key is asked for: what they say is about clients, not about the data. */
size_t zone_answer_trusted(const struct zone_set *set, const struct zone_client *client,
                           const struct dns_query *q, uint8_t *out, size_t max,
                           struct zone_outcome *ret);

#endif
