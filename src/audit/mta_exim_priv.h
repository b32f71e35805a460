/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Exim, inside of its interpreter: a configuration as data, and a run of it for one imagined
 * client. See mta_exim.c for how they go together.
 */
#ifndef POSTERN_AUDIT_MTA_EXIM_PRIV_H
#define POSTERN_AUDIT_MTA_EXIM_PRIV_H

#include "audit/interp.h"
#include "audit/unix.h"

enum {
    EXIM_DEPTH_MAX = AUDIT_NEST_MAX, /* ACLs, lists, redirections within one another */
    EXIM_NEST_MAX = 60,              /* braces within one another */
    EXIM_MACROS_MAX = 2000,
    EXIM_STEPS_MAX = 20000,  /* conditions of one run: a loop that depth alone does not end */
    EXIM_TOTAL_MAX = 600000, /* of all runs */
    EXIM_NETS_MAX = 1000,    /* that are tried */
    EXIM_CANDIDATES_MAX = 64,
    EXIM_PAIRS_MAX = 8, /* candidates that are tried in pairs, of each kind */
};

/* --- texts that know where they come from ----------------------------------------------------- */

struct exim_mark {
    size_t at; /* from this byte on */
    struct audit_place place;
};

struct exim_text {
    struct span s;
    const struct exim_mark *marks; /* in the order of `at`; the first is 0 */
    size_t count;
};

struct audit_place exim_place(const struct exim_text *t, const char *p);

/* --- the configuration ------------------------------------------------------------------------ */

struct exim_option {
    const char *name;
    struct exim_text value; /* "true" and "false" of booleans */
    struct audit_place place;
    struct exim_option *next;
};

enum exim_list_kind { EXIM_DOMAINS, EXIM_HOSTS, EXIM_ADDRESSES, EXIM_LOCALS };

struct exim_list {
    enum exim_list_kind kind;
    const char *name;
    struct exim_text value;
    struct exim_list *next;
};

enum exim_verb {
    EXIM_ACCEPT,
    EXIM_DENY, /* and drop, defer, discard: no mail goes on */
    EXIM_REQUIRE,
    EXIM_WARN,
};

struct exim_cond {
    const char *name;
    const char *variable; /* of "set" */
    bool negated;
    struct exim_text value;
    struct audit_place place;
    struct exim_cond *next;
};

struct exim_statement {
    enum exim_verb verb;
    struct exim_cond *conds;
    struct audit_place place;
    struct exim_statement *next;
};

struct exim_acl {
    const char *name;
    struct exim_statement *statements;
    struct exim_acl *next;
};

/* A router or an authenticator. */
struct exim_driver {
    const char *name;
    struct exim_option *options;
    struct audit_place place;
    struct exim_driver *next;
};

struct exim_rewrite {
    struct exim_text pattern, replacement;
    struct span flags;
    struct audit_place place;
    struct exim_rewrite *next;
};

struct exim_macro {
    const char *name;
    struct exim_text value;
    struct exim_macro *next;
};

struct exim_conf {
    struct audit *a;
    const struct audit_kind *kind;
    const char *file;
    struct exim_macro *macros, **macros_end;
    size_t macro_count;
    struct exim_option *options; /* of the main section, last first */
    struct exim_list *lists;
    struct exim_acl *acls;
    struct exim_driver *routers, *auths;
    struct exim_rewrite *rewrites;
    bool router_section;
    unsigned steps;
};

/* --- reading (mta_exim_read.c, mta_exim_conf.c, mta_exim_debian.c) ---------------------------- */

struct exim_text exim_slice(struct exim_conf *c, const struct exim_text *t, struct span part);

/* Called with each logical line; false ends the reading. */
typedef bool (*exim_line_fn)(void *cookie, const struct exim_text *line);

struct exim_reader {
    struct exim_conf *c;
    exim_line_fn each;
    void *cookie;
    unsigned depth;
    struct buf text; /* of the logical line so far */
    struct exim_mark *marks;
    size_t mark_count, mark_cap;
    bool open;                      /* goes on in the next physical line */
    unsigned ifs, skip_at;          /* open .ifdef, and the first of them that is not taken */
    bool taken[AUDIT_NEST_MAX + 1]; /* a branch of it was */
    bool stop;
    /* Where Debian's generator puts its macros; NULL: nowhere. */
    void (*at_macros)(struct exim_reader *r);
};

void exim_reader_open(struct exim_reader *r, struct exim_conf *c, exim_line_fn each, void *cookie);
/* 0, or AUDIT_BAD. */
int exim_read_file(struct exim_reader *r, const struct audit_source_file *file);
void exim_reader_end(struct exim_reader *r);
/* Of two definitions the later counts, with `again`; without, the first. */
void exim_macro_set(struct exim_conf *c, const char *name, struct exim_text value, bool again);
bool exim_macro_has(const struct exim_conf *c, const char *name);

struct exim_sections {
    void *cookie; /* of whoever reads the lines */
    struct exim_conf *c;
    int section;
    struct exim_acl *acl;
    struct exim_statement *statement;
    struct exim_driver *driver;
};

