/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A zone that postern list keeps: an image that is mapped, and a journal of what has changed since.
 * Only read here, without a lock; zone/journal.h has the order in which both are written, and why
 * whatever is found on the way is a whole state.
 *
 * At the start the image is served once its header is checked, within a millisecond for any size,
 * and read whole behind the first answers (data_verify). One that comes later is read whole
 * before it takes the old one's place.
 */
#include "cmd/dns/data_priv.h"
#include "io/datadir.h"
#include "io/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLASSES_MAX = 1024 };

#define IMAGE_MAX ((uint64_t)1 << 38)

bool data_folder(const struct site *s, const struct site_zone *z, char ret[4096])
{
    char zones[DATADIR_PATH_MAX];

    return s->state[0] && datadir_join(s->state, "zones", zones) &&
           datadir_join(zones, z->text, ret);
}

static bool say(char why[DATA_WHY_MAX], const char *what, const char *how)
{
    snprintf(why, DATA_WHY_MAX, "%s: %s", what, how);
    return false;
}

/* --- image ------------------------------------------------------------------------------------ */

static bool open_image(const char *folder, const struct site_zone *z, struct data_image **ret,
                       char why[DATA_WHY_MAX])
{
    struct data_image *im = calloc(1, sizeof(*im));
    enum zone_image_got got;
    char bad[128];
    size_t at;
    int r = im ? zonefile_map(folder, "image", IMAGE_MAX, &im->map) : -ENOMEM;

    if (r < 0) {
        free(im);
        if (r == -ENOENT)
            return say(why, "there is no image yet", "postern list makes it");
        return say(why, "image", strerror(-r));
    }
    im->refs = 1;
    *ret = im;
    got = zone_image_open(im->map.bytes, &im->image);
    if (got != ZONE_IMAGE_OK)
        return say(why, "image", zone_image_got_name(got));
    if (im->image.meta.zone.n && !dns_name_eq(&im->image.meta.zone, &z->name))
        return say(why, "image", "is another zone's");
    r = zone_patterns_new(&im->image, &im->patterns, &at, bad);
    return r == 0 || say(why, "patterns", r < 0 ? strerror(-r) : bad);
}

/* Values that are in the image, listed or not: each has a test entry (RFC 5782 §5). */
static void find_codes(struct loaded *l, const struct zone_image *im)
{
    struct zone_said said;
    struct zone_hit hit;

    for (unsigned id = 1; id < CLASSES_MAX && l->code_count < ZONE_CODES_MAX; id++)
        if (zone_image_class(im, (uint16_t)id, 0, &hit) && zone_image_said(im, hit, 0, &said) &&
            said.a)
            l->codes[l->code_count++].a = said.a;
}

/* --- journal ---------------------------------------------------------------------------------- */

/* Follows on from `old` (NULL: from the image). DATA_SAME leaves *ret alone. */
static enum data_follow apply(const char *folder, const struct data_image *im,
                              const struct zone_overlay *old, struct zone_overlay **ret,
                              char why[DATA_WHY_MAX])
{
    uint32_t serial = old ? zone_overlay_serial(old) : im->image.meta.serial;
    enum data_follow found = DATA_NEWER;
    struct zonefile_map map;
    struct zone_journal j;
    enum zone_journal_got got;
    int r = zonefile_map(folder, "journal", DATA_JOURNAL_MAX, &map);

    if (r == -ENOENT)
        return DATA_SAME;
    if (r < 0) {
        say(why, "journal", strerror(-r));
        return DATA_BAD;
    }
    got = zone_journal_open(map.bytes, &j);
    if (got != ZONE_JOURNAL_END && got != ZONE_JOURNAL_TORN) {
        say(why, "journal", zone_journal_got_name(got));
        found = DATA_BAD;
    } else if (j.last == serial || !zone_serial_after(j.last, serial)) {
        found = DATA_SAME;
    } else if (!zone_journal_seek(&j, serial)) {
        say(why, "journal", "it begins after what is served");
        found = DATA_IMAGE;
    } else if ((r = zone_overlay_new(&im->image, old, &j, ret)) != ZONE_OVERLAY_OK) {
        say(why, "journal",
            r == ZONE_OVERLAY_FULL    ? "it holds too many changes: postern list is to compile"
            : r == ZONE_OVERLAY_CLASS ? "it has a class that the image does not know"
                                      : strerror(-r));
        found = r == ZONE_OVERLAY_CLASS ? DATA_IMAGE : DATA_BAD;
    }
    zonefile_unmap(&map);
    return found;
}

