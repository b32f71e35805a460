/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The relay decision for an MTA that asks: what Postfix's policy protocol and a milter tell, made
 * into the facts of relay_decide(), and the decision made into an answer that can only narrow.
 * There is no answer that grants: what is taken here is still the MTA's own to decide.
 */
#ifndef POSTERN_POLICY_QUESTION_H
#define POSTERN_POLICY_QUESTION_H

#include "policy/request.h"
#include "relay/relay.h"

enum {
    QUESTION_ANSWER_MAX = 512, /* octets of an answer with its NUL */
    QUESTION_CERT = 64,        /* hex digits of a key's SHA-256 */
};

/* What listener the client came in by: told, or to be seen from its port. */
enum question_role { QUESTION_ROLE_AUTO, QUESTION_ROLE_MX, QUESTION_ROLE_SUBMISSION };

enum question_ask {
    QUESTION_NOTHING, /* a step at which there is nothing to decide */
    QUESTION_SENDER,
    QUESTION_RECIPIENT,
    QUESTION_BLIND, /* after the recipients, and none is told: too late to decide */
};

struct question {
    enum question_ask ask;
    struct relay_client client; /* login and cert borrow */
    struct relay_mail mail;
    struct span rcpt; /* with angle brackets, as relay_decide() takes it */
    /* Owned. */
    struct buf mail_text, rcpt_text;
    char cert[QUESTION_CERT + 1];
};

void question_init(struct question *q);
void question_deinit(struct question *q);

/* Of a request of Postfix's. False when out of memory. `q` may have been used before. */
bool question_of_request(struct question *q, const struct policy_request *r,
                         enum question_role role);
/*
 * Of a milter's commands: paths as they came, where brackets are put around those without. False
 * when out of memory.
 */
bool question_paths(struct question *q, const char *mail, const char *rcpt);

/* The role, where "auto" is what the port or the context tells: 587 and 465 are submission. */
enum relay_role question_role(enum question_role role, struct span port, struct span context);

/* Decides. False, and nothing is set, when there is nothing to decide. */
bool question_decide(const struct question *q, const struct relay_policy *policy,
                     struct relay_decision *ret);

/*
 * "DUNNO", "REJECT 5.7.1 text" or "DEFER_IF_PERMIT 4.7.1 text": the value of action=. NULL is a
 * step without a decision: DUNNO.
 */
void question_action(const struct relay_decision *d, char ret[QUESTION_ANSWER_MAX]);

/*
 * An address in Postfix's internal form (no quotes) as a path of RFC 5321: the local part is quoted
 * where it is no Dot-string, so that what hid in quotes is still seen to be one local part.
 */
void question_path(struct span internal, struct buf *out);

#endif