/* An exim_line_fn; the cookie is a zeroed struct exim_sections with its `c`. */
bool exim_conf_line(void *cookie, const struct exim_text *line);
/* Debian's /etc/exim4 as update-exim4.conf would make it. 0 or AUDIT_BAD. */
int exim_read_debian(struct exim_conf *c, const char *folder);

const struct exim_option *exim_option(const struct exim_option *o, const char *name);
bool exim_option_true(const struct exim_option *o, const char *name, bool otherwise);
const struct exim_list *exim_list_find(const struct exim_conf *c, enum exim_list_kind kind,
                                       struct span name);
const struct exim_acl *exim_acl_find(const struct exim_conf *c, struct span name);

/* --- one run ---------------------------------------------------------------------------------- */

enum exim_tri {
    EXIM_NO,
    EXIM_YES,
    EXIM_ANY,   /* as the stranger likes: a listing, SPF, TLS, what he writes */
    EXIM_DOUBT, /* can't be told offline */
};

enum exim_tri exim_not(enum exim_tri t);
enum exim_tri exim_and(enum exim_tri a, enum exim_tri b);
enum exim_tri exim_or(enum exim_tri a, enum exim_tri b);

/* What a value was made of, and what a client can choose. */
enum exim_from {
    EXIM_FROM_SENDER = 1 << 0,
    EXIM_FROM_HELO = 1 << 1,
    EXIM_FROM_PTR = 1 << 2,
    EXIM_FROM_RCPT = 1 << 3,
    EXIM_FROM_CLIENT = 1 << 4,
    EXIM_FROM_SENDER_DOMAIN = 1 << 5,
    EXIM_FROM_LOCAL = 1 << 6,
};

/* How a list came to match. */
enum exim_how {
    EXIM_HOW_NONE,
    EXIM_HOW_PLAIN,  /* the name or address itself */
    EXIM_HOW_STAR,   /* "*" */
    EXIM_HOW_END,    /* a negated last item */
    EXIM_HOW_SUFFIX, /* "*.com" */
    EXIM_HOW_REGEX,
    EXIM_HOW_MX,      /* @mx_any and its like */
    EXIM_HOW_DEFAULT, /* the "*" entry of a lookup */
    EXIM_HOW_NET,
    EXIM_HOW_UNKNOWN, /* +include_unknown */
};

struct exim_hit {
    enum exim_how how;
    struct audit_place place;
    struct span item;
};

struct exim_world {
    struct ip client; /* IP_NONE: an address that no list names */
    const char *ptr;  /* NULL: none */
    const char *helo;
    const char *sender; /* "" for the null sender */
    const char *rcpt_local, *rcpt_domain;
    const char *auth[3]; /* what is offered to an authenticator; NULL: nothing */
    bool login, cert;
    bool mx_here; /* the recipient's domain names this host as its MX */
    unsigned port;
};

/* A name, sender or pattern that the configuration grants something to. */
struct exim_candidates {
    const char *v[EXIM_CANDIDATES_MAX];
    struct audit_place place[EXIM_CANDIDATES_MAX];
    size_t count;
};

struct exim_named_net {
    struct ip_prefix net;
    struct audit_place place;
    struct span text;
};

struct exim_found {
    struct exim_candidates senders, helos, ptrs, locals, suffixes, domains;
    struct exim_candidates owns; /* domains that recipients may have */
    struct exim_named_net *nets;
    size_t net_count, net_cap;
    struct audit_place more_nets; /* where there were more than are tried */
};

struct exim_variable {
    const char *name;
    struct span text;
    enum exim_tri state;
    struct exim_variable *next;
};

struct exim_run {
    struct exim_conf *c;
    struct audit *a;
    struct exim_world w;
    struct exim_found *found; /* not NULL: collect what is named, and look at everything */
    unsigned depth, steps;
    struct exim_variable *variables;
    struct span captures[10];
    struct span value, item;   /* $value, $item */
    enum exim_tri value_state; /* ANY and DOUBT: what $value is can't be known */
    struct span args[9];
    /* why it is in doubt: the first that was */
    struct audit_place doubt_place;
    const char *doubt;
    /* how the lists matched that decided */
    struct exim_hit hosts, domains, required;
    struct audit_place accepted; /* the statement */
    bool verified;               /* the recipient was */
    bool lookup_default;         /* a lookup gave its "*" entry */
    struct audit_place default_place;
    bool data;  /* the message itself is looked at */
    bool guess; /* a login of nobody: what can't be asked has no such user */
};

void exim_doubt(struct exim_run *r, struct audit_place place, const char *why);
/* A loop of the configuration ends in doubt. */
bool exim_step(struct exim_run *r, struct audit_place place);

/* A text after expansion. */
struct exim_value {
    enum exim_tri state; /* YES: known; ANY: of the stranger's choice; DOUBT */
    bool fail;           /* forced failure */
    unsigned from;       /* enum exim_from */
    struct span text;
};

/* --- expansion (mta_exim_expand.c, mta_exim_item.c, mta_exim_if.c, mta_exim_lookup.c) --------- */

