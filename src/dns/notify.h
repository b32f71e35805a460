/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * NOTIFY, RFC 1996: tells a secondary that a zone has changed. One struct dns_notify is one zone at
 * one secondary; the caller sends and receives (UDP), and asks again when the time has come.
 */
#ifndef POSTERN_DNS_NOTIFY_H
#define POSTERN_DNS_NOTIFY_H

#include "dns/reply.h"
#include "dns/rr.h"

enum {
    DNS_NOTIFY_TRIES = 6,
    DNS_NOTIFY_FIRST = 2000, /* milliseconds to the second try, doubled each time */
};

enum dns_notify_state {
    DNS_NOTIFY_IDLE = 0,
    DNS_NOTIFY_DUE,     /* send now, or at `next` */
    DNS_NOTIFY_DONE,    /* answered: `rcode` says how */
    DNS_NOTIFY_GAVE_UP, /* no answer to DNS_NOTIFY_TRIES */
};

struct dns_notify {
    enum dns_notify_state state;
    uint16_t id;
    uint8_t rcode; /* of the answer */
    unsigned tries;
    int64_t next; /* when to send again */
};

/* The zone has changed: starts over, with an id that the caller drew. */
void dns_notify_start(struct dns_notify *x, uint16_t id, int64_t now);
/*
 * Writes what is to be sent if it is time: the octets, 0 nothing now (see state and next). The SOA
 * goes along as the hint of §3.7. max is at least DNS_REPLY_MIN.
 */
size_t dns_notify_step(struct dns_notify *x, const struct dns_name *zone, const struct dns_soa *soa,
                       uint8_t *out, size_t max, int64_t now);
/* A packet from the secondary: true when it answers ours, which is then DONE. */
bool dns_notify_answer(struct dns_notify *x, const struct dns_name *zone, const uint8_t *packet,
                       size_t n);

#endif
