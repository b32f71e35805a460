/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A question finds its zone by one walk over its labels from the root down, hashing as it goes, and
 * a look into one table at each label where a zone may begin: the cost is that of the name's last
 * few labels, whatever the number of zones. The table also has the names between one zone and the
 * zone around it, which exist though nothing is said of them (RFC 8020).
 *
 * All that can be known before a question comes is laid down here: the kinds of data of each
 * sub-zone, the texts of the test entries, the life of a negative answer.
 */
#include "zone/set_priv.h"

#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const state_names[] = {"served", "announced", "retired", "broken"};

const char *zone_state_name(enum zone_state state)
{
    return state_names[state];
}

/* FNV-1a over a label with its length octet, in turn from the root down. */
static uint64_t hash_label(uint64_t h, const uint8_t *label)
{
    for (unsigned i = 0; i <= label[0]; i++)
        h = (h ^ label[i]) * UINT64_C(0x100000001b3);
    return h;
}

static const uint64_t hash_root = UINT64_C(0xcbf29ce484222325);

static struct zone_place *place_at(const struct zone_set *set, uint64_t hash, const uint8_t *name,
                                   size_t n)
{
    size_t i = (hash ^ hash >> 29) & set->place_mask;

    for (;; i = (i + 1) & set->place_mask) {
        struct zone_place *p = &set->places[i];

        if (!p->used)
            return p;
        if (p->hash == hash && p->name->n - p->from == (int)n &&
            memcmp(p->name->wire + p->from, name, n) == 0)
            return p;
    }
}

const struct zone *zone_set_look(const struct zone_set *set, const struct dns_query *q,
                                 unsigned *ret_label, bool *ret_below)
{
    const struct zone *found = NULL;
    uint64_t hash = hash_root;
    unsigned at = q->labels, stop = q->labels > set->labels_max ? q->labels - set->labels_max : 0;

    *ret_below = false;
    for (;; at--) {
        const struct zone_place *p =
            place_at(set, hash, q->name + q->label_at[at], q->name_n - q->label_at[at]);

        if (p->used && p->zone) {
            found = p->zone;
            *ret_label = at;
        }
        if (at == 0)
            *ret_below = p->used && !p->zone;
        if (at == stop)
            return found;
        hash = hash_label(hash, q->name + q->label_at[at - 1]);
    }
}

const struct zone *zone_set_find(const struct zone_set *set, const struct dns_query *q,
                                 unsigned *ret_label)
{
    bool below;

    return zone_set_look(set, q, ret_label, &below);
}

/* Where each label of a whole name begins; the number of labels. */
static unsigned label_offsets(const struct dns_name *name, uint8_t at[DNS_LABELS_MAX + 1])
{
    unsigned labels = 0;
    size_t i = 0;

    for (; name->wire[i]; i += 1u + name->wire[i])
        at[labels++] = (uint8_t)i;
    at[labels] = (uint8_t)i;
    return labels;
}

/* The place of the name's suffix that begins at a label, free or taken. */
static struct zone_place *place_of(const struct zone_set *set, const struct dns_name *name,
                                   unsigned label, uint64_t *ret_hash)
{
    uint8_t at[DNS_LABELS_MAX + 1];
    unsigned labels = label_offsets(name, at);
    uint64_t hash = hash_root;

    for (unsigned i = labels; i > label; i--)
        hash = hash_label(hash, name->wire + at[i - 1]);
    *ret_hash = hash;
    return place_at(set, hash, name->wire + at[label], (size_t)(name->n - at[label]));
}

const struct zone *zone_set_by_name(const struct zone_set *set, const struct dns_name *name)
{
    struct dns_name lower = *name;
    uint64_t hash;

    dns_name_lower(&lower);
    return place_of(set, &lower, 0, &hash)->zone;
}

const struct zone *zone_set_parent(const struct zone_set *set, const struct zone *zone)
{
    for (unsigned label = 1; label <= zone->labels; label++) {
        uint64_t hash;
        const struct zone_place *p = place_of(set, &zone->name, label, &hash);

        if (p->zone)
            return p->zone;
    }
    return NULL;
}

static void take_place(struct zone_place *p, uint64_t hash, const struct dns_name *name,
                       unsigned label, const struct zone *zone)
{
    uint8_t at[DNS_LABELS_MAX + 1];

    label_offsets(name, at);
    *p = (struct zone_place){hash, name, at[label], zone, true};
}

