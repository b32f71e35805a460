/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One Received field as a value, whoever wrote it. RFC 5321 §4.4 gives the frame
 *
 *     [from X] [by Y] [via V] [with W] [id I] [for F] ; date-time
 *
 * and every mail system fills the comments in its own way: who is the peer, what it called itself,
 * whether it logged in. The grammar of each known writer stands in received_writers.c.
 *
 * Nothing here is trusted: a field is what somebody wrote. What one line says about another
 * (forged, or the link of a chain) is for those who know the chain.
 */
#ifndef POSTERN_MAIL_RECEIVED_H
#define POSTERN_MAIL_RECEIVED_H

#include "base/ip.h"
#include "mail/limits.h"

enum received_writer {
    RECEIVED_BY_UNKNOWN = 0,
    RECEIVED_BY_AMAVIS,
    RECEIVED_BY_APPLESHARE,
    RECEIVED_BY_ARGOSOFT,
    RECEIVED_BY_AXIGEN,
    RECEIVED_BY_BARRACUDA,
    RECEIVED_BY_CHASQUID,
    RECEIVED_BY_COMMUNIGATE,
    RECEIVED_BY_CONTENT, /* MAILsweeper of Content Technologies */
    RECEIVED_BY_COURIER,
    RECEIVED_BY_CYRUS,
    RECEIVED_BY_DOMINO,
    RECEIVED_BY_DOVECOT,
    RECEIVED_BY_ECELERITY,
    RECEIVED_BY_EIMS,
    RECEIVED_BY_EMWAC,
    RECEIVED_BY_EXCHANGE,     /* 2000 and later, and Microsoft 365 */
    RECEIVED_BY_EXCHANGE_IMS, /* 4.0 to 5.5: Internet Mail Service (Connector) */
    RECEIVED_BY_EXIM,
    RECEIVED_BY_FETCHMAIL,
    RECEIVED_BY_FIRSTCLASS,
    RECEIVED_BY_FORTIMAIL,
    RECEIVED_BY_GMAIL,
    RECEIVED_BY_GROUPWISE,
    RECEIVED_BY_HALON,
    RECEIVED_BY_HARAKA,
    RECEIVED_BY_HMAILSERVER,
    RECEIVED_BY_IMAIL,
    RECEIVED_BY_INTERMAIL,
    RECEIVED_BY_IRONPORT,
    RECEIVED_BY_JETMAIL,
    RECEIVED_BY_JAMES,
    RECEIVED_BY_KERIO,
    RECEIVED_BY_KUMOMTA,
    RECEIVED_BY_LSMTP,
    RECEIVED_BY_MADDY,
    RECEIVED_BY_MAILENABLE,
    RECEIVED_BY_MDAEMON,
    RECEIVED_BY_MERAK, /* Merak and IceWarp */
    RECEIVED_BY_MERCURY,
    RECEIVED_BY_NAVGW,
    RECEIVED_BY_NEMESIS,  /* of one large hoster */
    RECEIVED_BY_NETMAIL,  /* Novell NetMail and NIMS */
    RECEIVED_BY_NETSCAPE, /* Netscape, iPlanet, Sun Messaging Server */
    RECEIVED_BY_NMAIL,
    RECEIVED_BY_NTMAIL,
    RECEIVED_BY_OBTUSE, /* smtpd and smtpfwdd of Obtuse */
    RECEIVED_BY_OPENSMTPD,
    RECEIVED_BY_OS400,
    RECEIVED_BY_POSTERN,
    RECEIVED_BY_POSTFIX,
    RECEIVED_BY_POSTINI,
    RECEIVED_BY_POSTOFFICE,
    RECEIVED_BY_POWERMTA,
    RECEIVED_BY_PROXYPLUS,
    RECEIVED_BY_QMAIL,
    RECEIVED_BY_QPSMTPD,
    RECEIVED_BY_RAPTOR,
    RECEIVED_BY_SENDGRID,
    RECEIVED_BY_SENDMAIL,
    RECEIVED_BY_SLMAIL,
    RECEIVED_BY_SMAP,
    RECEIVED_BY_SMTPBEAMER,
    RECEIVED_BY_SMTPSVC, /* the SMTP service of IIS */
    RECEIVED_BY_STALWART,
    RECEIVED_BY_SYMANTEC,
    RECEIVED_BY_VGER, /* ZMailer and the "EHLO" in quotes of vger */
    RECEIVED_BY_VIRUSWALL,
    RECEIVED_BY_VPOP3,
    RECEIVED_BY_WINROUTE,
    RECEIVED_BY_ZOHO,
    RECEIVED_BY_ZONEMTA,
    RECEIVED_WRITERS,
};

