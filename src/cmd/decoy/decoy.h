/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of postern-decoy share. */
#ifndef POSTERN_CMD_DECOY_DECOY_H
#define POSTERN_CMD_DECOY_DECOY_H

#include "cmd/common/settings.h"
#include "cmd/decoy/depot.h"
#include "decoy/persona.h"
#include "gate/trap.h"
#include "io/datadir.h"
#include "io/idn.h"
#include "io/listen.h"
#include "io/talk.h"
#include "io/timer.h"
#include "sink/rate.h"

enum {
    DECOY_CLIENTS = 500,    /* connections */
    DECOY_TOLD_MORE = 100,  /* over that, which are told so; more wait in the kernel */
    DECOY_AT_ONCE = 20,     /* of one client */
    DECOY_PER_MINUTE = 120, /* connections and recorded messages of one client */
    DECOY_BODY = 64 << 10,  /* octets of a message that are kept */
    DECOY_SIZE = 32 << 20,  /* octets of a message that are taken, where the persona tells none */
    DECOY_RCPTS = 1000,     /* recipients that are taken, where the persona tells none */
    DECOY_IDLE = 60000,     /* ms of silence before a client is sent away */
    DECOY_LISTENERS = 32,
    DECOY_OWN = 16,     /* addresses that we are known by */
    DECOY_KNOWN = 4096, /* clients that are remembered */
    DECOY_HELLOS = 8,   /* replies to EHLO within one read of the socket */
    DECOY_TLS_TEXT = 96,
    DECOY_STOP_MS = 3000,    /* that a message under way has when we stop */
    DECOY_TRAP_WRITE = 2000, /* ms from a change of the trap list to its file */
};

#define DECOY_DISK      (UINT64_C(1) << 30)
#define DECOY_TRAP_TIME (INT64_C(7) * 86400000) /* ms */

struct decoy_args {
    struct option_list listen, address;
    const char *persona, *personas, *name, *state, *user, *config, *review, *evidence, *trap_file;
    const char *cert, *key;
    bool tls, verbose, json;
    uint64_t disk_max, body_max;
    unsigned clients, at_once, per_minute;
    int64_t idle, tarpit, trap_time;
    /* of the commands that look */
    const char *client, *since;
    unsigned kind;
};

extern const struct options decoy_options;

/* A client that wrote to us, an IPv6 one as its /64. */
struct decoy_known {
    struct ip_prefix net; /* of family IP_NONE: the slot is free */
    struct ip ip;         /* the last address of it */
    int64_t since_wall;   /* the day that `messages` counts began */
    int64_t last_wall;
    unsigned messages, spam, tests;
};

struct decoy {
    const struct decoy_args *args;
    const struct conf *conf;
    struct loop *loop;
    const struct persona *persona;
    struct personas personas;
    struct judge_marks marks;
    char name[IDN_NAME_MAX];
    char folder[DATADIR_PATH_MAX]; /* <state>/decoy */
    struct ip own[DECOY_OWN];      /* where we listen, and what --address tells */
    size_t own_count;
    uint8_t key[MAC_KEY]; /* of password hashes */
    struct tls_context *tls;
    struct smtp_server_config smtp;
    struct depot *depot;
    struct rate rate;
    struct decoy_known known[DECOY_KNOWN];
    struct trap_list traps;
    struct timer trap_timer, stop_timer;
    struct listener *listeners[DECOY_LISTENERS];
    size_t listener_count;
    struct visit *visits;
    unsigned clients; /* now */
    uint64_t sessions, messages, tests, unrecorded;
    bool stopping;
};

/* A session. */
struct visit {
    struct visit *prev, *next;
    struct decoy *decoy;
    struct talk talk;
    struct rate_client *client; /* NULL: too many, it is told so */
    int64_t started;
    struct ip local; /* where it connected to */
    uint16_t port;   /* of the client */
    char id[RECORD_ID_MAX];
    size_t hello_at[DECOY_HELLOS]; /* offsets in talk.smtp.out of replies to EHLO */
    size_t hello_count;

    /* A reply that is held back. */
    struct timer hold;
    struct smtp_say held;
    char held_enhanced[12];
    struct buf held_text;
    struct buf say; /* the text of a reply that is said at once */
    char say_enhanced[12];

    /* Of the open transaction. */
    struct buf mail;
    struct buf rcpts[RECORD_RCPTS];
    size_t rcpt_shown, rcpt_count;
    struct buf text; /* the message's front */

    /* Of the session's record. */
    struct buf helos[RECORD_HELOS];
    size_t helo_count;
    struct buf hello; /* the raw ClientHello; empty: none came */
    char tls_version[16], tls_cipher[64];
    struct login login;
    struct record_login logins[RECORD_LOGINS];
    size_t login_count;
    char login_user[LOGIN_USER_MAX]; /* as who it is logged in */
    unsigned messages, unrecorded;
    bool esmtp;
};

/* visit.c: octets. A listener's callback; the cookie is the decoy. */
void visit_new(void *cookie, struct listener *li, struct conn *c);
void visit_stop(struct visit *v, bool at_once);
void visit_free(struct visit *v);
/* The ClientHello of a session, for tls_watch_hello(). */
void visit_hello(void *cookie, struct span message);

/* deal.c: what is said and kept. */
extern const struct smtp_server_ops deal_ops;
void deal_reset(struct visit *v);
/* The words for the persona at this moment. */
struct persona_words deal_words(const struct visit *v);
struct record_peer deal_peer(const struct visit *v);
/* The session's record, at its end. */
void deal_session(struct visit *v, const char *end);

/* known.c: clients, nominations, the trap list. */
struct decoy_known *known_find(struct decoy *d, struct ip ip, int64_t wall);
/* A message was judged; `k` may be NULL. Counts it and tells who wants to know. */
void known_judged(struct decoy *d, struct decoy_known *k, const struct record_message *m);
/* Reads the trap file of the last run. -errno with the reason printed. */
int known_open(struct decoy *d);
void known_close(struct decoy *d);

/* serve.c */
int serve(struct decoy_args *args, const struct conf *conf);
/* The last session is over, while we stop. */
void serve_left(struct decoy *d);

/* gate.c: refuses an address that a gate of this configuration uses. False with why printed. */
bool gate_leaves(const struct conf *conf, const struct listen_place *at);

/* look.c: the commands that read. `what` is "show", "clients" or "drops". */
int look(const char *what, const char *id, const struct decoy_args *args);

#endif
