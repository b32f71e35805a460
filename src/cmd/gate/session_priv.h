/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A session, for the files that make it up. */
#ifndef POSTERN_CMD_GATE_SESSION_PRIV_H
#define POSTERN_CMD_GATE_SESSION_PRIV_H

#include "cmd/gate/hygiene.h"
#include "cmd/gate/login.h"
#include "cmd/gate/sessions.h"
#include "gate/metrics.h"

enum {
    SESSION_CLIENT_HIGH = 1 << 16,  /* bytes for a slow client at which we stop serving it */
    SESSION_BACKEND_HIGH = 1 << 16, /* bytes of a message for a slow backend, the same */
    SESSION_KEPT_MAX = 1 << 18,     /* input that can't be fed now: at most one read */
    SESSION_PROXY_WAIT = 10000,     /* ms for a PROXY header */
    SESSION_TLS_WAIT = 60000,       /* ms for a handshake */
    SESSION_SPARE = 5000,           /* ms of silence after which a backend may be taken away */
    SESSION_SPARE_LOOK = 200,       /* ms until all sessions are looked at for that again */
};

struct session {
    struct sessions *all;
    struct session *prev, *next;
    struct door *door;
    struct conn *conn; /* to the client; NULL: gone */
    struct conn *back; /* to the backend, or NULL */
    struct gate_client client;
    struct gate_pass pass;
    struct login login;
    struct buf kept;
    struct timer timer; /* of the backend: its deadline, or its idle time */
    struct hygiene_session hygiene;
    char *why;                       /* the backend was not trusted, until that is told; or NULL */
    struct relay_decision *decision; /* of a recipient that DNS lists are asked about, or NULL */
    int64_t started, held_until;     /* held_until: 0 unless a reply is held */
    uint8_t kind;                    /* enum door_kind */
    bool heading;                    /* a PROXY header has to come first */
    bool counted;                    /* among its host's sessions */
    bool turned_away;                /* there is no room for it */
    bool eof;                        /* the client sends no more */
    bool backed;                     /* the backend took the identity, and was counted */
    bool busy;                       /* inside settle() */
    bool congested;                  /* the client is paused for the backend's sake */
    bool shaking;                    /* hands */
    bool back_shaking;               /* the same of the backend's connection */
    bool told;                       /* its log line is out */
    bool verdict;                    /* the next reply is about a message */
    bool released;                   /* what is in out has been held long enough */
};

/* sessions.c */
/* After anything happened: sends, obeys, feeds what is kept. May free the session: last in line. */
void session_settle(struct session *s);
int64_t session_now(const struct session *s);
/* A handshake has ended, well or not: METRIC_TLS or METRIC_TLS_FAILED of "client" or "backend". */
void session_count_tls(const struct session *s, enum metric which, const char *side);
/* What the teergrube holds of it may go now. */
void session_release(struct session *s);

/* room.c */
/* All backends are taken: who holds one and is silent longest goes. False when nobody is. */
bool room_for_backend(struct sessions *all);
/* A newcomer: counted among its host's, and perhaps turned away. */
void room_count(struct session *s);

/* decide.c */
void session_login_answer(void *owner, const struct smtp_say *say);
void session_login_told(void *owner, const char *mech, const char *who, const char *result);

/* link.c: the backend's connection. */
/* Does what the pass wants of it. True when something was done. */
bool link_obey(struct session *s);
/* Sends what there is for it. True when there was something. */
bool link_send(struct session *s);
bool link_congested(const struct session *s);
void link_drop(struct session *s);

/* decide.c: what the pass asks. */
extern const struct gate_pass_ops session_ops;
void session_log(struct session *s, const char *end);
/* What hygiene waited for is there. */
void session_ready(void *owner);

#endif
