/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A made key is 14 octets in base32: the customer's number, the issue, and the first 8 octets of
 * HMAC-SHA-256 over "postern key" and those six. 64 bits are ample for what can only be guessed at
 * the rate of DNS questions, and a label stays short enough to be typed.
 *
 * Listed keys stand in an open-addressed table, revocations in a sorted array: both are read on the
 * path of every question of a zone with keys. The operator writes them all down, so that no
 * stranger chooses what is hashed into the table; the questions' labels only look.
 */
#include "zone/keys.h"

#include "base/buf.h"
#include "base/num.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
    KEY_ID = 6,
    KEY_MAC = 8,
    KEY_RAW = KEY_ID + KEY_MAC,
};
_Static_assert(BASE32_LEN(KEY_RAW) == ZONE_KEY_LABEL, "a made key's label");

struct listed {
    char label[ZONE_KEY_LISTED_MAX + 1]; /* lower case; empty: a free place */
    uint32_t customer;
};

struct zone_keys {
    bool has_secret;
    struct mac_keyed mac;
    struct listed *listed; /* a power of two, at most half full */
    size_t listed_count, places;
    uint64_t *revoked; /* customer << 17 | issue; sorted */
    size_t revoked_count, revoked_cap;
};

struct zone_keys *zone_keys_new(const uint8_t secret[MAC_KEY])
{
    struct zone_keys *k = calloc(1, sizeof(*k));

    if (k && secret) {
        mac_keyed_init(&k->mac, secret);
        k->has_secret = true;
    }
    return k;
}

void zone_keys_free(struct zone_keys *keys)
{
    if (!keys)
        return;
    explicit_bzero(&keys->mac, sizeof(keys->mac));
    free(keys->listed);
    free(keys->revoked);
    free(keys);
}

static uint64_t label_hash(struct span label)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < label.n; i++)
        h = (h ^ (uint8_t)label.p[i]) * UINT64_C(0x100000001b3);
    return h ^ h >> 32;
}

/* The place of a lower-case label, or the free one where it belongs. */
static struct listed *place_of(struct listed *table, size_t places, struct span label)
{
    size_t i = label_hash(label) & (places - 1);

    while (table[i].label[0] && !span_eq(span_str(table[i].label), label))
        i = (i + 1) & (places - 1);
    return &table[i];
}

/* The label in lower case; false when it can't be a listed key. */
static bool fold(struct span label, char out[ZONE_KEY_LISTED_MAX + 1])
{
    if (label.n < ZONE_KEY_LISTED_MIN || label.n > ZONE_KEY_LISTED_MAX)
        return false;
    for (size_t i = 0; i < label.n; i++) {
        out[i] = ascii_lower(label.p[i]);
        if (!ascii_is_alnum(out[i]) && out[i] != '-')
            return false;
    }
    out[label.n] = '\0';
    return true;
}

static int grow(struct zone_keys *k)
{
    size_t places = k->places ? 2 * k->places : 16;
    struct listed *table;

    if (2 * (k->listed_count + 1) <= k->places)
        return 0;
    table = calloc(places, sizeof(*table));
    if (!table)
        return -ENOMEM;
    for (size_t i = 0; i < k->places; i++)
        if (k->listed[i].label[0])
            *place_of(table, places, span_str(k->listed[i].label)) = k->listed[i];
    free(k->listed);
    k->listed = table;
    k->places = places;
    return 0;
}

int zone_keys_list(struct zone_keys *keys, struct span label, uint32_t customer)
{
    char text[ZONE_KEY_LISTED_MAX + 1];
    struct listed *at;

    if (!fold(label, text))
        return -EINVAL;
    if (keys->listed_count == ZONE_KEYS_MAX)
        return -E2BIG;
    if (grow(keys) < 0)
        return -ENOMEM;
    at = place_of(keys->listed, keys->places, span_str(text));
    if (at->label[0])
        return -EEXIST;
    memcpy(at->label, text, sizeof(text));
    at->customer = customer;
    keys->listed_count++;
    return 0;
}

