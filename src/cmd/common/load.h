/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Stored results as the documents that the renderers take. */
#ifndef POSTERN_CMD_COMMON_LOAD_H
#define POSTERN_CMD_COMMON_LOAD_H

#include "cmd/common/advice.h"
#include "store/store.h"

enum load_depth {
    LOAD_VERDICT, /* without probe documents: for runs over many targets */
    LOAD_ALL,
};

struct load_faults {
    uint64_t lines; /* that are no JSON object */
};

typedef int load_fn(void *ctx, json_t *doc);

/* Calls fn for every stored document of a target, in the order of printing, until it fails. */
int load_each(struct store *store, int64_t target, load_fn *fn, void *ctx,
              struct load_faults *faults);

/*
 * Gives the targets whose verdict has no advice one, by the knowledge base of today: runs of before
 * there was one. A book without rows gives none.
 */
void load_advise(const struct advise_book *book, struct report_set *set);

/*
 * Adds the documents of a target. One that has no verdict yet gets a verdict document without a
 * verdict, which the renderers show as unknown, with the reason. 0 or a negative errno.
 */
int load_target(struct store *store, const struct store_target *target, enum load_depth depth,
                struct report_set *set, struct load_faults *faults);

#endif
