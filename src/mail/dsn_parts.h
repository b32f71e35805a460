/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of the report reader share. Not for use outside src/mail. */
#ifndef POSTERN_MAIL_DSN_PARTS_H
#define POSTERN_MAIL_DSN_PARTS_H

#include "mail/dsn.h"

/* A message taken apart once; spans borrow from it. */
struct dsn_view {
    struct span message;
    struct mime_part top;
    struct span report_type; /* of a multipart/report at the top */
    struct span status;      /* body of the message/delivery-status part */
    struct span disposition; /* body of the message/disposition-notification part */
    struct span text;        /* body of the first text part that is not somebody's message */
    struct span enclosed;
};

/* Reads the groups of fields of RFC 3464 §2 into reporting_mta and recipients. 0, -ENOMEM. */
int dsn_report_read(struct span status, struct dsn *ret);
/* The kind that the recipients' actions make: the worst counts. */
enum dsn_kind dsn_report_kind(const struct dsn *dsn);

/*
 * Looks for the signs of a bounce, delay note or auto-reply outside of RFC 3464; sets kind, style
 * and why. False when there is none.
 */
bool dsn_plain_find(const struct dsn_view *view, struct dsn *ret);
/* Recipient, status, diagnostic and reporting host from the text of a bounce. 0, -ENOMEM. */
int dsn_plain_read(const struct dsn_view *view, struct dsn *ret);

#endif
