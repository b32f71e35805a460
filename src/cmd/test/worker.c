/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Where sessions run. Moving the bytes of ten thousand servers is all that takes time in a large
 * run, so hosts are handed to threads, each with an event loop, a resolver and its copy of
 * door_run. Whatever else a run does stays in the main thread: targets, the store, the output,
 * arrivals. With one job there is no thread, and the only worker is the main loop.
 *
 *     main     host_begin ─▶ worker_take ═▶ inbox ─▶ host_run … sessions …
 *              target_host_done ◀─ on_back ◀═ back ◀─ worker_give_back
 *
 * A host belongs to its worker from worker_take() until on_back(). Between them the main thread has
 * one reason to look at its doors, an arrival, and does so under worker_lock(), which the worker
 * holds in each of its callbacks. All hosts of a target go to one worker.
 */
#include "cmd/test/test.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    TARGETS_FOR_JOBS = 500, /* a smaller run waits more than it works */
    JOBS_AUTO_MAX = 8,
};

/* The lock of a thread's doors, and that of its two lists, which is never held for long. */
struct worker_thread {
    pthread_t id;
    pthread_mutex_t doors, lists;
    struct host *inbox, *back;
    struct wake *wake, *wake_main;
    bool quit, started;
};

void worker_lock(struct worker *w)
{
    if (w->thread)
        pthread_mutex_lock(&w->thread->doors);
}

void worker_unlock(struct worker *w)
{
    if (w->thread)
        pthread_mutex_unlock(&w->thread->doors);
}

static struct host *list_take(struct worker_thread *t, struct host **list)
{
    struct host *all;

    pthread_mutex_lock(&t->lists);
    all = *list;
    *list = NULL;
    pthread_mutex_unlock(&t->lists);
    return all;
}

static void list_put(struct worker_thread *t, struct host **list, struct host *h)
{
    pthread_mutex_lock(&t->lists);
    h->next = *list;
    *list = h;
    pthread_mutex_unlock(&t->lists);
}

/* In the thread: something lies in the inbox, or the run is over. */
static void on_inbox(void *cookie)
{
    struct worker *w = cookie;
    struct host *h = list_take(w->thread, &w->thread->inbox), *next;
    bool quit;

    for (; h; h = next) {
        next = h->next;
        host_run(h);
    }
    pthread_mutex_lock(&w->thread->lists);
    quit = w->thread->quit;
    pthread_mutex_unlock(&w->thread->lists);
    if (quit)
        loop_stop(w->loop);
}

static void came_back(struct host *h)
{
    h->done = true;
    h->worker->hosts--;
    target_host_done(h->target);
}

/* In the main thread. */
static void on_back(void *cookie)
{
    struct worker *w = cookie;
    struct host *h = list_take(w->thread, &w->thread->back), *next;

    for (; h; h = next) {
        next = h->next;
        came_back(h);
    }
}

void worker_take(struct worker *w, struct host *h)
{
    h->worker = w;
    h->info.run = h->target->own ? &w->run_full : &w->run_quick;
    w->hosts++;
    if (!w->thread) {
        host_run(h);
        return;
    }
    list_put(w->thread, &w->thread->inbox, h);
    wake_call(w->thread->wake);
}

void worker_give_back(struct host *h)
{
    struct worker_thread *t = h->worker->thread;

    if (!t) {
        came_back(h);
        return;
    }
    list_put(t, &t->back, h);
    wake_call(t->wake_main);
}

struct worker *worker_least(struct test *t)
{
    struct worker *least = &t->workers[0];

    for (size_t i = 1; i < t->worker_count; i++)
        if (t->workers[i].hosts < least->hosts)
            least = &t->workers[i];
    return least;
}

int64_t worker_lag(const struct test *t)
{
    int64_t most = 0;

    for (size_t i = 0; i < t->worker_count; i++) {
        int64_t lag = atomic_load_explicit(&t->workers[i].lag_told, memory_order_relaxed);

        most = lag > most ? lag : most;
    }
    return most;
}

void worker_kept(struct test *t)
{
    if (t->worker_count == 1 && !t->workers[0].thread)
        link_lag(&t->workers[0]);
}

static void *thread_main(void *cookie)
{
    struct worker *w = cookie;

    loop_run(w->loop);
    return NULL;
}

static int thread_new(struct worker *w)
{
    struct resolver_options o = {.server = w->test->args.resolver};
    struct worker_thread *t = calloc(1, sizeof(*t));
    char err[RESOLVER_ERROR_MAX];

    if (!t)
        return -ENOMEM;
    pthread_mutex_init(&t->doors, NULL);
    pthread_mutex_init(&t->lists, NULL);
    w->thread = t;
    if (loop_new(&w->loop) < 0 || resolver_new(w->loop, &o, &w->resolver, err) < 0 ||
        wake_new(w->loop, on_inbox, w, &t->wake) < 0 ||
        wake_new(w->test->loop, on_back, w, &t->wake_main) < 0 ||
        pthread_create(&t->id, NULL, thread_main, w) != 0)
        return -EAGAIN;
    t->started = true;
    return 0;
}

static void thread_free(struct worker *w)
{
    struct worker_thread *t = w->thread;

    if (!t)
        return;
    wake_free(&t->wake_main);
    wake_free(&t->wake);
    resolver_free(&w->resolver);
    loop_free(&w->loop);
    pthread_mutex_destroy(&t->doors);
    pthread_mutex_destroy(&t->lists);
    free(t);
}

static unsigned jobs_of(const struct test *t)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);

    if (t->args.jobs)
        return t->args.jobs;
    if (t->total < TARGETS_FOR_JOBS || cores < 2)
        return 1;
    return cores < JOBS_AUTO_MAX ? (unsigned)cores : JOBS_AUTO_MAX;
}

static void worker_init(struct test *t, struct worker *w)
{
    *w = (struct worker){
        .test = t,
        .loop = t->loop,
        .resolver = t->resolver,
        .run_full = t->run_full,
        .run_quick = t->run_quick,
    };
}

int workers_start(struct test *t)
{
    unsigned jobs = jobs_of(t);

    t->workers = calloc(jobs, sizeof(*t->workers));
    if (!t->workers)
        return -ENOMEM;
    for (t->worker_count = 0; t->worker_count < jobs;) {
        struct worker *w = &t->workers[t->worker_count++];
        int err = 0;

        worker_init(t, w);
        if (jobs > 1)
            err = thread_new(w);
        if (err < 0)
            return err;
    }
    return 0;
}

void workers_stop(struct test *t)
{
    for (size_t i = 0; i < t->worker_count; i++) {
        struct worker_thread *thread = t->workers[i].thread;

        if (!thread || !thread->started)
            continue;
        pthread_mutex_lock(&thread->lists);
        thread->quit = true;
        pthread_mutex_unlock(&thread->lists);
        wake_call(thread->wake);
        pthread_join(thread->id, NULL);
    }
}

void workers_free(struct test *t)
{
    for (size_t i = 0; i < t->worker_count; i++) {
        tls_context_free(&t->workers[i].tls);
        tls_context_free(&t->workers[i].tls_own);
        thread_free(&t->workers[i]);
    }
    free(t->workers);
    t->workers = NULL;
    t->worker_count = 0;
}
