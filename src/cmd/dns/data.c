/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What both ways of loading share: who owns what, and the judging of an image. */
#include "cmd/dns/data_priv.h"
#include "cmd/dns/where.h"

#include "io/datadir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct data_image *data_image_ref(struct data_image *im)
{
    im->refs++;
    return im;
}

void data_shared_unref(struct data_shared **pd)
{
    struct data_shared *d = *pd;

    *pd = NULL;
    if (!d || --d->refs)
        return;
    zonefile_unmap(&d->map);
    free(d);
}

void data_image_unref(struct data_image **pim)
{
    struct data_image *im = *pim;

    *pim = NULL;
    if (!im || --im->refs)
        return;
    zone_patterns_free(im->patterns);
    if (im->map.bytes.p)
        zonefile_unmap(&im->map);
    data_shared_unref(&im->shared);
    free(im->memory);
    free(im);
}

struct loaded *loaded_new(size_t sources)
{
    struct loaded *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->refs = 1;
    buf_init(&l->remarks, 1 << 20);
    buf_init(&l->accepted, DATA_WHY_MAX);
    l->sources = calloc(sources + 1, sizeof(l->sources[0]));
    if (!l->sources) {
        free(l);
        return NULL;
    }
    return l;
}

struct loaded *loaded_ref(struct loaded *l)
{
    l->refs++;
    return l;
}

void loaded_unref(struct loaded **pl)
{
    struct loaded *l = *pl;

    *pl = NULL;
    if (!l || --l->refs)
        return;
    for (size_t i = 0; i < l->count; i++) {
        zone_overlay_free(l->sources[i].overlay);
        data_image_unref(&l->sources[i].image);
    }
    zone_acl_free(l->acl);
    buf_deinit(&l->remarks);
    buf_deinit(&l->accepted);
    free(l->sources);
    free(l);
}

void data_result_deinit(struct data_result *r)
{
    loaded_unref(&r->loaded);
    buf_deinit(&r->remarks);
}

void data_say(struct data_result *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->why, sizeof(r->why), fmt, ap);
    va_end(ap);
}

uint64_t data_entries(const struct zone_image *im)
{
    const struct zone_image_counts *c = &im->counts;

    return c->v4_single + c->v4_range + c->v6_half + c->v6_full + c->v6_range + c->names +
           c->patterns + c->records;
}

static const struct zone_image *image_of(const struct loaded *l, const struct zone_rname *sub)
{
    for (size_t i = 0; l && i < l->count; i++)
        if (zone_rname_cmp(l->sources[i].sub.b, l->sources[i].sub.n, sub->b, sub->n) == 0)
            return &l->sources[i].image->image;
    return NULL;
}

bool data_sane(const struct site *s, const struct site_zone *z, const struct zone_rname *sub,
               const struct zone_image *im, const struct loaded *before, int64_t now_wall,
               char why[DATA_WHY_MAX], bool *ret_accepted)
{
    struct zone_limits limits = site_limits(s, z);
    struct zone_finding finding, everybody;
    struct buf text = BUF_INIT(4 * DATA_WHY_MAX);
    char name[DNS_NAME_TEXT_MAX];
    bool accept;

    if (zone_sanity(im, image_of(before, sub), &limits, now_wall, &finding) == ZONE_SANE)
        return true;
    accept = z->accept && finding.what != ZONE_INSANE_ALL &&
             zone_sanity_all(im, &everybody) == ZONE_SANE;
    if (z->accept && !accept)
        finding = finding.what == ZONE_INSANE_ALL ? finding : everybody;
    zone_rname_text(sub->b, sub->n, name);
    if (*name)
        buf_addf(&text, "%s: ", name);
    where_tell(z, &finding, &text);
    snprintf(why, DATA_WHY_MAX, "%s", buf_str(&text));
    buf_deinit(&text);
    *ret_accepted = accept;
    return accept;
}

void data_sum(struct loaded *l)
{
    l->entries = 0;
    l->expires_wall = 0;
    for (size_t i = 0; i < l->count; i++) {
        const struct zone_image *im = &l->sources[i].image->image;
        int64_t end = im->meta.expires_wall;

        l->entries += data_entries(im);
        if (end && (!l->expires_wall || end < l->expires_wall))
            l->expires_wall = end;
    }
}

bool data_verify(const struct site *s, const struct site_zone *z, const struct loaded *l,
                 int64_t now_wall, char why[DATA_WHY_MAX])
{
    for (size_t i = 0; i < l->count; i++) {
        const struct data_source *source = &l->sources[i];
        enum zone_image_got got = zone_image_verify(&source->image->image);
        bool accepted = false;

        if (got != ZONE_IMAGE_OK) {
            snprintf(why, DATA_WHY_MAX, "image: %s", zone_image_got_name(got));
            return false;
        }
        if (!data_sane(s, z, &source->sub, &source->image->image, NULL, now_wall, why, &accepted))
            return false;
    }
    return true;
}

static int64_t ns_of(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct data_stamp data_stamp_of(const struct stat *st)
{
    return (struct data_stamp){.device = st->st_dev,
                               .inode = st->st_ino,
                               .size = st->st_size,
                               .mtime_ns = ns_of(st->st_mtim),
                               .ctime_ns = ns_of(st->st_ctim)};
}

struct data_stamp *data_stamps(const struct site *s, const struct site_zone *z, size_t *ret_count)
{
    char folder[DATADIR_PATH_MAX], image[DATADIR_PATH_MAX];
    struct data_stamp *all;
    size_t n = z->own ? 1 : 0, at = 0;
    struct stat st;

    for (size_t d = 0; d < z->dataset_count; d++)
        n += z->datasets[d].file_count;
    all = calloc(n + 1, sizeof(*all));
    *ret_count = n;
    if (!all)
        return NULL;
    if (z->own && data_folder(s, z, folder) && datadir_join(folder, "image", image) &&
        stat(image, &st) == 0)
        all[0] = data_stamp_of(&st);
    for (size_t d = 0; d < z->dataset_count; d++)
        for (size_t f = 0; f < z->datasets[d].file_count; f++, at++)
            if (stat(z->datasets[d].files[f], &st) == 0)
                all[at] = data_stamp_of(&st);
    return all;
}
