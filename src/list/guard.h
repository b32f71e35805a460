/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who is never listed, whatever was proved: our own addresses, space that is nobody's in the
 * Internet, what a person has exempted; and who is listed only on a person's word: hosts of a list
 * of good senders (DNSWL).
 */
#ifndef POSTERN_LIST_GUARD_H
#define POSTERN_LIST_GUARD_H

#include "base/ip.h"

#include <stdint.h>

enum { LIST_GUARD_LINE_MAX = 4000 };

enum list_guard_answer {
    LIST_GUARD_PASS,
    LIST_GUARD_PERSON, /* on the list of good senders: a person must decide */
    LIST_GUARD_SPACE,  /* reserved space */
    LIST_GUARD_OWN,
    LIST_GUARD_EXEMPT,
};

enum list_guard_kind {
    LIST_GUARD_OF_GOOD,
    LIST_GUARD_OF_OWN,
    LIST_GUARD_OF_EXEMPT,
    LIST_GUARD_OF_LAB, /* space that counts as public: a practice list on networks of one's own */
};

struct list_guard_entry {
    struct ip_prefix net;
    enum list_guard_kind kind;
    int64_t until_wall; /* 0: for good */
};

struct list_guard {
    struct list_guard_entry *v; /* owned */
    size_t count, cap;
    bool sorted;
};

void list_guard_init(struct list_guard *g);
void list_guard_deinit(struct list_guard *g);
/* 0 or -ENOMEM. */
int list_guard_add(struct list_guard *g, enum list_guard_kind kind, struct ip_prefix net,
                   int64_t until_wall);
/*
 * Every line that begins with an address or a prefix: rbldnsd's files, Postfix's cidr tables, CSV,
 * plain text. Lines that are empty, comments (# ; $ :) or exclusions (!) are passed over; any other
 * is -EINVAL with its number in *ret_line.
 */
int list_guard_read(struct list_guard *g, enum list_guard_kind kind, struct span text,
                    unsigned *ret_line);
/* After the last addition, before the first question. */
void list_guard_seal(struct list_guard *g);

/* The strictest answer; *ret_net is the prefix behind it (zeroed where there is none). */
enum list_guard_answer list_guard_ask(const struct list_guard *g, struct ip ip, int64_t now_wall,
                                      struct ip_prefix *ret_net);
/* A phrase: "is an address of our own". */
const char *list_guard_why(enum list_guard_answer a);

#endif
