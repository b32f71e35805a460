/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the files of the Postfix interpreter share. Names begin with pf_: the family is one module.
 *
 *   conf      main.cf, overrides of a service, expansion of $name, words with their places
 *   defaults  what Postfix takes where nothing is set, by version and compatibility level
 *   master    master.cf: services and their -o
 *   table     look-up tables; pattern: those with regular expressions
 *   list      match lists: networks, domains
 *   addr      where a recipient goes
 *   walk      the restriction lists, for one client and one envelope
 *   choices   what a stranger can choose; try: whom to walk with; tell: what it means
 *   rules     what needs no walk
 */
#ifndef POSTERN_AUDIT_MTA_POSTFIX_PRIV_H
#define POSTERN_AUDIT_MTA_POSTFIX_PRIV_H

#include "audit/interp.h"

enum {
    PF_EXPAND_MAX = 1 << 20,   /* bytes of one value after expansion */
    PF_EXPAND_ONE = 4 << 20,   /* of all that goes into one value, with 64 for each name in it */
    PF_EXPAND_ALL = 512 << 20, /* of all values */
    PF_WORDS_MAX = 200000,     /* words of one list */
    PF_STEPS_MAX = 20000,      /* restrictions of one walk */
    PF_VERSION_DEFAULT = 3007,
};

/* --- conf ----------------------------------------------------------------------------------- */

/* One "name = value". */
struct pf_param {
    struct pf_param *next; /* the one before it in the file */
    const char *name;
    struct audit_line line; /* that it stands in */
    struct span value;      /* raw, in line.text */
    const char *file;
    bool master; /* an override of master.cf */
};

struct pf_seg {
    size_t at;
    struct audit_place place;
};

/* An expanded value; each byte knows where it was written. */
struct pf_text {
    struct span s;
    const struct pf_seg *segs;
    size_t count;
    bool unknown; /* a part of it is filled in by some template, or loops */
};

struct pf_word {
    struct span s;
    struct audit_place place;
};

struct pf_words {
    struct pf_word *v;
    size_t count;
};

/* Values that are asked for again and again, of the service at hand. */
struct pf_kept {
    const char *name;
    struct pf_text text;
    struct pf_words words;
    bool split; /* words are there */
};

enum { PF_KEPT_MAX = 96 };

struct pf_conf {
    struct audit *a;
    struct pf_kept kept[PF_KEPT_MAX];
    size_t kept_count;
    const struct audit_kind *kind;
    const char *file; /* main.cf as read */
    unsigned lines;   /* how many it has */
    bool script;      /* it is a script that calls postconf: no line of it can be replaced */
    struct pf_param *main;
    const struct pf_param *over;    /* of the service at hand */
    const struct pf_param *rewrite; /* of trivial-rewrite, which tells where an address goes */
    unsigned version, level;        /* major * 1000 + minor */
    struct pf_table *tables;        /* opened so far */
    struct audit_door *door;        /* of the service at hand */
    unsigned expanding;             /* depth */
    size_t expanded; /* of the value at hand: what doubles again and again must end */
    size_t expanded_all;
};

void pf_conf_read(struct pf_conf *c, const struct audit_source_file *f);
/* Whether a text calls postconf to set something, and the main.cf that it so makes. */
bool pf_is_script(struct span text);
struct span pf_script(struct audit *a, struct span text);
/* The service at hand has these overrides. */
void pf_conf_over(struct pf_conf *c, const struct pf_param *over);
/* The setting that counts, or NULL when the default does. */
const struct pf_param *pf_find(const struct pf_conf *c, const char *name);
struct pf_text pf_value(struct pf_conf *c, const char *name);
/* Expands raw text that was written at `place`. */
struct pf_text pf_expand(struct pf_conf *c, struct span raw, struct audit_place place);
/* Of the setting's line, or main.cf as a whole. */
struct audit_place pf_where(const struct pf_conf *c, const char *name);
struct audit_place pf_text_place(const struct pf_text *t, const char *p);
struct pf_words pf_words(struct pf_conf *c, const struct pf_text *t);
struct pf_words pf_list(struct pf_conf *c, const char *name);
bool pf_yes(struct pf_conf *c, const char *name);
/* The value as a string of the arena, trimmed. */
const char *pf_string(struct pf_conf *c, const char *name);
/* A line for main.cf in place of the setting's, or at the end of the file. */
void pf_fix(struct pf_conf *c, struct audit_finding *f, const char *name, const char *value);

