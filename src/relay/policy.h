/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What relay_decide() decides by, as data: own domains, networks, certificates, access rules, each
 * with the file and line that it stands in. Built by the adders, sealed, and from then on constant:
 * sessions share one, and a reload makes a new one beside it.
 *
 *     p = relay_policy_new(idn_to_ascii);
 *     r = relay_policy_add_domain(p, SPAN_LIT("example.org"), place, &fault);
 *     r = relay_policy_read(p, RELAY_READ_TCPRULES, text, "/etc/tcp.smtp", &fault);
 *     r = relay_policy_seal(p);
 *     relay_check(p, facts, count, &findings);        (relay/check.h)
 *
 * Adders return 0; RELAY_BAD with the reason in *fault and nothing added; or -ENOMEM.
 */
#ifndef POSTERN_RELAY_POLICY_H
#define POSTERN_RELAY_POLICY_H

#include "base/buf.h"
#include "relay/relay.h"

enum {
    RELAY_BAD = 1,
    RELAY_NAME_SIZE = 256,       /* a domain of A-labels with its NUL */
    RELAY_FILE_MAX = 64 << 20,   /* bytes of one file */
    RELAY_LINE_MAX = 4000,       /* bytes of one logical line */
    RELAY_ENTRIES_MAX = 4 << 20, /* domains, and prefixes, of one policy */
    RELAY_NESTING_MAX = 8,       /* conditions in one another, in a cidr table */
    RELAY_NOTES_MAX = 200,       /* warnings that are kept; the rest is counted */
};

struct relay_fault {
    unsigned line;
    char why[240]; /* printable */
};

/* Something that an old file says and that we do not do: a warning, never an error. */
struct relay_note {
    struct relay_place place;
    char *text; /* owned by the policy */
};

/*
 * A name of any script to lower-case A-labels without a closing dot; false when it is none. This is
 * idn_to_ascii() of io/idn.h, handed in so that there is one translation in the whole product and
 * this layer needs no IDNA tables. NULL: names with octets over 127 are refused.
 */
typedef bool (*relay_ascii_fn)(struct span name, char ret[RELAY_NAME_SIZE]);

/* With one reference; NULL when out of memory. */
struct relay_policy *relay_policy_new(relay_ascii_fn ascii);
struct relay_policy *relay_policy_ref(struct relay_policy *p);
/* Drops a reference; safe on NULL and twice. */
void relay_policy_free(struct relay_policy **p);

/* Rights by address on the MX listener too. Default: no. */
void relay_policy_mx_networks(struct relay_policy *p, bool on);

/*
 * "example.org": itself. ".example.org": itself and all below. "*" and ".": every domain, which
 * relay_check() refuses. Words behind it: "deliberate" silences relay_check(); "routes" takes '%'
 * and '!' in the local part, for mailboxes that really have such names.
 */
int relay_policy_add_domain(struct relay_policy *p, struct span text, struct relay_place place,
                            struct relay_fault *fault);
/*
 * "192.0.2.0/24", "2001:db8::/32", an address; "!192.0.2.1" takes it out again wherever it stands
 * among the networks (the longest prefix counts). "deliberate" behind it as above.
 */
int relay_policy_add_network(struct relay_policy *p, struct span text, struct relay_place place,
                             struct relay_fault *fault);
/* 64 hex digits, colons between them allowed; a name for people may follow. */
int relay_policy_add_cert(struct relay_policy *p, struct span text, struct relay_place place,
                          struct relay_fault *fault);
/*
 * Certificates of the operator's own authority give a right, by relay_client's cert_ca. `place` is
 * where the authority is named; the file name is copied. 0 or -ENOMEM.
 */
int relay_policy_trust_ca(struct relay_policy *p, struct relay_place place);
/* An address of ours: user@[it] is a mailbox of ours. */
int relay_policy_add_literal(struct relay_policy *p, struct span text, struct relay_place place,
                             struct relay_fault *fault);

enum relay_read {
    RELAY_READ_RCPTHOSTS,     /* a name a line; ".x" is all below x, not x itself */
    RELAY_READ_RELAY_DOMAINS, /* a name a line stands for all below it, too */
    RELAY_READ_NETWORKS,      /* a prefix a line; "!" takes out; the first match counts */
    RELAY_READ_TCPRULES,      /* tcprules(1), tcp.smtp */
    RELAY_READ_HOSTS_ALLOW,   /* hosts_options(5) with setenv RELAYCLIENT */
    RELAY_READ_ACCESS,        /* sendmail's access, Postfix's access(5) as postmap takes it */
    RELAY_READ_ACCESS_CLIENT, /* the same, keys are clients */
    RELAY_READ_ACCESS_FROM,   /* keys are senders */
    RELAY_READ_ACCESS_TO,     /* keys are recipients */
    RELAY_READ_CIDR,          /* Postfix's cidr_table(5) of clients, with access(5) actions */
};

const char *relay_read_name(enum relay_read kind); /* "tcprules" */

/* A whole file, or nothing of it. fault->line is the bad line. `file` is copied. */
int relay_policy_read(struct relay_policy *p, enum relay_read kind, struct span text,
                      const char *file, struct relay_fault *fault);

/* Sorts; from now on no adder may be called. 0 or -ENOMEM. */
int relay_policy_seal(struct relay_policy *p);

/* What was read and will not be done. *ret_more counts those that were not kept. */
const struct relay_note *relay_policy_notes(const struct relay_policy *p, size_t *ret_count,
                                            size_t *ret_more);

struct relay_counts {
    size_t domains, networks, certs, access; /* entries */
};

struct relay_counts relay_policy_counts(const struct relay_policy *p);

/* --- look-ups, for the decision and for tests ----------------------------------------------- */

/* A name as A-labels, by the policy's function. */
bool relay_policy_ascii(const struct relay_policy *p, struct span name, char ret[RELAY_NAME_SIZE]);
/* `name` as of relay_policy_ascii(). *ret_routes: '%' and '!' are allowed there. */
bool relay_policy_own(const struct relay_policy *p, const char *name, struct relay_place *ret_place,
                      bool *ret_routes);
bool relay_policy_own_literal(const struct relay_policy *p, struct ip ip,
                              struct relay_place *ret_place);
/* By address only; whether the role lets it count is relay_decide()'s. */
bool relay_policy_trusts(const struct relay_policy *p, struct ip ip, struct relay_place *ret_place);
bool relay_policy_knows_cert(const struct relay_policy *p, struct span hex,
                             struct relay_place *ret_place);
/* Whether certificates of an authority count at all. */
bool relay_policy_trusts_ca(const struct relay_policy *p, struct relay_place *ret_place);
bool relay_policy_has_mx_networks(const struct relay_policy *p);

#endif
