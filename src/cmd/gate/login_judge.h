/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The two judges behind login.h, and what a try is. One of them is in force at a time. */
#ifndef POSTERN_CMD_GATE_LOGIN_JUDGE_H
#define POSTERN_CMD_GATE_LOGIN_JUDGE_H

#include "auth/dovecot.h"
#include "auth/users.h"
#include "cmd/gate/login.h"
#include "io/timer.h"

enum {
    LOGIN_WORK_ROUNDS = 2000,   /* of hashing in one turn of the loop: half a millisecond */
    LOGIN_CHANNEL = 32,         /* octets of RFC 9266 */
    LOGIN_DOVECOT_WAIT = 60000, /* ms for an answer */
};

struct login_try {
    struct login *login;
    struct auth_offer offer;
    struct auth_facts facts;
    char cert_login[AUTH_LOGIN_MAX + 1];
    char mech[AUTH_MECH_MAX + 1]; /* for the log */
    uint8_t channel[LOGIN_CHANNEL];
    struct auth_sasl *sasl;      /* the file's exchange, or NULL */
    struct login_dovecot *judge; /* who was asked, while id is not 0 */
    uint32_t id;                 /* Dovecot's number, or 0 */
    struct deferred work;        /* hashing goes on */
    struct timer timer;          /* a reply is held back, or Dovecot's time runs */
    enum auth_got held;          /* what the timer's end tells */
};

/* login.c: an outcome that did not come at once. May free the try. */
void login_outcome(struct login_try *t, enum auth_got got, struct span text, const char *who);

/* login_file.c */
int login_file_read(const char *path, struct auth_users **ret, char err[LOGIN_ERROR_MAX]);

/* login_dovecot.c: a connection that is made again when it ends. */
struct login_dovecot;
/* `place`: the path of a Unix socket, or ADDR:PORT. */
int login_dovecot_open(struct loop *l, const char *place, struct login_dovecot **ret,
                       char err[LOGIN_ERROR_MAX]);
bool login_dovecot_place_ok(const char *place, char err[LOGIN_ERROR_MAX]);
void login_dovecot_free(struct login_dovecot **d);
const char *login_dovecot_place(const struct login_dovecot *d);
void login_dovecot_offer(const struct login_dovecot *d, const struct auth_offer *offer,
                         const struct auth_facts *facts, struct buf *out);
/* AUTH_ASK: login_outcome() comes later. */
enum auth_got login_dovecot_ask(struct login_dovecot *d, struct login_try *t, struct span arg);
enum auth_got login_dovecot_continue(struct login_dovecot *d, struct login_try *t,
                                     struct span line);
/* Harmless when nothing is asked. */
void login_dovecot_cancel(struct login_try *t);

#endif
