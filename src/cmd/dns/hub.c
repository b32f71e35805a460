/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How new data come to be served:
 *
 *     told or seen that a file changed ── a job for the loader ── good ── a set with it ── test
 *           │                                  │                             questions ── swap
 *           └── journal of our own zone ───────│──── read at once, here ────────┘│
 *                                              └── bad: the old data stay        └── bad: the same
 *
 * Zones are published together, since which one answers hangs on all their names, but data are
 * loaded one by one: a zone that can't be loaded never holds another back.
 */
#include "cmd/dns/hub.h"

#include "cmd/dns/publish.h"
#include "cmd/dns/units.h"
#include "io/log.h"

#include <errno.h>
#include <stdlib.h>

enum { TICK = 1000, RECLAIM = 10 };

/* --- publishing ------------------------------------------------------------------------------- */

static const struct loaded *data_of(const struct hub *h, const struct site_zone *z)
{
    const struct unit *u = unit_of(h, z);

    return u && !u->expired ? u->now : NULL;
}

static struct publish_zone *gather(const struct hub *h, struct loaded ***ret_held)
{
    const struct site *s = h->site;
    const struct loaded *rules;
    bool open = units_everyone(h, &rules);
    struct publish_zone *zones = calloc(s->zone_count + 1, sizeof(*zones));
    struct loaded **held = calloc(s->zone_count + 1, sizeof(struct loaded *));

    if (!zones || !held) {
        free(zones);
        free(held);
        return NULL;
    }
    for (size_t i = 0; i < s->zone_count; i++) {
        zones[i] = (struct publish_zone){&s->zones[i], open ? data_of(h, &s->zones[i]) : NULL};
        held[i] = (struct loaded *)(uintptr_t)zones[i].loaded;
    }
    held[s->zone_count] = (struct loaded *)(uintptr_t)rules;
    *ret_held = held;
    return zones;
}

/* Zones with data that nobody has asked yet. False: some were taken back, begin again. */
static bool test_fresh(struct hub *h, const struct zone_set *set)
{
    const struct loaded *rules;
    bool all = true;

    for (size_t i = 0; units_everyone(h, &rules) && i < h->site->zone_count; i++) {
        struct unit *u = unit_of(h, &h->site->zones[i]);
        char why[PUBLISH_WHY_MAX];

        if (!u || !u->fresh || !u->now || u->expired)
            continue;
        if (publish_test(set, i, why)) {
            if (*why)
                log_warn("zone", "zone", h->site->zones[i].text, "text", why, NULL);
            continue;
        }
        log_error("zone", "zone", h->site->zones[i].text, "result", "refused", "text", why,
                  "served", u->before ? "the data before" : "nothing", NULL);
        h->refused++;
        unit_take_back(u);
        all = false;
    }
    return all;
}

static void tell_secondaries(struct hub *h, const struct zone_set *set)
{
    for (size_t i = 0; i < zone_set_count(set); i++) {
        const struct zone *z = zone_set_at(set, i);

        if (zone_soa(z) && zone_state(z) != ZONE_BROKEN)
            notifier_changed(h->notifier, i, zone_soa(z));
    }
}

static void on_gone(void *cookie, const struct served *s)
{
    struct hub *h = cookie;

    totals_add(&h->totals, s);
}

static void on_reclaim(void *cookie)
{
    struct hub *h = cookie;

    if (served_reclaim(h->slot, on_gone, h))
        timer_start(&h->reclaim, h->loop, RECLAIM);
}

static int publish_once(struct hub *h, bool *ret_again)
{
    struct loaded **held = NULL;
    struct publish_zone *zones = gather(h, &held);
    size_t count = h->site->zone_count;
    const struct dns_cookie_keys *cookies =
        h->site->has_cookies ? &h->site->cookies : &h->cookies.keys;
    struct zone_set *set = NULL;
    struct served *s = NULL;
    char why[PUBLISH_WHY_MAX] = "out of memory";
    int r = -ENOMEM;

    *ret_again = false;
    if (zones)
        r = publish_set(h->site, zones, count, held[count] ? held[count]->acl : NULL, cookies,
                        &h->shapes, &set, why);
    if (r == 0 && !test_fresh(h, set))
        *ret_again = true;
    else if (r == 0)
        s = served_new(h->slot, set, h->site, held, count + 1);
    if (s) {
        shapes_save(&h->shapes, h->site->state);
        served_publish(h->slot, s);
        h->published++;
        timer_start(&h->reclaim, h->loop, 0);
        tell_secondaries(h, set);
    } else {
        zone_set_free(set);
    }
    if (r < 0)
        log_error("publish", "result", "refused", "text", why, NULL);
    free(zones);
    free(held);
    return r < 0 ? r : s || *ret_again ? 0 : -ENOMEM;
}

