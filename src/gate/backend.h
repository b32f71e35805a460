/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * One connection to a backend, from the client's side, as a machine: greeting, EHLO, TLS, the
 * client's identity, and then the commands of transactions. The order is fixed:
 *
 *     connected ─ [PROXY header] ─ [TLS] ─ 220 ─ EHLO ─ [STARTTLS ─ TLS ─ EHLO]
 *               ─ [XCLIENT ─ 220]* ─ EHLO ─ ready ─ transactions
 *
 * Nothing of a transaction can be said before it is ready, and it is never ready without the
 * identity. Nothing is pipelined over greeting, EHLO, STARTTLS or XCLIENT.
 *
 * The owner moves octets: sends b->wire.out and says gate_backend_sent(), feeds what comes, starts
 * TLS where asked to.
 */
#ifndef POSTERN_GATE_BACKEND_H
#define POSTERN_GATE_BACKEND_H

#include "gate/identity.h"
#include "smtp/client.h"
#include "smtp/ehlo.h"

enum gate_wrap { GATE_WRAP_CLEAR, GATE_WRAP_STARTTLS, GATE_WRAP_TLS };

/* A backend as it is configured; lives as long as any connection to it. */
struct gate_route {
    const char *name; /* "mail.example.org:25": for logs */
    struct ip ip;     /* IP_NONE: its name is not resolved yet */
    uint16_t port;
    enum gate_identity identity;
    enum gate_wrap wrap;
    bool helo; /* it knows no EHLO: as its last test has shown */
};

enum gate_fault {
    GATE_FAULT_NONE = 0,
    GATE_FAULT_CONNECT,  /* no connection */
    GATE_FAULT_GREETING, /* it did not greet */
    GATE_FAULT_HELLO,    /* it refused EHLO */
    GATE_FAULT_TLS,      /* wanted, and not offered or failed */
    GATE_FAULT_IDENTITY, /* it does not take the client's identity */
    GATE_FAULT_PROTOCOL, /* what it says is not SMTP, or answers nothing we asked */
    GATE_FAULT_TIMEOUT,
    GATE_FAULT_GONE, /* it closed, or said 421 */
    GATE_FAULT_FULL, /* ours: no free slot, no memory, no descriptor */
};

const char *gate_fault_name(enum gate_fault fault);

enum {
    GATE_WAIT_CONNECT = 20000,   /* ms; the client waits meanwhile, so all of these are shorter */
    GATE_WAIT_SETUP = 60000,     /* for each answer up to ready */
    GATE_WAIT_REPLY = 270000,    /* to MAIL, RCPT, RSET, DATA: less than SMTP_WAIT_RCPT */
    GATE_WAIT_END = 660000,      /* to the final dot: more than SMTP_WAIT_END, RFC 1047 */
    GATE_WAIT_PROGRESS = 170000, /* that it takes octets of a message */
};

enum gate_backend_state {
    GATE_BACKEND_CONNECTING,
    GATE_BACKEND_TLS, /* the owner shakes hands */
    GATE_BACKEND_GREETING,
    GATE_BACKEND_HELLO,
    GATE_BACKEND_STARTTLS,
    GATE_BACKEND_XCLIENT,
    GATE_BACKEND_HELLO_AGAIN, /* as the client */
    GATE_BACKEND_READY,
    GATE_BACKEND_CLOSED,
};

struct gate_backend {
    const struct gate_route *route;
    const struct gate_client *client;
    const char *us; /* our host name */
    struct smtp_client wire;
    struct buf lines; /* XCLIENT lines not yet said */
    enum gate_backend_state state;
    enum gate_fault fault;
    bool secured;
    bool helo;                  /* HELO was said, since it does not know EHLO: no extensions */
    unsigned ext;               /* enum smtp_ext that it offers now */
    unsigned xclient, xforward; /* enum smtp_attr */
    uint64_t size;              /* of SIZE; 0: none told */
    struct ip seen;             /* our address as its EHLO shows it, or IP_NONE */
    int64_t deadline;           /* INT64_MAX: none */

    /* Of the last event. */
    struct smtp_reply reply; /* good until more is fed */
    struct smtp_sent reply_to;

    /* The owner's, kept here because they end with the connection. */
    bool dirty;        /* a transaction was begun and not ended: RSET before the next */
    unsigned messages; /* that it took */
};

enum gate_backend_got {
    GATE_BACKEND_MORE = 0, /* all octets are taken */
    GATE_BACKEND_IS_READY, /* commands may be said */
    GATE_BACKEND_ANSWER,   /* `reply` answers `reply_to` */
    GATE_BACKEND_EARLY,    /* `reply` answers nothing: it gave up in the middle of a message */
    GATE_BACKEND_START_TLS,
    GATE_BACKEND_REFUSED, /* it refuses this client, by `reply`: the client's to hear */
    GATE_BACKEND_FAILED,  /* `fault`; `reply` is what it said, code 0: nothing */
};

/* -ENOMEM. `client` must not change while the connection lives. */
int gate_backend_init(struct gate_backend *b, const struct gate_route *route,
                      const struct gate_client *client, const char *us, int64_t now);
void gate_backend_deinit(struct gate_backend *b);

/* The connection is there. START_TLS, MORE or FAILED. */
enum gate_backend_got gate_backend_connected(struct gate_backend *b, int64_t now);
/* TLS is up. What was received before is forgotten by the owner, RFC 3207 §4.2. */
enum gate_backend_got gate_backend_secured(struct gate_backend *b, int64_t now);
/* Takes octets off the front of *in, up to an event. Call again until MORE or a failure. */
enum gate_backend_got gate_backend_feed(struct gate_backend *b, struct span *in, int64_t now);
/* The deadline has come. */
enum gate_backend_got gate_backend_late(struct gate_backend *b);
/* All of wire.out was handed to the connection. */
void gate_backend_sent(struct gate_backend *b);

/* Whether a command of this stage may be said now. */
bool gate_backend_may(const struct gate_backend *b, enum smtp_stage stage);
/* Says one, without CRLF: MAIL, RCPT, DATA, RSET, XFORWARD. Only what we wrote ourselves. */
void gate_backend_say(struct gate_backend *b, enum smtp_stage stage, struct span line, int64_t now);
/* Octets of a message, framed already; no answer is due. */
void gate_backend_text(struct gate_backend *b, struct span octets, int64_t now);
/* Octets that end in an answer: the final dot, or a chunk; cookie 1: the last one. */
void gate_backend_end(struct gate_backend *b, struct span octets, unsigned cookie, int64_t now);
/* QUIT, where it may be said; the owner closes without waiting for the answer. */
void gate_backend_quit(struct gate_backend *b, int64_t now);
/*
 * After each write to the connection: whether some of a message still waits to be taken. A backend
 * that takes none of it for GATE_WAIT_PROGRESS is lost.
 */
void gate_backend_progress(struct gate_backend *b, bool waits, int64_t now);

/* What a client is told who asked for this backend. Class 4 always. */
void gate_fault_say(enum gate_fault fault, unsigned *ret_code, const char **ret_enhanced,
                    const char **ret_text);

#endif