/* The index of the first that is not smaller. */
static size_t lower_bound(const uint64_t *v, size_t n, uint64_t what)
{
    size_t from = 0;

    while (n) {
        size_t half = n / 2;

        if (v[from + half] < what) {
            from += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    return from;
}

static bool revoked(const struct zone_keys *k, uint32_t customer, uint32_t issue)
{
    uint64_t what = (uint64_t)customer << 17 | issue;
    size_t i = lower_bound(k->revoked, k->revoked_count, what);

    return i < k->revoked_count && k->revoked[i] == what;
}

int zone_keys_revoke(struct zone_keys *keys, uint32_t customer, uint32_t issue)
{
    uint64_t what = (uint64_t)customer << 17 | issue;
    size_t i;

    if (issue > ZONE_KEY_ANY_ISSUE)
        return -EINVAL;
    if (revoked(keys, customer, issue))
        return -EEXIST;
    if (keys->revoked_count == ZONE_KEYS_MAX)
        return -E2BIG;
    if (array_grow(&keys->revoked, &keys->revoked_cap, sizeof(*keys->revoked),
                   keys->revoked_count + 1) < 0)
        return -ENOMEM;
    i = lower_bound(keys->revoked, keys->revoked_count, what);
    memmove(keys->revoked + i + 1, keys->revoked + i,
            (keys->revoked_count - i) * sizeof(*keys->revoked));
    keys->revoked[i] = what;
    keys->revoked_count++;
    return 0;
}

static void key_mac(const struct mac_keyed *mac, const uint8_t id[KEY_ID], uint8_t ret[KEY_MAC])
{
    uint8_t text[11 + KEY_ID] = "postern key", full[MAC_SIZE];

    memcpy(text + 11, id, KEY_ID);
    mac_hmac_keyed(mac, span_of(text, sizeof(text)), full);
    memcpy(ret, full, KEY_MAC);
}

static bool made(const struct zone_keys *k, struct span label, uint32_t *ret_customer,
                 uint32_t *ret_issue)
{
    uint8_t raw[KEY_RAW], mac[KEY_MAC];

    if (!k->has_secret || label.n != ZONE_KEY_LABEL || !base32_decode(label, raw, KEY_RAW))
        return false;
    key_mac(&k->mac, raw, mac);
    if (!mac_equal(mac, raw + KEY_ID, KEY_MAC))
        return false;
    *ret_customer = num_get32(raw);
    *ret_issue = num_get16(raw + 4);
    return true;
}

enum zone_key_found zone_keys_check(const struct zone_keys *keys, struct span label,
                                    uint32_t *ret_customer)
{
    char text[ZONE_KEY_LISTED_MAX + 1];
    uint32_t customer, issue = ZONE_KEY_ANY_ISSUE;
    bool found = false;

    if (keys->listed_count && fold(label, text)) {
        const struct listed *at = place_of(keys->listed, keys->places, span_str(text));

        found = at->label[0] != '\0';
        customer = at->customer;
    }
    if (!found && !made(keys, label, &customer, &issue))
        return ZONE_KEY_UNKNOWN;
    *ret_customer = customer;
    return revoked(keys, customer, issue) || revoked(keys, customer, ZONE_KEY_ANY_ISSUE)
               ? ZONE_KEY_REVOKED
               : ZONE_KEY_GOOD;
}

void zone_keys_make(const uint8_t secret[MAC_KEY], uint32_t customer, uint16_t issue,
                    char ret[ZONE_KEY_LABEL + 1])
{
    uint8_t raw[KEY_RAW];
    struct mac_keyed mac;

    mac_keyed_init(&mac, secret);
    num_put32(raw, customer);
    num_put16(raw + 4, issue);
    key_mac(&mac, raw, raw + KEY_ID);
    base32_encode(raw, KEY_RAW, ret);
    explicit_bzero(&mac, sizeof(mac));
}
