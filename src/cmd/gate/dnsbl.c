/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A question goes out to all lists at once, when the client is accepted: by the first RCPT the
 * answers are there, as a rule. The question ends when all lists have answered or the time is up;
 * the DNS queries still out are cancelled then.
 *
 * Nothing is cached here: the resolver that is asked does that, and knows for how long.
 *
 * A reload makes a new struct beside the old one, which lives until its last question has ended.
 */
#include "cmd/gate/dnsbl.h"

#include "io/log.h"
#include "io/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEST_TIMEOUT = 5000 };

struct zone_test {
    struct dnsbl *d;
    unsigned zone;
    unsigned waiting;
    struct score_test test;
    struct point {
        struct zone_test *of;
        enum score_point at;
    } points[SCORE_POINTS];
};

struct dnsbl {
    struct loop *loop;
    struct metrics *metrics;
    struct resolver *resolver;
    struct timer timer; /* of the zone whose test is due first */
    unsigned refs, asks, worker;
    int threshold;
    int64_t timeout;
    bool closing;
    unsigned count;
    struct score_zone zones[SCORE_ZONES_MAX];
    struct zone_test tests[SCORE_ZONES_MAX];
};

struct dnsbl_ask {
    struct dnsbl *d;
    dnsbl_fn fn;
    void *cookie;
    struct score_tally tally;
    struct timer timer;
    struct deferred later;
    struct question {
        struct dnsbl_ask *of;
        struct resolver_query *query;
        unsigned zone;
    } questions[];
};

static void unref(struct dnsbl *d)
{
    if (--d->refs > 0)
        return;
    resolver_free(&d->resolver);
    free(d);
}

/* --- tests of the zones ---------------------------------------------------------------------- */

static void count_bad(struct dnsbl *d)
{
    unsigned bad = 0;

    for (unsigned i = 0; i < d->count; i++)
        bad += d->zones[i].health != SCORE_GOOD;
    /* Each worker tests for itself; one is enough to tell. */
    metrics_set(d->metrics, METRIC_DNSBL_BAD, 0, d->worker ? 0 : bad);
}

static void tell_health(const struct dnsbl *d, const struct score_zone *z)
{
    if (z->health == SCORE_BAD)
        log_error("dnsbl-zone", "zone", z->shown, "health", score_health_name(z->health), "why",
                  LOG_STR(z->why), "meaning", "not counted until it passes its test", NULL);
    else
        log_info("dnsbl-zone", "zone", z->shown, "health", score_health_name(z->health), "ipv6",
                 score_health_name(z->health6), NULL);
}

static void arm_tests(struct dnsbl *d);

static void test_ends(struct zone_test *t)
{
    struct dnsbl *d = t->d;
    struct score_zone *z = &d->zones[t->zone];
    enum score_health before = z->health;

    if (!d->closing) {
        if ((score_test_judge(z, &t->test, loop_now(d->loop)) || before == SCORE_UNTESTED) &&
            d->worker == 0)
            tell_health(d, z);
        count_bad(d);
        arm_tests(d);
    }
    unref(d);
}

static void on_point(void *cookie, const struct dns_answer *a)
{
    struct point *p = cookie;
    struct zone_test *t = p->of;

    switch (a->outcome) {
    case RESOLVER_FOUND:
        t->test.answered[p->at] = true;
        t->test.got[p->at] = score_read(&t->d->zones[t->zone], a->ips, a->count);
        break;
    case RESOLVER_NO_NAME:
    case RESOLVER_NO_DATA:
        t->test.answered[p->at] = true;
        break;
    case RESOLVER_TIMEOUT:
    case RESOLVER_SERVFAIL:
    case RESOLVER_BAD:
        break;
    }
    if (--t->waiting == 0)
        test_ends(t);
}

static void test_zone(struct dnsbl *d, unsigned at)
{
    struct zone_test *t = &d->tests[at];
    char name[SCORE_NAME_MAX];

    if (t->waiting)
        return;
    *t = (struct zone_test){.d = d, .zone = at};
    d->zones[at].test_at = INT64_MAX; /* until this one is judged */
    d->refs++;
    for (enum score_point p = 0; p < SCORE_POINTS; p++) {
        t->points[p] = (struct point){t, p};
        score_name(&d->zones[at], score_point_ip(p), name);
        t->waiting++;
        if (resolver_addr(d->resolver, span_str(name), IP_V4, on_point, &t->points[p], NULL) < 0)
            t->waiting--;
    }
    if (t->waiting == 0) { /* out of memory */
        d->zones[at].test_at = loop_now(d->loop) + SCORE_TEST_AGAIN;
        d->refs--;
    }
}

