/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who a service's lists are walked with: what a stranger can choose, drawn from the tables. */
#ifndef POSTERN_AUDIT_MTA_POSTFIX_TRY_H
#define POSTERN_AUDIT_MTA_POSTFIX_TRY_H

#include "audit/mta_postfix_priv.h"

enum {
    PF_CHOICES_MAX = 64,
    PF_SAME_MAX = 4,        /* keys tried of one table with one result */
    PF_WORK_MAX = 20 << 20, /* entries looked at, before the rest is left out */
    PF_WALKS_MAX = 20000,
};

/* The first is the plain stranger's. Texts are the audit's. */
struct pf_texts {
    const char *v[PF_CHOICES_MAX];
    size_t count;
};

struct pf_choices {
    struct ip *ips; /* owned */
    size_t ip_count;
    struct pf_texts names, helos, mails, rcpts;
    struct relay_nets named; /* networks that tables and mynetworks name */
    size_t weight;           /* entries that one walk may look at */
};

void pf_choices_read(struct pf_conf *c, const struct pf_lists *l, struct pf_choices *ret);
void pf_choices_deinit(struct pf_choices *ch);
/* A key of a table of clients as a network: "198.51", "192.0.2.1", "2001:db8". */
bool pf_client_key_net(struct span key, struct ip_prefix *ret);

/* What is varied, and how many choices each has been given. */
enum pf_dimension {
    PF_D_IP,
    PF_D_NAME,
    PF_D_HELO,
    PF_D_MAIL,
    PF_D_RCPT,
    PF_D_CERT,
    PF_D_MX,
    PF_DIMENSIONS
};

enum { PF_TOLD_MAX = 100 };

struct pf_trying {
    struct pf_conf *c;
    struct pf_lists *l;
    struct pf_choices ch;
    size_t at[PF_DIMENSIONS]; /* the choice of each; 0: the plain one */
    size_t walks, work;
    bool bold, all_open, certs, mx;
    struct pf_cause told[PF_TOLD_MAX];
    size_t told_count;
};

/* A finding for an outcome, unless it is told already or told by its network. */
void pf_tell(struct pf_trying *t, const struct pf_client *who, const struct pf_outcome *o);
/* mynetworks without its too wide and its doubtful words. */
const char *pf_narrow_networks(struct pf_trying *t);

#endif
