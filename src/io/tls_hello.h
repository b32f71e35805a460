/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The first message of TLS clients, for who wants to know what they are. */
#ifndef POSTERN_IO_TLS_HELLO_H
#define POSTERN_IO_TLS_HELLO_H

#include "base/span.h"
#include "io/tls.h"

/*
 * Called for each ClientHello on a connection of this server context (twice where the server asked
 * for another), with the cookie of the connection's owner and the whole handshake message, four
 * octets of header included. It may look, and do nothing to the connection.
 */
typedef void (*tls_hello_fn)(void *cookie, struct span message);

/* One fn a context, set before it is used; NULL: nobody wants to know. */
void tls_watch_hello(struct tls_context *t, tls_hello_fn fn);

#endif