const char *received_writer_name(enum received_writer writer); /* "Postfix", …; "unknown" */

/* No is said only where that writer always shows a yes. */
enum received_told {
    RECEIVED_UNTOLD = 0,
    RECEIVED_NO,
    RECEIVED_YES,
};

const char *received_told_name(enum received_told told); /* "unknown", "no", "yes" */

struct received {
    struct span field; /* the body that was parsed; all spans below borrow from it */
    enum received_writer writer;
    struct span version; /* the product's version as it stands; may be empty */

    /* Who came. All may be missing: a line of local hand-over has no peer. */
    struct span helo;     /* as the client said it; brackets of a literal kept */
    struct span name;     /* the peer's reverse name; empty for "unknown" and its like */
    struct span ident;    /* RFC 1413 answer */
    struct ip ip;         /* the peer's address, IP_NONE when not told */
    uint16_t port;        /* of the peer, 0 when not told */
    struct ip helo_ip;    /* the address in a HELO that is one, bracketed or bare */
    bool helo_is_literal; /* [192.0.2.1] or [IPv6:…] */
    bool helo_apart;      /* the writer tells HELO and reverse name by different words */
    bool may_be_forged;   /* the writer says that reverse and forward look-up differ */
    bool local;           /* handed over on the machine itself: by a user id, pipe or spooler */

    /* Who wrote it and how it came. */
    struct span by;  /* host name */
    struct ip by_ip; /* the writer's own address where it tells it */
    struct span via;
    struct span
        with; /* the protocol word, or several as in "Microsoft SMTP Server"; may hold folds */
    enum received_told tls;
    enum received_told auth;
    struct span auth_user; /* where the writer tells it */
    struct span id;        /* without <> */
    struct span rcpt;      /* of "for", without <>; the envelope recipient */
    unsigned rcpt_more;    /* recipients beside it, as "plus 47 more" tells */
    struct span sender;    /* the reverse-path where the writer tells it, without <> */
    bool has_sender;       /* tells an empty reverse-path from none told */

    bool has_date;
    int64_t date_wall; /* seconds since 1970, UTC */
    int zone_minutes;  /* east of UTC */
};

enum received_got {
    RECEIVED_OK = 0,
    RECEIVED_STRANGE = 1, /* no known clause in it: only the date may be filled */
    RECEIVED_CUT = 2,     /* over a limit; what stood before it was parsed */
};

/* Takes the body of the field as header_next gives it, folds and all. *ret is always set. */
enum received_got received_parse(struct span body, struct received *ret);

/*
 * A date of RFC 5322 §3.3 with the obsolete forms of §4.3 and the slips of real writers (no comma,
 * no seconds, two-digit years, names of zones, a comment behind it). False when there is none.
 */
bool received_date(struct span text, int64_t *ret_wall, int *ret_zone_minutes);

/*
 * An address as writers spell it: bare, in [], with IPv6: before it, with a port, scope, closing
 * dot or comma behind it. *ret_port is 0 when there is none. False when it is none.
 */
bool received_ip(struct span text, struct ip *ret, uint16_t *ret_port);

#endif
