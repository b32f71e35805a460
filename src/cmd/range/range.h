/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The practice range: each model listens on a loopback address of its own, takes mail as its row
 * says, and hands on what it relays to one place, the sink. It can send to no other place.
 */
#ifndef POSTERN_CMD_RANGE_RANGE_H
#define POSTERN_CMD_RANGE_RANGE_H

#include "cmd/range/address.h"
#include "io/listen.h"
#include "io/talk.h"
#include "io/timer.h"

enum {
    RANGE_VISITS_MAX = 500,        /* sessions at a time, all models together */
    RANGE_PARCELS_MAX = 5000,      /* messages that wait to be handed on */
    RANGE_BYTES_MAX = 64 << 20,    /* octets of them */
    RANGE_SENDERS_MAX = 32,        /* of them on the way at a time */
    RANGE_RCPTS_MAX = 200,         /* of a transaction */
    RANGE_MESSAGE_MAX = 256 << 10, /* octets */
    RANGE_HOPS_MAX = 25,           /* Received lines: more is a loop */
    RANGE_TRIES = 3,
    RANGE_TRY_WAIT = 2000, /* ms */
};

struct range;
struct visit;
struct sending;

/* One model at its address. */
struct post {
    struct range *range;
    const struct model *model;
    struct ip ip;
    char host[128], domain[128];
    struct address_home home;
    struct smtp_server_config config;
    struct listener *listener;
};

/* A message on its way to the sink; owns its texts. */
struct parcel {
    struct parcel *next;          /* that waits */
    struct parcel *older, *newer; /* of all */
    const struct post *post;
    char *sender;     /* without brackets; "" for a bounce */
    struct buf rcpts; /* addresses, with blanks between */
    struct buf text;  /* with CRLF line ends, dots not stuffed */
    unsigned tries;
    struct timer timer;
    struct range *range;
};

struct range {
    struct loop *loop;
    struct models models;
    struct post *posts;
    size_t post_count;
    struct listen_place to; /* where everything goes; no address: nowhere */
    uint64_t next_id;
    size_t visits;
    size_t parcels, bytes;  /* waiting or on the way */
    size_t senders;         /* of them, on the way */
    struct parcel *waiting; /* oldest first */
    struct parcel *newest;  /* of all, on the way and between two tries too */
    struct visit *visitors;
    struct sending *sendings;
};

/* visit.c: one session of a client. */
void visit_new(void *cookie, struct listener *li, struct conn *c);
void visits_free(struct range *r); /* all, in silence: at the end of the program */

/* parcel.c: handing on. */
struct parcel *parcel_new(const struct post *post, struct span sender);
void parcel_free(struct parcel *p);
/* Takes the parcel over. Drops it, and says so in the log, when there is nowhere to send it. */
void parcel_post(struct parcel *p);
bool parcel_room(const struct range *r);
void parcels_free(struct range *r); /* all, in silence: at the end of the program */

#endif
