/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What receiver.c, session.c and deliver.c share. */
#ifndef POSTERN_SINK_RECEIVER_PRIV_H
#define POSTERN_SINK_RECEIVER_PRIV_H

#include "io/talk.h"
#include "io/timer.h"
#include "sink/rate.h"
#include "sink/receiver.h"

enum { SESSION_TLS_TEXT = 96 };

struct recipient {
    struct token token;
    char *text; /* owned; as received */
};

struct session {
    struct receiver *receiver;
    struct session *prev, *next; /* in receiver.sessions */
    struct talk talk;
    struct rate_client *client; /* NULL: it was turned away */
    enum rate_got rate;         /* why */
    int64_t started;
    char tls[SESSION_TLS_TEXT];

    /* Of the open transaction. */
    struct buf mail;
    struct recipient *rcpts;
    size_t rcpt_count, rcpt_cap;
    struct buf role; /* the last of postmaster or abuse, "" none */
    struct buf raw;
    size_t counted; /* octets of raw that stand in receiver.held */

    unsigned arrivals, refused, roles;
};

struct receiver {
    struct loop *loop;
    struct receiver_config config;
    struct smtp_server_config smtp;
    struct receiver_events ev;
    void *cookie;
    struct listener *listeners[RECEIVER_LISTENERS];
    size_t listener_count;
    struct session *sessions;
    struct rate *rate;
    uint64_t held;
    struct receiver_counts counts;
    bool stopping;
    struct timer stop_timer;
    struct deferred stopped;
};

/* session.c. Takes the connection, whatever comes of it. */
void session_open(struct receiver *r, struct conn *c);
/* We stop: 421 unless a message is under way and may be finished. */
void session_stop(struct session *s, bool at_once);
void session_free(struct session *s);
/* receiver.c: a session has ended and is about to be freed. */
void receiver_left(struct receiver *r, struct session *s);
void receiver_tell(struct receiver *r, enum receiver_trouble trouble, struct ip peer, int err);

/* deliver.c: decisions and messages. */
extern const struct smtp_server_ops deliver_ops;
/* Forgets the transaction. */
void deliver_reset(struct session *s);

#endif
