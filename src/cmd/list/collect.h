/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From proofs in the store to listings. Tokens arrive while a test runs, hours after it, or while
 * nobody tests at all; so they are not taken from a test's output but from the store, in the order
 * in which they came, and each once.
 */
#ifndef POSTERN_CMD_LIST_COLLECT_H
#define POSTERN_CMD_LIST_COLLECT_H

#include "cmd/list/entry.h"

struct collected {
    uint64_t proofs;  /* that belong to a host of the list */
    uint64_t listed;  /* listings that were served for the first time */
    uint64_t renewed; /* that were served already */
    uint64_t held;    /* proved, and waiting for a person's word */
};

/* Takes in all proofs since the last time. 0, or an exit status with the reason printed. */
int collect(struct ledger *g, struct collected *ret);
/* All proofs of one run, whether they were looked at before or not. */
int collect_run(struct ledger *g, uint32_t run, struct collected *ret);
/* The outputs behind a host that was found closed: those that no open host leads to any more. */
int collect_outputs_gone(struct ledger *g, int64_t listing, uint32_t run);

/* The fresh proofs of a listing, judged. 0 or -errno. */
int collect_judge(struct ledger *g, const struct store_listing *l, struct list_judgement *ret);

#endif
