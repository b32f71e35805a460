/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the kernel tells of folders, and whose files lie there.
 *
 * A file that is being written is told of many times. It is read when its writer closes it or moves
 * it into place; for writers that keep it open there is the look every minute (check-files).
 */
#include "cmd/dns/units.h"

#include "io/datadir.h"

#include <stdlib.h>

void units_on_notice(void *cookie, int folder, const char *name, enum notice_what what)
{
    struct hub *h = cookie;

    if (folder == h->parents[0] || folder == h->parents[1])
        units_watch(h);
    for (size_t i = 0; i < h->unit_count; i++) {
        struct unit *u = h->units[i];
        bool its = u->folder == folder;

        for (size_t f = 0; f < u->folder_count; f++)
            its = its || u->folders[f] == folder;
        if (!its && what != NOTICE_LOST)
            continue;
        /* Of a file only its end is of interest, of a journal every record. */
        if (u->zone->own
                ? strcmp(name, "journal") == 0 || strcmp(name, "image") == 0 || what == NOTICE_LOST
                : what != NOTICE_WRITTEN)
            unit_look(h, u);
    }
}

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

static void watch_files(struct hub *h, struct unit *u)
{
    size_t cap = 0;

    if (u->folder_count)
        return;
    for (size_t d = 0; d < u->zone->dataset_count; d++)
        for (size_t f = 0; f < u->zone->datasets[d].file_count; f++) {
            struct span path = span_str(u->zone->datasets[d].files[f]);
            size_t slash = span_rfind(path, '/');
            char folder[DATADIR_PATH_MAX] = ".";
            int got;

            if (slash < path.n &&
                !span_copy(span_slice(path, 0, slash ? slash : 1), folder, sizeof(folder)))
                continue;
            got = notice_add(h->notice, folder);
            if (got >= 0 && array_grow(&u->folders, &cap, sizeof(int), u->folder_count + 1) == 0)
                u->folders[u->folder_count++] = got;
        }
}

void units_watch(struct hub *h)
{
    for (size_t i = 0; h->notice && i < h->unit_count; i++) {
        if (h->units[i]->zone->own)
            watch_own(h, h->units[i]);
        else
            watch_files(h, h->units[i]);
    }
}