/* --- both ------------------------------------------------------------------------------------- */

void data_load_own(const struct site *s, const struct site_zone *z, const struct loaded *before,
                   bool whole, int64_t now_wall, struct data_result *ret)
{
    int64_t began = loop_clock();
    struct data_source *source;
    char folder[DATADIR_PATH_MAX];
    struct loaded *l = loaded_new(1);
    bool fine = l != NULL;

    *ret = (struct data_result){.remarks = BUF_INIT(1 << 20)};
    if (!l) {
        data_say(ret, "out of memory");
        return;
    }
    source = &l->sources[0];
    if (!data_folder(s, z, folder)) {
        data_say(ret, "no state folder could be found: name it with --state");
        fine = false;
    }
    fine = fine && open_image(folder, z, &source->image, ret->why);
    l->count = source->image != NULL;
    if (fine && whole) {
        enum zone_image_got got = zone_image_verify(&source->image->image);

        fine = got == ZONE_IMAGE_OK || say(ret->why, "image", zone_image_got_name(got));
        /* What a journal has changed is not in the image that this one would be held against. */
        if (before && before->count && before->sources[0].overlay)
            before = NULL;
        fine = fine && data_sane(s, z, &source->sub, &source->image->image, before, now_wall,
                                 ret->why, &ret->accepted);
    }
    if (fine) {
        enum data_follow got = apply(folder, source->image, NULL, &source->overlay, ret->why);

        fine = got == DATA_SAME || got == DATA_NEWER;
    }
    if (fine) {
        find_codes(l, &source->image->image);
        data_sum(l);
        ret->loaded = l;
    } else {
        loaded_unref(&l);
    }
    ret->took_ms = loop_clock() - began;
}

/* The same with another overlay. */
static struct loaded *with_overlay(const struct loaded *now, struct zone_overlay *overlay)
{
    struct loaded *l = loaded_new(1);

    if (!l)
        return NULL;
    l->count = 1;
    l->sources[0] =
        (struct data_source){.image = data_image_ref(now->sources[0].image), .overlay = overlay};
    l->expires_wall = now->expires_wall;
    l->entries = now->entries;
    memcpy(l->codes, now->codes, sizeof(l->codes));
    l->code_count = now->code_count;
    return l;
}

enum data_follow data_follow_own(const struct site *s, const struct site_zone *z,
                                 const struct loaded *now, struct loaded **ret,
                                 char why[DATA_WHY_MAX])
{
    struct data_image *im = now->sources[0].image;
    struct zone_overlay *overlay = NULL;
    char folder[DATADIR_PATH_MAX];
    enum data_follow got;

    if (!data_folder(s, z, folder))
        return DATA_SAME;
    if (zonefile_changed(folder, "image", &im->map) == 1)
        got = DATA_IMAGE;
    else
        got = DATA_SAME;
    /* A journal is followed even where a new image waits: a change is not to wait for it. */
    switch (apply(folder, im, now->sources[0].overlay, &overlay, why)) {
    case DATA_SAME:
        return got;
    case DATA_NEWER:
        *ret = with_overlay(now, overlay);
        if (*ret)
            return DATA_NEWER;
        zone_overlay_free(overlay);
        say(why, "journal", "out of memory");
        return DATA_BAD;
    case DATA_IMAGE:
        return DATA_IMAGE;
    case DATA_BAD:
        return got == DATA_IMAGE ? got : DATA_BAD;
    }
    return DATA_BAD;
}
