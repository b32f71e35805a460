/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Listening sockets: IPv4 and IPv6 apart (v6only), sockets of systemd (sd_listen_fds(3)) taken
 * over.
 */
#ifndef POSTERN_IO_LISTEN_H
#define POSTERN_IO_LISTEN_H

#include "io/conn.h"

enum {
    LISTEN_ERROR_MAX = 300,
    LISTEN_PLACES_MAX = 2, /* what one text can stand for: IPv4 and IPv6 */
};

struct listener;

struct listen_place {
    struct ip ip;
    uint16_t port; /* 0: any free one */
};

/*
 * Reads "192.0.2.1:25", "[2001:db8::1]:25", "*:25" or ":25" (both families), "localhost:2525" (both
 * loopbacks). Returns the number of places, 0 for bad text.
 */
size_t listen_parse(struct span text, struct listen_place ret[LISTEN_PLACES_MAX]);

/*
 * Called for each new connection, which has no owner yet: take it with conn_own() or conn_drop() it
 * before this returns.
 */
typedef void (*listen_fn)(void *cookie, struct listener *li, struct conn *c);

/*
 * A listening socket by itself, for processes that hand it on. shared: several sockets listen at
 * the same place, and the kernel deals the clients out (SO_REUSEPORT). -errno with what failed and
 * what to do about it in err.
 */
int listen_socket(const struct listen_place *at, bool shared, int *ret, char err[LISTEN_ERROR_MAX]);
/* The same for datagrams; the kernel deals them out by client. The socket blocks. */
int listen_datagrams(const struct listen_place *at, bool shared, int *ret,
                     char err[LISTEN_ERROR_MAX]);
/*
 * Whether a socket could be bound there, which is undone at once: 0, -EADDRINUSE when one is bound
 * already, or another -errno.
 */
int listen_try(const struct listen_place *at, bool udp);
/* Takes a listening descriptor over, also when it fails. */
int listener_take(struct loop *l, int fd, listen_fn fn, void *cookie, struct listener **ret,
                  char err[LISTEN_ERROR_MAX]);
/* Both in one. */
int listener_open(struct loop *l, const struct listen_place *at, listen_fn fn, void *cookie,
                  struct listener **ret, char err[LISTEN_ERROR_MAX]);
/* Sockets that systemd handed over, 0 when none; index from 0. */
unsigned listen_inherited(void);
/* The descriptor of one of them, or -errno: not a listening socket of the Internet's. */
int listen_inherited_socket(unsigned index, char err[LISTEN_ERROR_MAX]);
int listener_inherit(struct loop *l, unsigned index, listen_fn fn, void *cookie,
                     struct listener **ret, char err[LISTEN_ERROR_MAX]);

/* While paused new clients wait in the kernel's queue. */
void listener_pause(struct listener *li);
void listener_resume(struct listener *li);
struct listen_place listener_place(const struct listener *li); /* with the port that it got */
/* Safe on NULL and twice, and from its own callback. Accepted connections stay. */
void listener_free(struct listener **li);

#endif
