/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Counters of answers: plain additions, for each worker has its own. */
#include "zone/answer.h"

void zone_count(struct zone_counters *counters, size_t zones, const struct zone_outcome *what,
                bool tcp)
{
    struct zone_counters *c = &counters[what->zone ? zone_index(what->zone) : zones];

    c->result[what->result]++;
    c->tcp += tcp;
    c->edns += what->edns;
    c->truncated += what->truncated;
    if (what->type == DNS_TYPE_A)
        c->type_a++;
    else if (what->type == DNS_TYPE_TXT)
        c->type_txt++;
    else
        c->type_other++;
}

void zone_counters_add(struct zone_counters *sum, const struct zone_counters *one)
{
    for (size_t i = 0; i < ZONE_RESULTS; i++)
        sum->result[i] += one->result[i];
    sum->tcp += one->tcp;
    sum->edns += one->edns;
    sum->truncated += one->truncated;
    sum->type_a += one->type_a;
    sum->type_txt += one->type_txt;
    sum->type_other += one->type_other;
}
