/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The answer to a question: bytes in, bytes out. No socket, no clock, no lock, no allocation; one
 * pass over the question and one over the answer. The caller sends what is in `out`, or obeys the
 * outcome: a transfer is a stream that it writes with zone/contents.h.
 */
#ifndef POSTERN_ZONE_ANSWER_H
#define POSTERN_ZONE_ANSWER_H

#include "dns/tsig.h"
#include "zone/set.h"

/* `max` is at least DNS_REPLY_MIN; 4096 is enough for UDP, 65535 for TCP. */

/* What the server knows beside the packet. */
struct zone_client {
    struct ip ip;
    bool tcp;
    uint16_t keepalive;              /* TCP: the silence we bear, of 100 ms (RFC 7828) */
    int64_t now_wall;                /* for cookies; a clock that is a second behind will do */
    const struct dns_tsig_key *tsig; /* that signed the question, checked by the server; or NULL */
    struct zone_matcher *matcher;    /* the worker's own; NULL: patterns match nothing */
};

/* What came of a question: one word for counters, for the rate limiter and for the query log. */
enum zone_result {
    ZONE_DROPPED,   /* nothing to send: too short, an answer, or the ACL ignores the client */
    ZONE_MALFORMED, /* FORMERR, BADVERS */
    ZONE_NOTIMP,    /* opcodes that we have not: UPDATE, STATUS ... */
    ZONE_REFUSED,   /* not our zone, the ACL, no key, transfer over UDP or not allowed */
    ZONE_FAILED,    /* SERVFAIL: the zone has no good data */
    ZONE_LISTED,    /* A, TXT or ANY of a listing or a test entry */
    ZONE_NXDOMAIN,
    ZONE_NODATA,    /* the name is there: an empty non-terminal, or another type */
    ZONE_META,      /* apex, records, SOA, NS, CHAOS */
    ZONE_BADCOOKIE, /* to be asked again: with the cookie it got, or by TCP (TC) */
    ZONE_TRANSFER,  /* AXFR or IXFR over TCP, allowed: nothing is in `out`, the caller streams */
    ZONE_NOTIFIED,  /* NOTIFY: answered NOTAUTH, for we are nobody's secondary */
    ZONE_SIGNED,    /* has a TSIG, nothing is in `out`: check it, then zone_answer_query() */
    ZONE_RESULTS
};

struct zone_outcome {
    enum zone_result result;
    const struct zone *zone; /* NULL when none was found */
    uint16_t type;           /* of the question; 0 when none was read */
    uint16_t rcode;          /* extended, as sent */
    bool truncated;
    bool cookie_good; /* a good server cookie: exempt from rate limits */
    bool edns;
    uint32_t customer; /* of the key label; 0 none */
    uint16_t key_at;   /* octets before a label that is a key, or that stands in its place, and 1 */
};

const char *zone_result_name(enum zone_result result);

/* The length of the answer in out[max], or 0 when nothing is to be sent. */
size_t zone_answer(const struct zone_set *set, const struct zone_client *client,
                   const uint8_t *packet, size_t n, uint8_t *out, size_t max,
                   struct zone_outcome *ret);

/*
 * The same for a question that is parsed and, where it has a TSIG, checked; `kept` octets of max
 * stay free for the TSIG of the answer.
 */
size_t zone_answer_query(const struct zone_set *set, const struct zone_client *client,
                         const struct dns_query *q, enum dns_parse parsed, uint8_t *out, size_t max,
                         size_t kept, struct zone_outcome *ret);

/*
 * Counters. A worker has an array of its own for a set (zone_set_count() + 1 of them, the last for
 * what belongs to no zone) and adds without a lock; the server sums them with zone_counters_add.
 */
struct zone_counters {
    uint64_t result[ZONE_RESULTS];
    uint64_t tcp, edns, truncated, type_a, type_txt, type_other;
};

void zone_count(struct zone_counters *counters, size_t zones, const struct zone_outcome *what,
                bool tcp);
void zone_counters_add(struct zone_counters *sum, const struct zone_counters *one);

#endif
