/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A stub resolver on the loop. Names go out as they are (no search list, no dot needed) and must be
 * ASCII: see idn.h. Every question ends in exactly one callback from the loop, unless cancelled.
 */
#ifndef POSTERN_IO_RESOLVER_H
#define POSTERN_IO_RESOLVER_H

#include "base/ip.h"
#include "io/loop.h"

enum {
    RESOLVER_NAME_MAX = 256,  /* a name in text with its NUL; no dot at the end */
    RESOLVER_VALUES_MAX = 64, /* values of one answer; more are cut off */
    RESOLVER_ERROR_MAX = 200,
};

enum resolver_outcome {
    RESOLVER_FOUND,
    RESOLVER_NO_NAME,  /* the name does not exist (NXDOMAIN) */
    RESOLVER_NO_DATA,  /* the name exists, without this kind of record */
    RESOLVER_TIMEOUT,  /* no server answered in time */
    RESOLVER_SERVFAIL, /* the servers answered that they could not or would not */
    RESOLVER_BAD,      /* the name can't be asked, or the answer was nonsense */
};

const char *resolver_outcome_name(enum resolver_outcome o);
/* May a later try give another answer? */
bool resolver_outcome_passing(enum resolver_outcome o);

struct dns_mx {
    uint16_t preference;
    char name[RESOLVER_NAME_MAX];
};

struct dns_ptr {
    char name[RESOLVER_NAME_MAX];
    bool confirmed; /* one of the name's addresses is the address asked for */
};

struct dns_answer {
    enum resolver_outcome outcome;
    size_t count;              /* of the one array below that belongs to the question */
    const struct ip *ips;      /* resolver_addr: IPv4 first */
    const struct dns_mx *mx;   /* resolver_mx: by preference, equal ones shuffled, RFC 5321 §5.1 */
    const struct dns_ptr *ptr; /* resolver_ptr */
    const struct span *txt;    /* resolver_txt: the strings of a record joined; may hold any byte */
    /* No MX: the name itself stands in mx[0] with preference 0; it may have no address. */
    bool implicit_mx;
    bool null_mx; /* RFC 7505: takes no mail; count is 0 and the outcome RESOLVER_FOUND */
    /*
     * resolver_addr: one family was found, the other failed in passing. resolver_ptr: a name is not
     * confirmed because its addresses could not be had, in passing.
     */
    bool partial;
    const char *text; /* for people: why there is nothing */
};

/* The answer and all it points to are good inside the callback only. */
typedef void (*resolver_fn)(void *cookie, const struct dns_answer *a);

struct resolver;
struct resolver_query;

struct resolver_options {
    /* "ADDR", "ADDR:PORT" or "[v6]:PORT"; NULL: /etc/resolv.conf and /etc/hosts */
    const char *server;
    unsigned timeout_ms; /* of the first try; 0: 2000 */
    unsigned tries;      /* per server; 0: 3 */
    bool no_hosts;       /* /etc/hosts has no say, even without a server */
};

/* NULL options: the system's. -errno with the reason in err. */
int resolver_new(struct loop *l, const struct resolver_options *o, struct resolver **ret,
                 char err[RESOLVER_ERROR_MAX]);
/* Open questions end without a callback. Safe on NULL and twice, and from a callback. */
void resolver_free(struct resolver **r);

/*
 * Asks. *ret may be NULL for who never cancels; else it is good until fn was called or it was
 * cancelled. 0 or -ENOMEM; bad names come as RESOLVER_BAD.
 */
int resolver_mx(struct resolver *r, struct span name, resolver_fn fn, void *cookie,
                struct resolver_query **ret);
/* family IP_NONE: both. Without options.server, /etc/hosts comes first. */
int resolver_addr(struct resolver *r, struct span name, enum ip_family family, resolver_fn fn,
                  void *cookie, struct resolver_query **ret);
/* Names of an address, each checked by asking for its addresses in turn. */
int resolver_ptr(struct resolver *r, struct ip ip, resolver_fn fn, void *cookie,
                 struct resolver_query **ret);
int resolver_txt(struct resolver *r, struct span name, resolver_fn fn, void *cookie,
                 struct resolver_query **ret);
/* No callback comes after this. Sets *q to NULL; safe on NULL. Not after fn was called. */
void resolver_cancel(struct resolver_query **q);

#endif
