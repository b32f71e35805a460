/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Whom we may test: the operator's scope, the never-test list, and a day between tests of one host.
 * The lists come from files and from the store; the decision is made here, for each address of a
 * target before the first connection to it.
 *
 * A list is text, one rule a line:
 *
 *     # ours
 *     192.0.2.0/24       head office
 *     2001:db8::25
 *     example.org        since 2026-03-01, asked by their postmaster
 *
 * First a prefix, an address or a name; the rest of the line is the reason. A name stands for
 * itself and every name below it; in the scope, a name of one label stands for itself only, and
 * prefixes shorter than SCOPE_MIN_V4 and SCOPE_MIN_V6 are refused, so that no slip of the pen puts
 * the world in scope. What follows a # at the start of a word is a comment.
 */
#ifndef POSTERN_PROBE_SCOPE_H
#define POSTERN_PROBE_SCOPE_H

#include "base/ip.h"

enum {
    SCOPE_MIN_V4 = 8,
    SCOPE_MIN_V6 = 16,
    SCOPE_LINE_MAX = 2000,
    SCOPE_NAME_MAX = 253, /* octets of a name without its last dot, RFC 1035 §2.3.4 */
    SCOPE_LABEL_MAX = 63,
    SCOPE_GAP = 24 * 60 * 60, /* seconds between tests of one address */
};

struct scope_rule {
    struct ip_prefix net; /* ip.family IP_NONE when the rule is a name */
    char *name;           /* lower case, without its last dot; NULL when the rule is a prefix */
    char *reason;         /* "" when none was given */
    char *source;         /* file or store, for people */
    unsigned line;        /* in the source; 0 when it has none */
};

struct scope_list {
    bool never; /* the list of exclusions; otherwise the scope */
    struct scope_rule *rules;
    size_t count, cap;
};

struct scope_error {
    unsigned line;
    char why[200]; /* printable */
};

enum scope_read {
    SCOPE_READ = 0,
    SCOPE_BAD, /* *err tells the first bad line; the list is as it was */
};

void scope_list_init(struct scope_list *list, bool never);
/* Safe on a zeroed list, and twice. */
void scope_list_deinit(struct scope_list *list);
/* Adds all rules of a text, or none. enum scope_read, or -ENOMEM with the list as it was. */
int scope_list_parse(struct scope_list *list, struct span text, const char *source,
                     struct scope_error *err);
/* Adds one rule. Results as above; `line` stands in the rule and in *err. */
int scope_list_add(struct scope_list *list, struct span pattern, struct span reason,
                   const char *source, unsigned line, struct scope_error *err);

/*
 * The first rule that covers the address or one of the names, or NULL. The address may be IP_NONE,
 * where it is not known yet. Names are compared without case and without a last dot.
 */
const struct scope_rule *scope_list_match(const struct scope_list *list, struct ip address,
                                          const struct span *names, size_t count);

enum scope_answer {
    SCOPE_OWN,      /* the operator answers for the host: full budgets, at any time */
    SCOPE_ALLOWED,  /* in the scope: full budgets */
    SCOPE_OUTSIDE,  /* not in the scope: gently */
    SCOPE_TOO_SOON, /* not before until_wall */
    SCOPE_EXCLUDED, /* not at all */
};

const char *scope_answer_name(enum scope_answer answer);
/* Whether a test may begin now. */
bool scope_answer_may(enum scope_answer answer);

struct scope_question {
    struct ip address;
    const struct span
        *names; /* as given, of the domain, of the MX: whatever leads to the address */
    size_t count;
    bool own; /* the operator said so */
    int64_t now_wall;
    int64_t last_wall; /* when the address was last tested; 0 never */
    int64_t gap_s;     /* SCOPE_GAP; 0 switches the rule off */
};

struct scope_decision {
    enum scope_answer answer;
    const struct scope_rule *rule; /* that decided; NULL when none did. Belongs to its list */
    int64_t until_wall;            /* of SCOPE_TOO_SOON */
    const char *why;               /* static text for people, never NULL */
};

/*
 * An exclusion wins over everything, --own too. Multicast and reserved addresses are nobody's mail
 * host and count as excluded. A last test in the future (a clock set back) is none.
 */
struct scope_decision scope_decide(const struct scope_question *q, const struct scope_list *scope,
                                   const struct scope_list *never);

#endif
