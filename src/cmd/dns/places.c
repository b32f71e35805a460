/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each worker has a socket of its own at each place, and the kernel deals the clients out by
 * address and port (SO_REUSEPORT), so no two threads ever want the same queue. UDP and TCP stand at
 * the same port: a client that is told to ask by TCP knows no other.
 */
#include "cmd/dns/places.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ANY_PORT_TRIES = 50 };

static int too_many(char err[LISTEN_ERROR_MAX])
{
    snprintf(err, LISTEN_ERROR_MAX, "listen: too many places, %d at most", BATCH_SOCKETS_MAX);
    return -E2BIG;
}

/* The sockets of all workers at one place, and the one of TCP. */
static int open_at(const struct dns_args *a, struct places *p, struct listen_place at,
                   char err[LISTEN_ERROR_MAX])
{
    unsigned w = 0;
    int r = 0;

    for (; w < p->workers && r == 0; w++) {
        int *fd = &p->udp[w * BATCH_SOCKETS_MAX + p->udp_count];

        r = batch_socket(&at, p->workers > 1, (unsigned)a->receive_buffer, fd, err);
        if (r == 0)
            at = batch_socket_place(*fd);
    }
    if (r == 0 && a->tcp)
        r = listen_socket(&at, false, &p->tcp[p->tcp_count], err);
    while (r < 0 && w-- > 0) {
        int *fd = &p->udp[w * BATCH_SOCKETS_MAX + p->udp_count];

        if (*fd >= 0)
            close(*fd);
        *fd = -1;
    }
    if (r < 0)
        return r;
    p->tcp_count += a->tcp;
    p->at[p->udp_count++] = at;
    return 0;
}

/* Port 0 is any free one, but what is free for UDP may be taken for TCP. */
static int open_place(const struct dns_args *a, struct places *p, struct listen_place at,
                      char err[LISTEN_ERROR_MAX])
{
    int r = -EADDRINUSE;

    for (int i = 0; i < (at.port ? 1 : ANY_PORT_TRIES) && r == -EADDRINUSE; i++)
        r = open_at(a, p, at, err);
    return r;
}

static int open_text(const struct dns_args *a, struct places *p, const char *text,
                     char err[LISTEN_ERROR_MAX])
{
    struct listen_place places[LISTEN_PLACES_MAX];
    size_t n = listen_parse(span_str(text), places);
    char why[LISTEN_ERROR_MAX];
    int r = 0;

    for (size_t i = 0; i < n && r == 0; i++) {
        if (p->udp_count == BATCH_SOCKETS_MAX)
            return too_many(err);
        r = open_place(a, p, places[i], why);
        /* "*" on a system that has one family only. */
        if (r == -EAFNOSUPPORT && n > 1)
            r = 0;
    }
    if (r < 0)
        snprintf(err, LISTEN_ERROR_MAX, "listen: %.280s", why);
    return r;
}

static int inherit(struct places *p, unsigned count, char err[LISTEN_ERROR_MAX])
{
    for (unsigned i = 0; i < count; i++) {
        int fd = batch_inherited_socket(i, err);

        if (p->udp_count == BATCH_SOCKETS_MAX || p->tcp_count == BATCH_SOCKETS_MAX)
            return too_many(err);
        if (fd >= 0) {
            p->at[p->udp_count] = batch_socket_place(fd);
            for (unsigned w = 0; w < p->workers; w++)
                p->udp[w * BATCH_SOCKETS_MAX + p->udp_count] = w ? dup(fd) : fd;
            p->udp_count++;
            continue;
        }
        fd = listen_inherited_socket(i, err);
        if (fd < 0)
            return fd;
        p->tcp[p->tcp_count++] = fd;
    }
    if (p->udp_count)
        return 0;
    snprintf(err, LISTEN_ERROR_MAX, "systemd passed no socket for datagrams: add ListenDatagram=");
    return -EINVAL;
}

/* From room for the most to room for what there is. */
static void pack(struct places *p)
{
    for (unsigned w = 1; w < p->workers; w++)
        for (size_t i = 0; i < p->udp_count; i++)
            p->udp[w * p->udp_count + i] = p->udp[w * BATCH_SOCKETS_MAX + i];
}

bool places_check(const struct dns_args *a, const char **ret_name, const char **ret_text,
                  char why[LISTEN_ERROR_MAX])
{
    struct listen_place places[LISTEN_PLACES_MAX];
    size_t total = 0, n;

    *ret_name = "listen";
    for (size_t i = 0; i < a->listen.count; i++, total += n) {
        *ret_text = a->listen.v[i];
        n = listen_parse(span_str(*ret_text), places);
        /* rbldnsd's -l FILE. */
        snprintf(why, LISTEN_ERROR_MAX, "is no ADDR:PORT%s",
                 strchr(*ret_text, ':') ? "" : "; a log of questions is --query-log N");
        if (n == 0)
            return false;
    }
    snprintf(why, LISTEN_ERROR_MAX, "too many places, %d at most", BATCH_SOCKETS_MAX);
    if (total > BATCH_SOCKETS_MAX)
        return false;
    *ret_name = "metrics-listen";
    *ret_text = a->metrics_listen;
    snprintf(why, LISTEN_ERROR_MAX, "is no ADDR:PORT");
    return !*ret_text || listen_parse(span_str(*ret_text), places) > 0;
}

int places_open(const struct dns_args *a, unsigned workers, struct places *ret,
                char err[LISTEN_ERROR_MAX])
{
    unsigned inherited = listen_inherited();
    int r = 0;

    *ret = (struct places){.workers = workers};
    ret->udp = malloc((size_t)workers * BATCH_SOCKETS_MAX * sizeof(int));
    if (!ret->udp) {
        snprintf(err, LISTEN_ERROR_MAX, "out of memory");
        return -ENOMEM;
    }
    for (size_t i = 0; i < (size_t)workers * BATCH_SOCKETS_MAX; i++)
        ret->udp[i] = -1;
    if (inherited)
        r = inherit(ret, inherited, err);
    else if (a->listen.count == 0)
        r = open_text(a, ret, "*:53", err);
    for (size_t i = 0; !inherited && i < a->listen.count && r == 0; i++)
        r = open_text(a, ret, a->listen.v[i], err);
    if (r == 0)
        pack(ret);
    return r;
}

void places_close(struct places *p)
{
    for (size_t i = 0; p->udp && i < p->workers * p->udp_count; i++)
        if (p->udp[i] >= 0)
            close(p->udp[i]);
    for (size_t i = 0; i < p->tcp_count; i++)
        if (p->tcp[i] >= 0)
            close(p->tcp[i]);
    free(p->udp);
    *p = (struct places){0};
}
