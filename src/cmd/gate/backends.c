/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Each backend has a watch of its own, so that one that swallows connections until they time out
 * holds up no other's test. A watch belongs to a configuration, as its route does; that a backend
 * is down is handed on to the next one, or each reload would raise the alarm again.
 *
 *            ┌──── answered: in an hour, or at a session's doubt ────┐
 *     test ──┤                                                       ├──▶ test
 *            └──── did not: in 1, 2, 4 … 60 s ───────────────────────┘
 *
 * With several workers each tests for itself, since each needs to know what is offered; one of them
 * tells. A doubt is heeded once a minute at most: a backend that is full now and then is not down,
 * and its tests must not fill it.
 */
#include "cmd/gate/backends.h"

#include "cmd/gate/probe.h"
#include "io/log.h"
#include "io/timer.h"

#include <errno.h>
#include <stdlib.h>

struct watched {
    struct backends *all;
    struct route *route;
    struct probes *probes; /* of the present test; NULL: none goes on */
    struct timer timer;
    bool tested;   /* under this configuration, once at least */
    bool answered; /* in the present test, to one of the strangers that we are */
    bool well;     /* the last test was answered, and the identity taken */
    bool down;     /* told so */
    unsigned tries;
    int64_t down_since, doubt_at; /* doubt_at: when the next doubt is heeded */
    char text[PROBE_TEXT_MAX];    /* what it was that failed */
};

struct backends {
    struct loop *loop;
    struct door *door; /* NULL: none yet */
    struct metrics *metrics;
    struct watched *v;
    size_t count, untested;
    void (*ready)(void *cookie);
    void *cookie;
    struct deferred later;
    bool tells;
};

static const char *meaning_of(enum probe_result result)
{
    switch (result) {
    case PROBE_CLOSED:
        return "it refuses strangers by itself";
    case PROBE_OPEN:
        return "it would relay for strangers: the gate is the only lock, let nobody else reach it";
    case PROBE_UNSURE:
        return "whether it would relay for strangers is not known";
    case PROBE_NO_IDENTITY:
        return "it does not take the client's address: no mail will be passed to it";
    case PROBE_UNTESTED:
        return "whether it would relay for strangers was not tested";
    case PROBE_DOWN:
        return "no mail can be passed to it now";
    }
    return "";
}

static void log_news(const struct probe_news *n)
{
    const char *result = probe_result_name(n->result), *means = meaning_of(n->result);

    if (n->result == PROBE_OPEN || n->result == PROBE_NO_IDENTITY)
        log_error("backend-test", "backend", n->route->text, "as", LOG_IP(n->as), "result", result,
                  "meaning", means, "text", n->text, NULL);
    else if (n->result == PROBE_CLOSED || n->result == PROBE_UNTESTED)
        log_info("backend-test", "backend", n->route->text, "as", LOG_IP(n->as), "result", result,
                 "text", n->text, NULL);
    else
        log_warn("backend-test", "backend", n->route->text, "as", LOG_IP(n->as), "result", result,
                 "meaning", means, "text", n->text, NULL);
}

static void count_down(const struct backends *b)
{
    unsigned down = 0;

    for (size_t i = 0; i < b->count; i++)
        down += b->v[i].down;
    metrics_set(b->metrics, METRIC_BACKENDS_DOWN, 0, b->tells ? down : 0);
}

static void goes_down(struct watched *w)
{
    w->down = true;
    w->down_since = loop_now(w->all->loop);
    count_down(w->all);
    if (w->all->tells)
        log_error("backend-down", "backend", w->route->text, "text", w->text, "meaning",
                  "no mail can be passed to it now; it is tried again until it answers", NULL);
}

static void is_back(struct watched *w)
{
    w->down = false;
    count_down(w->all);
    if (w->all->tells)
        log_warn("backend-back", "backend", w->route->text, "seconds",
                 LOG_NUM((loop_now(w->all->loop) - w->down_since) / 1000), NULL);
}

static void on_all_tested(void *cookie)
{
    struct backends *b = cookie;

    b->ready(b->cookie);
}

static void note_tested(struct watched *w)
{
    if (w->tested)
        return;
    w->tested = true;
    if (--w->all->untested == 0)
        loop_defer(w->all->loop, &w->all->later);
}

static int64_t delay_after(unsigned tries)
{
    int64_t ms = BACKENDS_FIRST;

    while (--tries > 0 && ms < BACKENDS_LONGEST)
        ms *= 2;
    return ms < BACKENDS_LONGEST ? ms : BACKENDS_LONGEST;
}

