/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What resolver.c (the channel to the servers) and resolver_query.c (the questions) share. */
#ifndef POSTERN_IO_RESOLVER_PRIV_H
#define POSTERN_IO_RESOLVER_PRIV_H

#include "io/loop_uv.h"
#include "io/resolver.h"

#include <ares.h>
#include <netdb.h>

struct resolver_socket;

struct resolver {
    struct loop *loop;
    ares_channel channel;
    bool use_hosts; /* /etc/hosts counts: no server was named */
    bool gone;      /* being freed: the ends of open questions are nobody's business */
    struct timer timer;
    struct resolver_socket *sockets;
    struct resolver_query *queries;
};

enum part { PART_A, PART_AAAA, PART_MX, PART_TXT, PART_PTR, PARTS };

struct part_of {
    struct resolver_query *query;
    enum part part;
};

struct confirm {
    struct resolver_query *parent; /* lives until all of these are answered */
    size_t at;                     /* in parent->ptr */
};

struct resolver_query {
    struct resolver *resolver;
    struct resolver_query *prev, *next;
    bool linked;
    resolver_fn fn; /* NULL: cancelled */
    void *cookie;
    struct deferred later;
    unsigned waiting;
    bool asked[PARTS];
    enum resolver_outcome outcomes[PARTS];
    struct part_of parts[PARTS];
    char name[RESOLVER_NAME_MAX];
    struct ip ip;                      /* of resolver_ptr() */
    bool null_mx, implicit_mx, unsure; /* unsure: a name of a PTR could not be looked up */
    struct ip *ips;
    struct dns_mx *mx;
    struct dns_ptr *ptr;
    struct span *txt; /* each p is owned */
    size_t count, cap;
    struct confirm *confirms;
};

/* After each call that may have changed what c-ares waits for. */
void resolver_arm(struct resolver *r);
/* Frees every question without a callback. */
void resolver_forget_queries(struct resolver *r);

/* resolver_read.c: fills the question's arrays; an ARES_ status. */
int resolver_read(struct resolver_query *q, enum part part, const unsigned char *p, int n);
void resolver_add_host(struct resolver_query *q, const struct hostent *host);
/* The name itself as its MX, RFC 5321 §5.1. */
void resolver_imply_mx(struct resolver_query *q);

#endif
