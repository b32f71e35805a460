/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a dataset: an outline of its files (rbl_special.c), then the entries of each part
 * (rbl_entry.c), then a verdict. The verdict comes last because it needs all the counts; what was
 * read until then is not to be served when it is bad, and the caller still has what it served
 * before.
 */
#include "zone/rbl_priv.h"

#include <errno.h>
#include <stdlib.h>

static const char *const type_names[ZONE_RBL_TYPES] = {
    [ZONE_RBL_IP4SET] = "ip4set",   [ZONE_RBL_IP4TRIE] = "ip4trie",
    [ZONE_RBL_IP4TSET] = "ip4tset", [ZONE_RBL_IP6TRIE] = "ip6trie",
    [ZONE_RBL_IP6TSET] = "ip6tset", [ZONE_RBL_DNSET] = "dnset",
    [ZONE_RBL_GENERIC] = "generic", [ZONE_RBL_COMBINED] = "combined",
    [ZONE_RBL_ACL] = "acl",
};

const char *zone_rbl_type_name(enum zone_rbl_type type)
{
    return (unsigned)type < ZONE_RBL_TYPES ? type_names[type] : NULL;
}

bool zone_rbl_type_of(struct span name, enum zone_rbl_type *ret)
{
    for (unsigned i = 0; i < ZONE_RBL_TYPES; i++) {
        if (span_eq(name, span_str(type_names[i]))) {
            *ret = (enum zone_rbl_type)i;
            return true;
        }
    }
    return false;
}

int zone_rbl_zone(struct zone_rbl_zones *zones, const struct zone_rname *sub, size_t *ret)
{
    for (size_t i = 0; i < zones->n; i++) {
        const struct zone_rname *key = &zones->v[i]->sub;

        if (zone_rname_cmp(key->b, key->n, sub->b, sub->n) == 0) {
            *ret = i;
            return 0;
        }
    }
    if (zones->n == ZONE_RBL_SUBZONES_MAX)
        return -E2BIG;
    struct zone_rbl_zone *zone = malloc(sizeof(*zone));

    if (!zone || array_grow(&zones->v, &zones->cap, sizeof(zones->v[0]), zones->n + 1) < 0) {
        free(zone);
        return -ENOMEM;
    }
    zone->sub = *sub;
    zone_data_init(&zone->data);
    *ret = zones->n;
    zones->v[zones->n++] = zone;
    return 0;
}

void zone_rbl_zones_deinit(struct zone_rbl_zones *zones)
{
    for (size_t i = 0; i < zones->n; i++) {
        zone_data_deinit(&zones->v[i]->data);
        free(zones->v[i]);
    }
    free(zones->v);
    *zones = (struct zone_rbl_zones){0};
}

static void work_deinit(struct zone_rbl_work *w)
{
    for (size_t i = 0; i < w->set_count; i++) {
        free(w->sets[i]->parts);
        free(w->sets[i]->zones);
        free(w->sets[i]);
    }
    free(w->sets);
    buf_deinit(&w->text);
}

/* The entries of a set into each of its zones; only the first time is anything said of them. */
static int fill(struct zone_rbl_work *w, const struct zone_rbl_set *set)
{
    int r = 0;
    uint64_t good = w->good;

    for (size_t i = 0; r == 0 && i < set->zone_count; i++) {
        w->quiet = i > 0;
        w->good = good;
        r = zone_rbl_entries(w, set, &w->zones->v[set->zones[i]]->data);
    }
    w->quiet = false;
    return r;
}

/* What the $ lines said, where an earlier dataset has not said it. */
static void merge_meta(struct zone_meta *m, const struct zone_meta *add)
{
    if (!m->has_soa && add->has_soa) {
        m->has_soa = true;
        m->soa = add->soa;
        m->soa_ttl = add->soa_ttl;
    }
    if (!m->ns_count && add->ns_count) {
        m->ns_count = add->ns_count;
        m->ns_ttl = add->ns_ttl;
        memcpy(m->ns, add->ns, sizeof(m->ns));
    }
    if (add->created_wall > m->created_wall)
        m->created_wall = add->created_wall;
    if (add->expires_wall && (!m->expires_wall || add->expires_wall < m->expires_wall))
        m->expires_wall = add->expires_wall;
    if (add->serial > m->serial)
        m->serial = add->serial;
}

static int verdict(struct zone_rbl_work *w)
{
    bool mostly_bad = w->bad >= ZONE_RBL_BAD_MIN && w->bad > w->good;

    w->line = 0;
    if (mostly_bad)
        return zone_rbl_refuse(w, SPAN_NULL, "more bad lines than good ones",
                               "is it a file of this type? fetch it again");
    if (w->bad && w->options->strict)
        return zone_rbl_refuse(w, SPAN_NULL, "bad lines", "mend them, or read it without strict");
    return ZONE_RBL_OK;
}

static int read_sets(struct zone_rbl_work *w, const struct zone_rbl_file *files, size_t count)
{
    int r = 0;

    for (size_t i = 0; i < count; i++)
        if (files[i].mtime_wall > w->meta.serial)
            w->meta.serial = (uint32_t)files[i].mtime_wall;
    if (w->meta.has_soa && w->meta.soa.serial == 0)
        w->meta.soa.serial = w->meta.serial;
    for (size_t i = 0; r == 0 && i < w->set_count; i++)
        r = fill(w, w->sets[i]);
    for (size_t i = 0; r == 0 && i < w->zones->n; i++)
        merge_meta(&w->zones->v[i]->data.meta, &w->meta);
    if (r == -E2BIG)
        zone_rbl_refuse(w, SPAN_NULL, "more entries, tables or texts than a zone may have",
                        "split it into several zones");
    return r ? r : verdict(w);
}

int zone_rbl_read(enum zone_rbl_type type, const struct zone_rbl_file *files, size_t count,
                  const struct zone_rbl_options *options, struct zone_rbl_zones *zones,
                  struct zone_remarks *remarks)
{
    struct zone_rbl_work w = {
        .options = options,
        .zones = zones,
        .remarks = remarks,
        .file = count ? files[0].name : "",
        .text = BUF_INIT(ZONE_TEMPLATE_MAX),
    };
    const struct zone_rname self = {0};
    size_t base;
    int r = zone_rbl_zone(zones, &self, &base);

    if (r == 0)
        r = zone_rbl_outline(&w, type, files, count);
    if (r == 0 && !w.combined) {
        w.sets[0]->zones = malloc(sizeof(base));
        if (w.sets[0]->zones)
            w.sets[0]->zones[w.sets[0]->zone_count++] = base;
        else
            r = -ENOMEM;
    }
    if (r == 0)
        r = read_sets(&w, files, count);
    work_deinit(&w);
    return r;
}