/* The test is over. */
static void conclude(struct watched *w)
{
    struct loop *l = w->all->loop;

    w->probes = NULL;
    if (w->answered) {
        w->tries = 0;
        if (w->down)
            is_back(w);
        timer_start(&w->timer, l, BACKENDS_HOUR);
    } else {
        w->well = false;
        w->tries++;
        if (!w->down)
            goes_down(w);
        timer_start(&w->timer, l, delay_after(w->tries));
    }
    note_tested(w);
}

static void on_news(void *cookie, const struct probe_news *n)
{
    struct watched *w = cookie;

    if (!n) {
        conclude(w);
        return;
    }
    if (n->result == PROBE_DOWN) {
        span_copy(span_str(n->text), w->text, sizeof(w->text));
    } else {
        w->answered = true;
        w->well = w->well && n->result != PROBE_NO_IDENTITY;
    }
    /* While it is down each try ends the same. */
    if (w->all->tells && !(w->down && n->result == PROBE_DOWN))
        log_news(n);
}

static void test(void *cookie)
{
    struct watched *w = cookie;
    struct backends *b = w->all;

    if (w->probes)
        return;
    timer_stop(&w->timer);
    w->answered = false;
    w->well = true;
    if (probes_start_one(b->loop, b->door, w->route, on_news, w, &w->probes) == 0)
        return;
    note_tested(w);
    timer_start(&w->timer, b->loop, BACKENDS_LONGEST);
}

static struct watched *find(struct backends *b, const struct gate_route *route)
{
    for (size_t i = 0; i < b->count; i++)
        if (&b->v[i].route->gate == route)
            return &b->v[i];
    return NULL; /* of a configuration that has gone */
}

void backends_doubt(struct backends *b, const struct gate_route *route)
{
    struct watched *w = find(b, route);
    int64_t now = loop_now(b->loop);

    if (!w || w->probes || w->down || now < w->doubt_at)
        return;
    /* Not at once: what restarts is back in a moment. */
    w->doubt_at = now + BACKENDS_LONGEST;
    timer_start(&w->timer, b->loop, BACKENDS_FIRST);
}

void backends_seen(struct backends *b, const struct gate_backend *seen)
{
    struct watched *w = find(b, seen->route);

    if (!w)
        return;
    if (!w->route->probed) {
        w->route->probed = true;
        w->route->ext = seen->ext;
        w->route->size = seen->size;
    }
    if (!w->well && !w->probes)
        timer_start(&w->timer, b->loop, 0);
}

static void let_go(struct watched *v, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        timer_stop(&v[i].timer);
        probes_stop(&v[i].probes);
    }
    free(v);
}

/* Known to be down already: said no second time. */
static void inherit(struct watched *w, const struct watched *before, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!before[i].down || !routes_same(w->route, before[i].route))
            continue;
        w->down = true;
        w->down_since = before[i].down_since;
        return;
    }
}

int backends_take(struct backends *b, struct door *door)
{
    size_t count = door->routes.count, old_count = b->count;
    struct watched *v = calloc(count + 1, sizeof(*v)), *old = b->v;

    if (!v)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        v[i].all = b;
        v[i].route = &door->routes.v[i];
        timer_init(&v[i].timer, test, &v[i]);
        inherit(&v[i], old, old_count);
    }
    let_go(old, old_count);
    loop_undefer(&b->later);
    door_ref(door);
    door_free(&b->door);
    b->door = door;
    b->v = v;
    b->count = b->untested = count;
    count_down(b);
    for (size_t i = 0; i < count; i++)
        test(&v[i]);
    return 0;
}

int backends_open(struct loop *l, bool tells, struct metrics *m, void (*ready)(void *cookie),
                  void *cookie, struct backends **ret)
{
    struct backends *b = calloc(1, sizeof(*b));

    if (!b)
        return -ENOMEM;
    *b = (struct backends){
        .loop = l, .tells = tells, .metrics = m, .ready = ready, .cookie = cookie};
    b->later = (struct deferred)DEFERRED(on_all_tested, b);
    *ret = b;
    return 0;
}

void backends_rest(struct backends *b)
{
    let_go(b->v, b->count);
    b->v = NULL;
    b->count = 0;
    loop_undefer(&b->later);
}

void backends_close(struct backends **pb)
{
    struct backends *b = *pb;

    *pb = NULL;
    if (!b)
        return;
    backends_rest(b);
    door_free(&b->door);
    free(b);
}
