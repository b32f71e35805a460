/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * An IXFR for the serial that we have is one SOA. For an older one the steps are read from the
 * journal of our own zone, as it stands in the file: it holds at least what is served. Where it
 * does not go back so far, or does not know the client's serial, or where what all records share
 * has changed since (shapes.h), and for zones of rbldnsd's files, which have none, the whole zone
 * is told, which RFC 1995 §4 allows at any time.
 */
#include "cmd/dns/transfer.h"

#include "base/num.h"
#include "cmd/dns/data.h"
#include "dns/xfr.h"
#include "io/datadir.h"
#include "zone/contents.h"

#include <errno.h>
#include <stdlib.h>

struct transfer {
    const struct served *served; /* pinned */
    const struct zone *zone;
    enum transfer_kind kind;
    struct zone_contents *contents;
    struct dns_tsig tsig;
    struct dns_query q;
    struct dns_xfr xfr;
    struct zone_rr rr; /* did not fit into the message before */
    bool pending, signs, ended;
    uint8_t out[2 + DNS_XFR_MESSAGE];
    uint8_t packet[]; /* of q */
};

static enum transfer_kind kind_of(const struct transfer *t)
{
    uint32_t have;

    if (t->q.type != DNS_TYPE_IXFR || !dns_query_ixfr_serial(&t->q, &have))
        return TRANSFER_FULL;
    /* RFC 1995 §2: also where the client's is the newer one. */
    if (have == zone_serial(t->zone) || zone_serial_after(have, zone_serial(t->zone)))
        return TRANSFER_SAME;
    return TRANSFER_FULL;
}

/* The changes from the client's serial to the one that is served; 0, or why they can't be had. */
static int read_steps(const struct served *s, const struct zone *zone, uint32_t from,
                      struct zone_change **ret, size_t *ret_count)
{
    const struct site_zone *z = site_zone_named(s->site, zone_wire(zone));
    char folder[DATADIR_PATH_MAX];
    struct zonefile_map map;
    struct zone_journal j;
    uint32_t to;
    int r;

    if (!z || !z->own || !data_folder(s->site, z, folder) ||
        !zone_journal_serial(zone, from, &from) ||
        !zone_journal_serial(zone, zone_serial(zone), &to))
        return -ENOENT;
    r = zonefile_map(folder, "journal", DATA_JOURNAL_MAX, &map);
    if (r < 0)
        return r;
    switch (zone_journal_open(map.bytes, &j)) {
    case ZONE_JOURNAL_END:
    case ZONE_JOURNAL_TORN:
        r = zone_overlay_diff(j, from, to, ret, ret_count);
        break;
    case ZONE_JOURNAL_CHANGE:
    case ZONE_JOURNAL_FOREIGN:
    case ZONE_JOURNAL_VERSION:
        r = -EBADMSG;
        break;
    }
    zonefile_unmap(&map); /* reasons pointed there; nobody asks for them */
    return r;
}

static bool take_steps(struct transfer *t, const struct served *s)
{
    struct zone_change *changes = NULL;
    size_t count = 0;
    uint32_t from;

    if (t->q.type != DNS_TYPE_IXFR || t->kind == TRANSFER_SAME ||
        !dns_query_ixfr_serial(&t->q, &from) || read_steps(s, t->zone, from, &changes, &count) != 0)
        return false;
    if (zone_contents_steps(t->zone, changes, count, from, &t->contents) == ZONE_CONTENTS_OK) {
        t->kind = TRANSFER_STEPS;
        return true;
    }
    free(changes);
    return false;
}

int transfer_new(const struct served *s, const struct zone *zone, const struct asked *asked,
                 struct transfer **ret)
{
    struct transfer *t = calloc(1, sizeof(*t) + asked->q.n);
    int r;

    if (!t)
        return -ENOMEM;
    memcpy(t->packet, asked->q.packet, asked->q.n);
    t->q = asked->q;
    t->q.packet = t->packet;
    t->tsig = asked->tsig;
    t->signs = asked->q.tsig_at != 0;
    t->zone = zone;
    t->kind = kind_of(t);
    r = take_steps(t, s) ? ZONE_CONTENTS_OK : zone_contents_new(s->set, zone, &t->contents);
    if (r != ZONE_CONTENTS_OK) {
        free(t);
        return r < 0 ? r : -ENODATA;
    }
    served_pin(s);
    t->served = s;
    dns_xfr_begin(&t->xfr, &t->q, t->out + 2, DNS_XFR_MESSAGE,
                  t->signs ? dns_tsig_room(&t->tsig) : 0);
    *ret = t;
    return 0;
}

void transfer_free(struct transfer **pt)
{
    struct transfer *t = *pt;

    *pt = NULL;
    if (!t)
        return;
    zone_contents_free(t->contents);
    served_unpin(t->served);
    free(t);
}

enum transfer_kind transfer_kind(const struct transfer *t)
{
    return t->kind;
}

const struct zone *transfer_zone(const struct transfer *t)
{
    return t->zone;
}

static bool add(struct transfer *t)
{
    return dns_xfr_add(&t->xfr, t->rr.labels, t->rr.labels_n, t->rr.type, t->rr.ttl, t->rr.data);
}

/* Fills the message; false when all records are in. */
static bool fill(struct transfer *t)
{
    if (t->pending && !add(t))
        return false; /* no message holds it: our own fault, and the end of it */
    t->pending = false;
    while (zone_contents_next(t->contents, &t->rr)) {
        if (!add(t)) {
            t->pending = true;
            return true;
        }
        if (t->kind == TRANSFER_SAME)
            return false;
    }
    return false;
}

struct span transfer_next(struct transfer *t, int64_t now_wall)
{
    size_t n;

    if (t->ended)
        return SPAN_NULL;
    t->ended = !fill(t);
    n = dns_xfr_message(&t->xfr);
    if (n && t->signs)
        n = dns_tsig_sign(&t->tsig, t->out + 2, n, DNS_XFR_MESSAGE, now_wall);
    if (n == 0) {
        t->ended = true;
        return SPAN_NULL;
    }
    num_put16(t->out, (uint16_t)n);
    return span_of(t->out, n + 2);
}