static void on_test_time(void *cookie)
{
    struct dnsbl *d = cookie;

    for (unsigned i = 0; i < d->count; i++)
        if (d->zones[i].test_at <= loop_now(d->loop))
            test_zone(d, i);
    arm_tests(d);
}

static void arm_tests(struct dnsbl *d)
{
    int64_t first = INT64_MAX;

    for (unsigned i = 0; i < d->count; i++)
        if (d->zones[i].test_at < first)
            first = d->zones[i].test_at;
    if (first < INT64_MAX)
        timer_start_at(&d->timer, d->loop, first);
}

/* --- questions about clients ----------------------------------------------------------------- */

static void ask_free(struct dnsbl_ask *ask)
{
    struct dnsbl *d = ask->d;

    for (unsigned i = 0; i < d->count; i++)
        resolver_cancel(&ask->questions[i].query);
    timer_stop(&ask->timer);
    loop_undefer(&ask->later);
    d->asks--;
    free(ask);
    unref(d);
}

static void ask_ends(struct dnsbl_ask *ask)
{
    struct buf names = BUF_INIT(SCORE_ZONES_MAX * (SCORE_ZONE_MAX + 1));
    struct dnsbl *d = ask->d;
    struct dnsbl_verdict v = {.sum = ask->tally.sum, .listed = ask->tally.sum >= d->threshold};

    score_names(&ask->tally, d->zones, d->count, &names);
    v.names = buf_str(&names);
    ask->fn(ask->cookie, &v);
    buf_deinit(&names);
    ask_free(ask);
}

static void on_late(void *cookie)
{
    struct dnsbl_ask *ask = cookie;
    unsigned silent = 0;

    for (unsigned i = 0; i < ask->d->count; i++)
        silent += ask->questions[i].query != NULL;
    metrics_add_named(ask->d->metrics, METRIC_DNSBL, "timeout", silent);
    ask_ends(ask);
}

static void on_later(void *cookie)
{
    ask_ends(cookie);
}

static void on_answer(void *cookie, const struct dns_answer *a)
{
    struct question *q = cookie;
    struct dnsbl_ask *ask = q->of;
    struct dnsbl *d = ask->d;
    struct score_zone *z = &d->zones[q->zone];
    enum score_got got = SCORE_NO;

    q->query = NULL;
    if (a->outcome == RESOLVER_FOUND)
        got = score_read(z, a->ips, a->count);
    if (score_spoiled(z, got, loop_now(d->loop))) {
        tell_health(d, z);
        count_bad(d);
        arm_tests(d);
    }
    metrics_add_named(d->metrics, METRIC_DNSBL,
                      resolver_outcome_passing(a->outcome) ? "timeout"
                      : got == SCORE_LISTED                ? "listed"
                      : got == SCORE_NO                    ? "no"
                                                           : "error",
                      1);
    score_count(&ask->tally, d->zones, q->zone, got);
    if (score_complete(&ask->tally))
        loop_defer(d->loop, &ask->later); /* not from inside a query's end: it frees its kin */
}

struct dnsbl_ask *dnsbl_ask(struct dnsbl *d, struct ip client, dnsbl_fn fn, void *cookie)
{
    char name[SCORE_NAME_MAX];
    struct dnsbl_ask *ask;

