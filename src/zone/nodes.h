/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The names of a branch as owners of records, its records among them. For this folder. */
#ifndef POSTERN_ZONE_NODES_H
#define POSTERN_ZONE_NODES_H

#include "zone/batch.h"

struct zone_nodes;

/* 0 or -ENOMEM. The zone outlives it. */
int zone_nodes_new(const struct zone *zone, const struct zone_branch *branch,
                   struct zone_nodes **ret);
void zone_nodes_free(struct zone_nodes *n);
/* Begins the next name that has records; false when there is none. */
bool zone_nodes_next(struct zone_nodes *n, struct zone_batch *batch);

#endif
