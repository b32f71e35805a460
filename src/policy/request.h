/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Requests of Postfix's policy delegation protocol (SMTPD_POLICY_README), read as a stream:
 *
 *     request = 1*( name "=" value LF ) LF
 *
 * Names that we do not use are passed over, whatever they are: Postfix adds some with each release.
 * A name that stands twice with the same value is one; with two values the request is bad, because
 * the README leaves open which of them counts, and a right must not hang on that. Bad are too: a
 * line without "=", an empty name, a control character, a request that is empty, over its limits,
 * or not of smtpd_access_policy.
 *
 * On a bad request the connection is to be closed without an answer, as the README says: Postfix
 * then defers the mail.
 */
#ifndef POSTERN_POLICY_REQUEST_H
#define POSTERN_POLICY_REQUEST_H

#include "base/buf.h"

enum {
    POLICY_LINE_MAX = 8192,     /* octets of a line without its LF */
    POLICY_REQUEST_MAX = 65536, /* octets of a request */
    POLICY_LINES_MAX = 200,     /* attributes of a request, known or not */
};

enum policy_name {
    POLICY_REQUEST, /* "smtpd_access_policy" */
    POLICY_STATE,   /* protocol_state: CONNECT, EHLO, MAIL, RCPT, DATA, END-OF-MESSAGE, … */
    POLICY_PROTOCOL,
    POLICY_HELO,
    POLICY_QUEUE_ID,
    POLICY_SENDER,
    POLICY_RECIPIENT,
    POLICY_RECIPIENT_COUNT,
    POLICY_CLIENT_ADDRESS,
    POLICY_CLIENT_NAME,
    POLICY_INSTANCE,
    POLICY_SASL_METHOD,
    POLICY_SASL_USERNAME,
    POLICY_CCERT_KEY,   /* ccert_pubkey_fingerprint, since 2.9 */
    POLICY_CONTEXT,     /* policy_context, since 3.1 */
    POLICY_SERVER_PORT, /* since 3.2 */
    POLICY_NAMES,
};

const char *policy_name_text(enum policy_name name); /* "protocol_state" */

struct policy_request {
    struct span values[POLICY_NAMES]; /* borrowed from the reader; empty: not given, or empty */
    unsigned given;                   /* a bit a name */
};

struct policy_reader {
    struct buf text; /* lines of the open request */
    size_t line_at;  /* where its last line begins */
    unsigned lines;
    size_t at[POLICY_NAMES], n[POLICY_NAMES];
    unsigned given;
    bool bad, done; /* done: the next octet begins a new request */
};

enum policy_got {
    POLICY_MORE = 0, /* all octets are taken, the request goes on */
    POLICY_WHOLE,    /* *ret is filled, good until the next call; octets may be left over */
    POLICY_BAD,      /* and so is everything behind it; *why tells */
    POLICY_MEMORY,
};

void policy_reader_init(struct policy_reader *r);
void policy_reader_deinit(struct policy_reader *r);
/* Takes octets off the front of *in up to the end of one request. */
enum policy_got policy_read(struct policy_reader *r, struct span *in, struct policy_request *ret,
                            const char **why);

#endif
