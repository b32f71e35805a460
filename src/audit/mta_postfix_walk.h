/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A walk on its way, for the files that take part in it: words (what a restriction's name means),
 * ask (access tables), walk (the lists).
 */
#ifndef POSTERN_AUDIT_MTA_POSTFIX_WALK_H
#define POSTERN_AUDIT_MTA_POSTFIX_WALK_H

#include "audit/mta_postfix_priv.h"

enum pf_status { PF_DUNNO = 0, PF_OK, PF_NO, PF_DROP };

enum pf_action {
    A_PASSED, /* over: the client can meet it, or it only narrows */
    A_PERMIT,
    A_REJECT,
    A_WARN,
    A_DEFER_IF_PERMIT,
    A_NETWORKS,
    A_LOGIN,
    A_CERTS,
    A_KNOWN_CERTS,
    A_AUTH_DEST,
    A_UNAUTH_DEST,
    A_MX_BACKUP,
    A_NAKED_IP,
    A_RELAY_DOMAINS,
    A_MISMATCH,
    A_POLICY,
    A_TABLE_CLIENT,
    A_TABLE_REVERSE,
    A_TABLE_HELO,
    A_TABLE_SENDER,
    A_TABLE_RCPT,
    A_TABLE_CERT,
    A_TABLE_SASL,
    A_TABLE_SERVER, /* *_a, *_mx, *_ns: their OK is an error */
    A_TABLE_ETRN,
    A_UNKNOWN,
};

struct pf_restriction {
    const char *name;
    enum pf_action action;
    unsigned args;
};

/* NULL: no restriction of Postfix; a class, perhaps. */
const struct pf_restriction *pf_restriction(struct span name);
/* How a table without check_…_access before it is asked in a list. */
enum pf_action pf_implied(enum pf_list_id id);
/* A word that a template fills in. */
bool pf_template(struct span word);

struct pf_walking {
    struct pf_conf *c;
    const struct pf_lists *l;
    const struct pf_client *who;
    struct pf_dest dest;
    bool bold, defer;
    unsigned depth, warn; /* the depth at which warn_if_reject was met; 0: not */
    unsigned steps;
    enum pf_list_id list;
    struct pf_cause cause; /* of the OK, or what made a refusal pass over */
    struct audit_place warned;
};

enum pf_status pf_walk_words(struct pf_walking *w, const struct pf_words *words,
                             enum pf_action implied);
/* Of two causes on one way the one that explains more stays. */
void pf_note(struct pf_walking *w, enum pf_why why, struct audit_place place, struct span word);
enum pf_status pf_granted(struct pf_walking *w, enum pf_why why, const struct pf_word *at);
enum pf_status pf_maybe(struct pf_walking *w, const struct pf_word *at);
enum pf_status pf_refused(struct pf_walking *w, struct audit_place place);

enum pf_status pf_by_table(struct pf_walking *w, enum pf_action action, const struct pf_word *spec,
                           enum pf_action implied);
/* Of whom a table of that kind is asked, for a client. */
enum pf_why pf_table_why(enum pf_action action, const struct pf_client *who);
/* Whether a table knows an address: itself, its domain, "user@", "@domain". */
enum pf_hit pf_ask_owner(struct pf_walking *w, const struct pf_table *t, struct span address);
/* Whether any certificate is in a table. */
bool pf_ask_cert(struct pf_walking *w, const struct pf_table *t);

#endif
