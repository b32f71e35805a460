/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sendmail, inside of its interpreter. See mta_sendmail.c. */
#ifndef POSTERN_AUDIT_MTA_SENDMAIL_PRIV_H
#define POSTERN_AUDIT_MTA_SENDMAIL_PRIV_H

#include "audit/interp.h"
#include "audit/unix.h"

enum {
    SM_TOKENS_MAX = 1000,   /* of one workspace, as Sendmail's MAXATOM */
    SM_STEPS_MAX = 200000,  /* matches of one session: a rule loop ends here */
    SM_TOTAL_MAX = 1500000, /* of all sessions */
    SM_CALLS_MAX = 50,      /* rule sets within one another, as Sendmail's MAXRULERECURSION */
    SM_ROUNDS_MAX = 100,    /* of one rule */
    SM_LABELS_MAX = 200,
};

/* A word of a class or of a list, with the line that it stands in. */
struct sm_word {
    struct span text;
    struct audit_place place;
};

struct sm_words {
    struct sm_word *v;
    size_t count, cap;
};

/* Any time a .mc file (or its .cf) turns something on. */
enum sm_feature {
    SM_PROMISCUOUS,
    SM_LOCAL_FROM,
    SM_MAIL_FROM,
    SM_BY_MX,
    SM_ENTIRE_DOMAIN,
    SM_LOOSE,
    SM_HOSTS_ONLY,
    SM_NOUUCP,
    SM_BESTMX_LOCAL,
    SM_ACCESS_DB,
    SM_CW_FILE,
    SM_NO_MSA,
    SM_DELAY_CHECKS,
    SM_UNRESOLVABLE,
    SM_UNQUALIFIED,
    SM_MSP,
    SM_FEATURES,
};

struct sm_set_feature {
    bool on;
    struct audit_place place;
    struct span args[3];
};

struct sm_define {
    struct span name, value;
    struct audit_place place;
    struct sm_define *next;
};

struct sm_daemon {
    struct span options;
    struct audit_place place;
    struct sm_daemon *next;
};

struct sm_conf {
    struct audit *a;
    const struct audit_kind *kind;
    const char *file;
    struct sm_set_feature features[SM_FEATURES];
    struct sm_define *defines; /* the last first */
    struct sm_daemon *daemons;
    struct sm_words local, relay; /* classes w and R */
    struct sm_words access;       /* whole lines "key value" */
    const char *access_file, *relay_file, *local_file;
    struct audit_place access_place;
    bool access_there;
    struct sm_cf *rules; /* of a .cf, or raw ones of a .mc; NULL: none */
    bool raw;            /* a .mc holds rules of its own */
    struct audit_place raw_place;
    bool doubt; /* a part that is not here could hold more */
};

const struct sm_define *sm_define(const struct sm_conf *c, const char *name);
void sm_words_add(struct sm_conf *c, struct sm_words *w, struct span text, struct audit_place at);
/* One word a line, as an F line reads it. */
void sm_words_file(struct sm_conf *c, struct sm_words *w, const char *path, bool whole_lines);
/* 0 or AUDIT_BAD. */
int sm_read_mc(struct sm_conf *c, const struct audit_source_file *f);
int sm_read_cf(struct sm_conf *c, const struct audit_source_file *f);
/* Reads what classes and maps name. */
void sm_read_lists(struct sm_conf *c);

/* An entry of the access map; false when the line has none. */
struct sm_entry {
    struct span tag; /* "connect", in the case of the file; empty: none */
    struct span key, value;
};

