/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What following and compiling share. */
#ifndef POSTERN_CMD_LIST_ZONES_PRIV_H
#define POSTERN_CMD_LIST_ZONES_PRIV_H

#include "base/num.h"
#include "cmd/list/zones.h"
#include "io/zonefile.h"
#include "zone/view.h"

#include <strings.h>

#define ZONES_IMAGE_MAX (UINT64_C(16) << 30)

enum { ZONES_JOURNAL_READ_MAX = 1 << 30 };

/* The files of a zone as they are: image, journal, and both together. */
struct zone_now {
    struct zonefile_map map;
    bool mapped;
    struct zone_image image;
    struct buf journal_text;
    struct zone_journal journal;
    bool no_journal; /* there is none, or none that goes with the image */
    bool full;       /* the overlay cannot hold it, or lacks a class: an image is due */
    struct zone_overlay *overlay;
    struct zone_view view;
};

/* -ENOENT without an image, -EBADMSG for one that cannot be used. Close it whatever it says. */
int zone_now_open(const char *folder, struct zone_now *z);
int zone_now_overlay(struct zone_now *z);
void zone_now_close(struct zone_now *z);
void zone_now_said(const struct zone_now *z, struct ip ip, struct zones_said *ret);

uint16_t zones_class_id(const struct list_class *c);
/* Whether listings of the class are served in that zone. */
bool zones_of_zone(const struct ledger *g, const struct list_class *c, const char *zone);

enum zones_how {
    ZONES_SAME, /* says what image and journal say already: the journal's serial, and it goes on */
    ZONES_ANEW, /* a serial of its own, and a journal that begins with it */
};

/* Writes the image from the store. `z` is what there was. 0, -errno, or an exit status, told. */
int zones_write(struct ledger *g, const char *zone, struct zonefile *file, const struct zone_now *z,
                enum zones_how how, bool force, struct zones_made *ret);
/* The overlay is large: reads the files again, writes the image, trims the journal. */
int zones_renew(struct ledger *g, const char *zone, const char *folder, struct zonefile *file,
                struct zone_now *z);

#endif
