/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The zone's files, <state>/zones/<zone>/, which follow the store. The store is the truth: a step
 * is committed there with a mark, and the mark is taken off when the journal (or a new image) says
 * the same and is on disk. A verb that is killed in between leaves the mark, and the next goes on.
 */
#ifndef POSTERN_CMD_LIST_ZONES_H
#define POSTERN_CMD_LIST_ZONES_H

#include "cmd/list/ledger.h"

enum {
    ZONES_BATCH = 4096,          /* marks that are worked off at a time: one step of the journal */
    ZONES_TTL = 300,             /* seconds: a delisting is over everywhere after them */
    ZONES_JOURNAL_MAX = 8 << 20, /* octets of a journal that are kept for IXFR */
};

/*
 * Makes the files of all zones follow the store. Without a zone in the configuration nothing is
 * served, and this does nothing. 0 or an exit status with the reason printed. Holds the lock.
 */
int zones_follow(struct ledger *g);

/*
 * Writes images anew that have a quarter of their life behind them: one goes out by itself when the
 * youngest listing in it would have, and a list that is kept must not. As zones_follow().
 */
int zones_refresh(struct ledger *g);

struct zones_made {
    uint32_t serial;
    uint64_t entries;
    uint64_t octets;
};

typedef int zones_fn(void *ctx, const char *zone);
/* Calls fn with the full name of each zone that the list is served as, the main one first. */
int zones_each(struct ledger *g, zones_fn *fn, void *ctx);
/*
 * Compiles one zone anew from the store. An image that sanity refuses is not written, unless
 * `force`: then only growing, shrinking and an empty list are let through. 0 or an exit status.
 */
int zones_compile(struct ledger *g, const char *zone, bool force, struct zones_made *ret);

/* What is served of a listing at this moment, for `show` and `check`. */
struct zones_said {
    bool listed;
    uint16_t class_id;
    uint32_t evidence;
    uint32_t serial;
};

/* By the files, as a server reads them. -ENOENT where there is no image. 0 or -errno. */
int zones_ask(struct ledger *g, const char *zone, struct ip ip, struct zones_said *ret);
/* What the store wants said. */
void zones_wanted(struct ledger *g, const char *zone, const struct store_listing *l,
                  struct zones_said *ret);
/* "<state>/zones/<zone>"; false when too long. */
bool zones_folder(const struct ledger *g, const char *zone, char ret[DATADIR_PATH_MAX]);
/* The step of a shutdown, "announced", "empty", "dead"; "" in service. With its time. */
int zones_retired(struct ledger *g, char ret_step[16], int64_t *ret_since);

#endif
