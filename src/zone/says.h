/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What is said of an address or name while an image is compiled: one value with its evidence, or a
 * list of several. A list is kept once, however many addresses have it.
 */
#ifndef POSTERN_ZONE_SAYS_H
#define POSTERN_ZONE_SAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As in an image: the number of a value, or SAYS_LIST and the place of a list. */
struct zone_says {
    uint32_t ref;
    uint32_t evidence;
};

#define SAYS_LIST     UINT32_C(0x80000000)
#define SAYS_EXCLUDED UINT32_MAX /* what ZONE_EXCLUDED is in an entry */

struct zone_lists {
    uint32_t *words; /* a count, and that many pairs of value and evidence */
    size_t count, room;
    uint32_t *slots; /* place plus one */
    size_t slot_count, used;
    bool excluded; /* of the one that is being put together */
    int err;
};

void zone_lists_deinit(struct zone_lists *l);
/*
 * Puts together what several entries say, in order, nothing twice: begin, add each, end. One
 * SAYS_EXCLUDED among them makes the sum that. End gives 0, -ENOMEM, or -E2BIG when the lists are
 * too long in all.
 */
void zone_lists_begin(struct zone_lists *l);
void zone_lists_add(struct zone_lists *l, struct zone_says s);
int zone_lists_end(struct zone_lists *l, struct zone_says *ret);
/* The same for two. */
int zone_lists_join(struct zone_lists *l, struct zone_says a, struct zone_says b,
                    struct zone_says *ret);
/* One value as a list of its own, where there is no room for its evidence beside it. */
int zone_lists_one(struct zone_lists *l, struct zone_says s, struct zone_says *ret);

#endif
