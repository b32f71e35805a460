/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The texts that a model writes: greeting, replies, its Received line, a bounce. */
#ifndef POSTERN_CMD_RANGE_LETTER_H
#define POSTERN_CMD_RANGE_LETTER_H

#include "cmd/range/address.h"

/*
 * {host} {domain} of the model, {helo} {client} of who talks to it, {proto} SMTP or ESMTP, {id} of
 * the message, {rcpt} and {date}. In the text of a row "\n" (two characters) ends a line.
 */
struct letter {
    const struct address_home *home;
    const char *helo;
    struct ip client;
    bool esmtp;
    uint64_t id;
    struct span rcpt;
    int64_t date_wall; /* seconds since 1970 */
};

/* Fills a template; a word in braces that is none of these stays as it is. */
void letter_fill(const char *text, const struct letter *l, struct buf *out);
/*
 * Splits "550 5.7.1 text" of a row, filled. *ret_enhanced is "" when there is none. The text is in
 * *out.
 */
unsigned letter_reply(const char *text, const struct letter *l, struct buf *out,
                      char ret_enhanced[12]);
/* "Received: …" folded at line ends of the template, with its CRLF; nothing for a NULL template. */
void letter_received(const char *text, const struct letter *l, struct buf *out);
/*
 * The bounce that a model sends to the sender of what it took and could not deliver: a message in
 * plain words, with the head of the original. l->rcpt names the recipients, with blanks between.
 */
void letter_bounce(const struct model *m, const struct letter *l, struct span sender,
                   struct span original, struct buf *out);

#endif
