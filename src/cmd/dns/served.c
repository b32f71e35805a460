/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A hazard pointer a thread. A counter of quiescent states would be as cheap for the threads that
 * answer, but one that sleeps in recvmmsg(2) would have to be woken, or counted as absent by a
 * second variable; a pointer that is NULL while it sleeps says both.
 *
 * Counters belong to a set, because a set decides what number a zone has. When it is freed they are
 * added to the sums by name (metrics.c), so nothing that was counted is lost.
 */
#include "cmd/dns/served.h"

#include "cmd/dns/data.h"
#include "cmd/dns/site.h"

#include <assert.h>
#include <stdlib.h>

enum { LINE = 64 };

void served_door_open(struct served_slot *slot, struct served_door *door)
{
    assert(slot->door_count < SERVED_DOORS_MAX);
    door->slot = slot;
    door->index = slot->door_count;
    atomic_init(&door->shown, NULL);
    slot->doors[slot->door_count++] = door;
}

/* Doors must not share a line of the cache, or they would slow each other down. */
static int make_counters(struct served *s)
{
    size_t size;

    s->counter_stride = s->zones + 1;
    while (s->counter_stride * sizeof(struct zone_counters) % LINE)
        s->counter_stride++;
    size = s->doors * s->counter_stride * sizeof(struct zone_counters);
    s->counters = aligned_alloc(LINE, (size + LINE - 1) / LINE * LINE);
    if (!s->counters)
        return -1;
    memset(s->counters, 0, size);
    return 0;
}

/* The largest images, if there are only so many: with more of them it costs more than it brings. */
static void find_warm(struct served *s)
{
    for (size_t i = 0; i < s->loaded_count; i++)
        for (size_t k = 0; k < s->loaded[i]->count; k++) {
            const struct zone_image *im = &s->loaded[i]->sources[k].image->image;

            if (im->counts.v4_single < SERVED_WARM_LEAST)
                continue;
            if (s->warm_count == SERVED_WARM_MAX) {
                s->warm_count = 0;
                return;
            }
            s->warm[s->warm_count++] = im;
        }
}

struct served *served_new(const struct served_slot *slot, struct zone_set *set, struct site *site,
                          struct loaded *const *loaded, size_t count)
{
    struct served *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->zones = zone_set_count(set);
    s->doors = slot->door_count ? slot->door_count : 1;
    s->loaded = calloc(count + 1, sizeof(struct loaded *));
    if (!s->loaded || make_counters(s) < 0) {
        free(s->loaded);
        free(s);
        return NULL;
    }
    s->set = set;
    s->site = site_ref(site);
    for (size_t i = 0; i < count; i++)
        if (loaded[i])
            s->loaded[s->loaded_count++] = loaded_ref(loaded[i]);
    find_warm(s);
    return s;
}

static void drop(struct served *s)
{
    zone_set_free(s->set);
    for (size_t i = 0; i < s->loaded_count; i++)
        loaded_unref(&s->loaded[i]);
    site_unref(&s->site);
    free(s->loaded);
    free(s->counters);
    free(s);
}

void served_publish(struct served_slot *slot, struct served *s)
{
    struct served *was = (struct served *)(uintptr_t)atomic_exchange(&slot->now, s);

    if (was) {
        was->next = slot->old;
        slot->old = was;
    }
}

static bool in_use(const struct served_slot *slot, const struct served *s)
{
    for (size_t i = 0; i < slot->door_count; i++)
        if (atomic_load(&slot->doors[i]->shown) == s)
            return true;
    /* After the doors: a pin is set behind a door. */
    return atomic_load(&s->pins) != 0;
}

bool served_reclaim(struct served_slot *slot, void (*gone)(void *cookie, const struct served *s),
                    void *cookie)
{
    for (struct served **at = &slot->old; *at;) {
        struct served *s = *at;

        if (in_use(slot, s)) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        if (gone)
            gone(cookie, s);
        drop(s);
    }
    return slot->old != NULL;
}

void served_close(struct served_slot *slot, void (*gone)(void *cookie, const struct served *s),
                  void *cookie)
{
    served_publish(slot, NULL);
    for (size_t i = 0; i < slot->door_count; i++)
        atomic_store(&slot->doors[i]->shown, NULL);
    for (struct served *s = slot->old; s; s = s->next)
        atomic_store(&s->pins, 0);
    served_reclaim(slot, gone, cookie);
}

void served_sum(const struct served *s, size_t i, struct zone_counters *sum)
{
    for (size_t door = 0; door < s->doors; door++)
        zone_counters_add(sum, &s->counters[door * s->counter_stride + i]);
}
