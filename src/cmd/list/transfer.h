/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A zone transfer in (AXFR over TCP, RFC 5936, signed where there is a key), for looking at a list.
 */
#ifndef POSTERN_CMD_LIST_TRANSFER_H
#define POSTERN_CMD_LIST_TRANSFER_H

#include "base/ip.h"
#include "dns/rr.h"
#include "dns/tsig.h"

enum {
    TRANSFER_ERROR_MAX = 300,
    TRANSFER_IDLE = 30000,            /* ms without a whole message from the server */
    TRANSFER_TIME = 3600000,          /* ms for all of it */
    TRANSFER_RECORDS_MAX = 200000000, /* of one zone */
};

struct transfer {
    struct ip ip;
    uint16_t port; /* 0: 53 */
    struct dns_name zone;
    const struct dns_tsig_key *key; /* NULL: unsigned */
};

/* Each record of the zone, the first SOA included, the closing one not. Not 0: stop, with that. */
typedef int transfer_fn(void *cookie, const struct dns_rr *rr);

/*
 * Runs the whole transfer. 0; or a negative errno with one printable line in err: -ECONNREFUSED and
 * the like, -ETIMEDOUT, -EACCES (the server refused), -EBADMSG (broken, cut off, signature bad); or
 * what fn returned. Records given before an error are not to be used: only a whole zone is a list.
 */
int transfer_run(const struct transfer *t, transfer_fn *fn, void *cookie,
                 char err[TRANSFER_ERROR_MAX]);

#endif
