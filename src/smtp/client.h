/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's half of a dialogue: writes commands into an output buffer, remembers each in a FIFO,
 * and hands every reply out together with the command that it answers. Pure: the caller moves the
 * bytes, knows the time, and decides what to say next.
 *
 * Pipelining (RFC 2920 §3.1): MAIL, RCPT and RSET may stand anywhere in a group; every other
 * command ends one. smtp_client_may_send() obeys that, and says no to any second command until the
 * server offered PIPELINING and smtp_client_pipelining() switched it on.
 */
#ifndef POSTERN_SMTP_CLIENT_H
#define POSTERN_SMTP_CLIENT_H

#include "smtp/reply.h"

enum smtp_stage {
    SMTP_STAGE_BANNER,
    SMTP_STAGE_EHLO,
    SMTP_STAGE_HELO,
    SMTP_STAGE_STARTTLS,
    SMTP_STAGE_AUTH,
    SMTP_STAGE_XCLIENT,
    SMTP_STAGE_XFORWARD,
    SMTP_STAGE_MAIL,
    SMTP_STAGE_RCPT,
    SMTP_STAGE_DATA,
    SMTP_STAGE_BODY, /* the message with its final dot, or a BDAT chunk */
    SMTP_STAGE_RSET,
    SMTP_STAGE_QUIT,
    SMTP_STAGES,
};

const char *smtp_stage_name(enum smtp_stage stage); /* "banner", "rcpt", … */

struct smtp_sent {
    enum smtp_stage stage;
    unsigned cookie; /* the caller's: which envelope this belongs to */
    int64_t at;      /* when it was written, ms */
};

enum { SMTP_GROUP_MAX = 256 }; /* commands that may wait for a reply at once */

struct smtp_client {
    struct smtp_reply_parser parser;
    struct buf out;         /* bytes to send; the caller sends all and says smtp_client_flushed() */
    struct smtp_sent *sent; /* ring */
    size_t sent_cap, sent_from, sent_count;
    size_t fresh; /* of them, the last ones, still in `out`: no reply can answer these */
    bool pipelining;
    unsigned waits; /* times the wire stood still for a reply: groups sent */
};

/* The first reply awaited is the banner's, from `now` on. -ENOMEM. */
int smtp_client_init(struct smtp_client *c, int64_t now);
void smtp_client_deinit(struct smtp_client *c);
void smtp_client_pipelining(struct smtp_client *c, bool offered);

/* Whether a command of this stage may be written now. */
bool smtp_client_may_send(const struct smtp_client *c, enum smtp_stage stage);
/*
 * Writes one line (without CRLF, which is added) and awaits its reply. The line is written as it is
 * given: a tester must be able to send a bad one. -ENOMEM, -EMSGSIZE.
 */
int smtp_client_send(struct smtp_client *c, enum smtp_stage stage, unsigned cookie,
                     struct span line, int64_t now);
/* Writes raw bytes that end in the awaited reply of `stage`: a message body, a chunk. */
int smtp_client_send_raw(struct smtp_client *c, enum smtp_stage stage, unsigned cookie,
                         struct span bytes, int64_t now);

enum smtp_client_got {
    SMTP_CLIENT_MORE = 0,    /* all bytes taken */
    SMTP_CLIENT_REPLY = 1,   /* *ret and *ret_for are filled; call again with the rest */
    SMTP_CLIENT_BAD = 2,     /* not SMTP: close */
    SMTP_CLIENT_UNASKED = 3, /* a reply to nothing that was sent: *ret is filled */
};

int smtp_client_feed(struct smtp_client *c, struct span *in, struct smtp_reply *ret,
                     struct smtp_sent *ret_for);

/* Everything in `out` has been handed to the connection: empties it. */
void smtp_client_flushed(struct smtp_client *c);

size_t smtp_client_awaiting(const struct smtp_client *c);
/* The command whose reply comes next, or NULL. */
const struct smtp_sent *smtp_client_next(const struct smtp_client *c);

#endif
