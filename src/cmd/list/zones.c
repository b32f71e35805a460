/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The journal follows the store. What it gets is not what a step meant to do but what differs: for
 * each marked listing the files are asked as a server would ask them, and where they say something
 * else than the store, a change is appended. So the same mark may be worked off twice, and a
 * journal that was lost or damaged is made good by a new image.
 *
 * An image that is compiled on the way (the overlay has grown large) has the journal's last serial,
 * since by then both say the same. One that `publish` makes gets a serial of its own and begins the
 * journal anew, for codes and texts may have changed, which no change of a listing would tell;
 * secondaries then transfer the whole zone.
 */
#include "cmd/list/zones.h"

#include "cmd/list/zones_priv.h"
#include "io/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

bool zones_folder(const struct ledger *g, const char *zone, char ret[DATADIR_PATH_MAX])
{
    char zones[DATADIR_PATH_MAX];

    return datadir_join(g->state.folder, "zones", zones) && datadir_join(zones, zone, ret);
}

int zones_each(struct ledger *g, zones_fn *fn, void *ctx)
{
    const struct list_classes *c = &g->classes;
    int rc = 0;

    if (!g->args->zone)
        return 0;
    rc = fn(ctx, g->args->zone);
    for (size_t i = 0; i < c->count && rc == 0; i++) {
        struct buf name = BUF_INIT(DNS_NAME_TEXT_MAX);
        bool seen = c->v[i].subject == LIST_SUBJECT_NAME || !*c->v[i].zone;

        for (size_t k = 0; k < i && !seen; k++)
            seen = strcmp(c->v[k].zone, c->v[i].zone) == 0;
        if (seen)
            continue;
        buf_addf(&name, "%s.%s", c->v[i].zone, g->args->zone);
        rc = name.err ? name.err : fn(ctx, buf_str(&name));
        buf_deinit(&name);
    }
    return rc;
}

uint16_t zones_class_id(const struct list_class *c)
{
    return (uint16_t)(c->code & 0xffff);
}

bool zones_of_zone(const struct ledger *g, const struct list_class *c, const char *zone)
{
    size_t n = strlen(c->zone), total = strlen(zone), own = strlen(g->args->zone);

    if (c->subject == LIST_SUBJECT_NAME)
        return false;
    if (n == 0)
        return strcasecmp(zone, g->args->zone) == 0;
    return total == n + 1 + own && strncasecmp(zone, c->zone, n) == 0 && zone[n] == '.';
}

/* An output is served only when two runs have proved it; a host from the first on. */
static const struct list_class *class_served(const struct ledger *g, const struct store_listing *l)
{
    if (l->side == STORE_SIDE_OUTPUT)
        return l->state == LIST_LISTED ? list_class_of(&g->classes, l->class) : NULL;
    if (l->state == LIST_PROVISIONAL)
        return list_class_provisional(&g->classes);
    return l->state == LIST_LISTED ? list_class_of(&g->classes, l->class) : NULL;
}

void zones_wanted(struct ledger *g, const char *zone, const struct store_listing *l,
                  struct zones_said *ret)
{
    const struct list_class *c = g->withdrawn ? NULL : class_served(g, l);

    *ret = (struct zones_said){0};
    if (c && zones_of_zone(g, c, zone)) {
        ret->listed = true;
        ret->class_id = zones_class_id(c);
        ret->evidence = (uint32_t)l->id;
    }
}

int zones_retired(struct ledger *g, char ret_step[16], int64_t *ret_since)
{
    struct buf value = BUF_INIT(STORE_TEXT_MAX);
    struct span rest, word;
    int rc = store_value_get(g->store, SPAN_LIT("retire"), &value);
    uint64_t since = 0;

    *ret_step = '\0';
    *ret_since = 0;
    rest = buf_span(&value);
    if (rc == STORE_OK && span_word(&rest, &word) && span_copy(word, ret_step, 16) &&
        span_word(&rest, &word) && num_u64(word, 0, INT64_MAX, &since))
        *ret_since = (int64_t)since;
    buf_deinit(&value);
    g->withdrawn = *ret_step && strcmp(ret_step, "announced") != 0;
    return rc < 0 ? rc : 0;
}

/* --- what is served -------------------------------------------------------------------------- */

