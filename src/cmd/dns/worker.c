/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The loop of an answering thread. The zones are entered once a batch, behind the wait and before
 * the first answer: a thread that sleeps keeps no old data alive, and all of a batch is answered
 * from one state.
 *
 * The rate limit is asked behind the answer, because only then is it known whether a good cookie
 * exempts the client; an answer that was made in vain costs less than a second walk over the
 * packet.
 *
 * A thread that waits is stopped by a signal whose handler does nothing: recvmmsg(2) then returns.
 * One that comes just before the call is lost, so worker_stop() sends them until the thread is
 * gone.
 */
#include "cmd/dns/worker.h"

#include "cmd/dns/respond.h"
#include "cmd/dns/site.h"
#include "zone/slip.h"
#include "zone/warm.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { STOP_SIGNAL = SIGUSR2, STOP_AGAIN = 5000000 /* nanoseconds */ };

struct worker {
    struct served_door door; /* first: it is aligned */
    struct batch *batch;
    struct dns_rrl limit;
    uint64_t generation; /* of the site whose limits are in `limit` */
    void *table;
    unsigned bits;
    uint8_t key[DNS_COOKIE_KEY];
    struct asked asked;
    struct zone_matcher *matcher;
    struct worker_counts counts;
    struct sample_ring samples;
    atomic_bool stop, ended;
    pthread_t thread;
    bool started;
};

int worker_new(struct served_slot *slot, const int *fds, size_t count, void *table, unsigned bits,
               const uint8_t key[DNS_COOKIE_KEY], struct worker **ret)
{
    struct worker *w = aligned_alloc(_Alignof(struct worker), sizeof(*w));
    int r;

    if (!w)
        return -ENOMEM;
    memset(w, 0, sizeof(*w));
    r = zone_matcher_new(&w->matcher);
    if (r == 0)
        r = batch_new(fds, count, &w->batch);
    if (r < 0) {
        worker_free(&w);
        return r;
    }
    w->table = table;
    w->bits = bits;
    memcpy(w->key, key, sizeof(w->key));
    served_door_open(slot, &w->door);
    *ret = w;
    return 0;
}

static int64_t clock_ms(clockid_t which)
{
    struct timespec t;

    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What is the same for all of a batch. */
struct moment {
    const struct served *served;
    struct zone_counters *counters;
    int64_t now;
    uint32_t sample;
};

/* What the limiter makes of an answer of n octets: how many are to be sent. */
static size_t limit(struct worker *w, const struct zone_client *client, const struct moment *m,
                    uint8_t *out, size_t n)
{
    switch (dns_rrl_ask(&w->limit, client->ip, m->now)) {
    case DNS_RRL_PASS:
        return n;
    case DNS_RRL_SLIPS:
        if (site_rate_exempt(m->served->site, client->ip))
            return n;
        w->counts.slipped++;
        return zone_slip(m->served->set, client, &w->asked.q, out);
    case DNS_RRL_DROP:
        if (site_rate_exempt(m->served->site, client->ip))
            return n;
        w->counts.limited++;
        return 0;
    }
    return n;
}

static void answer_one(struct worker *w, size_t i, struct zone_client *client,
                       const struct moment *m)
{
    struct zone_outcome got;
    struct span packet;
    uint16_t port;
    uint8_t *out;
    size_t n;

    /* Port 0 can't be answered, and is what a reflection of reflections would use. */
    if (!batch_get(w->batch, i, &client->ip, &port, &packet) || port == 0) {
        w->counts.odd++;
        return;
    }
    out = batch_room(w->batch, i);
    n = respond(m->served, client, packet, out, BATCH_OUT_MAX, &w->asked, &got);
    zone_count(m->counters, m->served->zones, &got, false);
    if (sample_due(&w->samples, m->sample))
        sample_put(&w->samples, client, packet, &got);
    if (n && !got.cookie_good && w->limit.conf.rate)
        n = limit(w, client, m, out, n);
    if (n)
        batch_answer(w->batch, i, n);
}

/* Behind one question there is nothing that its wait could overlap with. */
static void warm(struct worker *w, const struct served *s, size_t n)
{
    uint32_t ips[BATCH_MAX];
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        struct span packet;
        uint16_t port;
        struct ip from;

        if (batch_get(w->batch, i, &from, &port, &packet) &&
            zone_warm_address((const uint8_t *)packet.p, packet.n, &ips[count]))
            count++;
    }
    for (size_t k = 0; k < s->warm_count; k++)
        for (size_t i = 0; i < count; i++)
            zone_warm_first(s->warm[k], ips[i]);
    for (size_t k = 0; k < s->warm_count; k++)
        for (size_t i = 0; i < count; i++)
            zone_warm_second(s->warm[k], ips[i]);
}

