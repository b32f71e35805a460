/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sockets of a server: opened with the rights of the start, or handed over by systemd. */
#ifndef POSTERN_CMD_DNS_PLACES_H
#define POSTERN_CMD_DNS_PLACES_H

#include "cmd/dns/args.h"
#include "io/batch.h"

struct places {
    unsigned workers;
    /* worker w answers at udp[w * udp_count ...]; sockets of systemd are shared by all workers */
    int *udp;
    size_t udp_count; /* of one worker */
    int tcp[BATCH_SOCKETS_MAX];
    size_t tcp_count;
    struct listen_place at[BATCH_SOCKETS_MAX]; /* of udp */
};

/*
 * Without opening any: can the texts be places at all? False with the setting, its text and why.
 */
bool places_check(const struct dns_args *a, const char **ret_name, const char **ret_text,
                  char why[LISTEN_ERROR_MAX]);
/* 0 or -errno with what failed and what to do about it. */
int places_open(const struct dns_args *a, unsigned workers, struct places *ret,
                char err[LISTEN_ERROR_MAX]);
/* What nobody has taken over. Safe twice. */
void places_close(struct places *p);

#endif