/* --- defaults ------------------------------------------------------------------------------- */

/* The default text of a setting, or "". */
const char *pf_default(const struct pf_conf *c, const char *name);
/* "3.6", "3.7.11", "2": major * 1000 + minor; false when it is none. */
bool pf_version_parse(struct span s, unsigned *ret);

/* --- master --------------------------------------------------------------------------------- */

struct pf_service {
    struct pf_service *next;
    const char *name, *type, *command;
    struct audit_place place;
    unsigned first, last;
    struct pf_param *over;
};

/* In the order of the file. */
struct pf_service *pf_master_read(struct pf_conf *c, const struct audit_source_file *f);
/* "submission", "127.0.0.1:10025", "[::1]:2525": 0 when the port is not known. */
unsigned pf_service_port(const char *name, struct span *ret_host);

/* --- table ---------------------------------------------------------------------------------- */

enum pf_hit { PF_MISS, PF_HIT, PF_MAYBE /* what is in it can't be known here */ };

enum pf_table_kind {
    PF_TABLE_KEYS, /* hash, lmdb, texthash, inline: keys and values */
    PF_TABLE_CIDR,
    PF_TABLE_PATTERN,
    PF_TABLE_STATIC,
    PF_TABLE_UNION,
    PF_TABLE_PIPE,
    PF_TABLE_FAIL,
    PF_TABLE_OPAQUE, /* SQL, LDAP, sockets; or a file that is not there */
};

struct pf_entry {
    struct span key; /* folded to lower case, but for patterns */
    struct span value;
    unsigned line;
    struct ip_prefix net; /* of CIDR */
    bool negated;
    enum { PF_RULE, PF_IF, PF_ENDIF } op;
    void *code; /* pcre2_code of PATTERN; NULL: a pattern that Postfix skips */
};

struct pf_table {
    struct pf_table *next; /* of those opened */
    const char *spec;      /* "hash:/etc/postfix/access" */
    enum pf_table_kind kind;
    const char *file;
    struct audit_place at; /* where it is named first */
    struct pf_entry *v;
    size_t count;
    size_t *index, index_size;       /* of KEYS */
    const struct pf_table *inner[8]; /* of UNION and PIPE */
    size_t inner_count;
    enum audit_file missing; /* OPAQUE: why its file was not read */
};

struct pf_found {
    struct span value;
    struct audit_place place;
};

const struct pf_table *pf_table(struct pf_conf *c, struct span spec, struct audit_place at);
enum pf_hit pf_lookup(struct pf_conf *c, const struct pf_table *t, struct span key,
                      struct pf_found *ret);
/* Whether parts of a key (parent domains, networks) are looked up too. */
bool pf_table_fixed(const struct pf_table *t);
bool pf_is_table(struct span word);
void pf_tables_deinit(struct pf_conf *c);

/* pattern */
void pf_pattern_parse(struct pf_conf *c, struct pf_entry *e, struct audit_line *line, bool pcre,
                      const char *file);
enum pf_hit pf_pattern_lookup(struct pf_conf *c, const struct pf_table *t, struct span key,
                              struct pf_found *ret);
void pf_pattern_free(void *code);
/* A text that the pattern matches, or false. */
bool pf_pattern_sample(const struct pf_entry *e, struct buf *ret);

/* --- list ----------------------------------------------------------------------------------- */

struct pf_match {
    enum pf_hit hit;
    bool error; /* Postfix stops with an error: 451 */
    struct audit_place place;
    struct span word;
};

/* Networks and host names of clients (namadr_list). */
struct pf_match pf_match_client(struct pf_conf *c, const char *setting, const struct pf_words *w,
                                const char *name, struct ip ip);
/* Domains, with parents where the setting stands in parent_domain_matches_subdomains. */
struct pf_match pf_match_domain(struct pf_conf *c, const char *setting, const struct pf_words *w,
                                struct span name);
/* Strings: mydestination, virtual domains. */
struct pf_match pf_match_string(struct pf_conf *c, const struct pf_words *w, struct span name);
bool pf_parent_style(struct pf_conf *c, const char *setting);
/* The rows of a list of networks, in their order, as far as they are networks. */
void pf_rows(struct pf_conf *c, const struct pf_words *w, struct audit_nets *ret);
/* mynetworks as it counts: the setting, or what the style makes of the interfaces. */
struct pf_words pf_mynetworks(struct pf_conf *c, bool *ret_unknown);
/* "192.0.2.0/24", "[2001:db8::]/32", an address; host bits set: *ret_bad. */
bool pf_net_parse(struct span word, struct ip_prefix *ret, bool *ret_bad);
/* Words of a list with "/file" opened and "!" carried into it. */
struct pf_words pf_unfold(struct pf_conf *c, const struct pf_words *w);

