/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Logins of a worker: one facade before the two judges (a password file, or a Dovecot), the brakes
 * and the log. A session has one struct login and at most one exchange at a time.
 */
#ifndef POSTERN_CMD_GATE_LOGIN_H
#define POSTERN_CMD_GATE_LOGIN_H

#include "auth/sasl.h"
#include "cmd/gate/args.h"
#include "gate/client.h"
#include "io/conn.h"
#include "smtp/server.h"

enum { LOGIN_ERROR_MAX = 400 };

struct login_try;

struct login {
    struct gate_client *client;
    /* The reply to a line that login_line() answered with SMTP_LATER; never from inside a call. */
    void (*answer)(void *owner, const struct smtp_say *say);
    /* A try has ended: result is "ok", "failed" or what went wrong. who may be NULL. */
    void (*told)(void *owner, const char *mech, const char *who, const char *result);
    void *owner;
    struct login_try *try; /* NULL: none goes on */
    unsigned failed;       /* tries of this session */
};

/*
 * Reads the password file, or begins to talk with Dovecot. Before the rights go. 0, or an exit
 * status of sysexits.h with the reason in err.
 */
int login_open(struct loop *l, const struct gate_args *args, char err[LOGIN_ERROR_MAX]);
/* The same with new settings; on failure the old ones stay, and the old users. */
int login_reload(const struct gate_args *args, char err[LOGIN_ERROR_MAX]);
/* What login_open() would say, without beginning anything. */
int login_check(const struct gate_args *args, char err[LOGIN_ERROR_MAX]);
/* No exchange may be open. */
void login_close(void);

/* Mechanisms for EHLO; good for the worker's life. "": AUTH is not offered. conn: to the client. */
const char *login_mechs(const struct login *ln, const struct conn *conn);
/*
 * AUTH with its argument (first), then the client's lines: see `auth` of struct smtp_server_ops. On
 * 235 client->login is set.
 */
enum smtp_now login_line(struct login *ln, const struct conn *conn, struct span line, bool first,
                         struct smtp_say *ret);
/*
 * One more recipient that is taken because of the login. False: put it off, *ret says how.
 */
bool login_recipient(const struct login *ln, struct smtp_say *ret);
/* Drops an exchange: the session ends, or the client said "*". Harmless when there is none. */
void login_drop(struct login *ln);

#endif
