/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the two sides of TSIG, tsig.c and tsig_client.c, have in common. */
#ifndef POSTERN_DNS_TSIG_PRIV_H
#define POSTERN_DNS_TSIG_PRIV_H

#include "dns/tsig.h"

/* RFC 8945 §4.2; of the MAC and the other data, their place in the message. */
struct tsig_record {
    struct dns_name key, alg;
    uint64_t time;
    uint16_t fudge, id, error;
    const uint8_t *mac, *other;
    uint16_t mac_n, other_n;
};

struct span tsig_secret(const struct dns_tsig_key *key);
/* Reads the record at `at`, which is to be the last thing in the message; false when broken. */
bool tsig_record_read(const uint8_t *message, size_t n, size_t at, struct tsig_record *ret);
/* Appends the record and counts it: the octets in all, 0 when max is too little. */
size_t tsig_record_write(const struct tsig_record *rec, uint8_t *message, size_t n, size_t max);
/* The variables, or after the first answer the timers alone. */
void tsig_variables_add(struct dns_hmac *h, const struct tsig_record *rec, bool timers_only);
/* n octets without their TSIG, with a header that says `arcount` additional ones and `id`. */
void tsig_message_add(struct dns_hmac *h, const uint8_t *message, size_t n, uint16_t id,
                      unsigned arcount);
/* Begins the MAC of an answer with the one before it. */
void tsig_chain_begin(struct dns_tsig *t);
/* The MAC that the next one begins with. */
void tsig_mac_keep(struct dns_tsig *t, const uint8_t *mac, size_t n);
/* RFC 8945 §5.2.2.1: not longer than the hash, not under half of it nor ten octets. */
bool tsig_mac_size_ok(const struct dns_tsig_key *key, size_t n);
/* MAC, time and truncation of a record, the HMAC being fed up to its end. */
enum dns_tsig_got tsig_mac_check(struct dns_tsig *t, struct dns_hmac *h,
                                 const struct tsig_record *rec, int64_t now_wall);

#endif
