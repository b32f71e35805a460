/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Giving rights up, before the first byte from a peer. In this order: groups and user,
 * capabilities, no_new_privs, the system call filter. What the kernel or a container refuses to let
 * us give up is reported and passed over; only a user that was asked for and can't be had is an
 * error.
 */
#ifndef POSTERN_IO_RIGHTS_H
#define POSTERN_IO_RIGHTS_H

#include "base/buf.h"

enum rights_profile {
    RIGHTS_CLIENT, /* may connect, also from an address of its choice, and accept on what listens */
    RIGHTS_SERVER, /* the same without a choice of address */
    RIGHTS_NONE,   /* no filter at all */
};

struct rights {
    enum rights_profile profile;
    const char *user; /* name to become when we are root, or NULL: stay */
    bool keep_bind;   /* keep CAP_NET_BIND_SERVICE: for sockets opened again after a reload */
    bool keep_raw;    /* keep CAP_NET_RAW: for connections from the address of somebody else */
};

struct rights_done {
    bool user, capabilities, no_new_privs, filter; /* what is in force now */
    char notes[400]; /* what could not be had and why, one sentence each, or "" */
};

/*
 * Files and sockets that need rights must be open: afterwards even root reaches no file of another
 * user. No program can be started, nothing new can listen. Sanitizer builds get no filter. 0, or
 * -errno when `user` can't be become (unknown: -ENOENT): the caller must not go on.
 */
int rights_drop(const struct rights *want, struct rights_done *ret);

#endif
