/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Between struct ip and the kernel's addresses. Private to src/io. */
#ifndef POSTERN_IO_SOCKADDR_H
#define POSTERN_IO_SOCKADDR_H

#include "base/ip.h"

#include <sys/socket.h>

/* False for a family that is not the Internet's. */
bool sockaddr_read(const struct sockaddr *sa, struct ip *ret, uint16_t *ret_port);
/* Returns the length; ip must be an address. */
socklen_t sockaddr_write(struct ip ip, uint16_t port, struct sockaddr_storage *ret);

#endif
