/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A UDP socket for a thread of its own: datagrams come and go by the batch (recvmmsg, sendmmsg), so
 * that a busy server pays for a system call once a batch and not once a datagram. No loop, no lock,
 * no memory taken after batch_new().
 */
#ifndef POSTERN_IO_BATCH_H
#define POSTERN_IO_BATCH_H

#include "io/listen.h"

enum {
    BATCH_MAX = 64,       /* datagrams at a time */
    BATCH_IN_MAX = 2048,  /* octets of one; a longer one is dropped */
    BATCH_OUT_MAX = 4096, /* octets of an answer */
    BATCH_SOCKETS_MAX = 64,
};

struct batch;

/*
 * A bound socket. shared: others may be bound to the same place, and the kernel deals the datagrams
 * out by client (SO_REUSEPORT). room: octets of the kernel's receive queue, 0 for its own choice.
 * -errno with what failed and what to do about it in err.
 */
int batch_socket(const struct listen_place *at, bool shared, unsigned room, int *ret,
                 char err[LISTEN_ERROR_MAX]);
/* Like listen_inherited_socket() for a datagram socket of the Internet's. */
int batch_inherited_socket(unsigned index, char err[LISTEN_ERROR_MAX]);
struct listen_place batch_socket_place(int fd); /* with the port that it got */

/* Borrows the descriptors, 1 to BATCH_SOCKETS_MAX of them. -ENOMEM. */
int batch_new(const int *fds, size_t count, struct batch **ret);
void batch_free(struct batch **b); /* safe on NULL and twice */

/*
 * Waits for datagrams, and takes up to BATCH_MAX of them, all from one socket. Their number; 0 when
 * a signal came or, without `wait`, when there is none. -errno when a socket broke.
 */
int batch_receive(struct batch *b, bool wait);
/* Datagram i of those that were taken last. False for one that was cut, or of an odd family. */
bool batch_get(const struct batch *b, size_t i, struct ip *ret_from, uint16_t *ret_port,
               struct span *ret_bytes);
/* Where the answer to datagram i goes: BATCH_OUT_MAX octets. */
uint8_t *batch_room(struct batch *b, size_t i);
/* An answer of n octets stands there. At most one for each i, in any order. */
void batch_answer(struct batch *b, size_t i, size_t n);
/*
 * Sends the answers, each from the address that was asked. Never waits: what the kernel can't take
 * now is lost, as datagrams are. The number that went out.
 */
size_t batch_send(struct batch *b);

#endif
