/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's side of an SMTP session as a machine without fd or clock: RFC 5321, with PIPELINING
 * (RFC 2920), SIZE (1870), 8BITMIME (6152), SMTPUTF8 (6531), CHUNKING (3030), STARTTLS (3207) and
 * ENHANCEDSTATUSCODES (2034).
 *
 * Bytes of the client go in by smtp_server_feed(). The machine speaks the protocol and asks its
 * owner at each point where something is decided (struct smtp_server_ops). An owner that cannot
 * answer at once answers later by smtp_server_resume(); until then the machine takes no byte, and
 * replies stay in order because there is never more than one question open.
 *
 * What the owner does after every call: send and consume s->out, then obey smtp_server_todo().
 *
 *     smtp_server_init(&s, &config, &ops, me, client)     then, for a port with TLS from the start,
 *     smtp_server_tls(&s, now)                            before the greeting
 *     smtp_server_start(&s, now)
 *     n = smtp_server_feed(&s, bytes, now)                the rest again when todo.read
 *     smtp_server_tick(&s, now)                           when todo.deadline has come
 *     smtp_server_deinit(&s)                              at the end, or when the client has gone
 *
 * A PROXY header comes before all of this and is the owner's to read: the machine is started with
 * the client address that it gave.
 */
#ifndef POSTERN_SMTP_SERVER_H
#define POSTERN_SMTP_SERVER_H

#include "base/buf.h"
#include "base/ip.h"
#include "smtp/command.h"
#include "smtp/dot.h"
#include "smtp/ehlo.h"

struct smtp_server;

/* A reply. The strings are borrowed for the call; control characters in the text become "?". */
struct smtp_say {
    uint16_t code;        /* 200 to 599 */
    const char *enhanced; /* "2.1.5", or NULL */
    const char *text;     /* lines joined by LF; NULL for none */
};

/* What an owner says to a question. */
enum smtp_now {
    SMTP_NOW = 1,   /* *ret is filled */
    SMTP_LATER = 0, /* smtp_server_resume() will be called, not from inside this call */
};

/*
 * The owner's decisions. A NULL function is answered as its line says. `owner` is s->owner.
 * Nothing in the arguments outlives the call. In none of them may the owner call back into the
 * machine.
 */
struct smtp_server_ops {
    /*
     * A client is there. 220: go on; other codes: the session ends. The text, if there is one, is
     * the whole greeting and has to begin with our name (RFC 5321 §4.2). NULL: 220.
     */
    enum smtp_now (*greet)(void *owner, struct smtp_server *s, struct smtp_say *ret);
    /*
     * HELO or EHLO; s->hello and s->esmtp are set already. Anything but 250 refuses. A text
     * replaces the first line; the keywords follow in any case. NULL: 250.
     */
    enum smtp_now (*hello)(void *owner, struct smtp_server *s, struct smtp_say *ret);
    /* MAIL and RCPT. 2xx accepts. Not NULL. */
    enum smtp_now (*mail)(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                          struct smtp_say *ret);
    enum smtp_now (*rcpt)(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                          struct smtp_say *ret);
    /*
     * DATA, or the first BDAT (s->chunked), with at least one recipient: 354 takes the message.
     * NULL: 354.
     */
    enum smtp_now (*data)(void *owner, struct smtp_server *s, struct smtp_say *ret);
    /*
     * The next octets of the message, dots undone. False: the owner can keep no more; the rest is
     * read and passed over, and `end` is still asked. Not NULL.
     */
    bool (*chunk)(void *owner, struct smtp_server *s, struct span text);
    /*
     * The message is whole; s->dot.seen tells what was in it. The reply goes to the client as it
     * is: 2xx takes responsibility. Not asked when the message was over size or had to be refused.
     * Not NULL.
     */
    enum smtp_now (*end)(void *owner, struct smtp_server *s, struct smtp_say *ret);
    /* A transaction that was begun is over, whatever way; also at deinit. NULL: nothing to drop. */
    void (*reset)(void *owner, struct smtp_server *s);
    /*
     * Verbs that are the owner's own: VRFY, EXPN, ETRN, HELP, XCLIENT, XFORWARD, where its row's
     * extension is offered. 220 to XCLIENT starts the session anew. NULL: 252 to VRFY, 214 to
     * HELP, 502 to the others.
     */
    enum smtp_now (*other)(void *owner, struct smtp_server *s, const struct smtp_command *cmd,
                           struct smtp_say *ret);
    /*
     * AUTH with its argument, then each line of the client's after a 334. 235 ends it well. NULL:
     * AUTH is not offered. "*" (cancel) is answered by the machine, and reset is not called.
     */
    enum smtp_now (*auth)(void *owner, struct smtp_server *s, struct span line, bool first,
                          struct smtp_say *ret);
};

