/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Proofs found in a mailbox, put into the store as a sink would have put them. */
#ifndef POSTERN_CMD_PROVE_KEEP_H
#define POSTERN_CMD_PROVE_KEEP_H

#include "probe/arrival.h"
#include "store/store.h"

struct keep {
    struct store *store; /* NULL: nothing is kept */
    enum store_source source;
    int64_t file_wall; /* when the message's file was written; 0 not known */
    int64_t now_wall;
    bool cut; /* the message was longer than what was read */
};

/*
 * When it came: by the receiving system's own date where that can be, else by its file, else now.
 */
int64_t keep_wall(const struct keep *k, const struct arrival *a, const struct arrival_token *t);

/* The hops as "hops" of report/report.h, in the order of travel. out->err tells. */
void keep_chain(const struct arrival *a, struct buf *out);

/*
 * Stores what arrival_tells() of. ret_ids[i] is the proof of tokens[i], 0 for none; *ret_new counts
 * those that were not there before. 0, or -errno of the store.
 */
int keep_tokens(const struct keep *k, const struct arrival *a, int64_t *ret_ids, size_t *ret_new);

#endif
