/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Customer keys: one label between the address and the zone, `2.0.0.127.KEY.bl.example.org`, says
 * who asks, through whatever resolver. Two kinds, both revocable, both in one set:
 *
 * - made keys: 23 characters of base32, a customer's number (32 bits), an issue (16 bits) and 64
 *   bits of HMAC-SHA-256 under the server's secret. Nothing is stored for a customer; a customer or
 *   a single issue is revoked by its number;
 * - listed keys: any label of 8 to 63 letters, digits and hyphens that the operator has written
 *   down.
 *
 * A key is no password: resolvers log it, and it travels in the clear.
 */
#ifndef POSTERN_ZONE_KEYS_H
#define POSTERN_ZONE_KEYS_H

#include "base/mac.h"

enum {
    ZONE_KEY_LABEL = 23,      /* characters of a made key */
    ZONE_KEY_LISTED_MIN = 8,  /* a shorter one is guessed */
    ZONE_KEY_LISTED_MAX = 63, /* RFC 1035 §2.3.4: a label */
    ZONE_KEYS_MAX = 1000000,
    ZONE_KEY_ANY_ISSUE = 0x10000, /* for zone_keys_revoke: all issues of the customer */
};

enum zone_key_found {
    ZONE_KEY_GOOD = 0,
    ZONE_KEY_UNKNOWN, /* no key of ours */
    ZONE_KEY_REVOKED,
};

struct zone_keys;

/* Without a secret (NULL) only listed keys are good. NULL when out of memory. */
struct zone_keys *zone_keys_new(const uint8_t secret[MAC_KEY]);
void zone_keys_free(struct zone_keys *keys);

/* The listed keys and the numbers must all be added before the first check. 0; -EINVAL for no
 * key label; -EEXIST; -E2BIG; -ENOMEM. */
int zone_keys_list(struct zone_keys *keys, struct span label, uint32_t customer);
int zone_keys_revoke(struct zone_keys *keys, uint32_t customer, uint32_t issue);

/* `label` as it came, any case. *ret_customer is set for GOOD and REVOKED. No allocation. */
enum zone_key_found zone_keys_check(const struct zone_keys *keys, struct span label,
                                    uint32_t *ret_customer);

/* The label for a customer; what `postern dns --make-key` prints. */
void zone_keys_make(const uint8_t secret[MAC_KEY], uint32_t customer, uint16_t issue,
                    char ret[ZONE_KEY_LABEL + 1]);

#endif
