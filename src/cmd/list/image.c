/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * From the store to an image. Sanity is asked before the image is put in place, with the same rules
 * as the server's, so that a list that goes wrong stops here and the old one stays.
 *
 * An image that is due because the journal has grown may find other codes or texts in force than
 * the image before it had. Then it is no longer what the journal ends with, and begins anew.
 *
 * The image ends when the youngest listing in it would have: if nobody keeps the list any more, it
 * goes out by itself (RFC 6471 §3.8), instead of blocking for ever what was open once.
 */
#include "cmd/list/zones_priv.h"
#include "zone/build.h"
#include "zone/sanity.h"
#include "zone/shape.h"
#include "zone/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

struct build {
    struct ledger *g;
    const char *zone;
    struct zone_data data;
    struct zone_table *v4, *v6;
    uint32_t values[LIST_CLASSES_MAX];
    bool ours[LIST_CLASSES_MAX];
    uint64_t entries;
};

static int value_of(struct build *b, size_t class)
{
    const struct list_class *c = &b->g->classes.v[class];
    const char *url = b->g->args->url;
    struct buf text = BUF_INIT(ZONE_TEMPLATE_MAX);
    int rc;

    zone_text_add_subject(&text);
    zone_text_add(&text, SPAN_LIT(": "));
    zone_text_add(&text, span_str(c->text));
    zone_text_add(&text, url ? SPAN_LIT("; see ") : SPAN_LIT("; evidence "));
    if (url)
        zone_text_add(&text, span_str(url));
    zone_text_add_evidence(&text);
    rc = text.err;
    if (rc == 0)
        rc = zone_data_value(&b->data,
                             &(struct zone_value){.a = c->code,
                                                  .class_id = zones_class_id(c),
                                                  .text = buf_span(&text)},
                             &b->values[class]);
    b->ours[class] = true;
    buf_deinit(&text);
    return rc;
}

static int fact_retired(struct build *b)
{
    char step[16], text[48];
    int64_t since;
    struct tm tm;
    int rc = zones_retired(b->g, step, &since);
    time_t at = (time_t)since;

    if (rc < 0 || !*step)
        return rc;
    gmtime_r(&at, &tm);
    snprintf(text, sizeof(text), "%s %04u-%02u-%02u", step, (unsigned)(tm.tm_year + 1900) % 10000U,
             (unsigned)(tm.tm_mon + 1) % 100U, (unsigned)tm.tm_mday % 100U);
    return zone_data_fact(&b->data, "retire", span_str(text));
}

static int begin(struct build *b, uint32_t serial)
{
    struct zone_meta *meta = &b->data.meta;
    int rc = 0;

    if (!dns_name_parse(span_str(b->zone), &meta->zone))
        return -EINVAL;
    dns_name_lower(&meta->zone);
    meta->serial = serial;
    meta->ttl = ZONES_TTL;
    meta->created_wall = b->g->now_wall;
    meta->expires_wall = b->g->now_wall + ledger_expire_after(b->g);
    rc = zone_data_table(&b->data, ZONE_IPV4, ZONE_LONGEST, &b->v4);
    if (rc == 0)
        rc = zone_data_table(&b->data, ZONE_IPV6, ZONE_LONGEST, &b->v6);
    for (size_t i = 0; i < b->g->classes.count && rc == 0; i++)
        if (zones_of_zone(b->g, &b->g->classes.v[i], b->zone))
            rc = value_of(b, i);
    if (rc == 0)
        rc = zone_data_fact(&b->data, "list", span_str(b->g->args->zone));
    if (rc == 0 && b->g->args->url)
        rc = zone_data_fact(&b->data, "url", span_str(b->g->args->url));
    return rc == 0 ? fact_retired(b) : rc;
}

static int add(void *ctx, const struct store_listing *l)
{
    struct build *b = ctx;
    struct zones_said now;

    zones_wanted(b->g, b->zone, l, &now);
    if (!now.listed)
        return 0;
    b->entries++;
    for (size_t i = 0; i < b->g->classes.count; i++) {
        if (!b->ours[i] || zones_class_id(&b->g->classes.v[i]) != now.class_id)
            continue;
        if (l->address.family == IP_V4)
            return zone_table_add4(b->v4, num_get32(l->address.b), num_get32(l->address.b),
                                   b->values[i], now.evidence);
        return zone_table_add6(b->v6, zone_ip6_of(l->address.b), 128, b->values[i], now.evidence);
    }
    return 0;
}

