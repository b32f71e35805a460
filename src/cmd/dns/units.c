/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A unit is loaded by one job at a time. What changes meanwhile is noted, and loaded again behind
 * it: which state a job has read is not to be guessed.
 *
 * What is mapped from the cache (data_kept.h) is served at once; it is checked whole behind the
 * first answers, or compiled anew where its files are others now. A list that was compiled and
 * published is written to the cache by a thread of its own, which may wait for the disk, and is
 * mapped from there: pages of a file cost nobody memory that is needed elsewhere.
 */
#include "cmd/dns/units.h"

#include "cmd/dns/data_kept.h"
#include "io/log.h"

#include <errno.h>
#include <stdlib.h>

enum {
    RETRY = 5000,        /* ms, after a failure that is no fault of the data */
    KEEP_PAUSE = 600000, /* ms between two times that one list is written to the cache */
};

enum work {
    WORK_LOAD,
    WORK_VERIFY, /* only the rest of the check of `before` */
    WORK_AGAIN,  /* a load, where the files are not what `before` was made of */
    WORK_KEEP,   /* writes `before` to the cache */
    WORK_SWEEP,  /* of no unit: clears the cache up */
};

struct load {
    struct job job; /* first */
    struct hub *hub;
    struct site *site;
    const struct site_zone *zone;
    char *key;
    struct loaded *before;
    enum work work;
    struct data_stamp *stamps; /* owned; of WORK_KEEP */
    size_t stamp_count;
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

bool units_everyone(const struct hub *h, const struct loaded **ret)
{
    const struct site_zone *z = &h->site->everyone;
    const struct unit *u = z->dataset_count ? unit_of(h, z) : NULL;

    *ret = u ? u->now : NULL;
    return z->dataset_count == 0 || *ret;
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

static void take_kept(struct hub *h, struct unit *u)
{
    struct data_result r;
    enum data_kept got =
        data_kept_load(h->site, u->zone, u->stamps, u->stamp_count, loop_wall(), &r);

    if (got == DATA_KEPT_NONE && r.why[0])
        log_warn("cache", "zone", u->zone->text, "result", "ignored", "text", r.why, NULL);
    if (got != DATA_KEPT_NONE) {
        log_info("cache", "zone", u->zone->text, "result", "mapped", "files",
                 got == DATA_KEPT_CURRENT ? "the same" : "changed, to be read", "ms",
                 LOG_NUM(r.took_ms), NULL);
        take(h, u, &r);
        u->kept = got == DATA_KEPT_CURRENT;
    }
    data_result_deinit(&r);
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
    if (u->fresh)
        u->unkept = !u->zone->own && !u->kept && u->zone->name.n;
    u->fresh = false;
    loaded_unref(&u->before);
}

/* --- jobs ------------------------------------------------------------------------------------- */

static void run(struct job *j)
{
    struct load *l = (struct load *)j;
    int64_t wall = loop_wall();

    switch (l->work) {
    case WORK_VERIFY:
        l->good = data_verify(l->site, l->zone, l->before, wall, l->result.why);
        break;
    case WORK_KEEP:
        l->good = data_kept_save(l->site, l->zone, l->before, l->stamps, l->stamp_count, wall,
                                 &l->result);
        break;
    case WORK_SWEEP:
        data_kept_sweep(l->site, wall);
        break;
    case WORK_AGAIN:
        l->good = data_same_files(l->zone, l->before);
        if (!l->good)
            data_load_files(l->site, l->zone, l->before, wall, &l->result);
        break;
    case WORK_LOAD:
        if (l->zone->own)
            data_load_own(l->site, l->zone, l->before, true, wall, &l->result);
        else
            data_load_files(l->site, l->zone, l->before, wall, &l->result);
        break;
    }
}

static void tell_ready(struct hub *h)
{
    const struct loaded *rules;
    size_t good = 0;

    if (h->ready || h->stopping || (h->first && loader_busy(h->first)))
        return;
    h->ready = true;
    for (size_t i = 0; units_everyone(h, &rules) && i < h->site->zone_count; i++) {
        const struct unit *u = unit_of(h, &h->site->zones[i]);

        good += u && u->now;
    }
    log_info("ready", "zones", LOG_NUM((int64_t)h->site->zone_count), "served",
             LOG_NUM((int64_t)good), NULL);
}

static void order(struct hub *h, struct unit *u, enum work work, bool soon);

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
    if (!u->zone->own)
        u->stale = true; /* it was of the cache: the files may be good */
}

/* The same data, in a file that is mapped now: the memory that they were made in may go. */
static void end_keep(struct hub *h, struct unit *u, struct load *l)
{
    u->keeping = false;
    if (!l->good) {
        if (!h->cache_told)
            log_warn("cache", "zone", u->zone->text, "text", l->result.why, "result",
                     "not kept: the next start compiles its files anew", NULL);
        h->cache_told = true;
        return;
    }
    if (l->result.kept)
        log_info("cache", "zone", u->zone->text, "result", "kept", "ms", LOG_NUM(l->result.took_ms),
                 NULL);
    if (!l->result.loaded || u->now != l->before)
        return;
    loaded_unref(&u->now);
    u->now = l->result.loaded;
    l->result.loaded = NULL;
    hub_publish(h);
}

static void end_load(struct hub *h, struct unit *u, struct load *l)
{
    u->loading = false;
    if (l->work == WORK_VERIFY)
        end_verify(h, u, l);
    else if (l->work == WORK_AGAIN && l->good)
        l->before->young = false;
    else
        take(h, u, &l->result);
    if (u->fresh)
        hub_publish(h);
    if (u->stale)
        order(h, u, WORK_LOAD, false);
    else if (u->zone->own || l->work == WORK_VERIFY)
        unit_look(h, u); /* what has changed meanwhile */
    tell_ready(h);
}

static void done(struct job *j)
{
    struct load *l = (struct load *)j;
    struct hub *h = l->hub;
    struct unit *u = h->stopping || !l->key ? NULL : unit_named(h, l->key);

    if (u && l->work == WORK_KEEP)
        end_keep(h, u, l);
    else if (u)
        end_load(h, u, l);
    data_result_deinit(&l->result);
    loaded_unref(&l->before);
    site_unref(&l->site);
    free(l->stamps);
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

/* A job about the unit as it is now; NULL when out of memory. */
static struct load *new_load(struct hub *h, struct unit *u, enum work work)
{
    struct load *l = calloc(1, sizeof(*l));

    if (!l || !(l->key = strdup(u->key))) {
        free(l);
        return NULL;
    }
    l->job = (struct job){.run = run, .done = done};
    l->hub = h;
    l->site = site_ref(h->site);
    l->zone = u->zone;
    l->before = u->now ? loaded_ref(u->now) : NULL;
    l->work = work;
    return l;
}

static void order(struct hub *h, struct unit *u, enum work work, bool soon)
{
    struct load *l;

    if (u->loading) {
        u->stale = true;
        return;
    }
    u->stale = false;
    u->retry_at = 0;
    l = new_load(h, u, work);
    if (!l) {
        u->retry_at = loop_now(h->loop) + RETRY;
        return;
    }
    /* Before it is read: what changes from now on is seen by the next look. */
    if (work == WORK_LOAD || work == WORK_AGAIN)
        stamp(h, u);
    u->kept = u->kept && work == WORK_VERIFY;
    u->loading = true;
    loader_add(soon && h->first ? h->first : h->loader, &l->job);
}

/* --- the cache -------------------------------------------------------------------------------- */

static bool to_be_kept(const struct hub *h, const struct unit *u, int64_t now)
{
    return u->unkept && u->now && !u->now->young && !u->loading && !u->keeping && !u->expired &&
           now >= u->keep_at && u->stamps;
}

static void keep(struct hub *h, struct unit *u, int64_t now)
{
    struct load *l = new_load(h, u, WORK_KEEP);

    u->keep_at = now + KEEP_PAUSE;
    if (!l)
        return;
    l->stamps = calloc(u->stamp_count, sizeof(*l->stamps));
    if (!l->stamps) {
        done(&l->job);
        return;
    }
    memcpy(l->stamps, u->stamps, u->stamp_count * sizeof(*l->stamps));
    l->stamp_count = u->stamp_count;
    u->keeping = true;
    u->unkept = false;
    loader_add(h->keeper, &l->job);
}

void units_keep(struct hub *h, int64_t now)
{
    if (!h->ready || !h->site->state[0])
        return;
    for (size_t i = 0; i < h->unit_count; i++)
        if (to_be_kept(h, h->units[i], now))
            keep(h, h->units[i], now);
}

void units_sweep(struct hub *h)
{
    struct load *l = h->site->state[0] ? calloc(1, sizeof(*l)) : NULL;

    if (!l)
        return;
    l->job = (struct job){.run = run, .done = done};
    l->hub = h;
    l->site = site_ref(h->site);
    l->work = WORK_SWEEP;
    loader_add(h->keeper, &l->job);
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
        order(h, u, WORK_LOAD, false);
}

void unit_look(struct hub *h, struct unit *u)
{
    if (h->stopping)
        return;
    if (u->zone->own) {
        look_own(h, u);
    } else if (files_changed(h, u)) {
        unit_watch(h, u); /* a file may be a link now, or a link a file */
        order(h, u, WORK_LOAD, false);
    }
}

static bool is_young(const struct unit *u)
{
    return u->now && u->now->young && !u->fresh && !u->loading && u->zone->dataset_count;
}

void units_retry(struct hub *h, int64_t now)
{
    for (size_t i = 0; i < h->unit_count; i++) {
        struct unit *u = h->units[i];

        if (u->retry_at && now >= u->retry_at)
            order(h, u, WORK_LOAD, false);
        else if (is_young(u))
            order(h, u, WORK_AGAIN, false);
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

/* The rules for all zones are the last. */
static const struct site_zone *zone_number(const struct site *s, size_t i)
{
    return i < s->zone_count ? &s->zones[i] : &s->everyone;
}

int units_make(struct hub *h)
{
    size_t count = h->site->zone_count + (h->site->everyone.dataset_count ? 1 : 0), n = 0;
    struct unit **units = calloc(count + 1, sizeof(struct unit *));

    for (size_t i = 0; units && i < count; i++) {
        const struct site_zone *z = zone_number(h->site, i);
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
        for (size_t i = count; i-- > 0;)
            if (strcmp(units[k]->key, zone_number(h->site, i)->unit) == 0)
                units[k]->zone = zone_number(h->site, i);
    return 0;
}

void units_load_everyone(struct hub *h)
{
    const struct site_zone *z = &h->site->everyone;
    struct unit *u = z->dataset_count ? unit_of(h, z) : NULL;
    struct data_result r;

    if (!u || u->now)
        return;
    stamp(h, u);
    data_load_files(h->site, z, NULL, loop_wall(), &r);
    take(h, u, &r);
    data_result_deinit(&r);
}

void units_load_mapped(struct hub *h)
{
    for (size_t i = 0; i < h->unit_count; i++) {
        struct unit *u = h->units[i];
        struct data_result r;

        if (u->now || u->zone->name.n == 0)
            continue;
        stamp(h, u);
        if (u->zone->own) {
            data_load_own(h->site, u->zone, NULL, false, loop_wall(), &r);
            take(h, u, &r);
            data_result_deinit(&r);
            continue;
        }
        if (u->stamps)
            take_kept(h, u);
        if (!u->kept) {
            free(u->stamps); /* not loaded from these files yet */
            u->stamps = NULL;
        }
    }
}

void units_load_rest(struct hub *h)
{
    for (size_t i = 0; i < h->unit_count; i++) {
        struct unit *u = h->units[i];

        if (u->now && !u->verified && (u->zone->own || u->kept))
            order(h, u, WORK_VERIFY, false);
        else if (!u->stamps)
            order(h, u, WORK_LOAD, !h->ready);
    }
    tell_ready(h);
}

void units_read_again(struct hub *h)
{
    for (size_t i = 0; i < h->unit_count; i++) {
        struct unit *u = h->units[i];

        /* An own list is followed, and its image is no file of the operator's. */
        if (!u->zone->own || !u->now)
            order(h, u, WORK_LOAD, false);
        else if (!u->verified)
            order(h, u, WORK_VERIFY, false);
    }
}
