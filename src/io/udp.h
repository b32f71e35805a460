/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A UDP socket that answers: datagrams in, datagrams out, nothing remembered between them. */
#ifndef POSTERN_IO_UDP_H
#define POSTERN_IO_UDP_H

#include "io/listen.h"

enum { UDP_SIZE_MAX = 2048 }; /* octets of a datagram; longer ones are dropped */

struct udp;

/* The bytes are good inside the call. */
typedef void (*udp_fn)(void *cookie, struct udp *u, struct ip from, uint16_t port,
                       struct span bytes);

/* -errno with the reason in err. */
int udp_open(struct loop *l, const struct listen_place *at, udp_fn fn, void *cookie,
             struct udp **ret, char err[LISTEN_ERROR_MAX]);
/* Sent at once or not at all: what the kernel can't take now is lost, as datagrams are. -errno. */
int udp_send(struct udp *u, struct ip to, uint16_t port, struct span bytes);
struct listen_place udp_place(const struct udp *u); /* with the port that it got */
/* Safe on NULL and twice, and from its own callback. */
void udp_close(struct udp **u);

#endif
