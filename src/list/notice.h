/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The notice of a listing: who gets one, what stands in it. It goes to those who answer for the
 * host (postmaster of its verified name, the abuse contact of its network), once for each listing,
 * with the evidence, the way the mail took, what closes the hole and how to get off the list.
 *
 * It is a message that nobody asked for, so: null reverse-path, Auto-Submitted, one in all, a bound
 * for each domain and day, never to ourselves, never about a host that is not listed now. It takes
 * no part in any answer: nothing that comes in ever makes a notice.
 *
 * Tokens are worth something to whoever wants to frame a host (a token that comes back is a proof),
 * and logins are secrets: both are struck out of everything that is shown, by notice_redact().
 */
#ifndef POSTERN_LIST_NOTICE_H
#define POSTERN_LIST_NOTICE_H

#include "base/buf.h"
#include "base/ip.h"

#include <stdint.h>

enum {
    NOTICE_TO_MAX = 8,             /* recipients of one listing's notice */
    NOTICE_DOMAIN_DAY = 20,        /* notices to one domain in a day, by default */
    NOTICE_MAILBOX_MAX = 254,      /* octets, RFC 5321 §4.5.3.1.3 less its brackets */
    NOTICE_TRANSCRIPT_MAX = 12000, /* octets of a transcript that are shown */
    NOTICE_HEADER_MAX = 32000,     /* octets of a proof's header section */
    NOTICE_PROOFS_SHOWN = 10,
    NOTICE_TOKEN_MIN = 24,          /* letters and digits in a row that are struck out */
    NOTICE_MESSAGE_MAX = 512 << 10, /* octets of the whole */
    NOTICE_CHANCE = 32,             /* octets of chance for one message */
};

/* ---- who ---- */

enum notice_role {
    NOTICE_POSTMASTER, /* of a name that the address confirms */
    NOTICE_ABUSE,      /* the abuse contact of its network */
};

const char *notice_role_name(enum notice_role role);

struct notice_to {
    char mailbox[NOTICE_MAILBOX_MAX + 1]; /* lower case in its domain */
    enum notice_role role;
};

struct notice_list {
    struct notice_to v[NOTICE_TO_MAX];
    size_t count;
};

/* local@domain that may stand in RCPT as it is: atext and dots, a domain of letters and digits. */
bool notice_mailbox_ok(struct span mailbox);
/*
 * postmaster@ of the name's own domain: the registrable one, which is who answers for it; none for
 * a public suffix. `name` must be confirmed by its address. False when there is none, or it stands
 * in the list already, or the list is full.
 */
bool notice_add_postmaster(struct notice_list *l, struct span name);
/*
 * Mailboxes of a contact record: "abuse@example.net", several with blanks, commas or semicolons
 * between. Returns how many were added. What is no mailbox is passed over.
 */
size_t notice_add_contact(struct notice_list *l, struct span text);
/*
 * The contact of an address from a file: "PREFIX MAILBOX[ MAILBOX…]" a line, # comments; the
 * longest prefix counts. The empty span: none. *ret_line is the first line that is none of these, 0
 * all fine.
 */
struct span notice_contact_of(struct span file, struct ip ip, unsigned *ret_line);

/* ---- whether ---- */

enum notice_answer {
    NOTICE_SEND = 0,
    NOTICE_NOT_LISTED,  /* it is not listed now */
    NOTICE_ALREADY,     /* this listing has had its notice */
    NOTICE_DOMAIN_FULL, /* the domain has had its share of the day */
    NOTICE_OURSELVES,   /* to our own domain */
    NOTICE_OPTED_OUT,   /* the recipient wants none */
};

const char *notice_answer_why(enum notice_answer a); /* a phrase for people */

struct notice_question {
    struct span mailbox;
    bool listed;
    bool already;
    unsigned domain_today; /* sent to its domain in the last 24 hours */
    unsigned domain_limit;
    struct span own_domain;   /* of our From */
    struct span refused_file; /* mailboxes and domains that want none, one a line; # comments */
};

enum notice_answer notice_decide(const struct notice_question *q);

/* ---- what ---- */

struct notice_proof {
    int64_t wall;
    struct span probe;      /* id of the envelope's form */
    struct span mail, rcpt; /* the envelope, as it was sent */
    struct ip output;       /* who brought it; IP_NONE not known */
};

struct notice {
    /* The listing. */
    int64_t id;
    struct ip address;
    unsigned port;    /* 0: not known */
    struct span host; /* its name, confirmed; or empty */
    struct span zone; /* "bl.example.org"; empty: no zone is served */
    struct span class, class_text;
    bool provisional;
    int64_t listed_wall, expires_wall;
    struct span page; /* URI about this listing, or empty */
    /* The evidence. */
    const struct notice_proof *proofs; /* the first is the one that is shown in full */
    size_t proof_count, proof_more;    /* more: how many are not among them */
    struct span path;                  /* lines: the way of the first one */
    struct span proof_header;          /* header section of what arrived; any bytes */
    struct span transcript;            /* escaped lines, as the store has them */
    struct span advice;                /* lines, or empty */
    /* How to get off. */
    struct span retest;  /* how to ask: a URI or mailbox */
    struct span opt_out; /* how not to be tested: a URI or mailbox */
    /* Us. */
    struct span org, from, contact, tester; /* tester: its host name */
    int64_t now_wall;
    uint8_t chance[NOTICE_CHANCE];
};

enum notice_got {
    NOTICE_OK = 0,
    NOTICE_BAD = 1, /* a value can't stand in a message: *ret_why names it */
};

/* Adds the whole message for one recipient: ARF with the XARF document inside. Or -ENOMEM. */
int notice_write(const struct notice *n, const struct notice_to *to, struct buf *out,
                 const char **ret_why);
/* The words alone, LF lines: the first part. */
void notice_words(const struct notice *n, const struct notice_to *to, struct buf *out);

/* Copies lines without tokens and logins; at most `max` octets, whole lines, the rest counted. */
void notice_redact(struct span text, size_t max, struct buf *out);

#endif
