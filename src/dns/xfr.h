/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Zone transfers: AXFR (RFC 5936) and IXFR (RFC 1995). The writer packs records into messages; the
 * reader takes messages and gives records. Which records, in which order, is the caller's; both
 * know only what makes a message.
 */
#ifndef POSTERN_DNS_XFR_H
#define POSTERN_DNS_XFR_H

#include "dns/reply.h"
#include "dns/rr.h"

/*
 *     dns_xfr_begin(&x, &q, out, max, dns_tsig_room(&t));
 *     for each record:
 *         if (!dns_xfr_add(&x, labels, n, type, ttl, data)) {
 *             send(out, sign(dns_xfr_message(&x)));      the message is full: the next is begun
 *             dns_xfr_add(&x, ...);                      and the same record added again: it fits
 *         }
 *     send(out, sign(dns_xfr_message(&x)));
 *
 * Every message has the question, so that the zone's name is always there to point to. Owners share
 * suffixes with the owner before, if within the first 16 kB: messages of that size are the best.
 */
struct dns_xfr {
    const struct dns_query *q;
    uint8_t *p;
    size_t n, max;
    uint16_t count;                  /* answers in this message */
    bool opt;                        /* this message is to have one: RFC 5936 §2.2.5 */
    uint16_t labels;                 /* of the owner before, those before the zone */
    uint16_t at[DNS_LABELS_MAX + 1]; /* where its labels stand in the message, 0 not to be used */
    uint8_t from[DNS_LABELS_MAX];    /* and in `owner` */
    uint8_t owner[DNS_NAME_MAX];     /* the labels before the zone, wire, no root */
};

enum { DNS_XFR_MESSAGE = 16384 }; /* a good size; at least DNS_REPLY_MIN, at most DNS_MESSAGE_MAX */

/* The query asks AXFR or IXFR of the zone whose name is its question. `kept` is TSIG's room. */
void dns_xfr_begin(struct dns_xfr *x, const struct dns_query *q, uint8_t *out, size_t max,
                   size_t kept);
/*
 * labels: the owner's, before the zone's name, wire without root; none for the zone itself. False
 * when the message is full. A record that no message can hold is the caller's error.
 */
bool dns_xfr_add(struct dns_xfr *x, const uint8_t *labels, size_t n, uint16_t type, uint32_t ttl,
                 struct span data);
/* Ends the message: its octets (0 when nothing was added). The next add() begins another. */
size_t dns_xfr_message(struct dns_xfr *x);

/* Data of a TXT record; out holds n + n / 255 + 1. Returns the octets. */
size_t dns_xfr_txt(struct span text, uint8_t *out);

/* A question for a transfer; serial is what an IXFR starts from. Octets, 0 when max is short. */
size_t dns_xfr_ask(uint8_t *out, size_t max, uint16_t id, const struct dns_name *zone,
                   uint16_t type, uint32_t serial);

enum dns_xfr_got {
    DNS_XFR_ADD = 0,     /* *rr is of the zone (the first SOA too, the closing one not) */
    DNS_XFR_DEL = 1,     /* an IXFR takes *rr away */
    DNS_XFR_MORE = 2,    /* this message is read: give the next */
    DNS_XFR_END = 3,     /* the transfer is whole */
    DNS_XFR_SAME = 4,    /* IXFR: nothing newer than what we have */
    DNS_XFR_REFUSED = 5, /* the server said no: reader->rcode */
    DNS_XFR_BROKEN = 6,  /* reader->why */
};

struct dns_xfr_reader {
    struct dns_name zone;
    uint16_t type; /* AXFR or IXFR, as asked */
    uint16_t id;
    uint32_t have;    /* the serial of an IXFR's question */
    uint32_t serial;  /* the zone's new one, once its first SOA is read */
    uint32_t step;    /* the serial that the step at hand leads to */
    const uint8_t *p; /* the message at hand; borrowed */
    size_t n, at;
    unsigned left; /* its answers not yet read */
    uint8_t state;
    uint8_t rcode;
    bool incremental; /* an IXFR came as steps, not as a whole zone */
    const char *why;
    uint64_t records;  /* read so far */
    struct dns_rr soa; /* the first */
};

void dns_xfr_reader_init(struct dns_xfr_reader *x, const struct dns_name *zone, uint16_t id,
                         uint16_t type, uint32_t have);
/* Gives the next message, its TSIG taken off. Only at the start and after DNS_XFR_MORE. */
void dns_xfr_reader_feed(struct dns_xfr_reader *x, const uint8_t *message, size_t n);
enum dns_xfr_got dns_xfr_reader_next(struct dns_xfr_reader *x, struct dns_rr *rr);

#endif