static void answer_all(struct worker *w, size_t n)
{
    struct zone_client client = {.matcher = w->matcher};
    struct moment m = {.now = clock_ms(CLOCK_MONOTONIC_COARSE)};
    size_t answers;

    m.served = served_enter(&w->door);
    m.counters = served_counters(m.served, &w->door);
    if (w->generation != site_generation(m.served->site)) {
        w->generation = site_generation(m.served->site);
        /* The table begins anew, which every worker may do: nothing but counts is in it. */
        dns_rrl_init(&w->limit, w->table, w->bits, site_rate(m.served->site), w->key);
    }
    m.sample = site_query_log(m.served->site);
    client.now_wall = clock_ms(CLOCK_REALTIME_COARSE) / 1000;
    if (n > 1 && m.served->warm_count)
        warm(w, m.served, n);
    for (size_t i = 0; i < n; i++)
        answer_one(w, i, &client, &m);
    served_leave(&w->door);
    answers = batch_send(w->batch);
    w->counts.queries += n;
    w->counts.answers += answers;
    w->counts.batches++;
}

static void *work(void *cookie)
{
    static const struct timespec pause_after_error = {.tv_nsec = STOP_AGAIN};
    struct worker *w = cookie;
    int n = 0;

    while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
        n = batch_receive(w->batch, true);
        if (n > 0)
            answer_all(w, (size_t)n);
        else if (n < 0)
            nanosleep(&pause_after_error, NULL); /* a broken socket must not take the processor */
    }
    /* What was there when the end was asked for is answered, within a bound. */
    for (int i = 0; i < 64 && (n = batch_receive(w->batch, false)) > 0; i++)
        answer_all(w, (size_t)n);
    atomic_store(&w->ended, true);
    return NULL;
}

static void on_signal(int signum)
{
}

int worker_start(struct worker *w)
{
    struct sigaction act = {.sa_handler = on_signal}; /* no SA_RESTART */
    sigset_t all, old;
    int r;

    if (sigaction(STOP_SIGNAL, &act, NULL) < 0)
        return -errno;
    /* Signals of the process are the main thread's. */
    sigfillset(&all);
    sigdelset(&all, STOP_SIGNAL);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    r = pthread_create(&w->thread, NULL, work, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    w->started = r == 0;
    return -r;
}

void worker_stop(struct worker *w)
{
    static const struct timespec again = {.tv_nsec = STOP_AGAIN};

    if (!w->started)
        return;
    atomic_store(&w->stop, true);
    while (!atomic_load(&w->ended)) {
        pthread_kill(w->thread, STOP_SIGNAL);
        nanosleep(&again, NULL);
    }
    pthread_join(w->thread, NULL);
    w->started = false;
}

void worker_free(struct worker **w)
{
    if (!*w)
        return;
    batch_free(&(*w)->batch);
    zone_matcher_free((*w)->matcher);
    free(*w);
    *w = NULL;
}

const struct worker_counts *worker_counts(const struct worker *w)
{
    return &w->counts;
}

struct sample_ring *worker_samples(struct worker *w)
{
    return &w->samples;
}

uint64_t worker_patterns_exhausted(const struct worker *w)
{
    return zone_matcher_exhausted(w->matcher);
}
