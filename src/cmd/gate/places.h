/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The sockets that clients come in by, opened with the rights of the start: one set a worker
 * (SO_REUSEPORT), so that a worker that dies is replaced without them. Sockets that systemd hands
 * over are shared by all workers. What they are for says their name (FileDescriptorName= mx,
 * submission, submissions), else their port: 587 and 465 are submission, the rest is mx.
 */
#ifndef POSTERN_CMD_GATE_PLACES_H
#define POSTERN_CMD_GATE_PLACES_H

#include "cmd/gate/door.h"
#include "io/listen.h"

enum { PLACES_MAX = 64 };

struct place {
    enum door_kind kind;
    int fd;
};

struct places {
    struct place *v; /* count for each worker, one set behind the other */
    size_t count;
    unsigned workers;
};

/* 0, or an exit status with the reason in err. */
int places_open(struct places *p, const struct door *door, char err[LISTEN_ERROR_MAX]);
/* Whether a configuration has what these places need; false with the reason in err. */
bool places_fit(const struct places *p, const struct door *door, char err[LISTEN_ERROR_MAX]);
/* A worker's own set. */
const struct place *places_of(const struct places *p, unsigned worker);
/* In a worker: the other workers' sockets are not for it. */
void places_keep(struct places *p, unsigned worker);
/* Closes all but one worker's; `keep` over the number of workers: all. */
void places_close(struct places *p, unsigned keep);

#endif
