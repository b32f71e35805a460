/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the readers of plainer lists share. */
#ifndef POSTERN_ZONE_LISTS_PRIV_H
#define POSTERN_ZONE_LISTS_PRIV_H

#include "zone/lists.h"

enum zone_lists_field {
    ZONE_LISTS_ENTRY,
    ZONE_LISTS_CODE,
    ZONE_LISTS_REASON,
    ZONE_LISTS_EVIDENCE,
    ZONE_LISTS_FIELDS,
    ZONE_LISTS_OTHER = ZONE_LISTS_FIELDS, /* a column that we have no use for */
};

struct zone_lists_work {
    const struct zone_lists_options *o;
    struct zone_data *d;
    struct zone_remarks *remarks;
    const char *file;
    uint32_t line;
    struct zone_table *four, *six, *names; /* NULL until there is an entry */
    uint64_t good, bad;
    struct buf text; /* a template in the making */
};

/* What a column or member is, by its name. */
enum zone_lists_field zone_lists_field_of(struct span name);
/* One entry with what else is told of it; empty spans: nothing. 0 also when it is bad, told. */
int zone_lists_entry(struct zone_lists_work *w, const struct span fields[ZONE_LISTS_FIELDS]);
/* Is it an entry at all? For a first line that may be a head line. */
bool zone_lists_is_entry(struct span s);
void zone_lists_skip(struct zone_lists_work *w, struct span shown, const char *what,
                     const char *remedy);

int zone_lists_csv(struct zone_lists_work *w, struct span bytes);
int zone_lists_json(struct zone_lists_work *w, struct span bytes);

#endif