int zone_now_open(const char *folder, struct zone_now *z)
{
    char path[DATADIR_PATH_MAX];
    int rc;

    *z = (struct zone_now){.journal_text = BUF_INIT(ZONES_JOURNAL_READ_MAX)};
    rc = zonefile_map(folder, "image", ZONES_IMAGE_MAX, &z->map);
    if (rc < 0)
        return rc;
    z->mapped = true;
    if (zone_image_open(z->map.bytes, &z->image) != ZONE_IMAGE_OK)
        return -EBADMSG;
    if (!datadir_join(folder, "journal", path))
        return -ENAMETOOLONG;
    rc = file_read(path, &z->journal_text);
    z->view.image = &z->image;
    z->no_journal = true;
    if (rc == -ENOENT)
        return 0;
    if (rc < 0)
        return rc;
    switch (zone_journal_open(buf_span(&z->journal_text), &z->journal)) {
    case ZONE_JOURNAL_END:
    case ZONE_JOURNAL_TORN:
        z->no_journal = zone_serial_after(z->image.meta.serial, z->journal.last);
        break;
    case ZONE_JOURNAL_CHANGE:
    case ZONE_JOURNAL_FOREIGN:
    case ZONE_JOURNAL_VERSION:
        break;
    }
    return z->no_journal ? 0 : zone_now_overlay(z);
}

int zone_now_overlay(struct zone_now *z)
{
    struct zone_journal j = z->journal;
    int rc;

    zone_overlay_free(z->overlay);
    z->overlay = NULL;
    if (!zone_journal_seek(&j, z->image.meta.serial))
        return -EBADMSG;
    rc = zone_overlay_new(&z->image, NULL, &j, &z->overlay);
    z->view.overlay = z->overlay;
    z->full = rc == ZONE_OVERLAY_FULL || rc == ZONE_OVERLAY_CLASS;
    return rc < 0 ? rc : 0;
}

void zone_now_close(struct zone_now *z)
{
    zone_overlay_free(z->overlay);
    if (z->mapped)
        zonefile_unmap(&z->map);
    buf_deinit(&z->journal_text);
    *z = (struct zone_now){0};
}

void zone_now_said(const struct zone_now *z, struct ip ip, struct zones_said *ret)
{
    struct zone_said said;
    struct zone_hit hit;
    bool found;

    *ret = (struct zones_said){.serial = zone_view_serial(&z->view)};
    found = ip.family == IP_V4 ? zone_view_find4(&z->view, num_get32(ip.b), &hit)
                               : zone_view_find6(&z->view, zone_ip6_of(ip.b), &hit);
    if (found && zone_image_said(&z->image, hit, 0, &said)) {
        ret->listed = true;
        ret->class_id = said.class_id;
        ret->evidence = said.evidence;
    }
}

int zones_ask(struct ledger *g, const char *zone, struct ip ip, struct zones_said *ret)
{
    char folder[DATADIR_PATH_MAX];
    struct zone_now z;
    int rc;

    *ret = (struct zones_said){0};
    if (!zones_folder(g, zone, folder))
        return -ENAMETOOLONG;
    rc = zone_now_open(folder, &z);
    if (rc == 0)
        zone_now_said(&z, ip, ret);
    zone_now_close(&z);
    return rc;
}

/* --- following ------------------------------------------------------------------------------- */

static void change_of(const struct store_listing *l, const struct zones_said *was,
                      const struct zones_said *now, struct zone_change *ret)
{
    *ret = (struct zone_change){
        .kind = l->address.family == IP_V4 ? ZONE_IPV4 : ZONE_IPV6,
        .len = l->address.family == IP_V4 ? 32 : 128,
        .was = {was->class_id, was->evidence},
        .now = {now->class_id, now->evidence},
    };
    if (l->address.family == IP_V4)
        ret->ip4 = num_get32(l->address.b);
    else
        ret->ip = zone_ip6_of(l->address.b);
}

/* The differences of these listings, as one step. *ret_count how many there are. */
static int step_of(struct ledger *g, const char *zone, const struct zone_now *z, const int64_t *ids,
                   size_t count, struct zone_change *changes, size_t *ret_count)
{
    *ret_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct store_listing l;
        struct zones_said was, now;
        int rc = store_listing_by_id(g->store, ids[i], &l);

        if (rc == STORE_NONE)
            continue;
        if (rc < 0)
            return rc;
        zone_now_said(z, l.address, &was);
        zones_wanted(g, zone, &l, &now);
        if (was.class_id != now.class_id || (now.listed && was.evidence != now.evidence)) {
            struct zone_change *c = &changes[(*ret_count)++];

            change_of(&l, &was, &now, c);
            c->reason = span_str(list_state_name((enum list_state)l.state));
        }
    }
    return 0;
}

static int append(struct ledger *g, struct zonefile *file, const struct zone_now *z,
                  struct zone_change *changes, size_t count)
{
    uint32_t serial = zone_serial_next(z->journal.last, g->now_wall);
    struct buf out = BUF_INIT(ZONES_BATCH * ZONE_CHANGE_MAX);
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        changes[i].serial = serial;
        changes[i].wall = g->now_wall;
        changes[i].more = i + 1 < count;
        rc = zone_journal_add(&changes[i], &out);
    }
    if (rc == 0)
        rc = zonefile_append(file, "journal", z->journal.good, buf_span(&out));
    buf_deinit(&out);
    return rc;
}