struct exim_expand {
    struct exim_run *r;
    struct span s; /* what is left */
    struct audit_place place;
    unsigned nest;
    bool bad; /* a syntax that is not known */
};

struct exim_value exim_expand(struct exim_run *r, const struct exim_text *text);
struct exim_value exim_expand_span(struct exim_run *r, struct span s, struct audit_place place);
/* The rest up to an unescaped "}" (not taken) or the end; `skip` reads over it only. */
struct exim_value exim_expand_part(struct exim_expand *e, bool ket, bool skip);
/* "{" part "}"; false when there is none. */
bool exim_expand_braced(struct exim_expand *e, bool skip, struct exim_value *ret);
void exim_skip_blank(struct exim_expand *e);
bool exim_take(struct exim_expand *e, char c);
struct span exim_take_name(struct exim_expand *e);
struct exim_value exim_known(struct span s);
struct exim_value exim_unknown(struct exim_run *r, struct audit_place place, const char *why);
/* Two parts of one text. */
void exim_value_join(struct exim_value *into, const struct exim_value *part);
/* "${name ...}" behind its name, up to but without the closing brace. */
struct exim_value exim_expand_item(struct exim_expand *e, struct span name, bool skip);
struct exim_value exim_operator(struct exim_expand *e, struct span name, bool skip);
struct exim_value exim_variable(struct exim_run *r, struct span name, struct audit_place place);
/* A condition of ${if}, from the cursor. */
enum exim_tri exim_if(struct exim_expand *e, bool skip);
/* What "{yes}{no}" gives; `otherwise` stands for a missing {yes}. */
struct exim_value exim_yes_no(struct exim_expand *e, enum exim_tri t, bool skip,
                              struct span otherwise);
/* The truth of "condition =" and bool{}. */
enum exim_tri exim_truth(const struct exim_value *v, bool lax);
void exim_candidate(struct exim_run *r, unsigned from, struct span text, bool regex,
                    struct audit_place place);

/*
 * One lookup of `key` in `type` (with its partial- and * parts) over `file`. YES with the data, NO,
 * or DOUBT.
 */
enum exim_tri exim_lookup(struct exim_run *r, struct span type, struct span file, struct span key,
                          unsigned from, struct audit_place place, struct span *ret_data);

/* --- lists (mta_exim_list.c, mta_exim_match.c) ------------------------------------------------ */

struct exim_list_reader {
    struct span rest;
    char sep;
};

void exim_list_open(struct exim_list_reader *l, struct span text, struct span *ret_rest);
/* An item without its blanks; doubled separators are undone in a copy. */
bool exim_list_next(struct audit *a, struct exim_list_reader *l, struct span *ret,
                    const char **ret_at);

/* Whether `subject` is in the list, after expansion. */
enum exim_tri exim_list(struct exim_run *r, enum exim_list_kind kind, const struct exim_text *text,
                        const struct exim_value *subject, struct exim_hit *ret);
enum exim_tri exim_list_span(struct exim_run *r, enum exim_list_kind kind, struct span text,
                             struct audit_place place, const struct exim_value *subject,
                             struct exim_hit *ret);

/* --- ACLs and routers (mta_exim_acl.c, mta_exim_route.c) -------------------------------------- */

/* YES or ANY: accepted. */
enum exim_tri exim_acl_run(struct exim_run *r, const struct exim_acl *acl);
/* The ACL of an option, which may be a name, a file, or inline; `unset` when it is not there. */
enum exim_tri exim_acl_option(struct exim_run *r, const char *option, enum exim_tri unset);
/* connect, HELO, MAIL, RCPT, DATA. */
enum exim_tri exim_session(struct exim_run *r);
struct exim_run exim_run_new(struct exim_conf *c, const struct exim_world *w);
enum exim_tri exim_condition(struct exim_run *r, const struct exim_cond *cond);

enum exim_route { EXIM_ROUTE_NONE, EXIM_ROUTE_LOCAL, EXIM_ROUTE_REMOTE, EXIM_ROUTE_DOUBT };

/* Where mail for this address goes; *ret_domain: of the address that it ended as. */
enum exim_route exim_route(struct exim_run *r, struct span local, struct span domain,
                           struct span *ret_domain);
/* What the section "rewrite" makes of a recipient that the ACL has accepted. */
struct span exim_rewritten(struct exim_run *r, struct span address);
/* A smarthost for foreign mail, or NULL. */
const char *exim_smarthost(struct exim_conf *c, struct audit_place *ret);

/* --- findings (mta_exim_judge.c, mta_exim_door.c) --------------------------------------------- */

void exim_judge(struct exim_conf *c, struct audit_door *d);
void exim_doors(struct exim_conf *c);
/* Everything that ACLs name, with the port that they may ask for. */
void exim_collect(struct exim_conf *c, unsigned port, struct exim_found *found);
/* EX09: authenticators that let anybody in. */
void exim_judge_logins(struct exim_conf *c, struct audit_door *d, const struct exim_found *found);
/* EX03, EX08, EX10: options and lists by themselves. */
void exim_judge_options(struct exim_conf *c, struct audit_door *d);

#endif
