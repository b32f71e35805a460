/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Two lists side by side, as ORBS did with RSS: what only one of them holds, what both hold.
 * Addresses are counted, not lines: 192.0.2.0/24 in one list and 192.0.2.7 in the other have one
 * address in common. Names are counted by entry: a name that a wildcard of the other list covers is
 * in both.
 */
#ifndef POSTERN_LIST_COMPARE_H
#define POSTERN_LIST_COMPARE_H

#include "list/ranges.h"

enum {
    COMPARE_NAME_MAX = 253, /* octets of a name without its last dot */
    COMPARE_TEXT_MAX = 1 << 30,
};

/* A name, or with `below` every name under it (not itself). */
struct compare_name {
    uint32_t at; /* in the text, where it stands reversed by labels: "example/mail" */
    uint16_t n;
    bool below;
};

struct compare_list {
    struct ranges ranges;
    struct compare_name *names; /* owned */
    size_t name_count, name_cap;
    struct buf text;
    uint64_t entries; /* added: what the list's owner would count */
};

void compare_list_init(struct compare_list *l);
void compare_list_deinit(struct compare_list *l);
/* 0, -ENOMEM. */
int compare_list_add(struct compare_list *l, struct ip_prefix net);
int compare_list_add_span(struct compare_list *l, struct ip first, struct ip last);
/*
 * "mail.example.org"; "*.example.org" what is below; ".example.org" both. Case and a last dot do
 * not matter. False for what is no name (empty label, over the limits): nothing is added. Out of
 * memory shows in l->text.err.
 */
bool compare_list_add_name(struct compare_list *l, struct span name);
/* After the last add: sorts, drops twins. 0, or the error of text that outgrew its bounds. */
int compare_list_settle(struct compare_list *l);

enum compare_where { COMPARE_ONLY_A, COMPARE_ONLY_B, COMPARE_BOTH, COMPARE_WHERES };

const char *compare_where_name(enum compare_where w); /* "only-a", "only-b", "both" */

struct compare {
    struct ranges addresses[COMPARE_WHERES]; /* owned */
    uint64_t names[COMPARE_WHERES];          /* of `both`: those of the list with fewer in it */
    uint64_t names_a_in_b, names_b_in_a;
};

/* Both settled. 0, -ENOMEM. */
int compare_lists(const struct compare_list *a, const struct compare_list *b, struct compare *ret);
void compare_deinit(struct compare *c);

/* Whether the list covers the name (below: everything under it). */
bool compare_list_has_name(const struct compare_list *l, const struct compare_list *of,
                           const struct compare_name *name);
/* The names of `a` that `b` covers, or does not, in the form in which they are added. */
int compare_names_each(const struct compare_list *a, const struct compare_list *b, bool covered,
                       int (*fn)(void *cookie, struct span name), void *cookie);

#endif