/* What happens when a client talks out of its turn (RFC 2920 §3.1; RFC 5321 §4.3.1). */
enum smtp_turns {
    SMTP_TURNS_LAX = 0, /* counted in s->out_of_turn, and taken */
    /*
     * 554 5.5.0, and the session ends; also for octets that come while the answer to a greeting,
     * HELO, EHLO, AUTH or DATA is still open. For that the owner goes on reading and feeding
     * meanwhile, and smtp_server_feed() passes judgement.
     */
    SMTP_TURNS_STRICT,
};

/* Borrowed by every session that runs on it. Times in milliseconds; 0 anywhere: no such limit. */
struct smtp_server_config {
    const char *name;     /* our host name */
    const char *software; /* behind "ESMTP" in the greeting; NULL: none */
    const char *help;     /* text of 214; NULL: a plain one */
    const char *mechs;    /* of AUTH, as "PLAIN LOGIN"; NULL: AUTH is not offered */
    unsigned ext;         /* enum smtp_ext to offer. STARTTLS is shown while TLS is not on */
    bool tls_needed;      /* 530 5.7.0 to what must not go in the clear */
    bool auth_needed;     /* 530 5.7.0 to what needs a login, RFC 6409 §4.3 */
    bool any_path;        /* see struct smtp_command_rules */
    bool lf_commands;     /* a lone LF ends a command too; never the data */
    bool refuse_foul;     /* 550 5.6.0 to a message with bare CR, bare LF or NUL */
    enum smtp_turns turns;
    uint64_t size_max;    /* octets of a message */
    unsigned rcpt_max;    /* recipients of a transaction; more get 452 4.5.3 */
    unsigned mail_max;    /* transactions in a session; more get 421 */
    unsigned error_max;   /* commands answered with 4xx or 5xx; then 421 and the end */
    unsigned junk_max;    /* RSET, NOOP, VRFY and so on since the last message */
    unsigned command_max; /* commands in a session */
    int64_t greet_wait;   /* silence before the greeting, in which a client must not talk */
    int64_t wait_command; /* for a whole command line, RFC 5321 §4.5.3.2.7 */
    int64_t wait_chunk;   /* for the next octets of a message */
    int64_t wait_message; /* for a whole message */
    int64_t wait_session; /* for everything */
    unsigned rate_min;    /* octets a second of a message, over SMTP_RATE_WINDOW; fewer: 421 */
};

enum smtp_server_state {
    SMTP_SERVER_IDLE = 0, /* not started */
    SMTP_SERVER_QUIET,    /* greet_wait runs */
    SMTP_SERVER_COMMAND,
    SMTP_SERVER_AUTH, /* the next line is the owner's */
    SMTP_SERVER_DATA,
    SMTP_SERVER_BDAT,   /* in the octets of a chunk */
    SMTP_SERVER_ASKED,  /* the owner will answer later */
    SMTP_SERVER_TLS,    /* 220 was said to STARTTLS: the owner shakes hands */
    SMTP_SERVER_CLOSED, /* the last reply is in out */
};

const char *smtp_server_state_name(enum smtp_server_state state);

/* Why the session is over, for the log. */
enum smtp_server_end {
    SMTP_END_NONE = 0,
    SMTP_END_QUIT,
    SMTP_END_REFUSED, /* by the owner, in greeting or with 421 */
    SMTP_END_TIMEOUT,
    SMTP_END_ERRORS,  /* over error_max, junk_max or command_max */
    SMTP_END_TURN,    /* talked out of turn, or plain bytes behind STARTTLS */
    SMTP_END_LINE,    /* a line without end, or a chunk size that can't be read */
    SMTP_END_FOREIGN, /* spoke another protocol */
    SMTP_END_TOO_BIG, /* a chunk too big to be worth passing over */
    SMTP_END_FAULT,   /* ours: out of memory */
};

const char *smtp_server_end_name(enum smtp_server_end end);

/* Open for reading by its owner; written by the machine alone, but for out. */
struct smtp_server {
    const struct smtp_server_config *config;
    const struct smtp_server_ops *ops;
    void *owner;
    struct buf out; /* what to send; the owner consumes it */
    struct ip client;

