/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A unit is loaded by one job at a time. What changes meanwhile is noted, and loaded again behind
 * it: which state a job has read is not to be guessed.
 *
 * A file that is being written is told of many times. It is read when its writer closes it or moves
 * it into place; for writers that keep it open there is the look every minute (check-files).
 */
#include "cmd/dns/units.h"

#include "io/datadir.h"
#include "io/log.h"

#include <errno.h>
#include <stdlib.h>

enum { RETRY = 5000 /* ms, after a failure that is no fault of the data */ };

struct load {
    struct job job; /* first */
    struct hub *hub;
    struct site *site;
    const struct site_zone *zone;
    char *key;
    struct loaded *before;
    bool verify; /* only the rest of the check of `before` */
    bool good;
    struct data_result result;
};

struct unit *unit_of(const struct hub *h, const struct site_zone *z)
{
    for (size_t i = 0; i < h->unit_count; i++)
        if (strcmp(h->units[i]->key, z->unit) == 0)
            return h->units[i];
    return NULL;
}

static struct unit *unit_named(const struct hub *h, const char *key)
{
    for (size_t i = 0; i < h->unit_count; i++)
        if (strcmp(h->units[i]->key, key) == 0)
            return h->units[i];
    return NULL;
}

/* --- results ---------------------------------------------------------------------------------- */

static void log_remarks(const struct unit *u, const struct data_result *r)
{
    struct span rest = buf_span(&r->remarks), line;

    while (span_cut(&rest, '\n', &line))
        if (line.n)
            log_warn("data", "zone", u->zone->text, "text", LOG_SPAN(line), NULL);
    if (r->skipped)
        log_warn("data", "zone", u->zone->text, "lines-left-out", LOG_NUM((int64_t)r->skipped),
                 NULL);
}

static void refuse(struct hub *h, struct unit *u, const struct data_result *r)
{
    h->refused++;
    u->failed = true;
    log_error("zone", "zone", u->zone->text, "result", "refused", "text", r->why, "served",
              u->now && !u->expired ? "the data before" : "nothing", NULL);
    if (r->again)
        u->retry_at = loop_now(h->loop) + RETRY;
}

/* Takes what was loaded. */
static void take(struct hub *h, struct unit *u, struct data_result *r)
{
    log_remarks(u, r);
    if (!r->loaded) {
        refuse(h, u, r);
        return;
    }
    if (r->accepted)
        log_warn("zone", "zone", u->zone->text, "result", "accepted", "text", r->why, NULL);
    if (u->before)
        loaded_unref(&u->now);
    else
        u->before = u->now;
    u->now = r->loaded;
    r->loaded = NULL;
    u->fresh = true;
    u->failed = u->expired = false;
    u->loaded_wall = loop_wall();
    h->loads++;
    log_info("zone", "zone", u->zone->text, "result", "loaded", "entries",
             LOG_NUM((int64_t)u->now->entries), "ms", LOG_NUM(r->took_ms), NULL);
}

void unit_take_back(struct unit *u)
{
    loaded_unref(&u->now);
    u->now = u->before;
    u->before = NULL;
    u->fresh = false;
    u->failed = true;
}

void unit_settle(struct unit *u)
{
    u->fresh = false;
    loaded_unref(&u->before);
}

/* --- jobs ------------------------------------------------------------------------------------- */

static void run(struct job *j)
{
    struct load *l = (struct load *)j;
    int64_t wall = loop_wall();

    if (l->verify)
        l->good = data_verify_own(l->site, l->zone, l->before, wall, l->result.why);
    else if (l->zone->own)
        data_load_own(l->site, l->zone, l->before, true, wall, &l->result);
    else
        data_load_files(l->site, l->zone, l->before, wall, &l->result);
}

static void tell_ready(struct hub *h)
{
    size_t good = 0;

    if (h->ready || h->stopping || (h->first && loader_busy(h->first)))
        return;
    h->ready = true;
    for (size_t i = 0; i < h->site->zone_count; i++) {
        const struct unit *u = unit_of(h, &h->site->zones[i]);

        good += u && u->now;
    }
    log_info("ready", "zones", LOG_NUM((int64_t)h->site->zone_count), "served",
             LOG_NUM((int64_t)good), NULL);
}

static void order(struct hub *h, struct unit *u, bool verify, bool soon);

/* The rest of the check was bad: what is served must not be. */
static void end_verify(struct hub *h, struct unit *u, const struct load *l)
{
    u->verified = l->good;
    if (l->good || u->now != l->before)
        return;
    h->refused++;
    log_error("zone", "zone", u->zone->text, "result", "refused", "text", l->result.why, "served",
              "nothing", NULL);
    loaded_unref(&u->now);
    hub_publish(h);
}

static void done(struct job *j)
{
    struct load *l = (struct load *)j;
    struct hub *h = l->hub;
    struct unit *u = h->stopping ? NULL : unit_named(h, l->key);

    if (u) {
        u->loading = false;
        if (l->verify)
            end_verify(h, u, l);
        else
            take(h, u, &l->result);
        if (u->fresh)
            hub_publish(h);
        if (u->stale)
            order(h, u, false, false);
        else if (u->zone->own)
            unit_look(h, u); /* the journal may have grown meanwhile */
        tell_ready(h);
    }
    data_result_deinit(&l->result);
    loaded_unref(&l->before);
    site_unref(&l->site);
    free(l->key);
    free(l);
}

static void stamp(const struct hub *h, struct unit *u)
{
    free(u->stamps);
    u->stamps = data_stamps(h->site, u->zone, &u->stamp_count);
}

