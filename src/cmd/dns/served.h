/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is served at this moment, and how it is exchanged under threads that are answering from it.
 *
 * A struct served is a set of zones with all that the set borrows. It never changes once it is
 * published. Answering threads look at it through a door of their own:
 *
 *     const struct served *s = served_enter(door);     no lock, no waiting, no memory
 *     ... answers of one batch ...
 *     served_leave(door);
 *
 * The main thread alone publishes. What was served before is freed when no door shows it any more
 * and nobody has pinned it (a zone transfer holds it for minutes).
 */
#ifndef POSTERN_CMD_DNS_SERVED_H
#define POSTERN_CMD_DNS_SERVED_H

#include "zone/answer.h"

#include <stdatomic.h>

enum {
    SERVED_DOORS_MAX = 300,
    SERVED_WARM_MAX = 2,
    SERVED_WARM_LEAST = 100000, /* listings: a smaller one stays in the cache by itself */
};

struct loaded; /* data.h */
struct site;   /* site.h */

struct served {
    struct zone_set *set;
    struct site *site;      /* counted */
    struct loaded **loaded; /* counted */
    size_t loaded_count;
    /* doors arrays of zones + 1 counters each; a door adds to its own without a lock. */
    struct zone_counters *counters;
    size_t counter_stride, zones, doors;
    const struct zone_image *warm[SERVED_WARM_MAX]; /* the largest of IPv4, for zone/warm.h */
    size_t warm_count;
    atomic_uint pins;
    struct served *next; /* of those that wait to be freed */
};

struct served_door {
    _Atomic(const struct served *) shown;
    struct served_slot *slot;
    size_t index;
} __attribute__((aligned(64)));

/* The place where the current one stands. */
struct served_slot {
    _Atomic(const struct served *) now;
    struct served_door *doors[SERVED_DOORS_MAX];
    size_t door_count;
    struct served *old; /* not yet freed */
};

/* A door for one thread, before the thread is started. Its counters are those of its index. */
void served_door_open(struct served_slot *slot, struct served_door *door);

/* Never NULL after the first publishing. Short: what is entered can't be freed. */
static inline const struct served *served_enter(struct served_door *door)
{
    const struct served *s = atomic_load_explicit(&door->slot->now, memory_order_acquire);

    for (;;) {
        const struct served *again;

        /*
         * Shown first, then looked again: either we see the new one, or who published it sees us.
         */
        atomic_store_explicit(&door->shown, s, memory_order_seq_cst);
        again = atomic_load_explicit(&door->slot->now, memory_order_seq_cst);
        if (again == s)
            return s;
        s = again;
    }
}

static inline void served_leave(struct served_door *door)
{
    atomic_store_explicit(&door->shown, NULL, memory_order_release);
}

static inline struct zone_counters *served_counters(const struct served *s,
                                                    const struct served_door *door)
{
    return &s->counters[door->index * s->counter_stride];
}

/* While entered: keeps it beyond served_leave(), until served_unpin() from any thread. */
static inline void served_pin(const struct served *s)
{
    atomic_fetch_add_explicit(&((struct served *)(uintptr_t)s)->pins, 1, memory_order_relaxed);
}

static inline void served_unpin(const struct served *s)
{
    atomic_fetch_sub_explicit(&((struct served *)(uintptr_t)s)->pins, 1, memory_order_release);
}

/*
 * Takes a set, and holds the site and each of `loaded` for it. NULL when out of memory, and then
 * the set is the caller's still.
 */
struct served *served_new(const struct served_slot *slot, struct zone_set *set, struct site *site,
                          struct loaded *const *loaded, size_t count);
/* Main thread: all answers from now on come from this one. */
void served_publish(struct served_slot *slot, struct served *s);
/*
 * Main thread: frees what nobody looks at any more, after `gone` (or NULL) has had a look at each.
 * True when something is left to wait for.
 */
bool served_reclaim(struct served_slot *slot, void (*gone)(void *cookie, const struct served *s),
                    void *cookie);
/* At the end, when no thread answers any more. */
void served_close(struct served_slot *slot, void (*gone)(void *cookie, const struct served *s),
                  void *cookie);

/* The sums of zone i of a set over all doors; i == s->zones: of what belongs to no zone. */
void served_sum(const struct served *s, size_t i, struct zone_counters *sum);

#endif
