/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * As much of MIME (RFC 2045, 2046) as reports need: the parts of a message in order, each with its
 * type and its content, decoded on request. No character sets, no names of attachments.
 */
#ifndef POSTERN_MAIL_MIME_H
#define POSTERN_MAIL_MIME_H

#include "mail/header.h"

struct mime_part {
    struct span whole; /* header and body of the part; for the top part: the message */
    struct span body;  /* as it stands, encoded */
    struct span type;  /* "text", "multipart", …; "text" when not told, RFC 2045 §5.2 */
    struct span
        subtype; /* "plain" when not told; "rfc822" in a multipart/digest, RFC 2046 §5.1.5 */
    struct span params; /* what follows the subtype: see mime_param */
    unsigned depth;     /* 0 the message itself */
    bool in_message;    /* within a message/rfc822 part: it is somebody's copy, not the message */
};

/* A body that is being walked: the parts of a multipart, or the one message of a message/rfc822. */
struct mime_level {
    struct span rest;
    struct span boundary; /* as told, without its quotes; empty: the rest is one message */
    bool digest, in_message, started;
};

struct mime_iter {
    struct span message;
    struct mime_level levels[MIME_DEPTH_MAX];
    unsigned depth; /* levels in use */
    unsigned parts; /* handed out */
    bool cut;       /* something was deeper than we look */
};

enum mime_got {
    MIME_END = 0,
    MIME_PART = 1,
    MIME_LIMIT = 2, /* deeper or more parts than limits.h allows: the rest was not looked at */
};

void mime_open(struct mime_iter *it, struct span message);
/* The message itself first, then the parts, each container before what is in it. */
enum mime_got mime_next(struct mime_iter *it, struct mime_part *ret);

bool mime_is(const struct mime_part *part, const char *type, const char *subtype);
/* The value of a parameter without its quotes, or the empty span. */
struct span mime_param(struct span params, const char *name);
/*
 * Adds the part's body without its transfer encoding (RFC 2045 §6: base64, quoted-printable; others
 * as they are). Damaged encoding is read as far as it goes. Looks at out->err at the end.
 */
void mime_decode(const struct mime_part *part, struct buf *out);

#endif
