/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Timed lists of others: files that a decoy, or another gate, writes as its `trap-file`, and their
 * fellows with "6" behind the name. They are read when they change, and never written.
 */
#ifndef POSTERN_CMD_GATE_TRAPS_FROM_H
#define POSTERN_CMD_GATE_TRAPS_FROM_H

#include "base/ip.h"
#include "io/loop.h"
#include "io/options.h"

enum {
    TRAPS_FROM_LOOK = 2000, /* ms between two looks at a file */
    TRAPS_FROM_MAX = 16,    /* files */
};

struct traps_from;

/*
 * Reads them. tells: this worker logs. One that is missing or can't be read is a warning, and is
 * tried again. *ret is NULL when none is named. -ENOMEM, -E2BIG.
 */
int traps_from_open(struct loop *l, const struct option_list *files, bool tells,
                    struct traps_from **ret);
/* Whether these are the files that it reads. Safe on NULL: none. */
bool traps_from_is(const struct traps_from *f, const struct option_list *files);
/* The reason, or NULL. Safe on NULL. */
const char *traps_from_has(const struct traps_from *f, struct ip client);
/* Clients in all files together. Safe on NULL. */
size_t traps_from_count(const struct traps_from *f);
/* Safe on NULL. */
void traps_from_close(struct traps_from **f);

#endif
