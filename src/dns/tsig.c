/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a MAC covers (RFC 8945 §4.3 and §5.3):
 *
 *     request       message without TSIG | variables
 *     first answer  request's MAC with its length | message | variables
 *     later ones    MAC before with its length | unsigned messages since | message | timers
 *
 * with ARCOUNT as if there were no TSIG and the id as the signer had it. Checks go in the order of
 * §5.2: key, MAC, time, truncation; so a stranger learns of the clock only what he may. libknot's
 * TSIG was looked at and left: it reads the clock itself and allocates, and answers could not be
 * replayed in tests.
 *
 * Not done: remembering the last time signed of each key (§5.2.3 leaves it open): queries come by
 * UDP and out of order, and a transfer asked for again by a replay gives the replayer nothing that
 * he has no connection for.
 */
#include "dns/tsig_priv.h"

#include "base/base64.h"
#include "base/mac.h"

#include <assert.h>
#include <string.h>

enum {
    FIXED_SIZE = 10 + 6 + 2 + 2 + 2 + 2 + 2, /* of a TSIG record, without names, MAC, other data */
    OTHER_TIME = 6,
};

static uint64_t get48(const uint8_t *p)
{
    return (uint64_t)dns_wire_get16(p) << 32 | dns_wire_get32(p + 2);
}

static void put48(uint8_t *p, uint64_t v)
{
    dns_wire_put16(p, (uint16_t)(v >> 32));
    dns_wire_put32(p + 2, (uint32_t)v);
}

struct span tsig_secret(const struct dns_tsig_key *key)
{
    return span_of(key->secret, key->secret_n);
}

const char *dns_tsig_got_name(enum dns_tsig_got got)
{
    switch (got) {
    case DNS_TSIG_OK:
        return "ok";
    case DNS_TSIG_ABSENT:
        return "absent";
    case DNS_TSIG_FORMERR:
        return "FORMERR";
    case DNS_TSIG_BADSIG:
        return "BADSIG";
    case DNS_TSIG_BADKEY:
        return "BADKEY";
    case DNS_TSIG_BADTIME:
        return "BADTIME";
    case DNS_TSIG_BADTRUNC:
        return "BADTRUNC";
    case DNS_TSIG_ERROR:
        return "error";
    }
    return "unknown";
}

bool dns_tsig_key_parse(struct span text, struct dns_tsig_key *ret)
{
    struct span part[3] = {SPAN_NULL, SPAN_NULL, SPAN_NULL};
    unsigned parts = 0;
    size_t n;

    *ret = (struct dns_tsig_key){.alg = DNS_HMAC_SHA256};
    while (parts < 3 && span_cut(&text, ':', &part[parts]))
        parts++;
    if (parts < 2 || text.n > 0)
        return false;
    if (parts == 3)
        ret->alg = dns_hmac_alg_of(part[0]);
    if (ret->alg == DNS_HMAC_NONE || !dns_name_parse(part[parts - 2], &ret->name) ||
        !base64_decode(part[parts - 1], ret->secret, DNS_TSIG_SECRET_MAX, &n) || n == 0)
        return false;
    dns_name_lower(&ret->name);
    ret->secret_n = (uint8_t)n;
    return true;
}

bool tsig_record_read(const uint8_t *message, size_t n, size_t at, struct tsig_record *ret)
{
    size_t end;

    if (!dns_name_read(message, n, &at, &ret->key) || n - at < 10 ||
        dns_wire_get16(message + at) != DNS_TYPE_TSIG ||
        dns_wire_get16(message + at + 2) != DNS_CLASS_ANY || dns_wire_get32(message + at + 4) != 0)
        return false;
    end = at + 10 + dns_wire_get16(message + at + 8);
    at += 10;
    if (end != n || !dns_name_read(message, n, &at, &ret->alg) || n - at < 10)
        return false;
    dns_name_lower(&ret->key);
    dns_name_lower(&ret->alg);
    ret->time = get48(message + at);
    ret->fudge = dns_wire_get16(message + at + 6);
    ret->mac_n = dns_wire_get16(message + at + 8);
    ret->mac = message + at + 10;
    at += 10;
    if (n - at < ret->mac_n + 6u)
        return false;
    at += ret->mac_n;
    ret->id = dns_wire_get16(message + at);
    ret->error = dns_wire_get16(message + at + 2);
    ret->other_n = dns_wire_get16(message + at + 4);
    ret->other = message + at + 6;
    return n - at - 6 == ret->other_n;
}

