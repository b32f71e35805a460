/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Reading a dataset: an outline of its files (rbl_special.c), then the entries of each part
 * (rbl_entry.c), then a verdict. The verdict comes last because it needs all the counts; what was
 * read until then is not to be served when it is bad, and the caller still has what it served
 * before.
 */
#include "listfile/rbl_priv.h"

#include <errno.h>
#include <stdlib.h>

static const char *const type_names[RBL_TYPES] = {
    [RBL_IP4SET] = "ip4set",   [RBL_IP4TRIE] = "ip4trie",   [RBL_IP4TSET] = "ip4tset",
    [RBL_IP6TRIE] = "ip6trie", [RBL_IP6TSET] = "ip6tset",   [RBL_DNSET] = "dnset",
    [RBL_GENERIC] = "generic", [RBL_COMBINED] = "combined", [RBL_ACL] = "acl",
};

const char *rbl_type_name(enum rbl_type type)
{
    return (unsigned)type < RBL_TYPES ? type_names[type] : NULL;
}

bool rbl_type_of(struct span name, enum rbl_type *ret)
{
    for (unsigned i = 0; i < RBL_TYPES; i++) {
        if (span_eq(name, span_str(type_names[i]))) {
            *ret = (enum rbl_type)i;
            return true;
        }
    }
    return false;
}

int rbl_zone(struct rbl_zones *zones, const struct zone_rname *sub, size_t *ret)
{
    for (size_t i = 0; i < zones->n; i++) {
        const struct zone_rname *key = &zones->v[i]->sub;

        if (zone_rname_cmp(key->b, key->n, sub->b, sub->n) == 0) {
            *ret = i;
            return 0;
        }
    }
    if (zones->n == RBL_SUBZONES_MAX)
        return -E2BIG;
    struct rbl_zone *zone = malloc(sizeof(*zone));

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

void rbl_zones_deinit(struct rbl_zones *zones)
{
    for (size_t i = 0; i < zones->n; i++) {
        zone_data_deinit(&zones->v[i]->data);
        free(zones->v[i]);
    }
    free(zones->v);
    *zones = (struct rbl_zones){0};
}

static void work_deinit(struct rbl_work *w)
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
static int fill(struct rbl_work *w, const struct rbl_set *set)
{
    int r = 0;
    uint64_t good = w->good;

    for (size_t i = 0; r == 0 && i < set->zone_count; i++) {
        w->quiet = i > 0;
        w->good = good;
        r = rbl_entries(w, set, &w->zones->v[set->zones[i]]->data);
    }
    w->quiet = false;
    return r;
}

/*
 * What the $ lines said, where an earlier dataset has not said it. A serial that is the time of the
 * files is that of the newest file of all datasets, whichever has the SOA.
 */
static void merge_meta(struct zone_meta *m, const struct zone_meta *add)
{
    bool timed = m->has_soa ? m->soa.serial == m->serial : add->soa.serial == add->serial;

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
    if (m->has_soa && timed)
        m->soa.serial = m->serial;
}

static int verdict(struct rbl_work *w)
{
    bool mostly_bad = w->bad >= RBL_BAD_MIN && w->bad > w->good;

    w->line = 0;
    if (mostly_bad)
        return rbl_refuse(w, SPAN_NULL, "more bad lines than good ones",
                          "is it a file of this type? fetch it again");
    if (w->bad && w->options->strict)
        return rbl_refuse(w, SPAN_NULL, "bad lines", "mend them, or read it without strict");
    return RBL_OK;
}

static int read_sets(struct rbl_work *w, const struct rbl_file *files, size_t count)
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
        rbl_refuse(w, SPAN_NULL, "more entries, tables or texts than a zone may have",
                   "split it into several zones");
    return r ? r : verdict(w);
}

int rbl_read(enum rbl_type type, const struct rbl_file *files, size_t count,
             const struct rbl_options *options, struct rbl_zones *zones,
             struct zone_remarks *remarks)
{
    struct rbl_work w = {
        .options = options,
        .zones = zones,
        .remarks = remarks,
        .file = count ? files[0].name : "",
        .text = BUF_INIT(ZONE_TEMPLATE_MAX),
    };
    const struct zone_rname self = {0};
    size_t base;
    int r = rbl_zone(zones, &self, &base);

    if (r == 0)
        r = rbl_outline(&w, type, files, count);
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
