/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A client of Dovecot's auth socket (its auth protocol, version 1.1 and 1.2; what newer servers add
 * is passed over) as a machine: one connection, many logins at a time. LF ends a line, TAB parts
 * its fields, \001 escapes.
 *
 *     both   VERSION 1 2
 *     we     CPID <pid>
 *     it     MECH <name> [plaintext …]… SPID CUID COOKIE DONE
 *     we     AUTH <id> <mech> service=smtp [secured] … resp=<base64>      CONT <id> <base64>
 *     it     CONT <id> <base64>      OK <id> user=<login> …      FAIL <id> [temp] …
 *
 * What a client of ours says is base64 and a mechanism's name, both checked here; no other byte of
 * a stranger can come between two fields. What the server says wrong ends the connection.
 */
#ifndef POSTERN_AUTH_DOVECOT_H
#define POSTERN_AUTH_DOVECOT_H

#include "auth/sasl.h"

struct auth_dovecot;

struct auth_dovecot_answer {
    enum auth_got got; /* CHALLENGE, OK, FAIL, TEMP; UNKNOWN when the mechanism is not its */
    struct span text;  /* the challenge, base64 */
    const char *login; /* OK: user=. FAIL: user= when the server tells it, or "" */
};

struct auth_dovecot_events {
    /* The server has said DONE: questions may be asked, mechanisms are known. */
    void (*ready)(void *cookie, struct auth_dovecot *d);
    /* Of one login; after anything but CHALLENGE its id is no more. May ask again from inside. */
    void (*answer)(void *cookie, uint32_t id, void *owner, const struct auth_dovecot_answer *a);
};

/* `pid` names us to the server: not 0, and no other client's; random does well. */
int auth_dovecot_new(const struct auth_dovecot_events *events, void *cookie, uint32_t pid,
                     struct auth_dovecot **ret);
void auth_dovecot_free(struct auth_dovecot **d);

/* The connection is up: our greeting goes to `out`. */
void auth_dovecot_start(struct auth_dovecot *d);
/* Bytes of the server. False: it does not speak the protocol; why is in auth_dovecot_fault(). */
bool auth_dovecot_feed(struct auth_dovecot *d, struct span bytes);
const char *auth_dovecot_fault(const struct auth_dovecot *d);
/* What to send; consume what was sent. */
struct buf *auth_dovecot_out(struct auth_dovecot *d);
/* The connection is gone: each login that waits gets TEMP; start() begins anew. */
void auth_dovecot_lost(struct auth_dovecot *d);
bool auth_dovecot_ready(const struct auth_dovecot *d);
/* Logins that wait for an answer. */
size_t auth_dovecot_asked(const struct auth_dovecot *d);

/*
 * Mechanisms for EHLO that suit the facts, as the server listed them; while it is away, as it did
 * last: a client that is told "later" comes again, one that is offered nothing gives up. Empty
 * before the first DONE.
 */
void auth_dovecot_offer(const struct auth_dovecot *d, const struct auth_offer *offer,
                        const struct auth_facts *facts, struct buf *out);
/*
 * Begins a login with the argument of AUTH. AUTH_ASK: asked, *ret_id is its number, and `owner`
 * comes with the answer. Else the outcome at once, as auth_sasl_start() has them.
 */
enum auth_got auth_dovecot_ask(struct auth_dovecot *d, const struct auth_offer *offer,
                               const struct auth_facts *facts, struct span arg, void *owner,
                               uint32_t *ret_id);
/* The client's line after a challenge. AUTH_ASK, or BAD, TOO_LONG, TEMP: then the id is no more. */
enum auth_got auth_dovecot_continue(struct auth_dovecot *d, uint32_t id, struct span line);
/* The client has gone or said "*": no answer comes. Safe with an id that is no more. */
void auth_dovecot_cancel(struct auth_dovecot *d, uint32_t id);

#endif
