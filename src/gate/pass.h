/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A session that is passed through: joins the server machine, which speaks with the client, and
 * the backend machine, so that no message is ever ours (design D8). What it promises:
 *
 *   - 2xx to a message only when the backend has said 2xx to those very octets;
 *   - nothing to a backend before it has taken the client's identity;
 *   - only lines that we wrote ourselves, from what relay_decide() has made canonical;
 *   - a client that goes before its final dot leaves a backend without one; one that goes behind it
 *     leaves us waiting for the verdict, for the log;
 *   - a 4xx of the backend stays one, and so does a 5xx.
 *
 * The owner moves octets and knows the time. After every call: send server.out, send what
 * gate_pass_out() has, obey p->want until it is NOTHING, then todo of the server and p->backend's
 * deadline.
 */
#ifndef POSTERN_GATE_PASS_H
#define POSTERN_GATE_PASS_H

#include "gate/backend.h"
#include "gate/stream.h"
#include "relay/relay.h"
#include "smtp/server.h"

struct gate_pass;

enum gate_result {
    GATE_RESULT_NONE = 0, /* no message was sent: reset, or all recipients refused */
    GATE_RESULT_PASSED,   /* the backend has it: 2xx */
    GATE_RESULT_REFUSED,  /* the backend refused it, 4xx or 5xx */
    GATE_RESULT_FOUL,     /* we refused it: what stands in it, its size */
    GATE_RESULT_CUT,      /* the client went, or broke off, before the final dot */
    GATE_RESULT_LOST,     /* the backend was lost before the final dot: nobody has it */
    GATE_RESULT_UNKNOWN,  /* the backend was lost behind the final dot: it may have it */
};

const char *gate_result_name(enum gate_result result);

/* One transaction, when it is over. Everything is borrowed for the call. */
struct gate_report {
    unsigned number;
    enum gate_result result;
    const char *mail;               /* canonical, with brackets */
    const struct gate_route *route; /* NULL: none was asked */
    unsigned accepted, refused;     /* recipients */
    uint64_t octets;                /* of the message, as far as it came */
    unsigned code;                  /* last word on the message or, without one, on a recipient */
    const char *text;
    enum gate_fault fault;
    bool chunked;  /* by BDAT */
    bool told;     /* the client was there to hear the verdict */
    int64_t ms;    /* since MAIL */
    int64_t ended; /* ms since the final dot */
};

/* One recipient, answered. */
struct gate_answer {
    unsigned number;                       /* of the transaction */
    const struct relay_decision *decision; /* NULL: refused by sequence, or the backend was lost */
    struct span rcpt;                      /* as the client wrote it, with brackets */
    const char *mail;
    unsigned code;
    const char *text;
    bool by_backend; /* it is the backend's own answer */
    enum gate_fault fault;
};

/*
 * The owner's decisions. greet, hello, auth: as in struct smtp_server_ops, NULL is allowed. In none
 * of them may the owner call back.
 */
struct gate_pass_ops {
    enum smtp_now (*greet)(void *owner, struct smtp_say *ret);
    enum smtp_now (*hello)(void *owner, struct smtp_say *ret);
    enum smtp_now (*auth)(void *owner, struct span line, bool first, struct smtp_say *ret);
    /* MAIL: ret->mail is what goes on. Not NULL. */
    void (*mail)(void *owner, const struct relay_mail *mail, struct relay_decision *ret);
    /*
     * RCPT: `rcpt` as written, `mail` as canonical. TAKE needs *ret_route. LATER: the owner keeps
     * what it needs and calls gate_pass_decided(). Not NULL.
     */
    enum smtp_now (*rcpt)(void *owner, const struct relay_mail *mail, struct span rcpt,
                          struct relay_decision *ret, const struct gate_route **ret_route);
    /*
     * Octets of a message that will be passed on; none at all before the first, when it is asked
     * for. False refuses it, by *ret. NULL: none is.
     */
    bool (*text)(void *owner, struct span octets, struct smtp_say *ret);
    void (*answered)(void *owner, const struct gate_answer *a); /* NULL: nobody cares */
    void (*done)(void *owner, const struct gate_report *r);     /* the same */
    /* A backend did not take an identity, or failed otherwise: worth an alarm. May be NULL. */
    void (*trouble)(void *owner, const struct gate_route *route, enum gate_fault fault,
                    const struct smtp_reply *reply);
};

enum gate_want {
    GATE_WANT_NOTHING = 0,
    GATE_WANT_OPEN,  /* connect to p->backend->route; then gate_pass_connected() or _lost() */
    GATE_WANT_TLS,   /* once its out is sent: shake hands; then gate_pass_secured() or _lost() */
    GATE_WANT_CLOSE, /* send its out, close in order; gate_pass_closed() at once */
    GATE_WANT_ABORT, /* drop it with all that is not sent; gate_pass_closed() at once */
};

enum gate_stage {
    GATE_STAGE_KEPT,  /* MAIL is kept, no backend knows of it */
    GATE_STAGE_SAID,  /* the backend has been told MAIL */
    GATE_STAGE_TEXT,  /* the message comes */
    GATE_STAGE_ENDED, /* the final dot is out, the verdict is not in */
    GATE_STAGE_OVER,  /* the verdict is in */
};