    enum smtp_server_state state;
    enum smtp_server_end end;
    bool tls;   /* the session is under TLS */
    bool esmtp; /* by EHLO, not HELO */
    bool authed;
    bool in_mail;        /* MAIL was accepted */
    const char *hello;   /* as given, cut and with odd bytes as "?"; "" before HELO */
    unsigned params;     /* enum smtp_param given with MAIL of the open transaction */
    enum smtp_body body; /* and its BODY= */
    unsigned rcpts;      /* accepted in this transaction */
    unsigned rcpts_bad;  /* refused in this transaction */
    bool by_bdat;        /* the message comes in chunks */
    bool too_big;        /* the last message, or what was told of it, was over size */
    bool chunked;        /* it will: what `data` is being asked about is a BDAT */
    bool early;          /* talked before the greeting */

    /* The machine's own: flags that stand here because there is room. */
    bool line_long;  /* the line is over the limit: read to its end, then refused */
    bool chunk_last; /* the BDAT that comes in said LAST */
    bool dropping;   /* the message is refused: pass over the rest, then say `later` */
    bool full;       /* the owner keeps no more of this message */
    uint8_t asked;   /* enum server_ask of server_priv.h: which question is open */

    unsigned hide;     /* the owner's: enum smtp_ext not to offer in this session */
    const char *mechs; /* the owner's: of AUTH in this session; NULL: config->mechs, "": no AUTH */
    uint64_t size_shown; /* the owner's: in SIZE in this session; 0: config->size_max */

    /* Of the session. */
    unsigned messages; /* that the owner answered with 2xx */
    unsigned mails, errors, junk, commands;
    unsigned out_of_turn; /* times the client talked where it had to wait */
    unsigned lf_lines;    /* command lines that ended in a lone LF */

    /* The machine's own. */
    struct buf line;        /* the command line that is coming in */
    struct smtp_dot_in dot; /* its `seen` is of the message that is coming in or was just ended */
    uint64_t chunk_left;    /* octets of a BDAT chunk to come */
    uint64_t chunk_size;
    struct buf later;
    enum smtp_verb asked_verb;
    uint64_t passed;                                      /* octets passed over */
    int64_t deadline, message_deadline, session_deadline; /* INT64_MAX: none */
    int64_t rate_deadline;                                /* by then rate_left octets are due */
    uint64_t rate_left;
};

struct smtp_server_todo {
    bool read;        /* bytes of the client are welcome */
    bool start_tls;   /* once out is sent: shake hands, then smtp_server_tls(); drop unread bytes */
    bool close;       /* once out is sent */
    int64_t deadline; /* when to call smtp_server_tick(); INT64_MAX: never */
};

void smtp_server_init(struct smtp_server *s, const struct smtp_server_config *config,
                      const struct smtp_server_ops *ops, void *owner, struct ip client);
/* Drops an open transaction (ops->reset) and frees. Safe twice. */
void smtp_server_deinit(struct smtp_server *s);

/*
 * The connection is there: greets, or starts to wait in silence. An owner who has seen octets of
 * the client already sets s->early before.
 */
void smtp_server_start(struct smtp_server *s, int64_t now);
/*
 * Takes bytes off the front of `in` and says how many; fewer than given when it has to stop (a
 * question is open, much to send is waiting, the session is over). Feed the rest again once
 * todo.read is true.
 */
size_t smtp_server_feed(struct smtp_server *s, struct span in, int64_t now);
/* The owner's answer to a question that it left open. */
void smtp_server_resume(struct smtp_server *s, const struct smtp_say *say, int64_t now);
/*
 * The owner has not fed a message's octets for a while because it could take none: the client is
 * not to blame, and its times start anew.
 */
void smtp_server_excuse(struct smtp_server *s, int64_t now);
/* TLS is up. What the client said before is forgotten (RFC 3207 §4.2). */
void smtp_server_tls(struct smtp_server *s, int64_t now);
/* Time has passed. */
void smtp_server_tick(struct smtp_server *s, int64_t now);
/*
 * Ends the session with 421 4.3.2: the server goes down, or needs the room. A question that is
 * open is open no more.
 */
void smtp_server_shut(struct smtp_server *s, const char *text);

struct smtp_server_todo smtp_server_todo(const struct smtp_server *s);

#endif
