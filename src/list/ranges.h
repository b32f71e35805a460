/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Sets of addresses as intervals, for counting: two lists written in different prefixes hold the
 * same addresses, and only the addresses can be compared. IPv4 and IPv6 are kept apart; sizes of
 * IPv6 sets need 128 bits, and one that holds all of it is counted one short.
 */
#ifndef POSTERN_LIST_RANGES_H
#define POSTERN_LIST_RANGES_H

#include "base/buf.h"
#include "base/ip.h"

__extension__ typedef unsigned __int128 ranges_wide;

struct range {
    ranges_wide first, last; /* both within */
};

/* Of one family. Sorted, apart and not touching once ranges_settle() was called. */
struct range_set {
    struct range *v; /* owned */
    size_t count, cap;
};

struct ranges {
    struct range_set v4, v6;
};

enum { RANGES_WIDE_TEXT = 40 }; /* 39 digits and the NUL */

/* Adds in any order; overlaps are fine. 0, or -ENOMEM with the set as it was. */
int ranges_add(struct ranges *r, struct ip_prefix net);
/* From first to last, of one family; false order or two families are our error. */
int ranges_add_span(struct ranges *r, struct ip first, struct ip last);
/* Sorts and joins. All below wants settled sets, and gives them. */
void ranges_settle(struct ranges *r);
void ranges_deinit(struct ranges *r);

/* What is in both; what is in a and not in b; *ret is overwritten, not freed. 0, -ENOMEM. */
int ranges_both(const struct ranges *a, const struct ranges *b, struct ranges *ret);
int ranges_without(const struct ranges *a, const struct ranges *b, struct ranges *ret);

bool ranges_has(const struct ranges *r, struct ip ip);
/* How much of the prefix is in the set. */
enum ranges_cover { RANGES_NONE, RANGES_PART, RANGES_WHOLE };
enum ranges_cover ranges_cover(const struct ranges *r, struct ip_prefix net);

ranges_wide ranges_size(const struct range_set *set);
/* The address with this number, counted from 0; below the size. */
struct ip ranges_nth(const struct ranges *r, enum ip_family family, ranges_wide nth);
const char *ranges_wide_text(ranges_wide n, char out[RANGES_WIDE_TEXT]);

/*
 * `want` different addresses of one family, or all where there are fewer, by chance from the seed:
 * each address is as likely as any other, so a range counts as much as it holds. Sorted. The array
 * has room for `want`. Returns how many.
 */
size_t ranges_sample(const struct ranges *r, enum ip_family family, size_t want, uint64_t seed,
                     struct ip *ret);

/* The set in as few prefixes as can be, in order, until fn returns what is not 0. */
int ranges_prefixes(const struct ranges *r, int (*fn)(void *cookie, struct ip_prefix net),
                    void *cookie);

#endif
