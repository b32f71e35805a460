/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A receiving mail server for tokens and nothing else: the body of `postern sink`, and the sink
 * inside a tester (`postern test --sink-listen`). It takes a recipient whose token verifies, and
 * postmaster and abuse of the probe domain (RFC 5321 §4.5.1, RFC 2142), and refuses the rest: it
 * relays for nobody and stores for nobody.
 *
 * The 250 to a message is said after every proof in it is on disk (store_proofs_add). Who kills the
 * process between the two gets the message again from the relay, and the proof is counted twice.
 *
 * Everything worth telling goes to the owner's callbacks; nothing is logged here.
 */
#ifndef POSTERN_SINK_RECEIVER_H
#define POSTERN_SINK_RECEIVER_H

#include "io/listen.h"
#include "io/tls.h"
#include "sink/evidence.h"

enum {
    RECEIVER_SIZE = 10 << 20,  /* octets of a message that are taken */
    RECEIVER_HELD = 64 << 20,  /* octets of messages in memory, all clients together */
    RECEIVER_CLIENTS = 500,    /* connections */
    RECEIVER_AT_ONCE = 20,     /* of one client */
    RECEIVER_PER_MINUTE = 600, /* connections and messages of one client */
    RECEIVER_AGE = 30,         /* days that a token is good for */
    RECEIVER_RCPTS = 1000,     /* in one transaction */
    RECEIVER_ERRORS = 50,      /* refused commands in one session */
    RECEIVER_LISTENERS = 32,
    RECEIVER_IDLE = 300000,  /* ms of silence before a client is sent away, RFC 5321 §4.5.3.2.7 */
    RECEIVER_STOP_MS = 5000, /* that a message under way has when we stop */
};

struct receiver;

/* Copied, but for what it points to, which must outlive the receiver. 0: the constant above. */
struct receiver_config {
    const char *name;     /* our host name, in the greeting */
    const char *domain;   /* the probe domain: its names and all below it are ours */
    uint8_t key[MAC_KEY]; /* of the tokens */
    struct store *store;  /* NULL: nothing is kept, the callback has the only copy */
    enum store_source source;
    struct tls_context *tls; /* NULL: STARTTLS is not offered */
    uint64_t size_max;
    uint64_t disk_max; /* octets of the store at which no message is taken; 0: no bound */
    unsigned clients, at_once, per_minute, age_days;
    int64_t idle; /* ms */
};

/* One mail that is evidence. Everything borrowed for the callback. */
struct receiver_arrival {
    struct token token;
    enum store_what what;
    enum store_scope scope;
    int64_t proof;   /* its id in the store; 0 without a store */
    bool again;      /* this very proof had been stored before */
    int64_t wall_ms; /* when the message was whole */
    struct ip peer;
    struct span helo, tls;  /* tls: "TLSv1.3 TLS_AES_256_GCM_SHA384", or empty */
    struct span mail, rcpt; /* as received, brackets included */
    struct span raw;        /* at most STORE_RAW_MAX octets of the message */
    uint64_t size;          /* of all of it */
    bool foul;              /* bare CR, bare LF or NUL were in it */
    const struct evidence *evidence;
    struct evidence_way way;
    struct span chain; /* evidence_chain_json() */
};

/* A session at its end. */
struct receiver_session_news {
    struct ip peer;
    struct span helo, tls;
    const char *end; /* smtp_server_end_name(), or conn_reason_name() */
    unsigned arrivals, refused, roles, errors;
    int64_t ms;
    bool early, out_of_turn;
};

enum receiver_trouble {
    RECEIVER_STORE,  /* a proof could not be stored: the sender was told to come again */
    RECEIVER_DISK,   /* the store is at its bound: the sender was told to come again */
    RECEIVER_MEMORY, /* out of memory, or RECEIVER_HELD reached */
    RECEIVER_CROWD,  /* a client was turned away: too many of them, or too fast */
};

const char *receiver_trouble_name(enum receiver_trouble trouble);

/* All but `arrival` optional. From none of them may the receiver be freed. */
struct receiver_events {
    void (*arrival)(void *cookie, const struct receiver_arrival *a);
    /* A recipient that is not ours to take: somebody tries to relay here. */
    void (*refused)(void *cookie, struct ip peer, struct span mail, struct span rcpt);
    /* Mail to postmaster or abuse; it was taken, counted, and thrown away. */
    void (*role)(void *cookie, struct ip peer, struct span mail, struct span rcpt);
    void (*session)(void *cookie, const struct receiver_session_news *news);
    /* err: negative errno, or 0. */
    void (*trouble)(void *cookie, enum receiver_trouble trouble, struct ip peer, int err);
    /* After receiver_stop(): the last session is over. */
    void (*stopped)(void *cookie);
};

struct receiver_counts {
    uint64_t sessions, messages, arrivals, bounces, autoreplies, notices, again, refused, roles,
        turned_away;  /* notices: of delay, and receipts */
    unsigned clients; /* now */
};

/*
 * In three steps, so that a program can bind its ports, drop its rights, and only then open what a
 * stranger's bytes will reach: new, listen, start. 0 or -ENOMEM.
 */
int receiver_new(struct loop *l, const struct receiver_events *ev, void *cookie,
                 struct receiver **ret);
/* Binds; nobody is let in yet. -errno with what failed and what to do about it in err. */
int receiver_listen(struct receiver *r, const struct listen_place *at, char err[LISTEN_ERROR_MAX]);
/* A socket of systemd's: see listen_inherited(). */
int receiver_inherit(struct receiver *r, unsigned index, char err[LISTEN_ERROR_MAX]);
/* Lets clients in, at all places listened on so far. Once. */
void receiver_start(struct receiver *r, const struct receiver_config *config);
/* The places listened on, with the ports they got; returns how many there are. */
size_t receiver_places(const struct receiver *r, struct listen_place *ret, size_t max);
struct receiver_counts receiver_counts(const struct receiver *r);
/*
 * No new clients; those without a message under way are told 421. `stopped` is called, from the
 * loop, when the last has gone, after RECEIVER_STOP_MS at the latest. Safe twice.
 */
void receiver_stop(struct receiver *r);
/* Drops every session in silence. Safe on NULL and twice. */
void receiver_free(struct receiver **r);

#endif
