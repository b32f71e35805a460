/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The insides of a policy, for the files of this layer. */
#ifndef POSTERN_RELAY_POLICY_PRIV_H
#define POSTERN_RELAY_POLICY_PRIV_H

#include "relay/nets.h"
#include "relay/rule.h"

/* One file of networks or access rules, or (the first) what the settings say. */
struct relay_source {
    const char *file;           /* of relay_policy_name() */
    struct relay_table clients; /* by the client's address: GRANT, DEFER, REFUSE */
    struct relay_keys from, to; /* by address of sender and recipient: DEFER, REFUSE */
};

struct relay_cert {
    uint8_t sha256[32];
    struct relay_place place;
};

struct relay_literal {
    struct ip ip;
    struct relay_place place;
};

struct relay_policy {
    unsigned refs;
    bool sealed, mx_networks, ca;
    struct relay_place ca_place;
    relay_ascii_fn ascii;
    char **files; /* names that places borrow */
    size_t file_count, file_cap;
    struct relay_keys domains;
    struct relay_source *sources; /* there is always the first */
    size_t source_count, source_cap;
    struct relay_cert *certs; /* by value */
    size_t cert_count, cert_cap;
    struct relay_literal *literals;
    size_t literal_count, literal_cap;
    struct relay_note *notes;
    size_t note_count, note_cap, notes_more;
};

/* --- for the readers of formats --------------------------------------------------------------- */

enum relay_scope { RELAY_SCOPE_SELF, RELAY_SCOPE_BELOW, RELAY_SCOPE_TREE };
enum relay_access_keys {
    RELAY_KEYS_TAGGED, /* addresses are clients, all else senders */
    RELAY_KEYS_CLIENT,
    RELAY_KEYS_FROM,
    RELAY_KEYS_TO,
};

/* Where a reader stands. Its source becomes the policy's only if all went well. */
struct relay_reading {
    struct relay_policy *policy;
    struct relay_source *source;
    struct relay_keys *domains; /* additions */
    const char *file;
    struct relay_fault *fault;
    struct span rest; /* of the text */
    unsigned line;    /* of the logical line at hand: its first */
    unsigned next;    /* the physical line that follows */
    struct relay_note *notes;
    size_t note_count, note_cap, notes_more;
    struct buf joined; /* a logical line made of several */
    /* of one format or another */
    enum relay_scope bare;       /* rcpthosts: what a name without a dot before it stands for */
    enum relay_access_keys keys; /* access: what a key without a tag is */
    struct relay_nets *within;   /* cidr: the conditions that are open, outermost first */
    size_t within_count, within_cap;
    unsigned within_line; /* where the outermost opened */
    bool ok_noted;
};

enum relay_lines {
    RELAY_LINES_PLAIN,     /* a line is a line */
    RELAY_LINES_INDENTED,  /* a line that starts with a blank goes on the one before */
    RELAY_LINES_BACKSLASH, /* a line that ends in a backslash goes on */
};

/*
 * Calls fn for each logical line that is not empty and no comment, blanks trimmed, with r->line
 * set. 0, or the first result of fn that is not 0, or RELAY_BAD for a line that is no text, or
 * -ENOMEM.
 */
typedef int (*relay_line_fn)(struct relay_reading *r, struct span line);
int relay_lines_each(struct relay_reading *r, enum relay_lines how, relay_line_fn fn);

int relay_bad(struct relay_reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A warning at the line at hand. 0 or -ENOMEM. */
int relay_note(struct relay_reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A rule for the line at hand. */
struct relay_rule relay_rule_here(const struct relay_reading *r, enum relay_verb verb);
/* Adds to the client table; on failure the rule is freed. RELAY_BAD, -ENOMEM or 0. */
int relay_add_net(struct relay_reading *r, struct ip_prefix net, struct relay_rule *rule);
int relay_add_key(struct relay_reading *r, struct relay_keys *keys, struct span key,
                  struct relay_rule *rule);
/* A domain pattern of rcpthosts and its like into the domains. */
int relay_add_own(struct relay_reading *r, struct span name, enum relay_scope scope,
                  struct relay_rule *rule);

/* "192.0.2.", "192.0.2", "10.": an IPv4 prefix of whole octets; `dot`: it must end in a dot. */
bool relay_octets_parse(struct span s, bool dot, struct ip_prefix *ret);

/* Adds the rule for each prefix of the set, with copies of its text; the rule itself is freed. */
int relay_add_nets(struct relay_reading *r, const struct relay_nets *nets, struct relay_rule *rule);
/* An address or prefix as these files write it: IPv6 perhaps in brackets, "[2001:db8::]/32". */
bool relay_net_parse(struct span s, struct ip_prefix *ret);

/* The readers, one a file: 0, RELAY_BAD, -ENOMEM. */
int relay_read_domains(struct relay_reading *r, struct span line);
int relay_read_networks(struct relay_reading *r, struct span line);
int relay_read_tcprules(struct relay_reading *r, struct span line);
int relay_read_hosts_allow(struct relay_reading *r, struct span line);
int relay_read_access(struct relay_reading *r, struct span line);
int relay_read_cidr(struct relay_reading *r, struct span line);
/* At the end of a cidr file: closes what is open, or says that it is. */
int relay_read_cidr_end(struct relay_reading *r);
/*
 * The right side of access(5) and of sendmail's access database. RELAY becomes GRANT, which the
 * caller must refuse where it may not be. *ret is to be freed by relay_rule_deinit().
 */
int relay_action_parse(struct relay_reading *r, struct span text, struct relay_rule *ret);

#endif
