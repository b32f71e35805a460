/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Zones that stand beside our own list: other people's lists, and names of dynamic space. They have
 * a folder of their own under <state>/zones/, no evidence, no class of ours, and say where they
 * come from; none of their entries is ever a proved listing, and a zone of the list itself is never
 * written here.
 */
#ifndef POSTERN_CMD_LIST_OTHERS_H
#define POSTERN_CMD_LIST_OTHERS_H

#include "cmd/list/list.h"
#include "zone/image.h"
#include "zone/sanity.h"

#define OTHERS_ORIGIN "origin" /* the fact that marks such a zone: "import", "dynamic" */

enum { OTHERS_TTL = 900 }; /* seconds, where the list tells none */

struct others_zone {
    const char *program;
    const char *state;  /* --state */
    const char *own;    /* the zone of our own list, or NULL: neither it nor what is below it */
    const char *name;   /* under which it is served */
    const char *origin; /* "import", "dynamic" */
    const char *source; /* as it was given; kept as a fact */
    int64_t now_wall;
    int64_t keep_s; /* seconds until it goes out by itself, unless the data say sooner */
    struct zone_limits limits;
    bool force; /* let it grow or shrink as it likes */
};

struct others_made {
    uint32_t serial;
    uint64_t octets;
    struct zone_image_counts counts;
};

/* Is the name fit for such a zone? 0, or an exit status with the reason printed. */
int others_name(const struct others_zone *z);
/* Would the image be put in place of what is there? As others_publish(), but changes nothing. */
int others_check(const struct others_zone *z, const struct zone_image *image);
/*
 * Compiles the data, looks at it as the server would, and puts it in place; the zone that was there
 * stays when it is refused. Changes the data's meta. 0, or an exit status with the reason printed.
 */
int others_publish(const struct others_zone *z, struct zone_data *data, struct others_made *ret);

int verb_compare(int argc, char **argv);
int verb_import(int argc, char **argv);
int verb_export(int argc, char **argv);
int verb_dynamic(int argc, char **argv);
int verb_notice(int argc, char **argv);

#endif
