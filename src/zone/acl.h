/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Who may ask: client prefixes with an action each, the longest prefix wins, as rbldnsd's acl
 * dataset has it. Filled, sealed, then only read: a sealed one is shared by threads.
 *
 * rbldnsd's sixth action, "every address is listed", is a shutdown by wildcard in miniature and is
 * not had here. What such a line becomes is ZONE_ACL_TEST: the client sees the line's value for the
 * zone's test entries (RFC 5782 §5), so that an operator can watch what a mail server does with a
 * listing, and is refused everything else, with the reason in the answer.
 */
#ifndef POSTERN_ZONE_ACL_H
#define POSTERN_ZONE_ACL_H

#include "base/ip.h"

enum {
    ZONE_ACL_MAX = 1000000,  /* rules in one ACL */
    ZONE_ACL_TEXT_MAX = 200, /* bytes of a rule's text */
};

/* Strongest first: of the rules of two ACLs the strongest counts, as in rbldnsd. */
enum zone_acl_action {
    ZONE_ACL_IGNORE, /* no answer at all */
    ZONE_ACL_REFUSE, /* REFUSED, with an EDE and the rule's text */
    ZONE_ACL_EMPTY,  /* nothing is listed, the test entries neither; SOA, NS and records as usual */
    ZONE_ACL_PASS,   /* as if no rule were there */
    ZONE_ACL_TEST,   /* only the test entries, with the rule's value */
    ZONE_ACL_NONE,   /* no rule has this client */
};

/* What a rule says. The text is the reason given when refusing, or the TXT of a TEST rule. */
struct zone_acl_rule {
    enum zone_acl_action action;
    uint32_t a; /* of a TEST rule: 127.0.0.2 as 0x7f000002 */
    const char *text;
};

enum zone_acl_added {
    ZONE_ACL_ADDED = 0,
    ZONE_ACL_AGAIN,    /* this very prefix has a rule; the first stays */
    ZONE_ACL_FULL,     /* ZONE_ACL_MAX rules are there */
    ZONE_ACL_TOO_LONG, /* the text */
    ZONE_ACL_BAD_A,    /* not in 127/8, or 127.0.0.1: clients take that one for a dead list */
};

struct zone_acl;

const char *zone_acl_action_name(enum zone_acl_action action);

/* NULL when out of memory. */
struct zone_acl *zone_acl_new(void);
void zone_acl_free(struct zone_acl *acl);
/* An outcome, or -ENOMEM. The text is copied. AGAIN is found when sealing, not here. */
int zone_acl_add(struct zone_acl *acl, struct ip_prefix net, const struct zone_acl_rule *rule);
/*
 * Makes it ready for zone_acl_find; nothing may be added after. *ret_again (or NULL) gets the
 * number of prefixes that stood there more than once. 0 or -ENOMEM.
 */
int zone_acl_seal(struct zone_acl *acl, size_t *ret_again);
size_t zone_acl_count(const struct zone_acl *acl);

/* The rule for a client, or NULL. A NULL ACL has none. No allocation, O(log n). */
const struct zone_acl_rule *zone_acl_find(const struct zone_acl *acl, struct ip client);
/* The stronger of two, each of which may be NULL; the first when they are equally strong. */
const struct zone_acl_rule *zone_acl_stronger(const struct zone_acl_rule *a,
                                              const struct zone_acl_rule *b);

#endif
