/* SPDX-License-Identifier: GPL-3.0-or-later */
/* OpenSMTPD, inside of its interpreter. */
#ifndef POSTERN_AUDIT_MTA_OPENSMTPD_PRIV_H
#define POSTERN_AUDIT_MTA_OPENSMTPD_PRIV_H

#include "audit/unix.h"

enum { SMTPD_WORDS_MAX = 200, SMTPD_CANDIDATES_MAX = 40 };

enum smtpd_tri { SMTPD_NO, SMTPD_YES, SMTPD_DOUBT };

struct smtpd_table {
    struct span name;
    struct span items; /* "{ a, b }" or nothing */
    struct span source;
    struct audit_place place;
    struct smtpd_table *next;
};

struct smtpd_text_macro {
    struct span name, value;
    struct smtpd_text_macro *next;
};

struct smtpd_rule {
    struct span words[SMTPD_WORDS_MAX];
    size_t count;
    struct audit_place place;
    unsigned last;
    struct smtpd_rule *next;
};

struct smtpd_action {
    struct span name, method;
    struct span virtual; /* its table, with the brackets */
    struct audit_place place;
    struct smtpd_action *next;
};

struct smtpd_client {
    struct ip ip; /* IP_NONE: in no table */
    const char *helo, *sender, *ptr, *tag, *domain;
    bool login;
};

enum smtpd_key {
    SMTPD_KEY_NET,
    SMTPD_KEY_SENDER,
    SMTPD_KEY_HELO,
    SMTPD_KEY_PTR,
    SMTPD_KEY_DOMAIN,
    SMTPD_KEYS
};

struct smtpd_candidate {
    const char *text;
    struct audit_place place;
};

struct smtpd {
    struct audit *a;
    const struct audit_kind *kind;
    const char *file;
    struct smtpd_table *tables;
    struct smtpd_text_macro *macros;
    struct smtpd_rule *rules, **rules_end, *listens, **listens_end;
    struct smtpd_action *actions;
    unsigned depth;
    bool collect; /* what rules name becomes a candidate */
    struct smtpd_candidate found[SMTPD_KEYS][SMTPD_CANDIDATES_MAX];
    size_t found_count[SMTPD_KEYS];
    const char *doubt;
    bool in_table; /* match() is among a table's items */
};

struct span smtpd_unquoted(struct span s);
/* The method of the action that a rule names: "relay", "maildir", …; empty: it refuses. */
struct span smtpd_method(const struct smtpd *c, const struct smtpd_rule *r);
enum smtpd_tri smtpd_rule_matches(struct smtpd *c, const struct smtpd_rule *r,
                                  const struct smtpd_client *w);
/* The rule that lets the client relay; NULL: none. *ret_doubt: one that may. */
const struct smtpd_rule *smtpd_walk(struct smtpd *c, const struct smtpd_client *w,
                                    const struct smtpd_rule **ret_doubt);

#endif
