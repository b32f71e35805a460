/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The catalogue of envelope forms: rows of data/probes/ *.rows and of the user's own files,
 * checked. postern-probes(5) describes each field. A catalogue owns its forms; probes and plans
 * borrow them, so it outlives both. Forms keep their address when more rows are loaded.
 *
 * What the check upholds above all: a recipient form can only reach us. It carries the recipient's
 * token and ends at the probe domain (or a name or address of ours), and names no host by itself.
 * The exceptions are rows of family "control" and of the opt-in families that concern the target's
 * own mailboxes.
 */
#ifndef POSTERN_PROBE_CATALOGUE_H
#define POSTERN_PROBE_CATALOGUE_H

#include "probe/expand.h"

enum {
    FORM_ID_MAX = 40,      /* octets of an Id */
    FORM_PRIOR_MAX = 1000, /* likelihood of 1 to 1000 */
    CATALOGUE_MAX = 4000,  /* rows of all files together */
};

enum form_kind {
    FORM_SENDER,
    FORM_RECIPIENT,
    FORM_HELO,
    FORM_CHANNEL,
    FORM_PAIR,
};

/* What must be so before a form can be tried. The planner knows each; EHLO shows some of them. */
enum form_need {
    NEED_LOCAL_DOMAIN = 1 << 0, /* a domain that the target is final for */
    NEED_HOST = 1 << 1,         /* the target's host name */
    NEED_IPV4 = 1 << 2,         /* we talk to the target by IPv4 */
    NEED_IPV6 = 1 << 3,
    NEED_LOCAL_RCPT = 1 << 4,   /* a mailbox at the target, named by the operator */
    NEED_SMTPUTF8 = 1 << 5,     /* offered; MAIL carries SMTPUTF8 (RFC 6531 §3.4) */
    NEED_8BITMIME = 1 << 6,     /* offered; MAIL carries BODY=8BITMIME */
    NEED_CHUNKING = 1 << 7,     /* offered */
    NEED_XCLIENT = 1 << 8,      /* offered */
    NEED_XFORWARD = 1 << 9,     /* offered */
    NEED_STARTTLS = 1 << 10,    /* offered, and done before the form is tried */
    NEED_CERTIFICATE = 1 << 11, /* a client certificate that the operator gave */
    NEED_ACCOUNT = 1 << 12,     /* a login that the operator gave */
    NEED_MX_LABEL = 1 << 13,    /* a label of the probe domain whose MX names the target */
    NEED_PIPELINING = 1 << 14,  /* offered */
    NEED_AUTH = 1 << 15,        /* offered */
    NEED_WILDCARD_MX = 1 << 16, /* names below the probe domain come to us too */
    NEED_PTR_LOCAL = 1 << 17,   /* our address has a PTR name in a domain of the target */
    NEED_PARTNER = 1 << 18,     /* a domain that the target may trust, named by the operator */
};

/* What a HELO row sends. */
enum helo_verb {
    HELO_EHLO = 0, /* EHLO, or HELO where EHLO is refused */
    HELO_HELO,     /* HELO only */
    HELO_NONE,     /* MAIL at once */
    HELO_BOTH,     /* EHLO with our own name, then HELO with the form */
};

/* What stands before the probe's RCPT in the same transaction. */
enum form_before {
    BEFORE_NONE = 0,
    BEFORE_REJECTED, /* a recipient that the server refused */
    BEFORE_LOCAL,    /* a recipient that it took: {mailbox} */
};

enum channel_type {
    CHANNEL_NONE = 0,
    CHANNEL_BDAT,     /* With: chunk sizes, "all" once for the rest, "last" at the end (RFC 3030) */
    CHANNEL_XCLIENT,  /* With: attributes of the XCLIENT command; a new EHLO follows it */
    CHANNEL_XFORWARD, /* With: attributes of the XFORWARD command */
    CHANNEL_PROXY1,   /* With: the header line without its CRLF */
    CHANNEL_PROXY2,   /* With: "local", or "tcp4|tcp6 source destination" */
    CHANNEL_CERT,     /* With: "self-signed" or "given"; STARTTLS with that client certificate */
    CHANNEL_SMUGGLE,  /* With: the bytes that stand for the end of data before the inner envelope */
    CHANNEL_EARLY,    /* With: "banner" (all before the greeting) or "data" (past DATA's reply) */
    CHANNEL_AUTH,     /* With: mechanism and its responses; see channel_auth_step() */
};

struct form {
    enum form_kind kind;
    const char *id;  /* unique among the rows of its kind */
    const char *ref; /* of the reference list: "s6", "r5", "n2"; or of the user's choice */
    const char *family;
    const char *form; /* template; NULL for pair and channel rows */
    const char *with; /* template, channel rows only */
    const char *flaw; /* for a postmaster to read; NULL only where a pair row leaves it out */
    const char *cve;  /* "CVE-1999-0512", several with a blank between; NULL: none */
    const char *source;
    const char *note; /* NULL: none */
    uint32_t needs;   /* enum form_need: the row's own and those its variables imply */
    uint32_t vars;    /* 1u << enum expand_var that form or with name */
    unsigned prior;
    bool optin;       /* its family is one that the operator must ask for */
    bool risk_syntax; /* many servers count it as a syntax error */
    bool by_sender;   /* recipient without room for a token: the sender's token is the proof */
    enum form_before before;
    enum helo_verb verb;                   /* FORM_HELO */
    enum channel_type channel;             /* FORM_CHANNEL */
    const struct form *p_sender, *p_rcpt;  /* FORM_PAIR */
    const struct form *p_helo, *p_channel; /* FORM_PAIR: NULL where the row names none */
    const char *file;                      /* where the row stands */
    unsigned line;
    char *block; /* owns every text above */
};

struct catalogue {
    struct form **forms; /* in the order of loading */
    size_t count, cap;
};

struct catalogue_error {
    unsigned line;
    char text[400]; /* "file:line: reason" */
};

void catalogue_init(struct catalogue *c);
void catalogue_deinit(struct catalogue *c); /* safe twice and on a zeroed one */
/*
 * Appends the rows of one file. 0; -EINVAL with *err filled for the first bad row, or -ENOMEM: the
 * catalogue is as it was then. `file` is a name for messages, copied.
 */
int catalogue_load(struct catalogue *c, struct span text, const char *file,
                   struct catalogue_error *err);
/* NULL when there is none. */
const struct form *catalogue_find(const struct catalogue *c, enum form_kind kind, struct span id);

/* Families that are tried only when asked for. */
bool family_is_optin(struct span family);
/* Names them one by one from 0; NULL after the last. */
const char *family_optin_at(size_t i);

const char *form_kind_name(enum form_kind kind);       /* "sender" */
const char *form_need_name(enum form_need need);       /* "local-domain"; one bit at a time */
const char *form_need_words(enum form_need need);      /* "a domain that the target is final for" */
const char *channel_type_name(enum channel_type type); /* "xclient" */

/* What a variable needs: the bits of enum form_need. */
uint32_t form_need_of(enum expand_var var);

/*
 * Response i (0: the mechanism's name) of an auth channel as a template; false after the last. With
 * is the name, a blank, and the responses with " | " between them. Each response but the name is
 * expanded and then sent in base64.
 */
bool channel_auth_step(const struct form *channel, unsigned i, struct span *ret);

#endif
