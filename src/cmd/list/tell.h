/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of `postern list notice` share. */
#ifndef POSTERN_CMD_LIST_TELL_H
#define POSTERN_CMD_LIST_TELL_H

#include "base/escape.h"
#include "cmd/list/ask.h"
#include "cmd/list/facts.h"
#include "list/dynamic.h"

enum { TELL_DOMAINS_MAX = 4096, TELL_DAY = 86400 };

struct tell_args {
    struct list_args common;
    struct option_list to;
    const char *folder, *smarthost, *from, *contact, *org, *name, *retest_at, *opt_out_at;
    const char *contacts_zone, *contacts_file, *refused, *resolver;
    const char *login, *password_file, *ca_file;
    unsigned domain_day, tls;
    bool all, print, no_postmaster;
};

/* How many notices a domain has had in the last day. */
struct tell_domain {
    char name[256];
    unsigned today;
};

struct tell {
    struct ledger g;
    const struct tell_args *args;
    struct advise_book book;
    struct dynamic_rules dynamic;
    struct ask *ask;
    struct buf contacts, refused;
    struct ip smarthost;
    uint16_t port;
    char host[256]; /* the smarthost as it was named, without its port */
    struct buf password;
    bool gone; /* the smarthost: no more is tried */
    struct tell_domain *domains;
    size_t domain_count;
    unsigned told, skipped, failed;
};

/*
 * The recipients of a listing's notice into *to, and the host's confirmed name ("" none). False:
 * DNS could not say, try again.
 */
bool tell_find(struct tell *t, struct facts *f, struct notice_list *to, char ret_host[256]);

/* Counts what each domain was sent in the last day. 0 or -errno. */
int tell_count(struct tell *t);
int tell_decide(struct tell *t, const struct facts *f, const struct notice_to *to,
                enum notice_answer *ret);
/* Records, hands over, and says so. 0, -errno or an exit status. */
int tell_hand_over(struct tell *t, const struct facts *f, const struct notice_to *to,
                   struct span message);
/* One line of output: what became of a notice. 0 or -errno. */
int tell_say(struct tell *t, const struct facts *f, const char *mailbox, const char *result,
             const char *why);

#endif
