/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A Received field cut into words, comments, angle-bracketed paths, literals and semicolons: what
 * the readers of this folder share. Not for use outside src/mail.
 */
#ifndef POSTERN_MAIL_RECEIVED_TOKEN_H
#define POSTERN_MAIL_RECEIVED_TOKEN_H

#include "mail/received.h"

enum received_token_kind {
    RECEIVED_WORD,
    RECEIVED_COMMENT, /* text is what stands between the outer brackets */
    RECEIVED_PATH,    /* text is what stands between < and > */
    RECEIVED_LITERAL, /* text is with its [ ] and what hangs on it, as in [192.0.2.1]:25 */
    RECEIVED_SEMICOLON,
};

struct received_token {
    enum received_token_kind kind;
    bool glued; /* no blank before it */
    struct span text;
};

struct received_tokens {
    struct received_token v[RECEIVED_TOKENS_MAX];
    size_t count;
    size_t date; /* index of the last semicolon, or count */
    bool cut;    /* there was more */
};

void received_tokenize(struct span text, struct received_tokens *ret);

/* The word at index i, compared without case; false beyond `end` and for other kinds. */
bool received_token_is(const struct received_tokens *t, size_t i, size_t end, const char *word);

/* What the comments of the from clause say about the peer: received_peer.c. */
void received_peer_clause(const struct received_tokens *t, size_t from, size_t end,
                          struct received *r);
/* NAVGW's "(from HELO [ip])": the clause as a comment. */
void received_peer_nested(struct span comment, struct received *r);
/* Signs of TLS and of a login in a comment, wherever it stands. */
void received_marks(struct span comment, struct received *r);

/* Who wrote it: received_writers.c. `by` is the index behind the host name. */
void received_writer_find(const struct received_tokens *t, size_t by, struct received *r);
/* Turns "not told" into "no" where this writer would have told. */
void received_writer_silence(struct received *r);

#endif
