/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the entries of tables, with their rules, to pieces: ranges that rise, do not overlap, and
 * say one thing each. Numbers have 32 bits; IPv6 comes here as the ranks of its borders.
 */
#ifndef POSTERN_ZONE_FLATTEN_H
#define POSTERN_ZONE_FLATTEN_H

#include "zone/data.h"
#include "zone/says.h"

/* An entry or a piece: value is a zone_says.ref. */
struct zone_pieces {
    struct zone_entry4 *p;
    size_t count, room;
    bool borrowed; /* p is a table's own array: neither changed nor freed */
};

void zone_pieces_deinit(struct zone_pieces *s);
/*
 * The pieces of one table. Entries are put in order, in place; where they are pieces already, *ret
 * borrows them. 0, -ENOMEM, -E2BIG.
 */
int zone_flatten(struct zone_entry4 *entries, size_t count, enum zone_rule rule,
                 struct zone_lists *lists, struct zone_pieces *ret);
/* a and b, what a says before what b says; both are given up. */
int zone_pieces_join(struct zone_pieces *a, struct zone_pieces *b, struct zone_lists *lists,
                     struct zone_pieces *ret);

#endif