void tsig_variables_add(struct dns_hmac *h, const struct tsig_record *rec, bool timers_only)
{
    static const uint8_t class_ttl[] = {0, DNS_CLASS_ANY, 0, 0, 0, 0};
    uint8_t timers[8], error[4];

    put48(timers, rec->time);
    dns_wire_put16(timers + 6, rec->fudge);
    if (timers_only) {
        dns_hmac_add(h, span_of(timers, sizeof(timers)));
        return;
    }
    dns_hmac_add(h, span_of(rec->key.wire, rec->key.n));
    dns_hmac_add(h, span_of(class_ttl, sizeof(class_ttl)));
    dns_hmac_add(h, span_of(rec->alg.wire, rec->alg.n));
    dns_hmac_add(h, span_of(timers, sizeof(timers)));
    dns_wire_put16(error, rec->error);
    dns_wire_put16(error + 2, rec->other_n);
    dns_hmac_add(h, span_of(error, sizeof(error)));
    if (rec->other_n)
        dns_hmac_add(h, span_of(rec->other, rec->other_n));
}

void tsig_message_add(struct dns_hmac *h, const uint8_t *message, size_t n, uint16_t id,
                      unsigned arcount)
{
    uint8_t header[DNS_HEADER];

    memcpy(header, message, DNS_HEADER);
    dns_wire_put16(header, id);
    dns_wire_put16(header + 10, (uint16_t)arcount);
    dns_hmac_add(h, span_of(header, DNS_HEADER));
    dns_hmac_add(h, span_of(message + DNS_HEADER, n - DNS_HEADER));
}

void tsig_chain_begin(struct dns_tsig *t)
{
    uint8_t n[2];

    dns_hmac_begin(&t->hmac, t->key->alg, tsig_secret(t->key));
    dns_wire_put16(n, t->mac_n);
    dns_hmac_add(&t->hmac, span_of(n, 2));
    dns_hmac_add(&t->hmac, span_of(t->mac, t->mac_n));
}

void tsig_mac_keep(struct dns_tsig *t, const uint8_t *mac, size_t n)
{
    memcpy(t->mac, mac, n);
    t->mac_n = (uint8_t)n;
}

size_t dns_tsig_room(const struct dns_tsig *t)
{
    size_t mac = t->key ? dns_hmac_size(t->key->alg) : 0;

    return t->key_name.n + t->alg_name.n + FIXED_SIZE + mac + OTHER_TIME;
}

size_t tsig_record_write(const struct tsig_record *rec, uint8_t *message, size_t n, size_t max)
{
    size_t data = rec->alg.n + 16u + rec->mac_n + rec->other_n;
    uint8_t *p = message + n;

    if (max < n || max - n < rec->key.n + 10u + data)
        return 0;
    memcpy(p, rec->key.wire, rec->key.n);
    p += rec->key.n;
    memset(p, 0, 10);
    dns_wire_put16(p, DNS_TYPE_TSIG);
    dns_wire_put16(p + 2, DNS_CLASS_ANY);
    dns_wire_put16(p + 8, (uint16_t)data);
    p += 10;
    memcpy(p, rec->alg.wire, rec->alg.n);
    p += rec->alg.n;
    put48(p, rec->time);
    dns_wire_put16(p + 6, rec->fudge);
    dns_wire_put16(p + 8, rec->mac_n);
    if (rec->mac_n)
        memcpy(p + 10, rec->mac, rec->mac_n);
    p += 10 + rec->mac_n;
    dns_wire_put16(p, rec->id);
    dns_wire_put16(p + 2, rec->error);
    dns_wire_put16(p + 4, rec->other_n);
    if (rec->other_n)
        memcpy(p + 6, rec->other, rec->other_n);
    dns_wire_put16(message + 10, (uint16_t)(dns_wire_get16(message + 10) + 1));
    return (size_t)(p + 6 + rec->other_n - message);
}