/* The zones first, then the empty names between each and the zone around it. */
static int fill_places(struct zone_set *set, struct zone_set_error *err)
{
    uint64_t hash;

    for (size_t i = 0; i < set->count; i++) {
        const struct zone *zone = &set->zones[i];
        struct zone_place *p = place_of(set, &zone->name, 0, &hash);

        if (p->used) {
            *err = (struct zone_set_error){.zone = i};
            snprintf(err->why, sizeof(err->why), "%.150s is there twice", zone->title);
            return -EINVAL;
        }
        take_place(p, hash, &zone->name, 0, zone);
    }
    for (size_t i = 0; i < set->count; i++) {
        const struct zone *zone = &set->zones[i];

        if (!zone_set_parent(set, zone))
            continue;
        for (unsigned label = 1; label <= zone->labels; label++) {
            struct zone_place *p = place_of(set, &zone->name, label, &hash);

            if (p->zone)
                break;
            if (!p->used)
                take_place(p, hash, &zone->name, label, NULL);
        }
    }
    return 0;
}

static int new_places(struct zone_set *set, struct zone_set_error *err)
{
    size_t names = 0, room = 16;

    for (size_t i = 0; i < set->count; i++) {
        names += set->zones[i].labels + 1;
        if (set->zones[i].labels > set->labels_max)
            set->labels_max = set->zones[i].labels;
        set->any_acl |= set->zones[i].acl != NULL;
    }
    while (room < 2 * names)
        room *= 2;
    set->places = calloc(room, sizeof(*set->places));
    if (!set->places)
        return -ENOMEM;
    set->place_mask = room - 1;
    return fill_places(set, err);
}

static int set_options(struct zone_set *set, const struct zone_set_options *o,
                       struct zone_set_error *err)
{
    *err = (struct zone_set_error){.zone = SIZE_MAX};
    if (o->nsid.n > DNS_NSID_MAX || o->version.n > DNS_STRING_MAX) {
        snprintf(err->why, sizeof(err->why), "the NSID or the version is too long");
        return -EINVAL;
    }
    if (o->udp_max && (o->udp_max < DNS_UDP_MIN || o->udp_max > 4096)) {
        snprintf(err->why, sizeof(err->why), "UDP answers of %u octets: give 512 to 4096",
                 o->udp_max);
        return -EINVAL;
    }
    set->acl = o->acl;
    set->any_acl = o->acl != NULL;
    set->udp_max = o->udp_max ? o->udp_max : DNS_UDP_USUAL;
    set->nsid = span_dup(o->nsid);
    set->version = span_dup(o->version);
    set->nsid_n = o->nsid.n;
    set->version_n = o->version.n;
    if (o->cookie_keys) {
        set->cookie_keys = *o->cookie_keys;
        set->has_cookies = true;
        set->cookie_required = o->cookie_required;
    }
    return set->nsid && set->version ? 0 : -ENOMEM;
}

int zone_set_new(const struct zone_spec *specs, size_t count,
                 const struct zone_set_options *options, struct zone_set **ret,
                 struct zone_set_error *err)
{
    static const struct zone_set_options none;
    struct zone_set *set = calloc(1, sizeof(*set));
    int r;

    if (!set)
        return -ENOMEM;
    r = set_options(set, options ? options : &none, err);
    if (r == 0 && count > ZONE_SET_MAX) {
        snprintf(err->why, sizeof(err->why), "%zu zones: at most %d", count, ZONE_SET_MAX);
        r = -EINVAL;
    }
    if (r == 0 && !(set->zones = calloc(count + 1, sizeof(*set->zones))))
        r = -ENOMEM;
    for (size_t i = 0; r == 0 && i < count; i++) {
        set->count = i + 1;
        set->zones[i].index = i;
        *err = (struct zone_set_error){.zone = i};
        r = zone_of_spec(&set->zones[i], &specs[i], err->why, sizeof(err->why));
    }
    if (r == 0)
        r = new_places(set, err);
    if (r < 0) {
        zone_set_free(set);
        return r;
    }
    *ret = set;
    return 0;
}

void zone_set_free(struct zone_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++)
        zone_deinit(&set->zones[i]);
    explicit_bzero(&set->cookie_keys, sizeof(set->cookie_keys));
    free(set->zones);
    free(set->places);
    free(set->nsid);
    free(set->version);
    free(set);
}

size_t zone_set_count(const struct zone_set *set)
{
    return set->count;
}

const struct zone *zone_set_at(const struct zone_set *set, size_t i)
{
    assert(i < set->count);
    return &set->zones[i];
}

size_t zone_index(const struct zone *zone)
{
    return zone->index;
}

const struct dns_name *zone_wire(const struct zone *zone)
{
    return &zone->name;
}

const char *zone_title(const struct zone *zone)
{
    return zone->title;
}

uint32_t zone_serial(const struct zone *zone)
{
    return zone->has_soa ? zone->soa.serial : 0;
}

bool zone_journal_serial(const struct zone *zone, uint32_t serial, uint32_t *ret)
{
    *ret = serial - zone->raised;
    return zone->has_steps && !zone_serial_after(zone->steps_since, serial);
}

const struct dns_soa *zone_soa(const struct zone *zone)
{
    return zone->has_soa ? &zone->soa : NULL;
}

enum zone_state zone_state(const struct zone *zone)
{
    return zone->state;
}
