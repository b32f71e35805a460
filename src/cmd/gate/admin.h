/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The admin socket, and who talks to it. One command a connection, one line; the answer is lines
 * of text, the first "ok" or "error REASON". Only root and the gate's own user are heard.
 *
 *     status                what is going on
 *     reload                read configuration and certificates again
 *     drain                 end once messages under way are done
 *     grant IP USER         let this address relay for grant-time
 *     trap IP [REASON]      put it on the timed list for trap-time
 *     untrap IP             take it off
 *     guard clear           trust addresses again
 */
#ifndef POSTERN_CMD_GATE_ADMIN_H
#define POSTERN_CMD_GATE_ADMIN_H

#include "cmd/gate/args.h"
#include "io/local.h"

struct admin;

struct admin_config {
    const char *path;
    int64_t trap_time; /* ms */
    void (*status)(void *cookie, struct buf *out);
    void *cookie;
};

/* -errno with the reason in err. config is copied. */
int admin_open(struct loop *l, const struct admin_config *config, struct admin **ret,
               char err[LOCAL_ERROR_MAX]);
void admin_close(struct admin **a);

/* postern gate ctl: says the words to the socket, prints the answer. An exit status. */
int gate_ctl(const struct gate_args *args, int count, char **words);

#endif
