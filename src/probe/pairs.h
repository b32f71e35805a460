/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From forms to probes. The whole cross product is too large for anyone's error budget, so each
 * sender meets each recipient family once and each recipient row is met at least once; what is
 * known to work only as a pair is a row of its own. The likeliest stand first. The order and the
 * ids depend on the catalogue and the options alone.
 */
#ifndef POSTERN_PROBE_PAIRS_H
#define POSTERN_PROBE_PAIRS_H

#include "probe/catalogue.h"

enum {
    PROBE_ID_MAX = 4 * FORM_ID_MAX + 32,
    PAIRS_QUICK_COUNT = 16,   /* probes of the quick set */
    PAIRS_STANDARD_PRIOR = 5, /* less likely recipient rows are in the full set only */
    PAIRS_MAX = 20000,        /* probes of one list: serials are 16 bits */
};

struct probe {
    const struct form *sender, *rcpt; /* never NULL */
    const struct form *helo;          /* never NULL; row "own" is our own name */
    const struct form *channel;       /* NULL: plain SMTP */
    const struct form *pair;          /* the pair row that asked for it; NULL: none did */
    const struct form *cause;         /* the row whose Flaw, CVE and Source explain this probe */
    unsigned prior;                   /* 1 to FORM_PRIOR_MAX */
    uint32_t needs;                   /* enum form_need of all its rows together */
    enum form_before before;
    bool optin;
    bool risk_syntax;
    /* "null.percent-host", then ".helo-localhost", "+xclient-loopback", ".after-local" if so. */
    char id[PROBE_ID_MAX];
};

struct probe_list {
    struct probe *probes;
    size_t count, cap;
    struct form **made; /* forms of hand-made envelopes, owned */
    size_t made_count, made_cap;
};

enum pairs_set {
    PAIRS_STANDARD = 0,
    PAIRS_QUICK, /* the PAIRS_QUICK_COUNT likeliest */
    PAIRS_FULL,  /* every sender with every recipient row, every HELO with every family */
};

/*
 * Globs know * and ? and fold case. They match a probe's id, or the Id or Ref of one of its rows.
 * The exact id of a probe finds it whatever the set. Opt-in families must be asked for by their
 * names: no glob does.
 */
struct pairs_options {
    enum pairs_set set;
    const char *const *only; /* empty: all */
    size_t only_count;
    const char *const *skip;
    size_t skip_count;
    /* Only probes with a row of one of these; asks for opt-in families too. */
    const char *const *family;
    size_t family_count;
    /* Opt-in families that come on top; "all" for every one. */
    const char *const *with;
    size_t with_count;
};

void probe_list_init(struct probe_list *list);
void probe_list_deinit(struct probe_list *list); /* safe twice and on a zeroed one */

/*
 * Fills an empty list. 0, -ENOMEM, or -EINVAL when an option names nothing in the catalogue (why
 * says which) or the catalogue lacks a sender, a recipient or the HELO row "own".
 */
int pairs_make(const struct catalogue *c, const struct pairs_options *o, struct probe_list *ret,
               char *why, size_t why_size);

/* One envelope by hand, as templates of expand.h. Brackets are put around an address without. */
struct pairs_envelope {
    const char *from;         /* what follows "MAIL FROM:"; NULL: <{s}@{d}> */
    const char *rcpt;         /* what follows "RCPT TO:" */
    const char *helo;         /* NULL: our own name */
    const char *probe_domain; /* it and names below it are ours; NULL: only variables are */
    const char *const *hosts; /* of the target: these and names below may stand in it too */
    size_t host_count;
};

/*
 * Appends it as probe "hand-N". -EINVAL with a reason in why for a recipient that is not ours:
 * every host in it must be a variable, the probe domain, or a name of the target, and one of them
 * ours. A recipient without {u} is taken; its arrival is known by the sender's token only. -ENOMEM.
 */
int pairs_by_hand(const struct catalogue *c, const struct pairs_envelope *e,
                  struct probe_list *list, char *why, size_t why_size);

/* Whether the glob matches the whole text. */
bool glob_match(struct span glob, struct span text);
/* The family that a probe counts to: of its channel, else of its recipient. */
const char *probe_family(const struct probe *p);

#endif
