/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel tells of folders, and whose files lie there.
 *
 * A file that is being written is told of many times. It is read when its writer closes it or moves
 * it into place; for writers that keep it open there is the look every minute (check-files).
 *
 * A path may lead over symbolic links, as those that are swapped to put a new release in place, or
 * may end before the file, which its makers have removed and will make again: the folders where
 * such a way may change are watched too, and the way is walked anew after each change.
 */
#include "cmd/dns/units.h"

#include "io/datadir.h"

#include <stdlib.h>

/* --- folders ---------------------------------------------------------------------------------- */

static void watch_own(struct hub *h, struct unit *u)
{
    char folder[DATADIR_PATH_MAX], zones[DATADIR_PATH_MAX];

    if (u->folder >= 0 || !data_folder(h->site, u->zone, folder))
        return;
    u->folder = notice_add(h->notice, folder);
    if (u->folder >= 0) {
        unit_look(h, u);
        return;
    }
    /* Not there yet: it comes into one of these. */
    if (datadir_join(h->site->state, "zones", zones))
        h->parents[1] = notice_add(h->notice, zones);
    if (h->parents[1] < 0)
        h->parents[0] = notice_add(h->notice, h->site->state);
}

static bool has(const int *folders, size_t count, int folder)
{
    for (size_t i = 0; i < count; i++)
        if (folders[i] == folder)
            return true;
    return false;
}

/* A folder that no unit looks at any more; an own zone's is never one of a file. */
static void forget(struct hub *h, int folder)
{
    bool used = folder == h->parents[0] || folder == h->parents[1];

    for (size_t i = 0; i < h->unit_count; i++)
        used = used || h->units[i]->folder == folder ||
               has(h->units[i]->folders, h->units[i]->folder_count, folder);
    if (!used)
        notice_remove(h->notice, folder);
}

static void add_way(struct hub *h, struct unit *u, const char *file)
{
    int found[NOTICE_WAY_MAX];
    bool winding;
    size_t n = notice_add_way(h->notice, file, found, &winding);

    u->winding = u->winding || winding;
    for (size_t i = 0; i < n; i++)
        if (!has(u->folders, u->folder_count, found[i]) &&
            array_grow(&u->folders, &u->folder_cap, sizeof(int), u->folder_count + 1) == 0)
            u->folders[u->folder_count++] = found[i];
}

static void watch_files(struct hub *h, struct unit *u)
{
    int *was = u->folders;
    size_t was_count = u->folder_count;

    u->folders = NULL;
    u->folder_count = u->folder_cap = 0;
    u->winding = false;
    for (size_t d = 0; d < u->zone->dataset_count; d++)
        for (size_t f = 0; f < u->zone->datasets[d].file_count; f++)
            add_way(h, u, u->zone->datasets[d].files[f]);
    for (size_t i = 0; i < was_count; i++)
        if (!has(u->folders, u->folder_count, was[i]))
            forget(h, was[i]);
    free(was);
}

void unit_watch(struct hub *h, struct unit *u)
{
    if (!h->notice)
        return;
    if (u->zone->own)
        watch_own(h, u);
    else
        watch_files(h, u);
}

void units_watch(struct hub *h)
{
    for (size_t i = 0; i < h->unit_count; i++)
        unit_watch(h, h->units[i]);
}

/* --- what is told ----------------------------------------------------------------------------- */

/* What the kernel has lost track of is looked at from the beginning. */
static void lost(struct hub *h, int folder)
{
    for (size_t i = 0; i < h->unit_count; i++) {
        struct unit *u = h->units[i];

        if (u->folder == folder)
            u->folder = -1;
        unit_watch(h, u);
        unit_look(h, u);
    }
}

void units_on_notice(void *cookie, int folder, const char *name, enum notice_what what)
{
    struct hub *h = cookie;

    if (folder == h->parents[0] || folder == h->parents[1])
        units_watch(h);
    if (what == NOTICE_LOST) {
        lost(h, folder);
        return;
    }
    for (size_t i = 0; i < h->unit_count; i++) {
        struct unit *u = h->units[i];

        /* Of a file only its end is of interest, of a journal every record. */
        if (u->zone->own) {
            if (u->folder == folder && (strcmp(name, "journal") == 0 || strcmp(name, "image") == 0))
                unit_look(h, u);
        } else if (what != NOTICE_WRITTEN && has(u->folders, u->folder_count, folder)) {
            if (u->winding)
                unit_watch(h, u);
            unit_look(h, u);
        }
    }
}
