/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The set copies what it is told of names and borrows data, so all that is made here on the way is
 * thrown away again. What the data say (SOA, NS, TTL) goes before the configuration: it is
 * rbldnsd's rule, and whoever writes a zone's files knows best who serves them. Own zones say
 * nothing of it.
 */
#include "cmd/dns/publish.h"

#include "zone/selftest.h"
#include "zone/shape.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    REFRESH = 3600, /* seconds: NOTIFY is what tells secondaries; this is for a lost one */
    RETRY = 600,
};

struct making {
    const struct site *site;
    const struct zone_acl *everyone;
    struct shapes *shapes; /* or NULL */
    bool settled;          /* the serials of files' zones are in `shapes` */
    struct zone_spec *specs;
    struct zone_source *sources; /* of all zones, one behind the other */
    struct dns_name (*ns)[ZONE_NS_MAX];
};

/* Zones whose data have no SOA: negative answers could not be cached without one (RFC 2308). */
static void add_soa(const struct making *m, const struct site_zone *z, struct zone_spec *spec,
                    uint32_t serial)
{
    static const uint8_t hostmaster[] = {10, 'h', 'o', 's', 't', 'm', 'a', 's', 't', 'e', 'r'};
    uint32_t negative = (uint32_t)(m->site->args.negative_ttl / 1000);
    struct dns_soa soa = {.serial = serial,
                          .refresh = REFRESH,
                          .retry = RETRY,
                          .expire = DATA_EXPIRE,
                          .minimum = negative};

    soa.mname = z->mname.n ? z->mname : spec->ns_count ? spec->ns[0] : z->name;
    soa.rname = z->rname.n ? z->rname : z->name;
    if (!z->rname.n && !dns_name_prepend(&soa.rname, hostmaster, sizeof(hostmaster)))
        soa.rname = z->name;
    spec->soa = soa;
    spec->soa_ttl = spec->ttl > negative ? spec->ttl : negative;
    spec->has_soa = true;
}

static uint32_t serial_of(const struct loaded *l)
{
    uint32_t serial = 0;

    for (size_t i = 0; l && i < l->count; i++) {
        struct zone_view view = {&l->sources[i].image->image, l->sources[i].overlay};
        uint32_t one = zone_view_serial(&view);

        if (i == 0 || zone_serial_after(one, serial))
            serial = one;
    }
    return serial;
}

/*
 * "announced 2026-11-21": what postern list has written about the end of the list. An empty one
 * keeps its test entries, so that clients go on finding it in order until it is dead.
 */
static enum zone_state life(const struct loaded *l, struct span *ret_txt)
{
    struct span step =
        l->count ? zone_image_fact(&l->sources[0].image->image, "retire") : SPAN_NULL;

    *ret_txt = SPAN_NULL;
    if (step.n == 0)
        return ZONE_SERVED;
    if (span_starts(step, SPAN_LIT("empty")))
        *ret_txt = SPAN_LIT("This list is empty and will end: please stop asking it.");
    return span_starts(step, SPAN_LIT("dead")) ? ZONE_RETIRED : ZONE_ANNOUNCED;
}

static size_t add_sources(struct making *m, const struct publish_zone *p, struct zone_spec *spec,
                          size_t at)
{
    const struct loaded *l = p->loaded;

    spec->sources = &m->sources[at];
    spec->source_count = l->count;
    for (size_t i = 0; i < l->count; i++) {
        const struct data_source *d = &l->sources[i];
        struct zone_source *s = &m->sources[at + i];

        *s = (struct zone_source){
            .sub = d->sub, .view = {&d->image->image, d->overlay}, .patterns = d->image->patterns};
        /* A list of ours has both kinds of addresses, also before the first one is listed. */
        s->has4 = s->has6 = p->zone->own && !d->image->patterns;
        s->has_names = d->image->patterns != NULL;
    }
    return at + l->count;
}

static void add_shape(const struct making *m, const struct site_zone *z, struct zone_spec *spec)
{
    const struct shape *known = shapes_of(m->shapes, &z->name);

    if (!known)
        return;
    spec->has_steps = true;
    spec->raised = known->raised;
    spec->steps_since = known->since;
    spec->soa.serial += known->raised;
}

/* Made of files, and for secondaries, which look at the serial. For others it is as rbldnsd's. */
static bool has_secondaries(const struct publish_zone *p)
{
    return !p->zone->own && p->loaded && p->zone->transfer_count;
}

/* The serial in $SOA is a number of the operator's, and not the time of the files. */
static bool is_fixed(const struct loaded *l)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct zone_meta *m = &l->sources[i].image->image.meta;

        if (m->has_soa)
            return m->soa.serial != m->serial;
    }
    return false;
}

static bool see_files(const struct making *m, const struct publish_zone *p,
                      const struct zone_set *set, const struct zone *zone)
{
    uint64_t sum = zone_shape(set, zone);
    uint32_t files = zone_serial(zone);

    for (size_t i = 0; i < p->loaded->count; i++)
        sum = sum * 31 + zone_image_sum(&p->loaded->sources[i].image->image);
    return shapes_serial(m->shapes, zone, sum, files, is_fixed(p->loaded)) == files;
}

