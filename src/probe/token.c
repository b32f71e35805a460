/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The token is what stands between a proof and a forgery, so it holds all that a proof claims: run,
 * probe, host and day. A proof is then read off the address that arrived, without a look-up that
 * could be out of date, and a sink that shares nothing with the tester but the key can judge it.
 *
 * The alphabet is what every mail system passes on: no character of it is special in any address
 * syntax, and case does not matter. Relays do mangle what stands around it (a host before a colon,
 * the percent sign of the hop that was resolved), so token_find looks at every offset. Only an
 * offset whose first byte is a kind and whose last four bits are zero costs a MAC: a handful in any
 * text, and a few hundred, under a millisecond, in one that a stranger made up for it.
 *
 * Eight bytes of MAC are enough: a guess must be sent to us over SMTP, one RCPT each.
 */
#include "probe/token.h"

#include "base/num.h"

#include <string.h>

static const char label[] = "postern token 1";

enum {
    AT_KIND = 0,
    AT_RUN = 1,
    AT_TARGET = 5,
    AT_SERIAL = 10,
    AT_DAY = 12,
    LABEL = sizeof(label) - 1,
};

const char *token_kind_name(enum token_kind kind)
{
    switch (kind) {
    case TOKEN_RECIPIENT:
        return "recipient";
    case TOKEN_SENDER:
        return "sender";
    case TOKEN_INNER:
        return "inner";
    }
    return "";
}

void token_target(struct ip ip, uint8_t ret[TOKEN_TARGET])
{
    uint8_t text[1 + sizeof(ip.b)], hash[MAC_SIZE];
    size_t n = ip.family == IP_V4 ? 4 : ip.family == IP_V6 ? 16 : 0;

    text[0] = (uint8_t)ip.family;
    memcpy(text + 1, ip.b, n);
    mac_sha256(span_of(text, 1 + n), hash);
    memcpy(ret, hash, TOKEN_TARGET);
}

static void token_mac(const struct mac_keyed *key, const uint8_t payload[TOKEN_PAYLOAD],
                      uint8_t ret[TOKEN_MAC])
{
    uint8_t text[LABEL + TOKEN_PAYLOAD], mac[MAC_SIZE];

    memcpy(text, label, LABEL);
    memcpy(text + LABEL, payload, TOKEN_PAYLOAD);
    mac_hmac_keyed(key, span_of(text, sizeof(text)), mac);
    memcpy(ret, mac, TOKEN_MAC);
}

void token_mint(const uint8_t key[MAC_KEY], const struct token *t, char out[TOKEN_TEXT + 1])
{
    struct mac_keyed keyed;

    mac_keyed_init(&keyed, key);
    token_mint_keyed(&keyed, t, out);
}

void token_mint_keyed(const struct mac_keyed *key, const struct token *t, char out[TOKEN_TEXT + 1])
{
    uint8_t b[TOKEN_SIZE];

    b[AT_KIND] = (uint8_t)t->kind;
    num_put32(b + AT_RUN, t->run);
    memcpy(b + AT_TARGET, t->target, TOKEN_TARGET);
    num_put16(b + AT_SERIAL, t->serial);
    num_put16(b + AT_DAY, t->day);
    token_mac(key, b, b + TOKEN_PAYLOAD);
    base32_encode(b, sizeof(b), out);
}

bool token_verify(const uint8_t key[MAC_KEY], struct span exact, struct token *ret)
{
    uint8_t b[TOKEN_SIZE], mac[TOKEN_MAC];
    struct mac_keyed keyed;

    if (exact.n != TOKEN_TEXT || !base32_decode(exact, b, sizeof(b)))
        return false;
    if (!*token_kind_name((enum token_kind)b[AT_KIND]))
        return false;
    mac_keyed_init(&keyed, key);
    token_mac(&keyed, b, mac);
    if (!mac_equal(mac, b + TOKEN_PAYLOAD, TOKEN_MAC))
        return false;
    *ret = (struct token){
        .kind = (enum token_kind)b[AT_KIND],
        .run = num_get32(b + AT_RUN),
        .serial = num_get16(b + AT_SERIAL),
        .day = num_get16(b + AT_DAY),
    };
    memcpy(ret->target, b + AT_TARGET, TOKEN_TARGET);
    return true;
}

bool token_find(const uint8_t key[MAC_KEY], struct span text, struct token *ret)
{
    size_t run = 0;

    text = span_slice(text, 0, TOKEN_FIND_MAX);
    for (size_t i = 0; i < text.n; i++) {
        /* Only where 36 characters of the alphabet end is there anything to verify. */
        run = base32_is(text.p[i]) ? run + 1 : 0;
        if (run >= TOKEN_TEXT &&
            token_verify(key, span_slice(text, i + 1 - TOKEN_TEXT, i + 1), ret))
            return true;
    }
    return false;
}
