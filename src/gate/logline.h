/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gate's log lines in the two styles of log-style.
 *
 * plain: one key=value line at the end of a session, one for each transaction, one for each refused
 * recipient. Every text is escaped and, where needed, quoted, so that a stranger's bytes can't
 * begin a field.
 *
 * postfix: the lines that Postfix' smtpd, qmgr and smtp would write, for the rules of fail2ban and
 * pflogsumm. Texts are sanitised as Postfix does it: what is not printable ASCII becomes "?", and
 * brackets and blanks in HELO and addresses "_", so that no text can look like the end of a field.
 *
 * Lines are made without their LF and without time, host or level: those are the outlet's.
 */
#ifndef POSTERN_GATE_LOGLINE_H
#define POSTERN_GATE_LOGLINE_H

#include "base/buf.h"
#include "gate/client.h"

enum logline_style { LOGLINE_PLAIN, LOGLINE_POSTFIX };

enum {
    LOGLINE_MAX = 4000,         /* octets of a line */
    LOGLINE_TEXT_MAX = 400,     /* octets of one text; the rest is cut and "..." shown */
    LOGLINE_RCPTS = 20,         /* recipients of a transaction that are named */
    LOGLINE_MAIL_MAX = 1 << 16, /* octets of all lines of a transaction */
};

/* A session that has ended. */
struct logline_session {
    const struct gate_client *client;
    const char *end;  /* why: smtp_server_end_name() or the like; "quit", "timeout", … */
    struct span last; /* the last verb, "" before any: for "lost connection after RCPT" */
    unsigned mails, rcpts, rcpts_refused, messages, errors, commands;
    unsigned auths_failed;
    int score;
    const char *lists; /* shown names of the DNS lists it is on, "" none */
    unsigned held;     /* replies that the teergrube held */
    bool early;        /* talked before the greeting */
    unsigned out_of_turn;
    int64_t ms;
};

/* A transaction that has ended, whatever way. */
struct logline_mail {
    const struct gate_client *client;
    const char *id;                           /* of the transaction */
    struct span from;                         /* canonical, without brackets; empty is <> */
    const struct span *rcpts;                 /* the accepted ones, canonical */
    unsigned rcpt_count, rcpt_named, refused; /* rcpt_named: how many stand in rcpts */
    uint64_t size;
    const char *backend; /* "192.0.2.9:25", "" none was reached */
    unsigned code;       /* of the final reply, 0 none was given */
    struct span reply;   /* its text with the enhanced code, one line */
    const char *result;  /* gate_result_name() */
    const char *fault;   /* gate_fault_name(), "" none */
    bool untold;         /* the client was not there to hear the verdict */
    unsigned hops;
    int64_t ms, wait; /* since MAIL; since the final dot */
};

/* A recipient, sender or client that was refused by us or by the backend. */
struct logline_refusal {
    const struct gate_client *client;
    const char *id;
    const char *verb;   /* "RCPT", "MAIL", "CONNECT", "DATA", "EHLO" */
    const char *reason; /* relay_reason_name() and the like */
    bool ours;          /* false: the backend's word, or its recipient check */
    unsigned code;
    struct span reply;      /* "5.7.1 <a@b>: Relay access denied" */
    struct span from, rcpt; /* as far as known */
};

/* A failed login. */
struct logline_login {
    const struct gate_client *client;
    const char *mech; /* "PLAIN" */
    struct span user; /* claimed */
    const char *why;
};

/* plain: nothing is added for connect. postfix: "connect from …". */
void logline_connect(enum logline_style style, const struct gate_client *c, struct buf *out);
void logline_session(enum logline_style style, const struct logline_session *s, struct buf *out);
void logline_refusal(enum logline_style style, const struct logline_refusal *r, struct buf *out);
void logline_login_failed(enum logline_style style, const struct logline_login *l, struct buf *out);
/*
 * plain: one line. postfix: several, joined by LF, each with its program before a colon
 * ("smtpd: …", "qmgr: …", "smtp: …"): queue ids there are the transaction's.
 */
void logline_mail(enum logline_style style, const struct logline_mail *m, struct buf *out);

/* "name[192.0.2.1]" or "unknown[…]", as Postfix writes a client. */
void logline_client(const struct gate_client *c, struct buf *out);
/* A stranger's text for a postfix line: printable ASCII, no blank, no bracket. */
void logline_clean(struct span s, struct buf *out);

/* Floods: at most `burst` lines of a kind in a window; the rest are counted. */
enum logline_kind {
    LOGLINE_CONNECT,
    LOGLINE_SESSION,
    LOGLINE_MAIL,
    LOGLINE_REFUSAL,
    LOGLINE_LOGIN,
    LOGLINE_KINDS,
};

const char *logline_kind_name(enum logline_kind k);

enum {
    LOGLINE_WINDOW = 10000, /* ms */
    LOGLINE_BURST = 1000,   /* lines of a kind in it */
    LOGLINE_BURST_ONE = 50, /* of one client */
    LOGLINE_CLIENTS = 512,
};

struct logline_rate {
    uint32_t seed;
    int64_t since; /* the window's begin */
    unsigned lines[LOGLINE_KINDS];
    uint64_t dropped[LOGLINE_KINDS];
    uint16_t client_lines[LOGLINE_CLIENTS];
};

void logline_rate_init(struct logline_rate *r, uint32_t seed);
/* May this line be written? Lines about transactions always may: they are the record of mail. */
bool logline_rate_ask(struct logline_rate *r, enum logline_kind k, struct ip client);
/*
 * At the turn of a window: the lines left out since, by kind; true when there were any. To be
 * called before each logline_rate_ask() and now and then.
 */
bool logline_rate_turn(struct logline_rate *r, int64_t now, uint64_t ret_dropped[LOGLINE_KINDS]);

#endif