static int sane(struct ledger *g, const char *zone, struct span bytes, const struct zone_now *old,
                bool force, uint64_t entries)
{
    struct zone_limits limits = zone_limits_usual;
    struct zone_finding finding;
    struct zone_image image;

    if (zone_image_open(bytes, &image) != ZONE_IMAGE_OK)
        return -EBADMSG;
    limits.reserved = g->args->lab.count > 0;
    /* The store was asked, and says that nothing is listed: that is no accident of a file. */
    limits.empty = entries == 0;
    if (force) {
        limits.grow_percent = UINT32_MAX;
        limits.shrink_percent = 100;
        limits.small = UINT32_MAX;
    }
    if (zone_sanity(&image, old && old->mapped && old->view.image ? &old->image : NULL, &limits,
                    g->now_wall, &finding) == ZONE_SANE)
        return 0;
    return ledger_say(g, EX_DATAERR, "zone %s: the new image is refused, the old one stays: %s",
                      zone, finding.why);
}

static int put(struct zonefile *file, struct span image, enum zones_how how, uint32_t serial,
               const struct zone_now *old)
{
    struct buf journal = BUF_INIT(ZONES_JOURNAL_READ_MAX);
    int rc = zonefile_replace(file, "image", image);

    if (rc == 0 && how == ZONES_ANEW)
        zone_journal_begin(serial, &journal);
    else if (rc == 0)
        rc = zone_journal_trim(&old->journal, serial, ZONES_JOURNAL_MAX, &journal);
    if (rc == 0)
        rc = journal.err ? journal.err : zonefile_replace(file, "journal", buf_span(&journal));
    buf_deinit(&journal);
    return rc;
}

static uint32_t serial_of(const struct ledger *g, const struct zone_now *z, enum zones_how how)
{
    uint32_t last = z->view.image ? z->image.meta.serial : 0;

    if (z->view.image && !z->no_journal && zone_serial_after(z->journal.last, last))
        last = z->journal.last;
    return how == ZONES_SAME ? last : zone_serial_next(last, g->now_wall);
}

/* Does the new image say the same of each class as the old one? */
static bool same_shape(struct span bytes, const struct zone_now *old)
{
    struct zone_image image;

    return old->view.image && zone_image_open(bytes, &image) == ZONE_IMAGE_OK &&
           zone_shape_image(&image) == zone_shape_image(&old->image);
}

int zones_write(struct ledger *g, const char *zone, struct zonefile *file, const struct zone_now *z,
                enum zones_how how, bool force, struct zones_made *ret)
{
    static const struct store_listing_filter served = {
        .states = 1U << LIST_PROVISIONAL | 1U << LIST_LISTED,
        .side = -1,
    };
    struct build b = {.g = g, .zone = zone};
    uint32_t serial = serial_of(g, z, how);
    struct span image = SPAN_NULL;
    int rc;

    zone_data_init(&b.data);
    rc = begin(&b, serial);
    if (rc == 0)
        rc = store_listings_each(g->store, &served, add, &b);
    if (rc == 0)
        rc = zone_build(&b.data, &image);
    if (rc == 0 && how == ZONES_SAME && !same_shape(image, z)) {
        free((void *)(uintptr_t)image.p);
        zone_data_deinit(&b.data);
        return zones_write(g, zone, file, z, ZONES_ANEW, true, ret);
    }
    if (rc == 0)
        /* What the journal said already has been served step by step: it did not grow now. */
        rc = sane(g, zone, image, z, force || how == ZONES_SAME, b.entries);
    if (rc == 0)
        rc = put(file, image, how, serial, z);
    if (rc == 0 && ret)
        *ret = (struct zones_made){serial, b.entries, image.n};
    free((void *)(uintptr_t)image.p);
    zone_data_deinit(&b.data);
    return rc;
}

int zones_renew(struct ledger *g, const char *zone, const char *folder, struct zonefile *file,
                struct zone_now *z)
{
    int rc;

    zone_now_close(z);
    rc = zone_now_open(folder, z);
    return rc < 0 ? rc : zones_write(g, zone, file, z, ZONES_SAME, false, NULL);
}

int zones_compile(struct ledger *g, const char *zone, bool force, struct zones_made *ret)
{
    char folder[DATADIR_PATH_MAX];
    struct zonefile file;
    struct zone_now z;
    int rc;

    if (!zones_folder(g, zone, folder))
        return ledger_say(g, EX_CONFIG, "%s: the name of the zone is too long", zone);
    rc = zonefile_open(folder, LEDGER_WAIT_MS, &file);
    if (rc == 0) {
        rc = zone_now_open(folder, &z);
        /* First what has gathered in the journal, so that like is held against like. */
        if (rc == 0 && !z.no_journal && !z.full && zone_overlay_count(z.overlay)) {
            rc = zones_renew(g, zone, folder, &file, &z);
            zone_now_close(&z);
            if (rc == 0)
                rc = zone_now_open(folder, &z);
        }
        if (rc == 0 || rc == -ENOENT || rc == -EBADMSG)
            rc = zones_write(g, zone, &file, &z, ZONES_ANEW, force, ret);
        zone_now_close(&z);
        zonefile_close(&file);
    }
    return rc < 0 ? ledger_say(g, EX_IOERR, "zone %s: %s", zone, strerror(-rc)) : rc;
}
