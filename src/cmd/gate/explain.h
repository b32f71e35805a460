/* SPDX-License-Identifier: GPL-3.0-or-later */
/* postern gate explain: what would the gate say to this envelope, and which line decides it? */
#ifndef POSTERN_CMD_GATE_EXPLAIN_H
#define POSTERN_CMD_GATE_EXPLAIN_H

#include "cmd/gate/args.h"

enum { EXPLAIN_TAKE = 0, EXPLAIN_REFUSE = 1, EXPLAIN_DEFER = 2 }; /* exit statuses */

/*
 * The words behind "explain": ip=… login=… cert=… ca=yes grant=yes doubtful=yes failed=…
 * helo=… from=… rcpt=… role=mx|submission smtputf8=yes. Prints the decision; returns one of the
 * above, OPTIONS_EXIT_MISUSE, or EX_CONFIG for a policy that can't be read or is an open relay.
 */
int gate_explain(const struct gate_args *args, const struct conf *conf, int count, char **words);

#endif
