/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The client's side of TSIG: for transfers that we ask for. An answer without a record is kept in
 * the running MAC until one comes that has it. What an answer says that does not hold is never
 * believed, but an error that a server could not sign is reported as such.
 */
#include "dns/rr.h"
#include "dns/tsig_priv.h"

#include <string.h>

size_t dns_tsig_ask(struct dns_tsig *t, const struct dns_tsig_key *key, uint8_t *message, size_t n,
                    size_t max, int64_t now_wall)
{
    uint8_t mac[DNS_HMAC_MAX];
    struct tsig_record rec = {
        .key = key->name,
        .time = (uint64_t)now_wall,
        .fudge = DNS_TSIG_FUDGE,
        .id = dns_wire_get16(message),
        .mac = mac,
    };
    struct dns_hmac h;

    dns_name_parse(span_str(dns_hmac_alg_name(key->alg)), &rec.alg);
    *t = (struct dns_tsig){
        .key = key,
        .key_name = rec.key,
        .alg_name = rec.alg,
        .fudge = rec.fudge,
        .time = rec.time,
    };
    dns_hmac_begin(&h, key->alg, tsig_secret(key));
    tsig_message_add(&h, message, n, rec.id, dns_wire_get16(message + 10));
    tsig_variables_add(&h, &rec, false);
    rec.mac_n = (uint16_t)dns_hmac_end(&h, tsig_secret(key), mac);
    tsig_mac_keep(t, mac, rec.mac_n);
    return tsig_record_write(&rec, message, n, max);
}

/*
 * Where the TSIG of a message begins: it is the last record, and the only one. 0 none, -1 the
 * message is broken, or one stands elsewhere.
 */
static long record_find(const uint8_t *message, size_t n)
{
    size_t at = DNS_HEADER, owner = 0;
    struct dns_name name;
    unsigned records = 0;
    struct dns_rr rr;

    if (n < DNS_HEADER)
        return -1;
    for (unsigned i = 0; i < dns_wire_get16(message + 4); i++, at += 4)
        if (!dns_name_read(message, n, &at, &name) || n - at < 4)
            return -1;
    for (unsigned i = 6; i < DNS_HEADER; i += 2)
        records += dns_wire_get16(message + i);
    rr.type = 0;
    for (; records; records--) {
        if (rr.type == DNS_TYPE_TSIG)
            return -1;
        owner = at;
        if (!dns_rr_read(message, n, &at, &rr))
            return -1;
    }
    if (rr.type != DNS_TYPE_TSIG)
        return 0;
    return dns_wire_get16(message + 10) > 0 && at == n ? (long)owner : -1;
}

/* An answer without TSIG: counted into the MAC of the next that has one. */
static enum dns_tsig_got unsigned_take(struct dns_tsig *t, const uint8_t *message, size_t n)
{
    if (!t->later)
        return DNS_TSIG_ABSENT;
    if (t->gap >= DNS_TSIG_GAP_MAX)
        return DNS_TSIG_BADSIG;
    if (t->gap++ == 0)
        tsig_chain_begin(t);
    dns_hmac_add(&t->hmac, span_of(message, n));
    return DNS_TSIG_ABSENT;
}

/* A record that is no answer of the server we asked: another key, or an error it does not sign. */
static enum dns_tsig_got record_fits(struct dns_tsig *t, const struct tsig_record *rec)
{
    if (!dns_name_eq(&rec->key, &t->key->name) || !dns_name_eq(&rec->alg, &t->alg_name))
        return DNS_TSIG_BADKEY;
    t->error = rec->error;
    if ((rec->error == DNS_TSIG_BADKEY || rec->error == DNS_TSIG_BADSIG) && rec->mac_n == 0)
        return DNS_TSIG_ERROR;
    return tsig_mac_size_ok(t->key, rec->mac_n) ? DNS_TSIG_OK : DNS_TSIG_FORMERR;
}

enum dns_tsig_got dns_tsig_verify(struct dns_tsig *t, uint8_t *message, size_t *n, int64_t now_wall)
{
    long at = record_find(message, *n);
    enum dns_tsig_got got;
    unsigned arcount;
    struct tsig_record rec;

    if (at == 0)
        return unsigned_take(t, message, *n);
    if (at < 0 || !tsig_record_read(message, *n, (size_t)at, &rec))
        return DNS_TSIG_FORMERR;
    got = record_fits(t, &rec);
    if (got != DNS_TSIG_OK)
        return got;
    if (t->gap == 0)
        tsig_chain_begin(t);
    arcount = dns_wire_get16(message + 10) - 1u;
    tsig_message_add(&t->hmac, message, (size_t)at, rec.id, arcount);
    tsig_variables_add(&t->hmac, &rec, t->later);
    t->later = true;
    t->gap = 0;
    got = tsig_mac_check(t, &t->hmac, &rec, now_wall);
    if (got == DNS_TSIG_OK || got == DNS_TSIG_BADTIME) {
        dns_wire_put16(message, rec.id);
        dns_wire_put16(message + 10, (uint16_t)arcount);
        *n = (size_t)at;
    }
    if (rec.error && (got == DNS_TSIG_OK || got == DNS_TSIG_BADTIME))
        return DNS_TSIG_ERROR;
    return got;
}