/* False: a serial rises, so it must be made again. */
static bool see_shapes(const struct making *m, const struct publish_zone *zones, size_t count,
                       const struct zone_set *set)
{
    bool same = true;

    for (size_t i = 0; i < count && m->shapes; i++) {
        if (zones[i].zone->own && zones[i].loaded)
            same = shapes_see(m->shapes, set, zone_set_at(set, i)) && same;
        else if (has_secondaries(&zones[i]))
            same = see_files(m, &zones[i], set, zone_set_at(set, i)) && same;
    }
    return same;
}

static void add_serial(const struct making *m, const struct publish_zone *p, struct zone_spec *spec)
{
    const struct shape *known = shapes_of(m->shapes, &p->zone->name);

    if (known && !is_fixed(p->loaded))
        spec->soa.serial = known->since;
}

static size_t add_zone(struct making *m, size_t i, const struct publish_zone *p, size_t at)
{
    const struct site_zone *z = p->zone;
    const struct loaded *l = p->loaded;
    struct zone_spec *spec = &m->specs[i];

    *spec = (struct zone_spec){
        .name = z->name,
        .state = ZONE_BROKEN,
        .apex = z->web,
        .apex_count = z->web_count,
        .data_tests = !z->own,
        .key_required = z->keys != NULL,
        .acl = l && l->acl ? l->acl : z->acl,
        .transfers = z->transfers,
        .transfer_count = z->transfer_count,
        .keys = z->keys,
    };
    if (l) {
        spec->state = life(l, &spec->apex_txt);
        at = add_sources(m, p, spec, at);
        for (size_t k = 0; k < l->count; k++)
            zone_spec_fill(spec, &spec->sources[k].view, m->ns[i]);
        spec->codes = l->codes;
        spec->code_count = l->code_count;
    }
    if (!spec->ttl)
        spec->ttl = (uint32_t)(m->site->args.ttl / 1000);
    if (!spec->ns_count) {
        spec->ns = z->ns;
        spec->ns_count = z->ns_count;
    }
    if (!spec->has_soa)
        add_soa(m, z, spec, serial_of(l));
    if (z->own && l && m->shapes)
        add_shape(m, z, spec);
    else if (m->settled && has_secondaries(p))
        add_serial(m, p, spec);
    return at;
}

static int set_of(struct making *m, const struct publish_zone *zones, size_t count,
                  const struct dns_cookie_keys *cookies, struct zone_set **ret,
                  char why[PUBLISH_WHY_MAX])
{
    const struct dns_args *a = &m->site->args;
    const struct zone_set_options options = {
        .acl = m->everyone ? m->everyone : m->site->acl,
        .nsid = span_str(a->nsid),
        .version = span_str(a->version_text),
        .udp_max = (uint16_t)a->udp_max,
        .cookie_keys = cookies,
        .cookie_required = a->cookies_required,
    };
    struct zone_set_error error = {.zone = SIZE_MAX};
    int r = zone_set_new(m->specs, count, &options, ret, &error);

    if (r == -EINVAL)
        snprintf(why, PUBLISH_WHY_MAX, "%s%s%s",
                 error.zone < count ? zones[error.zone].zone->text : "",
                 error.zone < count ? ": " : "", error.why);
    else if (r < 0)
        snprintf(why, PUBLISH_WHY_MAX, "%s", strerror(-r));
    return r;
}

static int make_set(struct making *m, const struct publish_zone *zones, size_t count,
                    const struct dns_cookie_keys *cookies, struct zone_set **ret,
                    char why[PUBLISH_WHY_MAX])
{
    for (size_t i = 0, at = 0; i < count; i++)
        at = add_zone(m, i, &zones[i], at);
    return set_of(m, zones, count, cookies, ret, why);
}

int publish_set(const struct site *s, const struct publish_zone *zones, size_t count,
                const struct zone_acl *everyone, const struct dns_cookie_keys *cookies,
                struct shapes *shapes, struct zone_set **ret, char why[PUBLISH_WHY_MAX])
{
    struct making m = {.site = s, .everyone = everyone, .shapes = shapes};
    size_t sources = 0;
    int r = -ENOMEM;

    for (size_t i = 0; i < count; i++)
        sources += zones[i].loaded ? zones[i].loaded->count : 0;
    m.specs = calloc(count + 1, sizeof(*m.specs));
    m.sources = calloc(sources + 1, sizeof(*m.sources));
    m.ns = calloc(count + 1, sizeof(*m.ns));
    snprintf(why, PUBLISH_WHY_MAX, "out of memory");
    if (m.specs && m.sources && m.ns) {
        r = make_set(&m, zones, count, cookies, ret, why);
        if (r == 0 && !see_shapes(&m, zones, count, *ret)) {
            zone_set_free(*ret);
            m.settled = true;
            r = make_set(&m, zones, count, cookies, ret, why);
        }
    }
    free(m.specs);
    free(m.sources);
    free(m.ns);
    return r;
}

bool publish_test(const struct zone_set *set, size_t zone, char why[PUBLISH_WHY_MAX])
{
    struct zone_selftest result;

    if (zone_selftest(set, zone_set_at(set, zone), &result)) {
        snprintf(why, PUBLISH_WHY_MAX, "%s", result.warning);
        return true;
    }
    snprintf(why, PUBLISH_WHY_MAX, "the self-test failed: %s", result.why);
    return false;
}
