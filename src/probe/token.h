/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A token is the local part of an address of ours that says which probe it belongs to, and that
 * nobody without the key can make. It names the host that was probed, so that a token issued for
 * one host proves nothing about another.
 *
 *     kind 1 | run 4 | target 5 | serial 2 | day 2 | MAC 8      = 22 bytes = 36 letters and digits
 *
 * The MAC is the first 8 bytes of HMAC-SHA-256(key, "postern token 1" + the 14 bytes before it).
 * All numbers are big-endian. The text is base32 in lower case: letters and the digits 2 to 7 only,
 * 36 of the 64 octets that a local part may have (RFC 5321 §4.5.3.1.1).
 */
#ifndef POSTERN_PROBE_TOKEN_H
#define POSTERN_PROBE_TOKEN_H

#include "base/ip.h"
#include "base/mac.h"

enum {
    TOKEN_PAYLOAD = 14,
    TOKEN_MAC = 8,
    TOKEN_SIZE = TOKEN_PAYLOAD + TOKEN_MAC,
    TOKEN_TEXT = BASE32_LEN(TOKEN_SIZE), /* 36, without a NUL */
    TOKEN_TARGET = 5,
    TOKEN_FIND_MAX = 1000, /* bytes of a text that token_find looks at: the longest path, mangled */
};

/* The letters are the version too: a second format will use others. */
enum token_kind {
    TOKEN_RECIPIENT = 'r', /* stood in RCPT: its arrival proves a relay */
    TOKEN_SENDER = 's',    /* stood in MAIL: its arrival is a bounce or an answer */
    TOKEN_INNER = 'i',     /* stood in RCPT of an envelope smuggled inside a message's text */
};

struct token {
    enum token_kind kind;
    uint32_t run;
    uint8_t target[TOKEN_TARGET]; /* token_target() of the address that was probed */
    uint16_t serial;              /* of the probe within the run and target */
    uint16_t day;                 /* days since 1970 */
};

/* "recipient", "sender", "inner"; "" for what is no kind. */
const char *token_kind_name(enum token_kind kind);

/* The first bytes of SHA-256 over the family (4 or 6) and the 4 or 16 bytes of the address. */
void token_target(struct ip ip, uint8_t ret[TOKEN_TARGET]);

/* Writes TOKEN_TEXT characters and a NUL. */
void token_mint(const uint8_t key[MAC_KEY], const struct token *t, char out[TOKEN_TEXT + 1]);
/* The same, for whoever mints many with one key. */
void token_mint_keyed(const struct mac_keyed *key, const struct token *t, char out[TOKEN_TEXT + 1]);

/* True when the whole of `exact` is a token of this key, in either case; *ret is set only then. */
bool token_verify(const uint8_t key[MAC_KEY], struct span exact, struct token *ret);

/*
 * Looks for a token anywhere inside the text, as relays leave it: "H:token"@d, d!token, "token%d",
 * x+token@d, TOKEN, or glued to letters of others. Takes the first that verifies within the first
 * TOKEN_FIND_MAX bytes. *ret is set only when true.
 */
bool token_find(const uint8_t key[MAC_KEY], struct span text, struct token *ret);

#endif