/* A recipient that is being asked for. Gone once it is answered and the answer is out. */
struct gate_rcpt {
    struct buf line;   /* "RCPT TO:<…> …" */
    struct buf asked;  /* the path as the client wrote it */
    struct buf params; /* " NOTIFY=… ORCPT=…" */
    struct relay_decision decision;
};

/* A transaction. Many wait in the teergrube with one: what most of them never need is apart. */
struct gate_mail {
    unsigned number;
    enum gate_stage stage;
    struct buf path;        /* the canonical sender */
    struct buf params;      /* " BODY=… RET=…" of MAIL */
    struct gate_rcpt *rcpt; /* or NULL */
    bool smtputf8;
    bool open;   /* the server waits for the answer to RCPT */
    bool routed; /* and a backend was asked for it */
    bool mail_said, ident_said, rcpt_said, retried;
    bool data_open; /* the server waits for the answer to DATA */
    bool ending, chunked;
    unsigned needs; /* enum smtp_ext that this transaction makes use of */
    unsigned accepted, refused;
    /* The last word, once it is known before the client may hear it, or for all that follows. */
    unsigned no_code;
    struct buf no;
    const struct gate_route *no_route; /* what it is true of alone; NULL: of the transaction */
    enum gate_result result;
    enum gate_fault fault;
    uint64_t size_told; /* of SIZE; 0: none */
    const struct gate_route *pinned;
    struct gate_stream *stream; /* of the message that comes, or NULL */
    int64_t started, ended_at;
    uint64_t octets;
};

struct gate_pass {
    struct smtp_server server;
    const struct gate_pass_ops *ops;
    void *owner;
    struct gate_client *client;
    struct gate_backend *backend;  /* NULL: none */
    struct gate_mail *mail;        /* NULL: none */
    const struct gate_route *next; /* opened once the present backend is closed */
    enum gate_want want;
    bool clean;               /* lone CR, LF and NUL are replaced */
    bool gone;                /* the client is */
    bool changed;             /* the client is known otherwise than when the backend was told */
    unsigned number;          /* transactions so far */
    unsigned passed, refused; /* messages; recipients that we refused */
    int64_t now;              /* of the running call */
    struct smtp_say *asking;  /* the server is in a question: the answer goes here */
};

void gate_pass_init(struct gate_pass *p, const struct smtp_server_config *config,
                    const struct gate_pass_ops *ops, void *owner, struct gate_client *client);
/* Reports an open transaction. Safe twice. */
void gate_pass_deinit(struct gate_pass *p);

void gate_pass_start(struct gate_pass *p, int64_t now);
/* As smtp_server_feed(). Feed pieces of at most GATE_PASS_PIECE octets while a message comes. */
enum { GATE_PASS_PIECE = 16384 };
size_t gate_pass_feed(struct gate_pass *p, struct span in, int64_t now);
/* The client's side is under TLS. */
void gate_pass_tls(struct gate_pass *p, int64_t now);
void gate_pass_tick(struct gate_pass *p, int64_t now);
/* Answers to what the owner left open. */
void gate_pass_answer(struct gate_pass *p, const struct smtp_say *say, int64_t now);
void gate_pass_decided(struct gate_pass *p, const struct relay_decision *d,
                       const struct gate_route *route, int64_t now);
/*
 * The client has gone. True: the session must live on, a verdict is still to come (the final dot is
 * out); call gate_pass_over() after each event. False: deinit.
 */
bool gate_pass_client_gone(struct gate_pass *p, int64_t now);
bool gate_pass_over(const struct gate_pass *p);
/* Ends the session with 421, but not in the middle of a message: then false, and ask again. */
bool gate_pass_shut(struct gate_pass *p, const char *text, int64_t now);

/* The backend's side. */
void gate_pass_connected(struct gate_pass *p, int64_t now);
void gate_pass_secured(struct gate_pass *p, int64_t now);
void gate_pass_backend_feed(struct gate_pass *p, struct span in, int64_t now);
void gate_pass_backend_tick(struct gate_pass *p, int64_t now);
/* The connection ended, or never came to be. */
void gate_pass_lost(struct gate_pass *p, enum gate_fault fault, int64_t now);
/* It was closed as wanted. */
void gate_pass_closed(struct gate_pass *p, int64_t now);
/* What to send to the backend, or NULL; say gate_backend_sent() when it was handed on. */
struct buf *gate_pass_out(struct gate_pass *p);
/* The backend has no transaction and could be let go. */
bool gate_pass_idle(const struct gate_pass *p);
/* The client will be kept waiting: gives back what memory can be had anew. */
void gate_pass_slim(struct gate_pass *p);
/* Lets it go. */
void gate_pass_let_go(struct gate_pass *p, int64_t now);
/* No more octets of the message are welcome: chunks wait for answers, or much is to be sent. */
bool gate_pass_congested(const struct gate_pass *p);

#endif
