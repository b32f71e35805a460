/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The header section of a raw message, RFC 5322 §2.2, read as it is: LF or CRLF, folded lines, the
 * obsolete blank before the colon (§4.5) and folds of blanks only (§4.2).
 *
 *     field   = field-name ":" body line-end *( WSP text line-end )
 *     section = *field ( line-end / end of the message / a line that is no field )
 *
 * An mbox line ("From " or ">From ") in front is passed over. A line that can be neither a field
 * nor a fold ends the section and starts the body, as Postfix and Sendmail rule. All spans borrow
 * from the message. Only the part of the section within limits.h is looked at.
 */
#ifndef POSTERN_MAIL_HEADER_H
#define POSTERN_MAIL_HEADER_H

#include "base/buf.h"
#include "mail/limits.h"

struct header_field {
    struct span name; /* without the colon and the blanks before it */
    struct span body; /* trimmed; folds, if any, still inside */
    struct span raw;  /* the whole field with its line ends */
    unsigned line;    /* of the message, from 1, where the field starts */
};

enum header_got {
    HEADER_END = 0,   /* the section is over */
    HEADER_FIELD = 1, /* *ret is filled */
    HEADER_LIMIT = 2, /* a limit of limits.h was reached: what follows was not looked at */
};

struct header_iter {
    struct span rest;
    size_t left;     /* octets of HEADER_BLOCK_MAX not yet used */
    unsigned fields; /* handed out */
    unsigned line;   /* of the next line, from 1 */
};

void header_open(struct header_iter *it, struct span message);
/* After HEADER_END and HEADER_LIMIT every further call says the same. */
enum header_got header_next(struct header_iter *it, struct header_field *ret);

/* The topmost (newest) and the lowest field of a name; the name is compared without case. */
bool header_first(struct span message, const char *name, struct header_field *ret);
bool header_last(struct span message, const char *name, struct header_field *ret);
unsigned header_count(struct span message, const char *name);
/* The trimmed body of the topmost field of that name, or the empty span. */
struct span header_value(struct span message, const char *name);

/* Offset of the first octet after the header section and its empty line; message.n when no body. */
size_t header_body_offset(struct span message);
struct span header_body(struct span message);

/* Adds the field's body with each fold (line end and the blanks around it) made one space. */
void header_unfold(struct buf *out, struct span body);
/*
 * The address in a field body: what stands in the last <> outside quotes and comments, else the
 * first word with an @. Borrowed; empty for <> and when there is none.
 */
struct span header_address(struct span body);

#endif
