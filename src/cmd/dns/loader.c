/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * SCHED_IDLE and not a high nice value: such a thread is interrupted the moment that an answering
 * one wakes, whatever it has run before, where a nice one may finish its slice first. It never
 * starves for long: the kernel gives it a small share of a full processor.
 */
#include "cmd/dns/loader.h"

#include "io/wake.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

struct loader {
    struct wake *wake;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *first, **last; /* to be run */
    struct job *ready, **ready_last;
    unsigned busy; /* of the loop's thread */
    bool stop, humble, started;
};

static struct job *take_all(struct loader *l)
{
    struct job *j;

    pthread_mutex_lock(&l->lock);
    j = l->ready;
    l->ready = NULL;
    l->ready_last = &l->ready;
    pthread_mutex_unlock(&l->lock);
    return j;
}

static void on_wake(void *cookie)
{
    struct loader *l = cookie;

    for (struct job *j = take_all(l), *next; j; j = next) {
        next = j->next;
        l->busy--;
        j->done(j);
    }
}

static struct job *wait_for_one(struct loader *l)
{
    struct job *j;

    pthread_mutex_lock(&l->lock);
    while (!l->first && !l->stop)
        pthread_cond_wait(&l->more, &l->lock);
    j = l->stop ? NULL : l->first;
    if (j) {
        l->first = j->next;
        if (!l->first)
            l->last = &l->first;
    }
    pthread_mutex_unlock(&l->lock);
    return j;
}

static void put_ready(struct loader *l, struct job *j)
{
    pthread_mutex_lock(&l->lock);
    j->next = NULL;
    *l->ready_last = j;
    l->ready_last = &j->next;
    pthread_mutex_unlock(&l->lock);
    wake_call(l->wake);
}

static void *work(void *cookie)
{
    static const struct sched_param none = {0};
    struct loader *l = cookie;
    struct job *j;

    if (l->humble)
        (void)sched_setscheduler(0, SCHED_IDLE, &none); /* 0: this thread */
    while ((j = wait_for_one(l))) {
        j->run(j);
        put_ready(l, j);
    }
    return NULL;
}

int loader_new(struct loop *loop, bool humble, struct loader **ret)
{
    struct loader *l = calloc(1, sizeof(*l));
    sigset_t all, old;
    int r;

    if (!l)
        return -ENOMEM;
    l->humble = humble;
    l->last = &l->first;
    l->ready_last = &l->ready;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->more, NULL);
    r = wake_new(loop, on_wake, l, &l->wake);
    if (r == 0) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r = -pthread_create(&l->thread, NULL, work, l);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        l->started = r == 0;
    }
    if (r < 0) {
        loader_free(&l);
        return r;
    }
    *ret = l;
    return 0;
}

void loader_add(struct loader *l, struct job *j)
{
    j->next = NULL;
    l->busy++;
    pthread_mutex_lock(&l->lock);
    *l->last = j;
    l->last = &j->next;
    pthread_cond_signal(&l->more);
    pthread_mutex_unlock(&l->lock);
}

unsigned loader_busy(const struct loader *l)
{
    return l->busy;
}

void loader_free(struct loader **pl)
{
    struct loader *l = *pl;

    *pl = NULL;
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_signal(&l->more);
    pthread_mutex_unlock(&l->lock);
    if (l->started)
        pthread_join(l->thread, NULL);
    on_wake(l);
    for (struct job *j = l->first, *next; j; j = next) {
        next = j->next;
        j->done(j);
    }
    wake_free(&l->wake);
    pthread_cond_destroy(&l->more);
    pthread_mutex_destroy(&l->lock);
    free(l);
}
