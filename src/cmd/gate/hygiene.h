/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Hygiene in one place for the sessions: DNS lists, timed list, traps, teergrube, guard, hop count,
 * evidence, record lines and metrics. None of it can grant anything: it narrows a decision that
 * relay_decide() has made, holds replies, and writes down.
 */
#ifndef POSTERN_CMD_GATE_HYGIENE_H
#define POSTERN_CMD_GATE_HYGIENE_H

#include "cmd/gate/hygiene_log.h"
#include "gate/guard.h"
#include "gate/hops.h"
#include "gate/pass.h"
#include "gate/tarpit.h"
#include "relay/policy.h"

struct dnsbl_ask;
struct gate_args;
struct hygiene;
struct names_ask;

enum { HYGIENE_ERROR_MAX = 400 };

/* In the session; zeroed before hygiene_begin(). */
struct hygiene_session {
    struct hygiene *all; /* NULL: not begun, or ended */
    struct gate_client *client;
    void (*ready)(void *owner);
    void *owner;
    struct dnsbl_ask *ask;
    struct names_ask *name_ask;
    struct tarpit_session tarpit;
    const char *last;  /* verb that was asked about; NULL: none yet */
    char *lists;       /* shown names of the lists that it is on; NULL: none */
    struct buf *rcpts; /* accepted ones of this transaction, NUL behind each; NULL: none yet */
    struct hops hops;
    int score;
    unsigned rcpts_taken, rcpts_refused; /* of the session */
    uint16_t logins_failed;
    bool own;             /* from own networks, or exempt: never asked about, listed, held */
    bool listed;          /* by score */
    bool trapped;         /* this transaction names a trap: all of it is refused */
    bool waiting;         /* ready() is awaited, */
    bool listing, naming; /* and this is what it needs */
    bool greeted;         /* HELO was counted */
};

/* worker: its number; metrics outlive it. -errno with the reason in err. */
int hygiene_open(struct loop *l, const struct gate_args *args, unsigned worker, struct metrics *m,
                 struct hygiene **ret, char err[HYGIENE_ERROR_MAX]);
/* Reads the settings and no more: for `postern gate check`. */
bool hygiene_check(const struct gate_args *args, char err[HYGIENE_ERROR_MAX]);
/* New settings; tables stay. On failure the old ones stay in force. */
int hygiene_change(struct hygiene *h, const struct gate_args *args, char err[HYGIENE_ERROR_MAX]);
/* After the last session and after bus_close(). Safe on NULL. */
void hygiene_close(struct hygiene **h);
struct metrics *hygiene_metrics(struct hygiene *h);
struct hygiene_log *hygiene_log(struct hygiene *h);
/* Lines for `postern gate ctl status`. */
void hygiene_status(const struct hygiene *h, struct buf *out);

/*
 * A client is there, its address known. turned_away: nothing is asked for it. ready(owner) is
 * called later, once, for each time that hygiene_rcpt() has said SMTP_LATER.
 */
void hygiene_begin(struct hygiene *h, struct hygiene_session *hs, struct gate_client *client,
                   const struct relay_policy *policy, bool turned_away, void (*ready)(void *owner),
                   void *owner);
/* HELO or EHLO was said: client->helo. */
void hygiene_helo(struct hygiene_session *hs, const struct relay_policy *policy);
/* A recipient that only the client's address lets it relay to, or would: before the answer. */
void hygiene_relay(struct hygiene_session *hs, const struct relay_policy *policy,
                   const struct relay_decision *d);
/* relay_client.ip_doubtful */
bool hygiene_doubtful(const struct hygiene_session *hs);
/* A new transaction. */
void hygiene_mail(struct hygiene_session *hs);
/*
 * Narrows the decision on a recipient. SMTP_LATER: lists have not answered yet, or, where the
 * backend will be told the client's name (named), it is not there yet; keep the decision and call
 * again when ready() comes. At most dnsbl-timeout or NAMES_WAIT, and never twice: behind ready()
 * the answer is SMTP_NOW.
 */
enum smtp_now hygiene_rcpt(struct hygiene_session *hs, struct relay_decision *d, bool named);
/* Octets of a message on their way: false refuses it with *ret. As gate_pass_ops.text. */
bool hygiene_text(struct hygiene_session *hs, struct span octets, struct smtp_say *ret);
/* A recipient was answered: refused relaying is an offence and evidence. */
void hygiene_answered(struct hygiene_session *hs, const struct gate_answer *a, const char *id);
/* A login was tried: result is "ok", "failed" or what went wrong. who may be NULL. */
void hygiene_login(struct hygiene_session *hs, const char *mech, const char *who,
                   const char *result);
/* A transaction is over. */
void hygiene_done(struct hygiene_session *hs, const struct gate_report *r, const char *id);

/* A reply is to be sent: see tarpit_ask(). */
enum tarpit_says hygiene_hold(struct hygiene_session *hs, bool after354, int64_t *ret_ms);
/* A line of a held reply was said. */
void hygiene_dripped(struct hygiene_session *hs);
void hygiene_release(struct hygiene_session *hs);
/* Slots run short: a held session to send away, or NULL; its owner is hs->owner. */
struct hygiene_session *hygiene_shed(struct hygiene *h);
/* The record line of the session; *s is filled up with what is known here. */
void hygiene_tell(struct hygiene_session *hs, struct logline_session *s);
/* The session is over; nothing of it is called any more. Safe twice. */
void hygiene_end(struct hygiene_session *hs);

#endif
