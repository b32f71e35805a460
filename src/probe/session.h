/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection to a door, as a machine: bytes, events and the time go in; bytes to send and
 * wishes come out. After every call the owner looks at three things:
 *
 *     client.out   bytes to write to the connection, then to be consumed
 *     want_tls     start TLS now (then call session_secured or session_closed)
 *     over         the dialogue has ended: close the connection, then session_finish
 *
 * and wakes it with session_tick when `deadline` has passed. The results go to the door.
 *
 *     connected ─▶ banner ─▶ EHLO ─▶ [STARTTLS ─▶ EHLO] ─▶ [AUTH] ─▶ [XCLIENT ─▶ EHLO]
 *         ─▶ [XFORWARD] ─▶ control ─▶ survey … ─▶ delivery … ─▶ QUIT ─▶ over
 */
#ifndef POSTERN_PROBE_SESSION_H
#define POSTERN_PROBE_SESSION_H

#include "probe/plan.h"

enum session_phase {
    SESSION_CONNECT,
    SESSION_PRELUDE, /* greeting, EHLO, and what a channel wants before MAIL */
    SESSION_TLS,     /* the handshake */
    SESSION_ENVELOPES,
    SESSION_QUIT,
    SESSION_OVER,
};

enum { SESSION_NO_PROBE = 0xffff };

struct session_step {
    uint8_t stage;   /* enum smtp_stage */
    bool filler;     /* a recipient that only stands before the probe's own */
    uint8_t control; /* number of the control recipient, for PLAN_CONTROL */
    uint16_t tx, probe;
};

struct session_tx {
    enum plan_kind kind;
    uint16_t lead; /* a probe with this sender, or SESSION_NO_PROBE for the control */
    bool mail_taken, mail_failed, data_failed;
    uint16_t taken; /* recipients accepted */
    uint16_t mail_line, mail_reply_line;
};

/* The newest refusal and its meaning. */
struct session_heard {
    enum smtp_stage stage;
    enum meaning meaning;
    uint16_t code; /* 0: none is kept */
    size_t n;
    char text[120];
};

struct session {
    struct door *door;
    uint16_t number; /* in door->sessions */
    struct plan plan;
    struct smtp_client client;
    enum session_phase phase, ended_in;
    struct session_step *steps;
    size_t step_count, step_cap, cursor;
    struct session_tx *txs;
    size_t tx_count, tx_cap;
    const struct form *channel; /* NULL: plain */
    bool secured, want_tls, want_certificate, over, slow, quit_sent;
    bool helo_second, xclient_done, xforward_done, auth_done, ehlo_fell_back;
    bool banner_taken; /* it was let in */
    unsigned auth_step;
    unsigned allowed; /* refusals that the pace allows */
    uint16_t banner_line;
    int64_t last_reply_at, deadline;
    int64_t heard_at;   /* when the newest event was told */
    int64_t lagged;     /* ms of this session that events waited for us, see door_run.lag_ms */
    int64_t round_trip; /* ms that EHLO's reply took */
    bool quick_seen;    /* some reply came without delay */
    struct budget_spent spent;
    char cut_reason[200];
    struct session_heard refusal;
    unsigned answered; /* probes that got an answer in this session */
    enum door_end end;
};

/*
 * Plans the session and enters it into the door. 0, -ENOMEM, or 1 when nothing is due. `refusals`
 * as in plan_make.
 */
int session_init(struct session *s, struct door *d, unsigned refusals, int64_t now);
void session_deinit(struct session *s);

void session_connected(struct session *s, struct ip mine, int64_t now);
void session_input(struct session *s, struct span bytes, int64_t now);
void session_secured(struct session *s, const char *version, const char *cipher, int64_t now);
/* The connection is gone, or never came about. `why` is for the transcript; may be NULL. */
void session_closed(struct session *s, enum door_end end, const char *why, int64_t now);
void session_tick(struct session *s, int64_t now);
/* Hands the outcome to the door. Call once, when over. */
void session_finish(struct session *s, int64_t now);

#endif
