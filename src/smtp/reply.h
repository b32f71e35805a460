/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Replies of a server, RFC 5321 §4.2, with the enhanced status code of RFC 3463 and RFC 2034.
 *
 *     Reply-line     = *( Reply-code "-" [ textstring ] CRLF ) Reply-code [ SP textstring ] CRLF
 *     Reply-code     = %x32-35 %x30-35 %x30-39
 *
 * Feed bytes as they come. A bare LF ends a line too and is noted: a tester must read what a sloppy
 * server says. Every reply is bounded; a reply over the bounds of limits.h is SMTP_REPLY_BAD.
 */
#ifndef POSTERN_SMTP_REPLY_H
#define POSTERN_SMTP_REPLY_H

#include "base/buf.h"
#include "smtp/limits.h"

#include <stdint.h>

struct smtp_reply {
    uint16_t code;        /* 200 to 599 */
    uint16_t enhanced[3]; /* class, subject, detail; class 0 when none was given */
    unsigned lines;
    bool bare_lf;     /* some line ended in LF without CR */
    bool has_nul;     /* some line held a NUL, shown as it is in the text */
    struct span text; /* lines joined by LF, codes removed; cut at SMTP_REPLY_KEPT;
                         borrowed from the parser, good until it is fed again */
};

enum smtp_reply_got {
    SMTP_REPLY_MORE = 0, /* all bytes taken, no whole reply yet */
    SMTP_REPLY_DONE = 1, /* *ret is filled */
    SMTP_REPLY_BAD = 2,  /* not SMTP, or over a limit: the connection is of no more use */
};

struct smtp_reply_parser {
    struct buf line; /* the line that is coming in */
    struct buf text;
    struct smtp_reply reply;
    bool done; /* the reply was handed out: the next byte starts a new one */
};

void smtp_reply_parser_init(struct smtp_reply_parser *p);
void smtp_reply_parser_deinit(struct smtp_reply_parser *p);
/*
 * Takes bytes off the front of *in up to the end of one reply. -ENOMEM when out of memory. After
 * SMTP_REPLY_BAD the parser must be initialised again.
 */
int smtp_reply_feed(struct smtp_reply_parser *p, struct span *in, struct smtp_reply *ret);

/* "5.7.1", or "" when the reply had none. */
const char *smtp_reply_enhanced(const struct smtp_reply *r, char out[16]);

#endif
