/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a message that lies in a mailbox proves. A sink saw the envelope; a mailbox has only what
 * its own mail system wrote on top of the message. So three things are told apart:
 *
 *   scope  recipient:   the mailbox's own system noted this token's address as the envelope's
 *                       recipient
 *          transaction: the token stands in the text, which lists all tokens of the transaction:
 *                       one of them arrived, and nothing tells which
 *   path   direct: the host that handed the message to the mailbox's system is the tested one
 *          chain:  a lower Received field names the tested address: a claim of those below
 *          unseen: the tested address shows nowhere
 *   kind   our message itself, or a bounce, answer or forward that is only about it (mail/dsn.h)
 *
 * Who mails a copy of the text to the mailbox has true tokens, but not the path.
 *
 * The near side is what our own mail system wrote: Received fields from the top down to the first
 * with a peer from elsewhere, and what stands above that. Fields below it were brought along by the
 * message and prove nothing about its envelope.
 */
#ifndef POSTERN_PROBE_ARRIVAL_H
#define POSTERN_PROBE_ARRIVAL_H

#include "mail/dsn.h"
#include "mail/received_chain.h"
#include "probe/token.h"

enum {
    ARRIVAL_TOKENS_MAX = 1000, /* of one message; what is beyond is left out */
};

enum arrival_scope { ARRIVAL_RECIPIENT, ARRIVAL_TRANSACTION };
const char *arrival_scope_name(enum arrival_scope scope); /* "recipient", "transaction" */

enum arrival_path { ARRIVAL_UNSEEN, ARRIVAL_CHAIN, ARRIVAL_DIRECT };
const char *arrival_path_name(enum arrival_path path); /* "unseen", "chain", "direct" */

/* Where the token was found. */
enum arrival_trace {
    ARRIVAL_IN_FIELD,    /* Delivered-To, X-Original-To, Envelope-To and their like */
    ARRIVAL_IN_RECEIVED, /* "for" of a Received field of the near side */
    ARRIVAL_IN_REPORT,   /* the failed recipient of a bounce */
    ARRIVAL_IN_COPY,     /* the copy of our message in a bounce, answer or forward */
    ARRIVAL_IN_TEXT,     /* anywhere else in the message */
};
const char *arrival_trace_name(enum arrival_trace trace); /* "field", "received", "report", … */

struct arrival_token {
    struct token token;
    enum arrival_scope scope;
    enum arrival_trace trace;
    enum arrival_path path;
    struct ip target; /* the tested address, where the path shows it */
    size_t hop;       /* of it in the chain, newest is 0; chain.count when unseen */
    struct span rcpt; /* the address that the token stood in; empty for ARRIVAL_IN_COPY and _TEXT */
};

struct arrival {
    struct span message; /* borrowed; all spans inside borrow from it */
    struct dsn dsn;
    struct received_chain chain;
    size_t near;                  /* hops of the near side */
    struct ip output;             /* who brought it to the near side; IP_NONE when not told */
    struct arrival_token *tokens; /* owned; each token once, with its best scope, then best trace */
    size_t count, cap;
    bool left_out; /* more tokens than ARRIVAL_TOKENS_MAX */
};

/*
 * Fills *ret (overwritten, not freed). 0, or -ENOMEM. A message without a true token has count 0.
 */
int arrival_read(const uint8_t key[MAC_KEY], struct span message, struct arrival *ret);
void arrival_deinit(struct arrival *a);

/* What this token's presence means, by the message's kind and the token's own. */
enum arrival_what {
    ARRIVAL_NOTHING,  /* somebody wrote to or about a token; a delay note or receipt, too: it may
                         still arrive, and who says that it was delivered does not prove it */
    ARRIVAL_ARRIVED,  /* our message, to a recipient's token */
    ARRIVAL_BOUNCED,  /* a bounce, or our message sent back to its sender */
    ARRIVAL_ANSWERED, /* an auto-reply */
};
enum arrival_what arrival_what(const struct arrival *a, const struct arrival_token *t);
const char *arrival_what_name(
    enum arrival_what what); /* "nothing", "arrival", "bounce", "auto-reply" */

/* Arrived, and by a path that shows the tested address. */
bool arrival_proves(const struct arrival *a, const struct arrival_token *t);
/*
 * Whether it is worth keeping: what proves, and of a bounce or answer the tokens that it is about.
 * One that names failed recipients is about them; else about the sender it came to; else about all
 * that its copy lists.
 */
bool arrival_tells(const struct arrival *a, const struct arrival_token *t);

/*
 * Whether a message with this header section may be worth reading whole: our mark, a token in any
 * address, or the look of a report or answer. Touches nothing but its arguments: may be called on
 * any thread.
 */
bool arrival_wanted(const uint8_t key[MAC_KEY], struct span header);

#endif