/* --- addr ----------------------------------------------------------------------------------- */

enum pf_class { PF_FOREIGN, PF_FINAL, PF_RELAYED, PF_CLASS_MAYBE };

struct pf_dest {
    enum pf_class class;
    bool routed;              /* a route is left in the local part */
    struct span address;      /* what the tables are asked for */
    struct audit_place place; /* of the word that made it final or relayed */
    struct span word;
};

/* The domains that a service is final for or relays to. */
struct pf_domains {
    struct pf_words mydestination, alias, mailbox, relay;
};

void pf_domains_read(struct pf_conf *c, struct pf_domains *ret);
struct pf_dest pf_resolve(struct pf_conf *c, const struct pf_domains *d, struct span address);
/* A domain of its own for a forged sender; NULL when it has none that is known. */
const char *pf_own_domain(struct pf_conf *c, const struct pf_domains *d);

/* --- walk ----------------------------------------------------------------------------------- */

enum pf_list_id { PF_CLIENT, PF_HELO, PF_SENDER, PF_RELAY, PF_RCPT, PF_DATA, PF_EOD, PF_LISTS };

struct pf_lists {
    struct pf_words v[PF_LISTS];
    bool unknown[PF_LISTS];
    struct pf_words classes; /* names */
    struct pf_words mynetworks;
    bool mynetworks_unknown;
    struct pf_domains domains;
};

struct pf_client {
    struct ip ip;
    const char *name; /* confirmed by DNS, or "unknown" */
    const char *helo;
    const char *mail; /* "": null sender */
    const char *rcpt;
    bool login, cert;
    bool mx_here; /* the recipient's domain has an MX that names us */
};

/* Why a list let it through. In the order of what explains most. */
enum pf_why {
    PF_WHY_NOTHING, /* no restriction said no */
    PF_WHY_PERMIT,
    PF_WHY_DOMAIN, /* relay_domains holds the stranger's domain */
    PF_WHY_NETWORK,
    PF_WHY_MX,
    PF_WHY_LOGIN,
    PF_WHY_CERT,
    PF_WHY_RCPT,
    PF_WHY_CLIENT,
    PF_WHY_PTR,
    PF_WHY_HELO,
    PF_WHY_SENDER,
    PF_WHY_UNKNOWN, /* a table or service that can't be read might say so */
};

struct pf_cause {
    enum pf_why why;
    enum pf_list_id list;
    struct audit_place place; /* of the deciding entry or word */
    struct span word;
};

struct pf_outcome {
    bool relays;  /* accepted and sent on */
    bool dropped; /* accepted and thrown away */
    bool refused;
    unsigned steps;
    struct pf_cause cause;
    struct audit_place warned; /* a reject that warn_if_reject has taken the force of */
};

const char *pf_list_name(enum pf_list_id id);
void pf_lists_read(struct pf_conf *c, struct pf_lists *ret);
/* Whether smtpd starts at all with these lists. */
bool pf_starts(struct pf_conf *c, const struct pf_lists *l);
/* `bold`: what can't be known says OK; else it says nothing. */
struct pf_outcome pf_walk(struct pf_conf *c, const struct pf_lists *l, const struct pf_client *who,
                          bool bold);
/* Calls fn for each table of the lists and classes. `list` is the access kind it is asked as. */
typedef void (*pf_table_fn)(void *cookie, const struct pf_table *t, enum pf_why key);
void pf_each_table(struct pf_conf *c, const struct pf_lists *l, pf_table_fn fn, void *cookie);
/* Whether a restriction stands in any list or class. */
bool pf_has(struct pf_conf *c, const struct pf_lists *l, const char *word,
            struct audit_place *ret_place);

/* The line that closes most holes. */
#define PF_CLOSED "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination"

/* --- try, rules ------------------------------------------------------------------------------ */

void pf_try(struct pf_conf *c, struct pf_lists *l);
void pf_rules(struct pf_conf *c, struct pf_lists *l);

#endif
