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

#endif