/* 1: an image is due. */
static int follow_with(struct ledger *g, const char *zone, struct zonefile *file,
                       struct zone_now *z, const int64_t *ids, size_t count)
{
    struct zone_change *changes = calloc(count, sizeof(*changes));
    size_t differ = 0;
    int rc = changes ? step_of(g, zone, z, ids, count, changes, &differ) : -ENOMEM;

    if (rc == 0 && differ)
        rc = append(g, file, z, changes, differ);
    free(changes);
    if (rc < 0)
        return rc;
    return zone_overlay_count(z->overlay) + differ > ZONE_OVERLAY_MAX / 2 ||
           (z->overlay && zone_overlay_due(z->overlay, &z->image));
}

/* An image that is due and refused (and told of) is no failure: the journal says what it must. */
static int renew(struct ledger *g, const char *zone, const char *folder, struct zonefile *file,
                 struct zone_now *z)
{
    int rc = zones_renew(g, zone, folder, file, z);

    return rc > 0 ? 0 : rc;
}

static int follow_zone(struct ledger *g, const char *zone, const int64_t *ids, size_t count)
{
    char folder[DATADIR_PATH_MAX];
    struct zonefile file;
    struct zone_now z;
    int rc;

    if (!zones_folder(g, zone, folder))
        return -ENAMETOOLONG;
    rc = zonefile_open(folder, LEDGER_WAIT_MS, &file);
    if (rc < 0)
        return rc;
    rc = zone_now_open(folder, &z);
    /* No image yet, or none that can be read, or a journal that does not fit: begin anew. */
    if (rc == -ENOENT || rc == -EBADMSG || (rc == 0 && (z.no_journal || z.full)))
        rc = zones_write(g, zone, &file, &z, ZONES_ANEW, false, NULL);
    else if (rc == 0 && (rc = follow_with(g, zone, &file, &z, ids, count)) == 1)
        rc = renew(g, zone, folder, &file, &z);
    zone_now_close(&z);
    zonefile_close(&file);
    return rc;
}

struct following {
    struct ledger *g;
    const int64_t *ids;
    size_t count;
};

static int follow_one(void *ctx, const char *zone)
{
    const struct following *f = ctx;
    int rc = follow_zone(f->g, zone, f->ids, f->count);

    if (rc > 0)
        return rc;
    return rc < 0
               ? ledger_say(f->g, rc == -ETIMEDOUT ? EX_TEMPFAIL : EX_IOERR,
                            "zone %s: the files cannot follow the store: %s", zone, strerror(-rc))
               : 0;
}

int zones_follow(struct ledger *g)
{
    int64_t *ids = malloc(ZONES_BATCH * sizeof(*ids)), since;
    struct following f = {.g = g, .ids = ids};
    char step[16];
    int rc = ids ? zones_retired(g, step, &since) : -ENOMEM, status = 0;

    while (rc == 0 && status == 0 && g->args->zone) {
        rc = store_dirty_get(g->store, ids, ZONES_BATCH, &f.count);
        if (rc < 0 || f.count == 0)
            break;
        status = zones_each(g, follow_one, &f);
        if (status == 0)
            rc = store_dirty_clear(g->store, ids, f.count);
    }
    free(ids);
    return rc < 0 ? ledger_store_error(g, rc) : status;
}

/* --- renewing -------------------------------------------------------------------------------- */

static int refresh_one(void *ctx, const char *zone)
{
    struct ledger *g = ctx;
    char folder[DATADIR_PATH_MAX];
    struct zonefile file;
    struct zone_now z;
    int rc;

    if (!zones_folder(g, zone, folder))
        return ledger_say(g, EX_CONFIG, "%s: the name of the zone is too long", zone);
    rc = zonefile_open(folder, LEDGER_WAIT_MS, &file);
    if (rc == 0) {
        rc = zone_now_open(folder, &z);
        if (rc == -ENOENT)
            rc = 0;
        else if (rc == 0 && !z.no_journal && !z.full &&
                 z.image.meta.created_wall + ledger_expire_after(g) / 4 <= g->now_wall)
            rc = renew(g, zone, folder, &file, &z);
        zone_now_close(&z);
        zonefile_close(&file);
    }
    return rc < 0 ? ledger_say(g, EX_IOERR, "zone %s: %s", zone, strerror(-rc)) : rc;
}

int zones_refresh(struct ledger *g)
{
    return zones_each(g, refresh_one, g);
}
