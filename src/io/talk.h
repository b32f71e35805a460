/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A connection that the SMTP server machine speaks on, for servers that decide by themselves: the
 * sink, the decoy, the range. Octets go to the machine and its replies back; what it does not take
 * is kept, and reading stops until the client has read our replies or the owner has answered.
 */
#ifndef POSTERN_IO_TALK_H
#define POSTERN_IO_TALK_H

#include "io/conn.h"
#include "smtp/server.h"

enum {
    TALK_QUEUE_HIGH = 64 << 10,    /* octets not yet sent at which we stop reading */
    TALK_KEPT_MAX = 1 << 20,       /* octets not yet taken; over that it ends */
    TALK_REWORDED_MAX = 256 << 10, /* octets of what is said at a time, reworded */
};

struct talk;

struct talk_ops {
    /* What goes out in place of what the machine says; NULL: that. */
    void (*reword)(void *owner, struct span said, struct buf *out);
    void (*secured)(void *owner); /* TLS is up; NULL: no matter */
    /* Required, the last call: the owner may free itself, and calls talk_close() then. */
    void (*closed)(void *owner, const struct conn_end *end);
};

struct talk {
    struct conn *conn; /* NULL: it has ended */
    struct smtp_server smtp;
    const struct talk_ops *ops;
    void *owner;
    struct tls_context *tls; /* for STARTTLS; NULL: config does not offer it */
    struct buf kept;
    bool stopping;
};

/* Takes the connection, whose owner is then `t`; greets. `owner` is that of both tables. */
void talk_open(struct talk *t, struct conn *c, const struct smtp_server_config *config,
               const struct smtp_server_ops *smtp, struct tls_context *tls,
               const struct talk_ops *ops, void *owner);
/* The answer to what an op has left open. */
void talk_answer(struct talk *t, const struct smtp_say *say);
/*
 * Ends it with 421: now, or once a message that is coming in, or an answer that is due, is through.
 */
void talk_stop(struct talk *t, bool at_once);
/* At once and in silence. Safe twice. */
void talk_close(struct talk *t);

#endif
