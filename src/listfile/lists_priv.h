/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the readers of plainer lists share. */
#ifndef POSTERN_LISTFILE_LISTS_PRIV_H
#define POSTERN_LISTFILE_LISTS_PRIV_H

#include "listfile/lists.h"

enum lists_field {
    LISTS_ENTRY,
    LISTS_NAMED, /* a name, the entry of those that have no other */
    LISTS_CODE,
    LISTS_REASON,
    LISTS_EVIDENCE,
    LISTS_FIELDS,
    LISTS_OTHER = LISTS_FIELDS, /* a column that we have no use for */
};

struct lists_work {
    const struct lists_options *o;
    struct zone_data *d;
    struct zone_remarks *remarks;
    const char *file;
    uint32_t line;
    struct zone_table *four, *six, *names; /* NULL until there is an entry */
    uint64_t good, bad;
    struct buf text; /* a template in the making */
};

/* What a column or member is, by its name. */
enum lists_field lists_field_of(struct span name);
/* One entry with what else is told of it; empty spans: nothing. 0 also when it is bad, told. */
int lists_entry(struct lists_work *w, const struct span fields[LISTS_FIELDS]);
/* Is it an entry at all? For a first line that may be a head line. */
bool lists_is_entry(struct span s);
/* Without the byte order mark that editors of Windows put in front. */
struct span lists_unmarked(struct span bytes);
void lists_skip(struct lists_work *w, struct span shown, const char *what, const char *remedy);

int lists_csv(struct lists_work *w, struct span bytes);
int lists_json(struct lists_work *w, struct span bytes);

#endif
