/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The main thread's view of all zones: which data each has, what is being loaded, what is
 * published. It is told of changes by the kernel (inotify), by time, and by reloads; it tells the
 * log, the secondaries and the metrics.
 */
#ifndef POSTERN_CMD_DNS_HUB_H
#define POSTERN_CMD_DNS_HUB_H

#include "cmd/dns/data.h"
#include "cmd/dns/loader.h"
#include "cmd/dns/notify.h"
#include "cmd/dns/secrets.h"
#include "cmd/dns/served.h"
#include "cmd/dns/shapes.h"
#include "cmd/dns/totals.h"
#include "io/notice.h"
#include "io/timer.h"

/* Data of one zone, or of several that are made of the same files. */
struct unit {
    char *key;                    /* site_zone.unit */
    const struct site_zone *zone; /* of hub->site: the first one with that key */
    struct loaded *now;           /* to be served; NULL: nothing good yet */
    struct loaded *before;        /* where `now` has not been asked its test questions yet */
    struct data_stamp *stamps;    /* of its files when they were last tried */
    size_t stamp_count;
    bool loading, stale; /* stale: changed again while it was loading */
    bool fresh, verified, expired, failed;
    bool kept, unkept, keeping; /* is of the cache; is to be written there, is being written */
    int64_t keep_at;            /* of loop_now(): not before */
    int64_t retry_at;           /* of loop_now(); 0: not needed */
    int64_t loaded_wall;
    int folder;   /* notice of an own zone's folder, -1 none */
    int *folders; /* of the folders on the way to the files */
    size_t folder_count, folder_cap;
    bool winding; /* a way to a file has symbolic links, or ends early */
};

struct hub {
    struct loop *loop;
    struct served_slot *slot;
    struct site *site;
    struct loader *first, *loader; /* of the start; humble */
    struct loader *keeper;         /* humble: waits for the disk */
    struct notice *notice;
    struct unit **units;
    size_t unit_count;
    int parents[2]; /* notices of <state> and <state>/zones, where a zone's folder is missing */
    struct secrets_own cookies;
    struct shapes shapes;
    struct totals totals;
    struct notifier *notifier;
    struct timer tick, reclaim;
    int64_t check_files_at;
    bool ready, stopping, cache_told;
    uint64_t published, refused, loads;
};

/* Nothing runs yet. Counts the site; the notifier stays the caller's. -ENOMEM. */
int hub_new(struct loop *l, struct served_slot *slot, struct site *site, struct notifier *notifier,
            struct hub **ret);
/*
 * Loads own zones, publishes the first state, orders the rest. After the rights are given up, for
 * it makes threads, and after the doors are open. -errno.
 */
int hub_start(struct hub *h);
/*
 * Another configuration; zones whose data are the same keep them. Takes the site. `again`: files
 * are read though they have not changed.
 */
void hub_reload(struct hub *h, struct site *site, bool again);
/* Looks at all files now. */
void hub_look(struct hub *h);
/* Stops loading and watching; what is published stays. */
void hub_stop(struct hub *h);
/* When no thread answers any more. Safe on NULL. */
void hub_close(struct hub **h);

const struct served *hub_now(const struct hub *h);

#endif
