/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Tells a probe that arrived from everything that is only *about* a probe: bounces (RFC 3464 and
 * the plain texts of Postfix, Exim, qmail, Sendmail, Exchange and others), delay notes, receipts,
 * auto-replies (RFC 3834) and forwarded copies.
 *
 * Our own mark field (build.h) at the top of the message says that it is the message itself; the
 * same field inside a part or a quotation says that somebody writes about it. The null reverse-path
 * decides nothing: probes with <> exist, and old systems bounce from a real address. A report type
 * at the top overrules the mark.
 */
#ifndef POSTERN_MAIL_DSN_H
#define POSTERN_MAIL_DSN_H

#include "mail/mime.h"

enum dsn_kind {
    DSN_KIND_OTHER = 0,  /* no mark of ours and no sign of a report */
    DSN_KIND_PROBE,      /* our own message: it arrived */
    DSN_KIND_BOUNCE,     /* says that mail was not delivered */
    DSN_KIND_DELAY,      /* says that it may still be */
    DSN_KIND_RECEIPT,    /* says that it was delivered, relayed, expanded or read */
    DSN_KIND_AUTO_REPLY, /* vacation and the like */
    DSN_KIND_ENCLOSED,   /* our message lies inside another that is none of these */
};

const char *dsn_kind_name(enum dsn_kind kind); /* "probe", "bounce", "auto-reply", … */

enum dsn_style {
    DSN_STYLE_NONE = 0,
    DSN_STYLE_REPORT, /* multipart/report with message/delivery-status, RFC 3464, 6522 */
    DSN_STYLE_MDN,    /* multipart/report with disposition-notification, RFC 8098 */
    DSN_STYLE_POSTFIX,
    DSN_STYLE_EXIM,
    DSN_STYLE_QMAIL,
    DSN_STYLE_SENDMAIL,
    DSN_STYLE_EXCHANGE,
    DSN_STYLE_DOMINO,
    DSN_STYLE_COURIER,
    DSN_STYLE_MERCURY,
    DSN_STYLE_IMAIL,
    DSN_STYLE_PLAIN, /* says so in words that none of the above uses */
};

const char *dsn_style_name(enum dsn_style style);

struct dsn_recipient {
    struct span final;      /* Final-Recipient without its address type */
    struct span original;   /* Original-Recipient, likewise */
    struct span action;     /* failed, delayed, delivered, relayed, expanded */
    struct span status;     /* RFC 3463 code */
    struct span remote_mta; /* the server that said no, without its type */
    struct span diagnostic; /* without its type; may hold folds */
};

struct dsn {
    enum dsn_kind kind;
    enum dsn_style style;
    const char *why;           /* static text: the sign that decided */
    bool null_path;            /* Return-Path: <> stands at the top */
    bool has_mark;             /* our mark field stands at the top */
    struct span reporting_mta; /* without its type; of a plain bounce: the host in From, if any */
    struct dsn_recipient
        *recipients; /* owned; of a plain bounce at most the one found in the text */
    size_t count, cap;
    struct span enclosed; /* the copy of our message, or what of it was sent back; empty: none */
};

/* Fills *ret (overwritten, not freed); spans borrow from the message. 0, or -ENOMEM. */
int dsn_read(struct span message, struct dsn *ret);
void dsn_deinit(struct dsn *dsn);

#endif
