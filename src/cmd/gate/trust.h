/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Whether a backend under TLS is the one that is meant. */
#ifndef POSTERN_CMD_GATE_TRUST_H
#define POSTERN_CMD_GATE_TRUST_H

#include "cmd/gate/routes.h"
#include "io/conn.h"

enum { TRUST_WHY_MAX = 260 };

struct trust; /* contexts for all backends */

/* ca: PEM, or NULL for the system's roots. -errno with the reason in err. */
int trust_open(const char *ca, struct trust **ret, char err[TLS_ERROR_MAX]);
/* Safe on NULL. */
void trust_close(struct trust **t);
/* As conn_tls_client(). The route is one of struct routes. */
int trust_shake_hands(const struct trust *t, const struct gate_route *route, struct conn *c);
/*
 * Once TLS is up, and before anything is said. False: it is somebody else, and why; no octet may go
 * there.
 */
bool trust_holds(const struct gate_route *route, const struct conn *c, char why[TRUST_WHY_MAX]);

#endif