int hub_publish(struct hub *h)
{
    const struct loaded *rules;
    bool again = true;
    int r = 0;

    /* Each round takes at least one zone's new data back, so there are not more than zones. */
    while (again && r == 0)
        r = publish_once(h, &again);
    /* While nobody may ask, new data wait for their test questions. */
    for (size_t i = 0; units_everyone(h, &rules) && i < h->unit_count; i++)
        unit_settle(h->units[i]);
    return r;
}

/* --- time ------------------------------------------------------------------------------------- */

static void expire(struct hub *h, int64_t wall)
{
    bool any = false;

    for (size_t i = 0; i < h->unit_count; i++) {
        struct unit *u = h->units[i];

        if (!u->now || u->expired || !u->now->expires_wall || u->now->expires_wall > wall ||
            u->zone->accept)
            continue;
        u->expired = any = true;
        log_error("zone", "zone", u->zone->text, "result", "expired", "text",
                  "the data have come to the end that they name, nothing is served in their place",
                  NULL);
    }
    if (any)
        hub_publish(h);
}

static void on_tick(void *cookie)
{
    struct hub *h = cookie;
    int64_t now = loop_now(h->loop), wall = loop_wall();

    expire(h, wall);
    if (!h->site->has_cookies && secrets_own(&h->cookies, h->site->state, wall))
        hub_publish(h);
    units_retry(h, now);
    units_keep(h, now);
    if (h->site->args.check_files && now >= h->check_files_at) {
        h->check_files_at = now + h->site->args.check_files;
        hub_look(h);
    }
    timer_start(&h->tick, h->loop, TICK);
}

/* --- the whole -------------------------------------------------------------------------------- */

void hub_look(struct hub *h)
{
    units_watch(h);
    for (size_t i = 0; i < h->unit_count; i++)
        unit_look(h, h->units[i]);
}

int hub_new(struct loop *l, struct served_slot *slot, struct site *site, struct notifier *notifier,
            struct hub **ret)
{
    struct hub *h = calloc(1, sizeof(*h));

    if (!h)
        return -ENOMEM;
    h->loop = l;
    h->slot = slot;
    h->site = site_ref(site);
    h->notifier = notifier;
    h->parents[0] = h->parents[1] = -1;
    timer_init(&h->tick, on_tick, h);
    timer_init(&h->reclaim, on_reclaim, h);
    *ret = h;
    return 0;
}

int hub_start(struct hub *h)
{
    int r = loader_new(h->loop, false, &h->first);

    if (r == 0)
        r = loader_new(h->loop, true, &h->loader);
    if (r == 0)
        r = loader_new(h->loop, true, &h->keeper);
    if (r == 0)
        r = units_make(h);
    if (r < 0)
        return r;
    if (notice_open(h->loop, units_on_notice, h, &h->notice) < 0)
        log_warn("watch", "text", "the kernel tells of no changes; files are looked at by time",
                 NULL);
    secrets_own(&h->cookies, h->site->state, loop_wall());
    shapes_load(&h->shapes, h->site->state);
    notifier_site(h->notifier, h->site);
    units_load_everyone(h);
    units_load_mapped(h);
    r = hub_publish(h);
    if (r < 0)
        return r;
    h->check_files_at = loop_now(h->loop) + h->site->args.check_files;
    units_watch(h);
    units_load_rest(h);
    units_sweep(h);
    timer_start(&h->tick, h->loop, TICK);
    return 0;
}

void hub_reload(struct hub *h, struct site *site, bool again)
{
    struct site *was = h->site;

    h->site = site;
    if (units_make(h) < 0) {
        h->site = was;
        site_unref(&site);
        log_error("reload", "result", "refused", "text", "out of memory", NULL);
        return;
    }
    notifier_site(h->notifier, h->site);
    site_unref(&was);
    units_watch(h);
    units_load_everyone(h);
    hub_publish(h);
    if (again)
        units_read_again(h);
    else
        units_load_rest(h);
    units_sweep(h);
}

void hub_stop(struct hub *h)
{
    h->stopping = true;
    timer_stop(&h->tick);
    notice_close(&h->notice);
    loader_free(&h->first);
    loader_free(&h->loader);
    loader_free(&h->keeper);
}

void hub_close(struct hub **ph)
{
    struct hub *h = *ph;

    *ph = NULL;
    if (!h)
        return;
    hub_stop(h);
    timer_stop(&h->reclaim);
    served_close(h->slot, on_gone, h);
    units_free(h);
    site_unref(&h->site);
    totals_deinit(&h->totals);
    shapes_deinit(&h->shapes);
    explicit_bzero(&h->cookies, sizeof(h->cookies));
    free(h);
}

const struct served *hub_now(const struct hub *h)
{
    return atomic_load(&h->slot->now);
}
