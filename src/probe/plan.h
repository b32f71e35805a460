/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What one session will try: transactions of probes that share HELO and channel, as many as the
 * server's budget and our manners allow. Pure choice; session.h speaks it.
 */
#ifndef POSTERN_PROBE_PLAN_H
#define POSTERN_PROBE_PLAN_H

#include "probe/door.h"

enum {
    PLAN_ITEMS_MAX = 400, /* probes of one session */
    PLAN_TX_MAX = 64,     /* transactions of one session */
    PLAN_ANY = 0xffff,
};

enum plan_kind {
    PLAN_CONTROL, /* recipients that must be accepted; reset, never a body */
    PLAN_SURVEY,  /* asks every RCPT, then resets */
    PLAN_DELIVER, /* recipients once taken, and one body for all of them */
};

struct plan_tx {
    enum plan_kind kind;
    uint16_t from, count; /* of plan.items; for PLAN_CONTROL of the host's controls */
};

struct plan {
    uint16_t items[PLAN_ITEMS_MAX]; /* probe numbers */
    size_t item_count;
    struct plan_tx txs[PLAN_TX_MAX];
    size_t tx_count;
    uint16_t lead; /* the probe whose HELO and channel hold for all */
    bool scout; /* nothing can be asked before the server's EHLO reply is known: only learn that */
    bool login; /* a scout with the operator's login, for the control alone */
};

/* Whether a probe may be asked now: not yet answered, its conditions known to be met. */
bool plan_due(const struct door *d, size_t probe, int64_t now);
/*
 * `refusals` is how many the pace allows; `like` a probe whose HELO and channel are settled, or
 * PLAN_ANY. False, and an empty plan, when nothing is due.
 */
bool plan_make(const struct door *d, int64_t now, unsigned refusals, uint16_t like,
               struct plan *ret);
/* Whether a first session is needed only to learn what the server offers and is called. */
bool plan_scout(const struct door *d);
/* Marks probes whose conditions are now known not to be met: what EHLO tells, once it was seen. */
void plan_skip_unmet(struct door *d);
/*
 * Whether a probe wants a transaction for itself: another recipient comes before its own, or its
 * recipient has no room for a token, and must not arrive in the company of those that have.
 */
bool plan_alone(const struct probe *p);
/* Whether one MAIL serves both: the same sender, and the same parameters behind it. */
bool plan_same_mail(const struct probe *a, const struct probe *b);

#endif