/* Since they were last tried, with whatever success. */
static bool files_changed(const struct hub *h, const struct unit *u)
{
    size_t count;
    struct data_stamp *now = data_stamps(h->site, u->zone, &count);
    bool changed = now && (count != u->stamp_count || !u->stamps ||
                           memcmp(now, u->stamps, count * sizeof(*now)) != 0);

    free(now);
    return changed;
}

static void order(struct hub *h, struct unit *u, bool verify, bool soon)
{
    struct load *l;

    if (u->loading) {
        u->stale = true;
        return;
    }
    u->stale = false;
    u->retry_at = 0;
    l = calloc(1, sizeof(*l));
    if (!l || !(l->key = strdup(u->key))) {
        free(l);
        u->retry_at = loop_now(h->loop) + RETRY;
        return;
    }
    /* Before it is read: what changes from now on is seen by the next look. */
    stamp(h, u);
    l->job = (struct job){.run = run, .done = done};
    l->hub = h;
    l->site = site_ref(h->site);
    l->zone = u->zone;
    l->before = u->now ? loaded_ref(u->now) : NULL;
    l->verify = verify;
    u->loading = true;
    loader_add(soon && h->first ? h->first : h->loader, &l->job);
}

/* --- changes ---------------------------------------------------------------------------------- */

static void look_own(struct hub *h, struct unit *u)
{
    struct loaded *newer = NULL;
    char why[DATA_WHY_MAX];

    if (u->now) {
        switch (data_follow_own(h->site, u->zone, u->now, &newer, why)) {
        case DATA_NEWER:
            loaded_unref(&u->now);
            u->now = newer;
            hub_publish(h);
            break;
        case DATA_BAD:
            log_error("zone", "zone", u->zone->text, "result", "journal", "text", why, "served",
                      "the data before", NULL);
            break;
        case DATA_SAME:
        case DATA_IMAGE:
            break;
        }
    }
    if (files_changed(h, u))
        order(h, u, false, false);
}

void unit_look(struct hub *h, struct unit *u)
{
    if (h->stopping)
        return;
    if (u->zone->own)
        look_own(h, u);
    else if (files_changed(h, u))
        order(h, u, false, false);
}

void units_retry(struct hub *h, int64_t now)
{
    for (size_t i = 0; i < h->unit_count; i++)
        if (h->units[i]->retry_at && now >= h->units[i]->retry_at)
            order(h, h->units[i], false, false);
}

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

/* --- the units -------------------------------------------------------------------------------- */

static void free_unit(struct unit *u)
{
    if (!u)
        return;
    loaded_unref(&u->now);
    loaded_unref(&u->before);
    free(u->stamps);
    free(u->folders);
    free(u->key);
    free(u);
}

void units_free(struct hub *h)
{
    for (size_t i = 0; i < h->unit_count; i++)
        free_unit(h->units[i]);
    free(h->units);
    h->units = NULL;
    h->unit_count = 0;
}

static struct unit *new_unit(const struct hub *h, const struct site_zone *z)
{
    struct unit *u = calloc(1, sizeof(*u));

    if (!u || !(u->key = strdup(z->unit))) {
        free(u);
        return NULL;
    }
    u->folder = -1;
    /* A zone that is made of other files now keeps what it has until they are read. */
    for (size_t i = 0; i < h->unit_count; i++)
        if (h->units[i]->now && dns_name_eq(&h->units[i]->zone->name, &z->name) && !z->own &&
            !h->units[i]->zone->own)
            u->now = loaded_ref(h->units[i]->now);
    return u;
}

int units_make(struct hub *h)
{
    struct unit **units = calloc(h->site->zone_count + 1, sizeof(struct unit *));
    size_t n = 0;

    for (size_t i = 0; units && i < h->site->zone_count; i++) {
        const struct site_zone *z = &h->site->zones[i];
        bool have = false;

        for (size_t k = 0; k < n; k++)
            have = have || strcmp(units[k]->key, z->unit) == 0;
        if (have)
            continue;
        units[n] = unit_named(h, z->unit) ? unit_named(h, z->unit) : new_unit(h, z);
        if (!units[n])
            return -ENOMEM; /* at the start; a reload's units are few and small */
        n++;
    }
    if (!units)
        return -ENOMEM;
    for (size_t i = 0; i < h->unit_count; i++) {
        bool kept = false;

        for (size_t k = 0; k < n; k++)
            kept = kept || units[k] == h->units[i];
        if (!kept)
            free_unit(h->units[i]);
    }
    free(h->units);
    h->units = units;
    h->unit_count = n;
    for (size_t k = n; k-- > 0;)
        for (size_t i = h->site->zone_count; i-- > 0;)
            if (strcmp(units[k]->key, h->site->zones[i].unit) == 0)
                units[k]->zone = &h->site->zones[i];
    return 0;
}

void units_load_own(struct hub *h)
{
    for (size_t i = 0; i < h->unit_count; i++) {
        struct unit *u = h->units[i];
        struct data_result r;

        if (!u->zone->own || u->now)
            continue;
        stamp(h, u);
        data_load_own(h->site, u->zone, NULL, false, loop_wall(), &r);
        take(h, u, &r);
        data_result_deinit(&r);
    }
}

void units_load_rest(struct hub *h)
{
    for (size_t i = 0; i < h->unit_count; i++) {
        struct unit *u = h->units[i];

        if (u->zone->own && u->now && !u->verified)
            order(h, u, true, false);
        else if (!u->stamps)
            order(h, u, false, !h->ready);
    }
    tell_ready(h);
}