bool sm_entry(struct span line, struct sm_entry *ret);
/* "10", "192.168.1", "IPv6:2001:db8": an address or the front of one. */
bool sm_net(struct span s, struct ip_prefix *ret);
void sm_doors(struct sm_conf *c, void (*judge)(struct sm_conf *c, struct audit_door *d));
void sm_judge_mc(struct sm_conf *c, struct audit_door *d);
void sm_judge_cf(struct sm_conf *c, struct audit_door *d);
/* The name of this host for a witness: a class w word, or "localhost". */
const char *sm_own_domain(const struct sm_conf *c);
/* Below a domain of classes w and R, or the host's own. */
bool sm_own_name(const struct sm_conf *c, struct span name);
/* Rows of the door's trusted nets by class R and the access map. */
void sm_trust(struct sm_conf *c, struct audit_door *d);

/* --- rules (mta_sendmail_rules.c, mta_sendmail_map.c) ----------------------------------------- */

struct sm_tokens {
    struct span v[SM_TOKENS_MAX];
    size_t n;
};

struct sm_rule {
    const struct span *lhs, *rhs;
    size_t lhs_n, rhs_n;
    struct audit_place place;
    struct sm_rule *next;
};

struct sm_ruleset {
    struct span name, number;
    struct sm_rule *rules, **end;
    struct sm_ruleset *next;
};

struct sm_macro {
    struct span name, value;
    struct sm_macro *next;
};

struct sm_class {
    struct span name;
    struct sm_words words;
    struct sm_class *next;
};

struct sm_map {
    struct span name, type, rest;
    struct audit_place place;
    const struct sm_words *lines; /* read */
    bool missing;
    struct sm_map *next;
};

struct sm_cf {
    struct sm_conf *c;
    struct sm_ruleset *sets;
    struct sm_macro *macros;
    struct sm_class *classes;
    struct sm_map *maps;
    struct span operators, version, vendor;
    struct audit_place version_place;
    unsigned total;
    struct sm_tokens *pool[SM_CALLS_MAX + 1][4]; /* workspaces of each depth */
};

struct sm_session {
    struct ip client;
    const char *ptr; /* NULL: none */
    const char *sender;
    const char *rcpt; /* without brackets */
    const char *flags;
    bool login, mx_here;
};

struct sm_run {
    struct sm_cf *cf;
    struct audit *a;
    const struct sm_session *s;
    unsigned depth, steps;
    bool doubt;
    struct audit_place doubt_place;
    const char *doubt_why;
    struct audit_place last; /* the rule that was taken last */
};

struct sm_cf *sm_cf_new(struct sm_conf *c);
/* One logical line of a .cf. */
void sm_cf_line(struct sm_cf *cf, struct span line, struct audit_place place);
struct sm_class *sm_class(struct sm_cf *cf, struct span name);
struct sm_ruleset *sm_ruleset(const struct sm_cf *cf, struct span name);
/* "$*", "$=w", "$={name}", "$&{name}", "$1", "$|" …: how long it is. */
size_t sm_dollar_length(struct span s);
void sm_tokenize_as(const struct sm_cf *cf, struct span s, bool rule, struct sm_tokens *out);
void sm_tokenize(const struct sm_cf *cf, struct span s, struct sm_tokens *out);
struct span sm_join(struct audit *a, const struct span *v, size_t n);
/* Runs a rule set over the workspace. False: it is not there. */
bool sm_call(struct sm_run *r, struct span name, struct sm_tokens *w);
/* "{name}" or one letter, at the time of a session. */
struct span sm_macro_now(struct sm_run *r, struct span name);
/* The value of a map for a key; false: not found. */
bool sm_map_get(struct sm_run *r, struct span map, struct span key, const struct span *args,
                size_t arg_count, struct span *ret);

enum sm_answer { SM_REFUSED, SM_ACCEPTED, SM_DOUBT };

/* check_relay, check_mail, check_rcpt. */
enum sm_answer sm_check(struct sm_cf *cf, const struct sm_session *s, struct sm_run *ret);
/* Whether rule sets 3 and 0 send the recipient on, as an address of the victim's domain. */
bool sm_goes_out(struct sm_cf *cf, const struct sm_session *s, bool *ret_as_is);

#endif
