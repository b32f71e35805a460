/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One rule of a policy: what to do, and where that stands. And the two tables that rules are kept
 * in, by address prefix and by name. Inside of this layer only.
 */
#ifndef POSTERN_RELAY_RULE_H
#define POSTERN_RELAY_RULE_H

#include "base/buf.h"
#include "relay/policy.h"

enum relay_verb {
    RELAY_VERB_NONE,  /* decides nothing, but ends the search */
    RELAY_VERB_GRANT, /* of an address: it may relay. Of a domain: it is ours */
    RELAY_VERB_DEFER,
    RELAY_VERB_REFUSE,
};

struct relay_rule {
    enum relay_verb verb;
    struct relay_place place;
    bool deliberate, routes; /* marks of the policy's author */
    unsigned code;           /* of DEFER and REFUSE: 0 for the default */
    char enhanced[RELAY_ENHANCED_SIZE];
    char *text; /* of the reply, owned; NULL for the default */
};

void relay_rule_deinit(struct relay_rule *rule);
/* Fills *fault from a format; texts in it must be printable. Returns RELAY_BAD. */
int relay_fault_set(struct relay_fault *fault, unsigned line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum { RELAY_SHOWN_SIZE = 64 };
/* A stranger's text for a message: escaped, cut. Returns out. */
const char *relay_shown(struct span text, char out[RELAY_SHOWN_SIZE]);

/* --- by address ------------------------------------------------------------------------------- */

struct relay_net {
    struct ip_prefix net;
    size_t order; /* of adding, from 1; 0 goes before all */
    struct relay_rule rule;
};

/* Zeroed: an empty table in which the longest prefix counts. */
struct relay_table {
    bool first; /* the first that matches counts instead */
    struct relay_net *v;
    size_t count, cap;
    uint64_t lengths[2][3]; /* of IPv4 and IPv6: a bit for each length that is there */
};

/* Takes the rule over, on success only. 0, -ENOMEM, or -E2BIG over RELAY_ENTRIES_MAX. */
int relay_table_add(struct relay_table *t, struct ip_prefix net, const struct relay_rule *rule);
/* Of two rules for one prefix the first stays, by its order. */
void relay_table_seal(struct relay_table *t);
/* Only of a sealed table. NULL: no rule matches. */
const struct relay_net *relay_table_find(const struct relay_table *t, struct ip ip);
void relay_table_deinit(struct relay_table *t);

/* --- by name ---------------------------------------------------------------------------------- */

struct relay_key {
    char *key; /* owned */
    size_t order;
    struct relay_rule rule;
};

/*
 * Keys: "example.org" itself, ".example.org" what is below it, "." everything, "user@example.org",
 * "user@" at any domain, "<>" the null sender.
 */
struct relay_keys {
    struct relay_key *v;
    size_t count, cap;
};

/* As relay_table_add(). The key is copied. */
int relay_keys_add(struct relay_keys *k, struct span key, const struct relay_rule *rule);
void relay_keys_seal(struct relay_keys *k);
const struct relay_rule *relay_keys_get(const struct relay_keys *k, struct span key);
/* The name itself, then the nearest name that it is below of, then ".". */
const struct relay_rule *relay_keys_domain(const struct relay_keys *k, const char *name);
void relay_keys_deinit(struct relay_keys *k);

#endif