static const struct dns_tsig_key *key_find(const struct dns_tsig_key *keys, size_t count,
                                           const struct tsig_record *rec)
{
    char alg[DNS_NAME_TEXT_MAX];

    for (size_t i = 0; i < count; i++)
        if (dns_name_eq(&keys[i].name, &rec->key) &&
            keys[i].alg == dns_hmac_alg_of(span_str(dns_name_text(rec->alg.wire, alg))))
            return &keys[i];
    return NULL;
}

bool tsig_mac_size_ok(const struct dns_tsig_key *key, size_t n)
{
    size_t size = dns_hmac_size(key->alg), least = size / 2 > 10 ? size / 2 : 10;

    return n <= size && n >= least;
}

enum dns_tsig_got tsig_mac_check(struct dns_tsig *t, struct dns_hmac *h,
                                 const struct tsig_record *rec, int64_t now_wall)
{
    uint8_t mac[DNS_HMAC_MAX];
    size_t size = dns_hmac_end(h, tsig_secret(t->key), mac);
    uint64_t now = now_wall > 0 ? (uint64_t)now_wall : 0;
    uint64_t apart = now > rec->time ? now - rec->time : rec->time - now;

    if (!mac_equal(mac, rec->mac, rec->mac_n))
        return DNS_TSIG_BADSIG;
    tsig_mac_keep(t, rec->mac, rec->mac_n);
    if (apart > rec->fudge)
        return DNS_TSIG_BADTIME;
    return rec->mac_n < size ? DNS_TSIG_BADTRUNC : DNS_TSIG_OK;
}

enum dns_tsig_got dns_tsig_check(struct dns_tsig *t, const struct dns_tsig_key *keys, size_t count,
                                 const struct dns_query *q, int64_t now_wall)
{
    enum dns_tsig_got got = DNS_TSIG_BADKEY;
    struct tsig_record rec;
    struct dns_hmac h;

    *t = (struct dns_tsig){0};
    if (q->tsig_at == 0)
        return DNS_TSIG_ABSENT;
    if (!tsig_record_read(q->packet, q->n, q->tsig_at, &rec))
        return DNS_TSIG_FORMERR;
    t->key_name = rec.key;
    t->alg_name = rec.alg;
    t->time = rec.time;
    t->fudge = rec.fudge;
    t->key = key_find(keys, count, &rec);
    if (t->key) {
        if (!tsig_mac_size_ok(t->key, rec.mac_n))
            return DNS_TSIG_FORMERR;
        dns_hmac_begin(&h, t->key->alg, tsig_secret(t->key));
        tsig_message_add(&h, q->packet, q->tsig_at, rec.id, dns_wire_get16(q->packet + 10) - 1u);
        tsig_variables_add(&h, &rec, false);
        got = tsig_mac_check(t, &h, &rec, now_wall);
    }
    t->error = (uint16_t)got;
    return got;
}

size_t dns_tsig_sign(struct dns_tsig *t, uint8_t *message, size_t n, size_t max, int64_t now_wall)
{
    bool bare = t->error == DNS_TSIG_BADKEY || t->error == DNS_TSIG_BADSIG;
    uint8_t mac[DNS_HMAC_MAX], server_time[OTHER_TIME];
    struct tsig_record rec = {
        .key = t->key_name,
        .alg = t->alg_name,
        .time = (uint64_t)now_wall,
        .fudge = t->fudge,
        .id = dns_wire_get16(message),
        .error = t->error,
    };

    if (t->error == DNS_TSIG_BADTIME) {
        put48(server_time, rec.time);
        rec.time = t->time;
        rec.other = server_time;
        rec.other_n = OTHER_TIME;
    }
    if (!bare) {
        assert(t->key);
        tsig_chain_begin(t);
        tsig_message_add(&t->hmac, message, n, rec.id, dns_wire_get16(message + 10));
        tsig_variables_add(&t->hmac, &rec, t->later);
        rec.mac_n = (uint16_t)dns_hmac_end(&t->hmac, tsig_secret(t->key), mac);
        rec.mac = mac;
        tsig_mac_keep(t, mac, rec.mac_n);
        t->later = true;
    }
    return tsig_record_write(&rec, message, n, max);
}
