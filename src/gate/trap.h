/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Spamtraps and the timed list. Mail to a trap recipient, or TRAP_ATTEMPTS refused relay attempts,
 * puts the client on the list for a time; clients on it are refused or held by the teergrube.
 *
 * The list's file is what rbldnsd reads, and `postern dns` serves: ip4set for IPv4, and beside it,
 * with "6" behind its name, ip6trie. When an entry ends stands in comments, which a name server
 * passes over:
 *
 *     :127.0.0.2:trapped
 *     #until 1763735700
 *     192.0.2.1 :127.0.0.2:spamtrap
 *
 * An IPv6 client is its /64. Loopback, private and other non-public addresses are never listed.
 */
#ifndef POSTERN_GATE_TRAP_H
#define POSTERN_GATE_TRAP_H

#include "base/buf.h"
#include "base/ip.h"

enum {
    TRAP_ENTRIES_MAX = 65536, /* on the list; beyond that the one that ends first goes */
    TRAP_REASON_MAX = 40,     /* letters, digits and hyphens */
    TRAP_ATTEMPTS = 10,       /* refused relay attempts that put a client on the list */
    TRAP_RCPTS_MAX = 10000,   /* trap recipients */
    TRAP_FILE_MAX = 16 << 20, /* octets of a file that are read */
    TRAP_LINE_MAX = 200,
};
#define TRAP_TIME (INT64_C(24) * 3600) /* s, default of trap-time */

struct trap_entry {
    struct ip ip;
    int64_t until_wall;
    char reason[TRAP_REASON_MAX + 1];
};

struct trap_list {
    struct trap_entry *entries; /* sorted by address */
    size_t count, cap;
    bool changed; /* since the file was written last; the owner's to clear */
};

enum trap_got {
    TRAP_ADDED = 1,
    TRAP_KNOWN = 0, /* its end is put off, if the new one is later */
    TRAP_UNFIT = 2, /* not a public address, or it has ended already */
};

void trap_deinit(struct trap_list *t);
/* -ENOMEM. A reason is cut, and odd characters in it become "-". */
int trap_add(struct trap_list *t, struct ip ip, int64_t until_wall, struct span reason,
             int64_t now_wall);
/* True when it was there. */
bool trap_remove(struct trap_list *t, struct ip ip);
/* NULL when it is not on the list, or its time is over. */
const struct trap_entry *trap_find(const struct trap_list *t, struct ip ip, int64_t now_wall);
/* Takes out what has ended; how many. */
size_t trap_expire(struct trap_list *t, int64_t now_wall);
/* Whether the address may be on such a list at all. */
bool trap_fit(struct ip ip);

/* The file of one family. */
void trap_write(const struct trap_list *t, enum ip_family family, int64_t now_wall,
                struct buf *out);
/*
 * Adds what a file holds and has not ended, TRAP_ENTRIES_MAX of it at most. Lines that can't be
 * read, and those beyond that, are counted in *ret_bad and passed over; entries without a time get
 * `until_wall`. -ENOMEM.
 */
int trap_read(struct trap_list *t, struct span text, int64_t until_wall, int64_t now_wall,
              size_t *ret_bad);

/* Trap recipients: "user@domain", or "@domain" for all of a domain. Compared without case. */
struct trap_rcpts {
    char **v; /* sorted, lower case */
    size_t count, cap;
};

enum { TRAP_RCPT_BAD = 1 };

/* 0, TRAP_RCPT_BAD, or -ENOMEM. */
int trap_rcpts_add(struct trap_rcpts *r, struct span rcpt);
void trap_rcpts_deinit(struct trap_rcpts *r);
/* The address as the decision wrote it: "local@domain", without brackets. */
bool trap_rcpts_has(const struct trap_rcpts *r, struct span rcpt);

#endif