    if (!d || !score_askable(client) || d->asks >= DNSBL_ASKS_MAX)
        return NULL;
    ask = calloc(1, sizeof(*ask) + d->count * sizeof(ask->questions[0]));
    if (!ask)
        return NULL;
    *ask = (struct dnsbl_ask){.d = d, .fn = fn, .cookie = cookie};
    ask->later = (struct deferred)DEFERRED(on_later, ask);
    timer_init(&ask->timer, on_late, ask);
    d->refs++;
    d->asks++;
    for (unsigned i = 0; i < d->count; i++) {
        struct question *q = &ask->questions[i];

        *q = (struct question){.of = ask, .zone = i};
        if (!score_in_use(&d->zones[i], client))
            continue;
        score_name(&d->zones[i], client, name);
        if (resolver_addr(d->resolver, span_str(name), IP_V4, on_answer, q, &q->query) == 0)
            ask->tally.asked |= 1U << i;
    }
    if (!ask->tally.asked) {
        ask_free(ask);
        return NULL;
    }
    timer_start(&ask->timer, d->loop, d->timeout);
    return ask;
}

void dnsbl_cancel(struct dnsbl_ask **pask)
{
    struct dnsbl_ask *ask = *pask;

    *pask = NULL;
    if (ask)
        ask_free(ask);
}

/* --- opening --------------------------------------------------------------------------------- */

static bool add_zones(struct score_zone zones[SCORE_ZONES_MAX], unsigned *count,
                      const struct option_list *list, bool white, char err[DNSBL_ERROR_MAX])
{
    char why[SCORE_ERROR_MAX];

    for (size_t i = 0; i < list->count; i++) {
        if (*count == SCORE_ZONES_MAX) {
            snprintf(err, DNSBL_ERROR_MAX, "dnsbl: more than %d lists with those of dnswl",
                     SCORE_ZONES_MAX);
            return false;
        }
        if (!score_zone_parse(span_str(list->v[i]), white, &zones[*count], why)) {
            snprintf(err, DNSBL_ERROR_MAX, "%s: %s", white ? "dnswl" : "dnsbl", why);
            return false;
        }
        ++*count;
    }
    return true;
}

static bool read_zones(struct score_zone zones[SCORE_ZONES_MAX], unsigned *count,
                       const struct gate_args *args, char err[DNSBL_ERROR_MAX])
{
    return add_zones(zones, count, &args->dnsbl, false, err) &&
           add_zones(zones, count, &args->dnswl, true, err);
}

bool dnsbl_check(const struct gate_args *args, char err[DNSBL_ERROR_MAX])
{
    struct score_zone *zones = calloc(SCORE_ZONES_MAX, sizeof(*zones));
    unsigned count = 0;
    bool fine = zones && read_zones(zones, &count, args, err);

    free(zones);
    return fine;
}

int dnsbl_open(struct loop *l, const struct gate_args *args, unsigned worker, struct metrics *m,
               struct dnsbl **ret, char err[DNSBL_ERROR_MAX])
{
    struct resolver_options options = {.server = args->resolver, .no_hosts = true, .tries = 2};
    struct dnsbl *d;
    int r;

    *ret = NULL;
    if (args->dnsbl.count + args->dnswl.count == 0)
        return 0;
    d = calloc(1, sizeof(*d));
    if (!d)
        return -ENOMEM;
    d->loop = l;
    d->metrics = m;
    d->worker = worker;
    d->refs = 1;
    d->threshold = (int)args->dnsbl_threshold;
    d->timeout = args->dnsbl_timeout;
    timer_init(&d->timer, on_test_time, d);
    options.timeout_ms =
        (unsigned)(d->timeout < TEST_TIMEOUT * 2 ? d->timeout / 2 + 1 : TEST_TIMEOUT);
    r = read_zones(d->zones, &d->count, args, err) ? resolver_new(l, &options, &d->resolver, err)
                                                   : -EINVAL;
    if (r < 0) {
        free(d);
        return r;
    }
    count_bad(d);
    timer_start(&d->timer, l, 0);
    *ret = d;
    return 0;
}

void dnsbl_close(struct dnsbl **pd)
{
    struct dnsbl *d = *pd;

    *pd = NULL;
    if (!d)
        return;
    d->closing = true;
    timer_stop(&d->timer);
    unref(d);
}

void dnsbl_status(const struct dnsbl *d, struct buf *out)
{
    for (unsigned i = 0; d && i < d->count; i++) {
        const struct score_zone *z = &d->zones[i];

        buf_addf(out, "dnsbl %s weight=%d ipv4=%s ipv6=%s%s%s\n", z->shown, z->weight,
                 score_health_name(z->health), score_health_name(z->health6), z->why ? " why=" : "",
                 z->why ? z->why : "");
    }
}
