/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Signed messages, RFC 8945. A server checks a request and signs its answers, several for a
 * transfer, with one struct dns_tsig; a client signs its request and checks the answers with
 * another. The same key and request end up in both.
 *
 *     server: got = dns_tsig_check(&t, keys, n, packet, size, now);   then
 *             size = dns_tsig_sign(&t, out, size, max, now)           for each answer
 *     client: size = dns_tsig_ask(&t, key, packet, size, max, now);   then
 *             got = dns_tsig_verify(&t, answer, &size, now)           for each answer
 */
#ifndef POSTERN_DNS_TSIG_H
#define POSTERN_DNS_TSIG_H

#include "dns/hmac.h"
#include "dns/name.h"
#include "dns/query.h"

enum {
    DNS_TSIG_SECRET_MAX = 128, /* octets; longer ones add nothing to a block of SHA-512 */
    DNS_TSIG_FUDGE = 300,      /* seconds that clocks may differ; RFC 8945 §10 */
    DNS_TSIG_GAP_MAX = 99,     /* unsigned answers in a row; RFC 8945 §5.3.1 */
};

struct dns_tsig_key {
    struct dns_name name; /* lower case */
    enum dns_hmac_alg alg;
    uint8_t secret_n;
    uint8_t secret[DNS_TSIG_SECRET_MAX];
};

/* "[alg:]name:base64", alg hmac-sha256 when left out, as kdig's -y; false when it is not that. */
bool dns_tsig_key_parse(struct span text, struct dns_tsig_key *ret);

enum dns_tsig_got {
    DNS_TSIG_OK = 0,
    DNS_TSIG_ABSENT = 1,  /* no TSIG record: not signed */
    DNS_TSIG_FORMERR = 2, /* broken, or not the last record: answer FORMERR, without TSIG */
    DNS_TSIG_BADSIG = 16, /* these: NOTAUTH, and dns_tsig_sign() puts the error in */
    DNS_TSIG_BADKEY = 17,
    DNS_TSIG_BADTIME = 18,
    DNS_TSIG_BADTRUNC = 22, /* a MAC cut shorter than RFC 8945 §5.2.2.1 allows */
    DNS_TSIG_ERROR = 32,    /* client: the server's TSIG names an error, in t->error */
};
const char *dns_tsig_got_name(enum dns_tsig_got got);

struct dns_tsig {
    const struct dns_tsig_key *key;     /* borrowed from the caller's keys; NULL: none of them */
    struct dns_name key_name, alg_name; /* as the request had them, for errors */
    uint16_t error;                     /* enum dns_tsig_got over 15, or 0 */
    uint16_t fudge;
    uint64_t time; /* of the request as it was signed, seconds since 1970 */
    bool later;    /* an answer was signed or checked: the next is a continuation */
    unsigned gap;  /* unsigned answers since the last signed one */
    uint8_t mac_n; /* of the message before */
    uint8_t mac[DNS_HMAC_MAX];
    struct dns_hmac hmac; /* over unsigned answers, running */
};

/* Octets to keep free for an answer's TSIG (dns_reply_keep()). */
size_t dns_tsig_room(const struct dns_tsig *t);

/* q is the parsed request. Outcomes as above but DNS_TSIG_ERROR; *t is always filled. */
enum dns_tsig_got dns_tsig_check(struct dns_tsig *t, const struct dns_tsig_key *keys, size_t count,
                                 const struct dns_query *q, int64_t now_wall);
/*
 * Adds the TSIG behind a finished answer of n octets; the octets in all, 0 when max is too little.
 * The first answer carries all variables, later ones of the same request the timers only. After
 * BADKEY and BADSIG the record is unsigned, as it must be.
 */
size_t dns_tsig_sign(struct dns_tsig *t, uint8_t *message, size_t n, size_t max, int64_t now_wall);

/* The client's side. The request gets its TSIG; octets in all, 0 when max is too little. */
size_t dns_tsig_ask(struct dns_tsig *t, const struct dns_tsig_key *key, uint8_t *message, size_t n,
                    size_t max, int64_t now_wall);
/*
 * Checks an answer and takes its TSIG off (*n shrinks, ARCOUNT too, the id becomes the original).
 * ABSENT is fine between the first (t->later is set by it) and the last message of a transfer,
 * DNS_TSIG_GAP_MAX in a row; the last must be signed: t->gap is 0 then.
 */
enum dns_tsig_got dns_tsig_verify(struct dns_tsig *t, uint8_t *message, size_t *n,
                                  int64_t now_wall);

#endif
